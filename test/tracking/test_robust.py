"""The rules of the preset robust: low scores, appearance veto, memory, confirmation, coasting."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from strongsort_ros.errors import SettingError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker
from strongsort_ros.tracking.tracks import CONFIRMED, LOST

A, B = (1.0, 0.0), (0.0, 1.0)
"""Embeddings of two people who look different."""


def person(x: float = 100.0, score: float = 0.9, look: Sequence[float] | None = A) -> Detections:
    """Return a detection, 40 x 100 pixels."""
    embeddings = None if look is None else np.array([look], dtype=np.float32)
    return Detections([[x, 100, 40, 100]], [score], ['person'], embeddings)


def together(*detections: Detections) -> Detections:
    embeddings = [d.embeddings for d in detections if d.embeddings is not None]
    return Detections(
        np.concatenate([d.tlwh for d in detections]),
        np.concatenate([d.scores for d in detections]),
        np.concatenate([d.class_ids for d in detections]),
        np.concatenate(embeddings) if embeddings else None,
    )


def tracker_of(frames: int = 5, rate: float = 30.0, **changes: Any) -> Tracker:
    """Return a tracker with a person who has stood still for some frames."""
    tracker = Tracker(TrackerSettings(**changes), rate)
    for _ in range(frames):
        tracker.update(person())
    return tracker


def test_a_low_score_continues_a_track_and_begins_none() -> None:
    tracker = tracker_of()
    tracks = tracker.update(person(score=0.3))
    assert (tracks.ids.tolist(), tracks.states.tolist()) == ([1], [CONFIRMED])
    assert (tracks.scores[0], tracks.hits[0], tracks.detection_index[0]) == (0.3, 6, 0)
    tracker.update(together(person(score=0.3), person(400, score=0.3)))
    assert tracker.ids_given == 1
    for score, changes in ((0.05, {}), (0.3, {'low_confidence': 1.0})):
        tracks = tracker_of(**changes).update(person(score=score))
        assert tracks.states.tolist() == [LOST]


def test_a_low_score_does_not_continue_a_tentative_or_a_lost_track() -> None:
    tracker = Tracker()
    tracker.update(person())
    tracker.update(person(score=0.3))
    assert len(tracker.tracks) == 0
    tracker = tracker_of()
    tracker.update(Detections.empty())
    tracker.update(person(score=0.3))
    assert tracker.tracks.states.tolist() == [LOST]


def test_a_low_score_is_believed_by_its_score_and_only_near_the_prediction() -> None:
    moved = [tracker_of().update(person(110, score=score)).tlwh[0, 0] for score in (0.2, 0.5, 0.9)]
    assert 100 < moved[0] < moved[1] < moved[2] <= 110
    tracks = tracker_of().update(person(125, score=0.5))  # IoU 0.23
    assert tracks.states.tolist() == [LOST]


def test_low_scores_count_by_the_index_in_the_callers_arrays() -> None:
    tracker = Tracker(TrackerSettings(n_init=1))
    tracker.update(together(person(100), person(400, 0.8, B)))
    tracks = tracker.update(together(person(400, score=0.4), person(100), person(700, score=0.2)))
    assert dict(zip(tracks.ids.tolist(), tracks.detection_index.tolist(), strict=True)) == {
        1: 1, 2: 0,
    }  # fmt: skip


@pytest.mark.parametrize(('veto', 'ids'), [(True, [1]), (False, [1])])
def test_somebody_else_at_the_same_place_is_another_track(veto: bool, ids: list[int]) -> None:
    tracker = tracker_of(appearance_veto=veto)
    tracks = tracker.update(person(look=B))
    assert tracks.ids.tolist() == ids
    assert tracks.states.tolist() == [LOST if veto else CONFIRMED]


def test_detections_without_an_embedding_are_matched_by_position() -> None:
    for look in (None, (0.0, 0.0)):
        tracks = tracker_of().update(person(look=look))
        assert (tracks.ids.tolist(), tracks.states.tolist()) == ([1], [CONFIRMED])


@pytest.mark.parametrize(
    ('rate', 'max_age'), [(7.0, 30), (10.0, 30), (15.0, 45), (20.0, 60), (30.0, 90), (60.0, 180)]
)
def test_lost_tracks_are_kept_for_max_lost_time_or_max_age(rate: float, max_age: int) -> None:
    tracker = tracker_of(20, rate)
    assert tracker.max_age == max_age
    for _ in range(max_age):
        tracker.update(Detections.empty())
    assert len(tracker.tracks) == 1
    tracker.update(Detections.empty())
    assert len(tracker.tracks) == 0


@pytest.mark.parametrize(('matches', 'look'), [(19, A), (20, None)])
def test_tracks_of_few_matches_or_without_appearance_are_kept_for_max_age(
    matches: int, look: Sequence[float] | None
) -> None:
    tracker = Tracker(TrackerSettings())
    for _ in range(matches):
        tracker.update(person(look=look))
    for _ in range(30):
        tracker.update(Detections.empty())
    assert len(tracker.tracks) == 1
    tracker.update(Detections.empty())
    assert len(tracker.tracks) == 0


def test_after_max_age_position_alone_finds_no_track() -> None:
    tracker = tracker_of(20)
    for _ in range(40):
        tracker.update(Detections.empty())
    tracker.update(person(look=None))
    assert tracker.tracks.ids.tolist() == [1, 2]


def test_a_new_frame_rate_applies_at_once() -> None:
    tracker = tracker_of(rate=30.0)
    tracker.frame_rate = 60.0
    assert (tracker.frame_rate, tracker.max_age) == (60.0, 180)
    tracker.settings = tracker.settings.replace(max_lost_time=1.0)
    assert tracker.max_age == 60


@pytest.mark.parametrize(
    ('lost', 'distance', 'found'), [(20, 0.4, True), (40, 0.4, False), (40, 0.2, True)]
)
def test_a_track_lost_for_long_must_look_more_alike(
    lost: int, distance: float, found: bool
) -> None:
    tracker = tracker_of(20)
    for _ in range(lost):
        tracker.update(Detections.empty())
    cosine = 1 - distance
    tracker.update(person(look=(cosine, float(np.sqrt(1 - cosine**2)))))
    assert (tracker.tracks.time_since_update[0] == 0) == found


def test_two_good_matches_confirm_a_track_once_scores_are_known() -> None:
    crowd = [person(150.0 * number, 0.7) for number in range(8)]
    tracker = Tracker(TrackerSettings())
    for _ in range(5):
        tracker.update(together(*crowd))
    assert tracker.ids_given == 8
    for score, confirmed in ((0.8, True), (0.61, False)):
        new = person(1500.0 if confirmed else 1800.0, score)
        tracker.update(together(*crowd, new))
        found = tracker.update(together(*crowd, new)).tlwh[:, 0]
        assert (np.abs(found - new.tlwh[0, 0]).min() < 1) == confirmed


def test_a_good_detection_away_from_others_confirms_its_track_at_once() -> None:
    crowd = [person(150.0 * number, 0.7) for number in range(8)]
    tracker = Tracker(TrackerSettings())
    for _ in range(5):
        tracker.update(together(*crowd))
    for left, score, confirmed in ((1500.0, 0.8, True), (1800.0, 0.65, False), (15.0, 0.8, False)):
        tracks = tracker.update(together(*crowd, person(left, score, B)))
        assert ((tracks.detection_index == 8).any()) == confirmed
    patient = Tracker(TrackerSettings(instant_confirmation=1.0))
    for _ in range(5):
        patient.update(together(*crowd))
    tracks = patient.update(together(*crowd, person(1500.0, 0.8)))
    assert not (tracks.detection_index == 8).any()


def test_false_boxes_do_not_pile_up() -> None:
    """Tracks that a single good detection has confirmed end at their first miss."""
    rng = np.random.default_rng(5)
    tracker = Tracker(TrackerSettings())
    looks = rng.normal(size=(108, 32)).astype(np.float32)
    still = np.array([[150.0 * number, 100, 40, 100] for number in range(8)])
    for _ in range(60):
        false = np.column_stack([rng.uniform(0, 1900, 100), rng.uniform(300, 1000, 100)])
        boxes = np.concatenate([still, np.column_stack([false, np.full((100, 2), 15.0)])])
        looks[8:] = rng.normal(size=(100, 32))
        scores = np.append(np.full(8, 0.85), rng.uniform(0.7, 0.99, 100))
        tracks = tracker.update(Detections(boxes, scores, ['thing'] * 108, looks))
    assert len(tracks.all) < 150


@pytest.mark.parametrize('rate', [float('nan'), float('inf'), -1.0, 'fast'])
def test_a_wrong_frame_rate_is_named(rate: Any) -> None:
    tracker = Tracker()
    with pytest.raises(SettingError, match='frame_rate: '):
        Tracker(TrackerSettings(), rate)
    with pytest.raises(SettingError, match='frame_rate: '):
        tracker.frame_rate = rate
    assert (tracker.frame_rate, tracker.max_age) == (30.0, 90)


def test_stamps_that_are_close_together_do_not_keep_tracks_for_ever() -> None:
    assert Tracker(TrackerSettings(), 1e9).max_age == 720


def test_noisy_boxes_confirm_nothing_sooner() -> None:
    rng = np.random.default_rng(4)
    for noise, confirmed in ((0.0, True), (12.0, False)):
        tracker = Tracker(TrackerSettings())
        for _ in range(60):
            tlwh = np.array([[150.0 * number, 100, 40, 100] for number in range(8)])
            tlwh[:, :2] += rng.normal(0, noise, (8, 2))
            tracker.update(Detections(tlwh, [0.7] * 8, ['person'] * 8))
        boxes = np.concatenate([tlwh, [[1500.0, 100, 40, 100]]])
        tracks = tracker.update(Detections(boxes, [0.7] * 8 + [0.9], ['person'] * 9))
        assert (8 in tracks.detection_index) == confirmed


def test_without_confidences_the_rules_on_scores_are_off() -> None:
    """A detector's margins of 20 or 60 say nothing about the noise or the probability of a box."""
    rng = np.random.default_rng(2)
    margins = Tracker(TrackerSettings())
    plain = Tracker(
        TrackerSettings(
            adaptive_noise=False, nsa=False, early_confirmation=1.0, instant_confirmation=1.0
        )
    )
    for _ in range(60):
        tlwh = np.column_stack([np.arange(9) * 150.0, np.full((9, 1), 90.0), np.full((9, 2), 60.0)])
        tlwh[:, :2] += rng.normal(0, 2, (9, 2))
        kept = rng.random(9) > 0.2
        frame = Detections(
            tlwh[kept], rng.uniform(10, 90, int(kept.sum())), ['person'] * int(kept.sum()),
            np.eye(9, dtype=np.float32)[kept],
        )  # fmt: skip
        tracks, expected = margins.update(frame), plain.update(frame)
        np.testing.assert_array_equal(tracks.ids, expected.ids)
        np.testing.assert_array_equal(tracks.mean, expected.mean)


