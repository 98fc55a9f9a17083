"""Read bags with `rosbags` alone, to compare with this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.highlevel import AnyReader

from strongsort_ros.bags.types import ros_types


@contextmanager
def open_any_reader(path: Path) -> Iterator[AnyReader]:
    """Yield a reader of a bag with the types of all its messages."""
    with AnyReader([path], default_typestore=ros_types()) as reader:
        yield reader
