"""What the replayer can be told; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongsort_ros.settings import ACTIVE, Settings, SettingsGroup, num_field, str_field, sub_table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerSettings(Settings):
    """Settings of the replayer.

    Raises
    ------
    SettingError
        A value is out of its range or not of its type.

    """

    bag: str = str_field('', 'Bag of images and detections to play.')
    ground_truth: str = str_field(
        '', "True boxes: a gt.txt, or a sequence's folder; empty: there are no scores."
    )
    output: str = str_field(
        '', 'Folder of the results; empty: the name of the bag and _replayed, where it was started.'
    )
    image_topic: str = str_field('', 'Topic of images in the bag; empty: the only one.')
    detections_topic: str = str_field('', 'Topic of detections in the bag; empty: the only one.')
    frame_rate: float = num_field(
        0.0, 'Nominal rate of the bag, told to both nodes; 0: estimated from stamps.',
        'Hz', high=1000.0,
    )  # fmt: skip
    realtime: bool = num_field(
        False, 'Play at the rate of the bag; otherwise each frame when the one before is answered.'
    )
    rate: float = num_field(1.0, 'So many times as fast as real time.', '', low=0.01, high=100.0)
    clock: bool = num_field(False, 'Publish the stamps on /clock.')
    aflink: bool = num_field(True, 'Have broken tracks linked by the refiner.')
    gsi: bool = num_field(True, 'Have gaps filled and tracks smoothed by the refiner.')
    tracker: str = str_field('tracker', 'Name of the tracker node, in the same namespace.')
    refiner: str = str_field('refiner', 'Name of the refiner node, in the same namespace.')
    starting: float = num_field(
        120.0, 'How long a node may take to start, and to load its weights.', 's', high=3600.0
    )
    patience: float = num_field(
        10.0, 'A node that shows no sign of life for so long is taken for dead.', 's',
        low=1.0, high=3600.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerNodeConfig(SettingsGroup):
    """Every setting of the replayer."""

    replayer: ReplayerSettings = field(
        default_factory=ReplayerSettings,
        metadata=sub_table('What to play, and how', read_only_in=ACTIVE),
    )
