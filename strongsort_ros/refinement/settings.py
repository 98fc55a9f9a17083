"""Settings of the refinement of recorded tracks: tables, like the tracker's."""

from __future__ import annotations

from dataclasses import dataclass

from strongsort_ros.settings import Settings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AflinkSettings(Settings):
    """Settings of AFLink; the defaults are those of the published program for StrongSORT.

    For other trackers it takes a `min_gap` of -10 and a `max_cost` of 0.10.

    Raises
    ------
    ValueError
        A value is out of its range or not of its type, or the gap is empty.

    """

    min_gap: int = setting(
        0, 'Least frames from the end of a track to the start of the next.', 'frames', low=-1000
    )
    max_gap: int = setting(
        30, 'Frames from the end of a track to the start of the next are fewer.', 'frames',
        low=-1000, high=100_000,
    )  # fmt: skip
    max_distance: float = setting(
        75.0, 'Largest distance of the top left corners at that end and that start.', 'px'
    )
    max_cost: float = setting(
        0.05, 'Tracks are linked below this cost, 1 - P(same object).', high=1.0
    )

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.min_gap >= self.max_gap:
            raise ValueError(f'min_gap: {self.min_gap} is not below max_gap: {self.max_gap}')


@dataclass(frozen=True, slots=True, kw_only=True)
class GsiSettings(Settings):
    """Settings of Gaussian-smoothed interpolation; as they are, the published ones.

    Raises
    ------
    ValueError
        A value is out of its range or not of its type; the message names both.

    """

    interval: int = setting(
        20, 'A gap between two boxes of a track is filled when their frames differ by less.',
        'frames', low=1, high=10_000,
    )  # fmt: skip
    # A larger tau would make the covariances of a track singular in double precision.
    tau: float = setting(
        10.0, 'Strength of the smoothing. Tracks of tau**3 rows or more are not smoothed, unless '
        'long_rows says so.', 'frames', low=1.0, high=20.0,
    )  # fmt: skip
    long_rows: int = setting(
        0, 'Tracks of more rows are smoothed as strongly as those of this many, however long they '
        'are; 0: as published, the longer the weaker.', 'rows', high=8_000,
    )  # fmt: skip
    noise: float = setting(
        0.0, 'Standard deviation of the left, top, width and height of a box of score 1; of less '
        'score, inversely more. 0: as published, 1e-10 of the variance for every box.',
        'px', high=1_000.0,
    )  # fmt: skip
