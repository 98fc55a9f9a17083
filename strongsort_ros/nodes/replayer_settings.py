"""What the replayer can be told; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongsort_ros.settings import ACTIVE, Settings, SettingsGroup, section, setting, text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerSettings(Settings):
    """Settings of the replayer.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    bag: str = text('', 'Bag of images and detections to play.')
    ground_truth: str = text(
        '', "True boxes: a gt.txt, or a sequence's folder; empty: there are no scores."
    )
    output: str = text(
        '', 'Folder of the results; empty: the name of the bag and _replayed, where it was started.'
    )
    image_topic: str = text('', 'Topic of images in the bag; empty: the only one.')
    detections_topic: str = text('', 'Topic of detections in the bag; empty: the only one.')
    frame_rate: float = setting(
        0.0, 'Nominal rate of the bag, told to both nodes; 0: estimated from stamps.',
        'Hz', high=1000.0,
    )  # fmt: skip
    realtime: bool = setting(
        False, 'Play at the rate of the bag; otherwise each frame when the one before is answered.'
    )
    rate: float = setting(1.0, 'So many times as fast as real time.', '', low=0.01, high=100.0)
    clock: bool = setting(False, 'Publish the stamps on /clock.')
    aflink: bool = setting(True, 'Have broken tracks linked by the refiner.')
    gsi: bool = setting(True, 'Have gaps filled and tracks smoothed by the refiner.')
    tracker: str = text('tracker', 'Name of the tracker node, in the same namespace.')
    refiner: str = text('refiner', 'Name of the refiner node, in the same namespace.')
    starting: float = setting(
        120.0, 'How long a node may take to start, and to load its weights.', 's', high=3600.0
    )
    patience: float = setting(
        10.0, 'A node that shows no sign of life for so long is taken for dead.', 's',
        low=1.0, high=3600.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AllReplayerSettings(SettingsGroup):
    """Every setting of the replayer."""

    replayer: ReplayerSettings = field(
        default_factory=ReplayerSettings,
        metadata=section('What to play, and how', fixed_while=ACTIVE),
    )
