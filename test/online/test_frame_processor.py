"""Frames of several arrays, chosen classes, suspicious values, and frames that fail."""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from strongsort_ros.messages.cdr import Header, InputLimits, write_header
from strongsort_ros.messages.detection2d_array import write_detection_array
from strongsort_ros.online.backlog import Frame
from strongsort_ros.online.config import NO_WEIGHTS, NodeSettings, TrackerNodeConfig
from strongsort_ros.online.frame_pairer import StampedMessage
from strongsort_ros.online.frame_processor import FrameProcessor, TrackedFrame
from strongsort_ros.tracking.settings import TrackerSettings

PERIOD = 1_000_000_000 // 30
Seen = tuple[str, float, float]
"""Class, centre x, score."""


def array(
    frame: int, seen: Sequence[Seen], size: tuple[float, float] = (40, 100)
) -> StampedMessage:
    stamp = (frame + 100) * PERIOD
    header = Header(stamp // 10**9, stamp % 10**9, 'camera')
    boxes = np.array([[x, 200.0, *size] for _, x, _ in seen]).reshape(-1, 4)
    names, scores = [name for name, _, _ in seen], [score for _, _, score in seen]
    return StampedMessage(
        header, write_detection_array(header, [''] * len(seen), names, scores, boxes), 0
    )


def image_message(header: Header) -> bytes:
    """Return a sensor_msgs/Image of 2 x 2 pixels in mono16."""
    form = struct.pack('<II7sBII8x', 2, 7, b'mono16', 0, 4, 8)
    return write_header(header, 2) + form


def track(processor: FrameProcessor, *arrays: StampedMessage) -> TrackedFrame:
    first, *more = arrays
    frame = Frame(first.header.stamp, [first, *more], None, False)
    tracked = processor.process(frame)
    assert tracked is not None
    return tracked


def processor(classes: str = '') -> FrameProcessor:
    node = NodeSettings(
        weights=NO_WEIGHTS, camera_motion='none', classes=classes, publish_tentative=True
    )
    settings = TrackerNodeConfig(node=node, tracker=TrackerSettings())
    return FrameProcessor(settings, lambda _: None)


PEOPLE: list[Seen] = [('person', 100, 0.9), ('person', 300, 0.8)]
CARS: list[Seen] = [('car', 500, 0.9), ('person', 700, 0.7), ('car', 900, 0.95)]


def test_the_index_counts_all_arrays_of_a_stamp() -> None:
    both = processor()
    tracked = [track(both, array(n, PEOPLE), array(n, []), array(n, CARS)) for n in range(4)][-1]
    places = dict(
        zip(tracked.tracks.detection_index.tolist(), tracked.tracks.class_ids, strict=True)
    )
    assert places == {0: 'person', 1: 'person', 2: 'car', 3: 'person', 4: 'car'}
    centres = tracked.tracks.mean[np.argsort(tracked.tracks.detection_index), 0]
    np.testing.assert_allclose(centres, [100, 300, 500, 700, 900])


def test_of_several_arrays_the_readable_ones_are_tracked() -> None:
    both = processor()
    for number in range(4):
        broken = StampedMessage(array(number, CARS).header, b'\0\1\0\0' + bytes(11), 0)
        tracked = track(both, broken, array(number, PEOPLE))
    assert sorted(tracked.tracks.detection_index) == [0, 1]
    assert both.rejected['malformed_detections'] == 4


def test_arrays_that_together_have_too_many_detections_are_dropped() -> None:
    node = NodeSettings(weights=NO_WEIGHTS, camera_motion='none', publish_tentative=True)
    settings = TrackerNodeConfig(
        node=node, tracker=TrackerSettings(), limits=InputLimits(detections=4)
    )
    both = FrameProcessor(settings, lambda _: None)
    tracked = track(both, array(0, PEOPLE), array(0, CARS), array(0, PEOPLE))
    assert sorted(tracked.tracks.detection_index) == [0, 1, 2, 3]
    assert both.rejected['detections_over_limit'] == 1


def test_only_chosen_classes_are_tracked_and_the_index_counts_all() -> None:
    chosen = processor(' car , bus')
    for number in range(4):
        tracked = track(chosen, array(number, PEOPLE + CARS))
    assert set(tracked.tracks.class_ids) == {'car'}
    assert sorted(tracked.tracks.detection_index) == [2, 4]
    assert sorted(tracked.reported.detection_index) == [2, 4]
    # Other classes from the next frame on; a track without a detection has the index -1.
    node = chosen.settings.node.replace(classes='person')
    chosen.settings = TrackerNodeConfig(node=node, tracker=chosen.settings.tracker)
    tracked = track(chosen, array(4, PEOPLE + CARS))
    places = zip(tracked.tracks.class_ids, tracked.tracks.detection_index.tolist(), strict=True)
    assert sorted(places) == [('car', -1), ('car', -1), ('person', 0), ('person', 1), ('person', 3)]
    tracked = track(chosen, array(5, []))
    assert set(tracked.tracks.detection_index) == {-1}


def test_suspicious_scores_and_boxes_cause_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    odd = processor()
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            track(odd, array(number, [('person', 100, 87.0), ('person', 300, 0.9)]))
            track(odd, array(number, PEOPLE, size=(40, -100)))
    scores, boxes = (record.getMessage() for record in caplog.records)
    assert 'score of 87, expected 0 to 1' in scores
    assert '40 x -100 px' in boxes
    caplog.clear()
    track(processor(), array(0, PEOPLE))
    assert not caplog.records


def test_a_score_that_is_nan_does_not_hide_others(caplog: pytest.LogCaptureFixture) -> None:
    track(processor(), array(0, [('person', 100, np.nan), ('person', 300, 87.0)]))
    assert 'score of 87, expected 0 to 1' in caplog.text


@pytest.mark.parametrize(
    ('classes', 'score', 'words'),
    [
        ('Person, car', 0.9, "they are of class 'person'; see the parameter classes"),
        ('', 0.25, 'their best score is 0.25, min_confidence is 0.6'),
        ('person', 0.9, ''),
    ],
)
def test_if_nothing_is_tracked_the_reason_is_logged_once(
    classes: str, score: float, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    all_alike = processor(classes)
    for number in range(70):
        track(all_alike, array(number, [('person', 100, score), ('person', 300, np.nan)]))
    lines = [record.getMessage() for record in caplog.records]
    start = 'no detection of the first 30 frames is tracked: '
    assert lines == ([start + words] if words else [])


def test_later_frames_without_a_tracked_detection_are_fine(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As in a scene without people, where all detections are weak."""
    one = processor()
    track(one, array(0, PEOPLE))
    for number in range(1, 70):
        track(one, array(number, [('person', 100, 0.25)]))
    assert not caplog.records


@pytest.mark.parametrize(
    ('lowest', 'preset', 'warned'),
    [(0.5, 'robust', True), (0.3, 'robust', False), (0.5, 'strongsort', False)],
)
def test_a_detector_that_leaves_low_scores_out_is_warned_of_once(
    lowest: float, preset: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    node = NodeSettings(weights=NO_WEIGHTS, camera_motion='none')
    settings = TrackerNodeConfig(node=node, tracker=TrackerSettings.preset(preset))
    one = FrameProcessor(settings, lambda _: None)
    seen: list[Seen] = [('person', 150.0 * number, 0.9) for number in range(19)]
    for number in range(110):
        track(one, array(number, [*seen, ('person', 3000, lowest if number == 20 else 0.7)]))
    lines = [record.getMessage() for record in caplog.records]
    assert [line.startswith('detections: no score below 0.5 in 1000') for line in lines] == (
        [True] if warned else []
    )


def test_a_frame_that_failed_counts_as_elapsed() -> None:
    """One tracker never receives two frames; in the other they fail, by pixels of a wrong shape."""
    node = NodeSettings(camera_motion='none', frame_rate=30.0)
    settings = TrackerNodeConfig(node=node, tracker=TrackerSettings())
    both = [FrameProcessor(settings, lambda _: None, lambda _: np.zeros(3)) for _ in range(2)]
    for number in range(10):
        for one in both:
            track(one, array(number, [('person', 100 + 10 * number, 0.9)]))
    for number in (10, 11):
        message = array(number, PEOPLE)
        image = StampedMessage(message.header, image_message(message.header), 0)
        with pytest.raises((ValueError, IndexError)):
            both[1].process(Frame(message.header.stamp, [message], image, False))
    after = [track(one, array(12, [('person', 220, 0.9)])).tracks for one in both]
    np.testing.assert_array_equal(after[0].mean, after[1].mean)
    np.testing.assert_array_equal(after[0].age, after[1].age)
