"""The declared message types equal those of the ROS packages."""

from __future__ import annotations

from pathlib import Path

from rosbags.typesys import get_types_from_msg

from strongsort_ros.bags.types import DETECTIONS_TYPE, ros_types

ROOT = Path(__file__).parents[2]


def test_types_are_those_of_vision_msgs_and_of_this_package() -> None:
    assert ros_types().hash_rihs01(DETECTIONS_TYPE) == (
        'RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968'
    )
    for name in ('Track2D', 'Track2DArray'):
        msgtype = f'strongsort_ros/msg/{name}'
        real = get_types_from_msg((ROOT / 'msg' / f'{name}.msg').read_text(), msgtype)[msgtype]
        assert ros_types().fielddefs[msgtype] == real
