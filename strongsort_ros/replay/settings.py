"""What the replayer can be told; knows no ROS."""

from __future__ import annotations

from dataclasses import dataclass

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
        '', "True boxes: a gt.txt, or a sequence's folder; empty: there are no scores."
    )
    output: str = param(
        '', 'Folder of the results; empty: the name of the bag and _replayed, where it was started.'
    )
    image_topic: str = param('', 'Topic of images in the bag; empty: the only one.')
    detections_topic: str = param('', 'Topic of detections in the bag; empty: the only one.')
    frame_rate: float = param(
        0.0, 'Nominal rate of the bag, told to both nodes; 0: estimated from stamps.',
        'Hz', high=1000.0,
    )  # fmt: skip
    realtime: bool = param(
        False, 'Play at the rate of the bag; otherwise each frame when the one before is answered.'
    )
    rate: float = param(1.0, 'So many times as fast as real time.', '', low=0.01, high=100.0)
    clock: bool = param(False, 'Publish the stamps on /clock.')
    aflink: bool = param(True, 'Have broken tracks linked by the refiner.')
    gsi: bool = param(True, 'Have gaps filled and tracks smoothed by the refiner.')
    tracker: str = param('tracker', 'Name of the tracker node, in the same namespace.')
    refiner: str = param('refiner', 'Name of the refiner node, in the same namespace.')
    starting: float = param(
        120.0, 'How long a node may take to start, and to load its weights.', 's', high=3600.0
    )
    patience: float = param(
        10.0, 'A node that shows no sign of life for so long is taken for dead.', 's',
        low=1.0, high=3600.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayerNodeConfig(SettingsGroup):
    """Every setting of the replayer."""

    replayer: ReplayerSettings = param_table(
        ReplayerSettings, 'What to play, and how', read_only_in=ACTIVE
    )
