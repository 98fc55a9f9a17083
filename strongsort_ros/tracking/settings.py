"""Settings of the tracker: every constant of the algorithm, with its range and description.

ROS parameters, YAML files, command-line options and documentation are made from this table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from strongsort_ros.errors import SettingError
from strongsort_ros.settings import AUTO, Settings, param


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings(Settings):
    """Settings of the tracker; the defaults are those of the preset `robust`.

    `TrackerSettings.specs()` has the description, unit and range of each setting;
    docs/accuracy.md has the source and the effect of each rule.

    Raises
    ------
    SettingError
        A value is out of its range or has the wrong type; the message names both.

    Examples
    --------
    >>> from strongsort_ros import TrackerSettings
    >>> settings = TrackerSettings(max_age=60)
    >>> settings.replace(n_init=1).max_age
    60
    >>> print(TrackerSettings.specs()['n_init'].description)
    Matches that confirm a track, the first detection included.
    >>> TrackerSettings.deepsort().nn_budget
    100

    """

    min_confidence: float = param(
        0.6, 'Detections with a lower score begin no track, and have no embedding.', high=1.0
    )
    low_confidence: float = param(
        0.1, 'Detections with a score from this to min_confidence continue confirmed tracks by '
        'position; at least min_confidence: they are not used.', high=1.0,
    )  # fmt: skip
    min_height: float = param(0.0, 'Detections with a smaller height are not used.', 'px')
    nms_max_overlap: float = param(
        1.0, 'Detections are not used if one of the same class and a higher score covers more than '
        'this share of their box; 1: all are used.', high=1.0,
    )  # fmt: skip
    max_cosine_distance: float | Literal['auto'] = param(
        0.45, 'Largest cosine distance of a match by appearance; auto: the distance measured for '
        'the network that computes the embeddings.', high=2.0,
    )  # fmt: skip
    max_iou_distance: float = param(0.7, 'Largest 1 - IoU of a match by position.', high=1.0)
    low_iou_distance: float = param(
        0.5, 'Largest 1 - IoU of a match with a detection of low score.', high=1.0
    )
    appearance_veto: bool = param(
        True, 'No match by position where the cosine distance is above max_cosine_distance.'
    )
    adaptive_distance: bool = param(
        True, 'Match at larger cosine distances than max_cosine_distance where the embeddings of '
        'one object differ much.',
    )  # fmt: skip
    max_age: int = param(
        30,
        'A confirmed track is deleted after more frames than this without a match; see '
        'max_lost_time.',
        'frames',
    )
    max_lost_time: float = param(
        3.0, 'A confirmed track of at least 20 matches is kept for this time without a match, to '
        'be found again by appearance, if that is longer than max_age.', 's', high=3600.0,
    )  # fmt: skip
    late_margin: float = param(
        0.15, 'After more than max_age frames without a match, the cosine distance must be smaller '
        'by this.', high=2.0,
    )  # fmt: skip
    n_init: int = param(
        3, 'Matches that confirm a track, the first detection included.', 'frames', low=1
    )
    early_confirmation: float = param(
        0.25, 'Two matches confirm a track if the mean of their scores is at least this quantile '
        'of recent scores; 1: never.', high=1.0,
    )  # fmt: skip
    nn_budget: int = param(
        1, 'Embeddings kept per track; with ema only their average is kept.', low=1, high=1000
    )
    instant_confirmation: float = param(
        0.5, 'A detection confirms its track at once if its score is at least this quantile of '
        'recent scores, and no confirmed track is near; 1: never.', high=1.0,
    )  # fmt: skip
    cascade: bool = param(
        False, 'Matching cascade (DeepSORT): recently seen tracks are matched first; false: all '
        'tracks in one assignment (woC).',
    )  # fmt: skip
    adaptive_noise: bool = param(
        True, 'Learn the measurement noise from the innovations of all tracks; nsa is not used.'
    )
    nsa: bool = param(True, 'NSA Kalman: the higher the score, the smaller the measurement noise.')
    ema: bool = param(
        True, 'Keep the exponential moving average of embeddings instead of the last nn_budget.'
    )
    ema_alpha: float = param(0.9, 'Weight of the past in the moving average.', high=1.0)
    motion_cost: bool = param(True, 'Add the Mahalanobis distance to the matching cost (MC).')
    motion_lambda: float = param(
        0.98, 'Weight of the cosine distance in the matching cost; motion has the rest.', high=1.0
    )
    iou_weight: float = param(
        0.1, 'Weight of 1 - IoU added to the matching cost of predictable tracks.', high=10.0
    )
    min_predictability: float = param(
        0.85, 'A track is predictable if its predicted boxes and detections have this IoU, on '
        'average.', high=1.0,
    )  # fmt: skip
    gating_threshold: float = param(
        9.4877, 'Largest squared Mahalanobis distance of a match by appearance.'
    )
    coast_time: float = param(
        0.27, 'Predicted boxes of a predictable track without a match are reported for this time.',
        's', high=60.0,
    )  # fmt: skip
    coast_hits: int = param(10, 'Fewest matches of a track whose predicted boxes are reported.')
    max_camera_motion: float = param(
        1000.0, 'A camera motion that differs by more from the identity (Frobenius norm, about the '
        'shift in pixels) is ignored.', 'px',
    )  # fmt: skip
    class_agnostic: bool = param(False, 'Match tracks and detections of different classes, too.')
    max_class_length: int = param(
        256, 'Detections with a longer class name are not used.', 'characters', low=1, high=10_000
    )
    std_weight_position: float = param(
        1 / 20, 'Standard deviation of a position, as a share of the box height.', 'h', low=1e-6
    )
    std_weight_velocity: float = param(
        1 / 160, 'Standard deviation of a velocity, as a share of the box height per frame.',
        'h/frame', low=1e-6,
    )  # fmt: skip

    @classmethod
    def preset(cls, name: str, *, network: bool = False) -> TrackerSettings:
        """Return the settings of a preset, one of `PRESETS`.

        With `network`, a network of the user computes the embeddings: the cosine distance of the
        default preset is the one measured for it ('auto').

        Raises
        ------
        SettingError
            There is no such preset.

        """
        if name not in PRESETS:
            raise SettingError(f'preset: {name!r} is not one of: {", ".join(PRESETS)}')
        made: TrackerSettings = getattr(cls, name)()
        return made.replace(max_cosine_distance=AUTO) if network and name == 'robust' else made

    @classmethod
    def robust(cls) -> TrackerSettings:
        """Return the default: StrongSORT with rules that hold for other detectors and cameras."""
        return cls()

    @classmethod
    def strongsort(cls) -> TrackerSettings:
        """Return StrongSORT as published: all switches of the paper."""
        return cls.from_switches(('bot', 'nsa', 'ema', 'mc', 'woc'))

    @classmethod
    def deepsort(cls) -> TrackerSettings:
        """Return DeepSORT as in the StrongSORT program: none of the switches."""
        return cls.from_switches(())

    @classmethod
    def from_switches(cls, switches: Iterable[str]) -> TrackerSettings:
        """Return DeepSORT with some of StrongSORT's switches (arXiv 2202.13514, table 1).

        Parameters
        ----------
        switches
            Any of `SWITCHES`. 'ecc' changes no setting: it is the camera motion that
            `Tracker.update` is given.

        Raises
        ------
        SettingError
            A switch is unknown.

        """
        chosen = set(switches)
        unknown = sorted(chosen - set(SWITCHES))
        if unknown:
            raise SettingError(f'unknown switch {unknown[0]!r}: expected some of {SWITCHES}')
        # 0.4 + 0.05 is 0.45 only when rounded.
        distance = round((0.4 if 'bot' in chosen else 0.3) + 0.05 * ('mc' in chosen), 9)
        return cls(
            max_cosine_distance=distance,
            nn_budget=1 if 'ema' in chosen else 100,
            cascade='woc' not in chosen,
            nsa='nsa' in chosen,
            ema='ema' in chosen,
            motion_cost='mc' in chosen,
            max_camera_motion=100.0,
            **_PUBLISHED,
        )


PRESETS: Final = ('robust', 'strongsort', 'deepsort')

_PUBLISHED: Final[dict[str, Any]] = {
    'low_confidence': 1.0,
    'appearance_veto': False,
    'adaptive_distance': False,
    'max_lost_time': 0.0,
    'late_margin': 0.0,
    'early_confirmation': 1.0,
    'instant_confirmation': 1.0,
    'adaptive_noise': False,
    'iou_weight': 0.0,
    'coast_time': 0.0,
}
"""Settings that turn the rules of the preset `robust` off."""

SWITCHES: Final = ('bot', 'ecc', 'nsa', 'ema', 'mc', 'woc')
