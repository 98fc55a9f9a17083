"""Messages and tracks back out of a rosbag2, sqlite3 or mcap, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.highlevel import AnyReader

from strongsort_ros.recording.raw_bag import check_is_bag, open_raw_bag, reading
from strongsort_ros.recording.recorded_tracks import read_recorded_tracks
from strongsort_ros.recording.ros_types import ros_types
from strongsort_ros.recording.rows import TrackRows


@contextmanager
def open_bag(path: Path | str) -> Iterator[AnyReader]:
    """Give a reader of a bag that knows the types of all its messages.

    Raises
    ------
    InputError
        There is no such bag, or it is empty, cut short, or of another form.

    """
    path = Path(path)
    check_is_bag(path)
    with reading(path):
        reader = AnyReader([path], default_typestore=ros_types())
        reader.open()
    try:
        yield reader
    finally:
        reader.close()


def read_tracks(path: Path | str, topic: str = '', frame_rate: float = 0.0) -> TrackRows:
    """Read the tracks of a bag, sorted by frame and id; see `read_recorded_tracks`.

    Parameters
    ----------
    path
        The bag.
    topic
        Topic of the tracks; '': the only one, a Track2DArray before a Detection2DArray.
    frame_rate
        Nominal frames a second, from which and the header stamps `frame_numbers` makes the
        frames; 0: estimated from the stamps.

    Raises
    ------
    InputError
        The bag or its tracks cannot be used.

    """
    with open_raw_bag(path) as bag:
        return read_recorded_tracks(bag, topic, frame_rate).rows