def test_limits_follow_the_network() -> None:
    """Embeddings of one person that differ by 0.5 neither end tracks nor stop new ones."""
    rng = np.random.default_rng(1)
    looks = rng.normal(size=(6, 256))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)

    def frame(noise: float) -> Detections:
        embeddings = looks + rng.normal(size=looks.shape) * noise / 16
        tlwh = [[200.0 * number, 100, 40, 100] for number in range(6)]
        return Detections(tlwh, [0.9] * 6, ['person'] * 6, embeddings.astype(np.float32))

    for adaptive in (True, False):
        tracker = Tracker(TrackerSettings(adaptive_distance=adaptive))
        for _ in range(20):
            tracker.update(frame(1.2))
        before = tracker.ids_given
        for _ in range(40):
            tracker.update(frame(1.2))
        assert (tracker.ids_given == before) == adaptive


def walk(tracker: Tracker, frames: int, start: float = 300.0) -> float:
    """Track somebody who walks to the right; return the next position."""
    for frame in range(frames):
        tracker.update(person(start + 4 * frame))
    return start + 4 * frames


@pytest.mark.parametrize(('rate', 'frames'), [(7.0, 2), (10.0, 3), (30.0, 8), (60.0, 16)])
def test_predictable_tracks_are_reported_for_coast_time(rate: float, frames: int) -> None:
    tracker = Tracker(TrackerSettings(), rate)
    tracker.set_image_size(1920, 1080)
    following = walk(tracker, 40)
    reported = [tracker.update(Detections.empty()) for _ in range(frames + 1)]
    assert [len(tracks) for tracks in reported] == [1] * frames + [0]
    assert reported[0].states.tolist() == [LOST]
    assert [tracks.all.reported.tolist() for tracks in reported] == [[True]] * frames + [[False]]
    assert tracker.tracks.reported.tolist() == [False]
    assert abs(reported[-2].tlwh[0, 0] - (following + 4 * (frames - 1))) < 5


