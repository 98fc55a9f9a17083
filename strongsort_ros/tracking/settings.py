"""Every constant of the algorithm, its range and its meaning: the one table.

ROS parameters, YAML files, command-line options and documentation are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from strongsort_ros.errors import SettingError
from strongsort_ros.settings import Settings, param


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings(Settings):
    """Settings of the tracker; the defaults are StrongSORT's (arXiv 2202.13514, section 4.2).

    Only `max_camera_motion` differs from the program's: a robot turns further in a frame.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type; the message names both.

    """

    min_confidence: float = param(0.6, 'Detections below this confidence are not used.', high=1.0)
    min_height: float = param(0.0, 'Detections lower than this are not used.', 'px')
    max_cosine_distance: float | Literal['auto'] = param(
        0.45, 'Largest cosine distance of a match by appearance; auto: as measured for the '
        'network that gives the embeddings.', high=2.0,
    )  # fmt: skip
    max_iou_distance: float = param(0.7, 'Largest 1 - IoU of a match by position.', high=1.0)
    max_age: int = param(30, 'A confirmed track unmatched for longer is deleted.', 'frames')
    n_init: int = param(3, 'Matches, birth included, that confirm a track.', 'frames', low=1)
    nn_budget: int = param(
        1,
        'Embeddings kept for a track; with ema it is one, their average.',
        low=1,
        high=1000,
    )
    cascade: bool = param(
        False, 'Match recently seen tracks first (DeepSORT); false: all at once (woC).'
    )
    nsa: bool = param(True, 'NSA Kalman: measurement noise falls with confidence.')
    ema: bool = param(True, 'Average embeddings exponentially instead of keeping nn_budget.')
    ema_alpha: float = param(0.9, 'Share of the past in the averaged embedding.', high=1.0)
    motion_cost: bool = param(True, 'Add the Mahalanobis distance to the matching cost (MC).')
    motion_lambda: float = param(
        0.98, 'Weight of appearance against motion in the matching cost.', high=1.0
    )
    gating_threshold: float = param(
        9.4877, 'Largest squared Mahalanobis distance of a match by appearance.'
    )
    max_camera_motion: float = param(
        1000.0, 'Camera motion further than this from the identity (Frobenius norm, so about '
        'pixels of shift) is ignored.', 'px',
    )  # fmt: skip
    class_agnostic: bool = param(False, 'Let detections of one class continue another class.')
    max_class_length: int = param(
        256, 'Detections with a longer class name are not used.', 'characters', low=1, high=10_000
    )
    std_weight_position: float = param(
        1 / 20, 'Standard deviation of a position, in box heights.', 'h', low=1e-6
    )
    std_weight_velocity: float = param(
        1 / 160,
        'Standard deviation of a velocity, in box heights a frame.',
        'h/frame',
        low=1e-6,
    )

    @classmethod
    def strongsort(cls) -> TrackerSettings:
        """Return StrongSORT's settings: all switches."""
        return cls.from_switches(('bot', 'nsa', 'ema', 'mc', 'woc'))

    @classmethod
    def deepsort(cls) -> TrackerSettings:
        """Return DeepSORT's settings as in the StrongSORT program: no switch."""
        return cls.from_switches(())

    @classmethod
    def from_switches(cls, switches: Iterable[str]) -> TrackerSettings:
        """Return DeepSORT changed by the paper's switches (table 1 of arXiv 2202.13514).

        Parameters
        ----------
        switches
            Any of `SWITCHES`. `ecc` changes no setting: it is the camera motion given to
            `Tracker.update`.

        """
        chosen = set(switches)
        unknown = sorted(chosen - set(SWITCHES))
        if unknown:
            raise SettingError(f'unknown switch {unknown[0]!r}: expected some of {SWITCHES}')
        # Rounded, so that 0.4 + 0.05 is the 0.45 of the paper.
        distance = round((0.4 if 'bot' in chosen else 0.3) + 0.05 * ('mc' in chosen), 9)
        return cls(
            max_cosine_distance=distance,
            nn_budget=1 if 'ema' in chosen else 100,
            cascade='woc' not in chosen,
            nsa='nsa' in chosen,
            ema='ema' in chosen,
            motion_cost='mc' in chosen,
            max_camera_motion=100.0,
        )


SWITCHES: Final = ('bot', 'ecc', 'nsa', 'ema', 'mc', 'woc')
