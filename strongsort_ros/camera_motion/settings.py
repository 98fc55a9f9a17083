"""Settings of the camera motion estimate: one table, like the tracker's."""

from __future__ import annotations

from dataclasses import dataclass

from strongsort_ros.settings import Settings, param


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMotionSettings(Settings):
    """Settings of the mode `ecc`; `published` has none.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type; the message names both.

    """

    working_pixels: int = param(
        32400, 'Pixels, about, to which images are reduced; more is slower and finer.', 'px',
        low=1000, high=4_000_000,
    )  # fmt: skip
    box_margin: float = param(
        0.05, 'Boxes are widened by this share of their height on every side before what is in '
        'them is left out.', high=1.0,
    )  # fmt: skip
    min_score: float = param(
        0.5, 'A motion with a lower correlation between the images is not used.', low=0.01, high=1.0
    )
    max_shift: float = param(
        0.3, 'A motion that moves the image centre by more than this share of the image diagonal '
        'is not used.', high=1.0,
    )  # fmt: skip
    max_rotation: float = param(
        10.0, 'A motion that turns the image by more is not used.', 'deg', high=45.0
    )
    max_uncertainty: float = param(
        1.0, 'A motion whose standard deviation, as the images allow it to be known, is larger '
        'is not used: blank walls, fog, darkness.', 'px', low=0.01, high=1000.0,
    )  # fmt: skip