def test_others_are_reported_for_one_frame_as_published() -> None:
    few = Tracker(TrackerSettings())
    walk(few, 9)
    published = Tracker(TrackerSettings.strongsort())
    walk(published, 40)
    outside = Tracker(TrackerSettings())
    outside.set_image_size(430, 1080)
    walk(outside, 40, start=240.0)
    for tracker in (few, published, outside):
        tracker.set_image_size(*((430, 1080) if tracker is outside else (1920, 1080)))
        assert [len(tracker.update(Detections.empty())) for _ in range(2)] == [1, 0]


def test_a_predicted_box_on_a_matched_track_is_not_reported() -> None:
    tracker = Tracker(TrackerSettings(n_init=1))
    tracker.set_image_size(1920, 1080)
    following = walk(tracker, 40)
    # Somebody else is at the same place: a new track, which is matched.
    for frame in range(3):
        tracks = tracker.update(person(following + 4 * frame, look=B))
    assert tracks.ids.tolist() == [2]


def test_the_extent_of_the_boxes_stands_for_the_size_of_the_image() -> None:
    tracker = Tracker(TrackerSettings())
    tracker.update(together(person(0), person(1000, look=B)))
    walk(tracker, 40)
    assert len(tracker.update(Detections.empty())) == 1
    assert len(tracker.update(Detections.empty())) == 1


def test_a_copied_tracker_goes_on_alike() -> None:

    rng = np.random.default_rng(0)
    tracker = Tracker()
    frames = [
        Detections(
            np.column_stack(
                [rng.uniform(0, 900, 9), rng.uniform(0, 400, 9), np.full((9, 2), 60.0)]
            ),
            rng.uniform(0.1, 1, 9),
            ['person'] * 9,
            rng.normal(size=(9, 8)).astype(np.float32),
        )
        for _ in range(40)
    ]
    for frame in frames[:20]:
        tracker.update(frame)
    other = copy.deepcopy(tracker)
    for frame in frames[20:]:
        np.testing.assert_array_equal(tracker.update(frame).mean, other.update(frame).mean)
