"""Settings of the replayer node."""

from __future__ import annotations

from dataclasses import dataclass

from strongsort_ros.refinement.settings import NO_SMOOTHER, SMOOTHERS
from strongsort_ros.settings import ACTIVE, Settings, SettingsGroup, param, param_table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerSettings(Settings):
    """Settings of the replayer.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    bag: str = param('', 'Bag of images and detections to play.')
    ground_truth: str = param(
        '', 'Ground truth: a gt.txt or the folder of a sequence; empty: no scores.'
    )
    output: str = param(
        '', 'Folder of the results; empty: BAG_replayed in the current folder.'
    )  # fmt: skip
    image_topic: str = param('', 'Topic of images in the bag; empty: the only one.')
    detections_topic: str = param('', 'Topic of detections in the bag; empty: the only one.')
    frame_rate: float = param(
        0.0, 'Nominal frame rate of the bag, set on both nodes; 0: estimated from the stamps.',
        'Hz', high=1000.0,
    )  # fmt: skip
    realtime: bool = param(
        False, 'Play at the rate of the bag; false: wait for the tracks of each frame.'
    )
    rate: float = param(
        1.0, 'Playback speed as a multiple of real time, with realtime.', '', low=0.01, high=100.0
    )
    clock: bool = param(False, 'Publish the stamps on /clock.')
    aflink: bool = param(False, 'Link broken tracks (AFLink) after playback.')
    gsi: bool = param(
        True, 'Fill gaps and smooth tracks (GSI) after playback, unless smooth is set.'
    )  # fmt: skip
    smooth: str = param(
        NO_SMOOTHER, 'Smoother in place of GSI after playback. rts: the tracker also publishes '
        'tentative tracks during the playback.', choices=SMOOTHERS,
    )  # fmt: skip
    tracker: str = param('tracker', 'Name of the tracker node, in the same namespace.')
    refiner: str = param('refiner', 'Name of the refiner node, in the same namespace.')
    startup_timeout: float = param(
        120.0, 'Longest time for a node to start and to load its weights.', 's', high=3600.0
    )
    response_timeout: float = param(
        10.0, 'Longest time that a node may take to respond.', 's',
        low=1.0, high=3600.0,
    )  # fmt: skip

    @property
    def refine(self) -> bool:
        """Whether the tracks are refined after playback."""
        return self.aflink or self.gsi or self.smooth != NO_SMOOTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerNodeConfig(SettingsGroup):
    """Every setting of the replayer."""

    replayer: ReplayerSettings = param_table(
        ReplayerSettings, 'Bag, playback and results', read_only_in=ACTIVE
    )
