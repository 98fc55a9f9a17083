"""Tracks back out of a rosbag2, sqlite3 or mcap, without ROS."""

from __future__ import annotations

from pathlib import Path

from strongsort_ros.recording.raw_bag import open_raw_bag
from strongsort_ros.recording.recorded_tracks import read_recorded_tracks
from strongsort_ros.recording.rows import TrackRows


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
