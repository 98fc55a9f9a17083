"""Tracker: track states, dropped frames, classes, invalid input and memory."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strongsort_ros.errors import InputError, SettingError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.settings import TrackerSettings
from strongsort_ros.tracking.tracker import Tracker
from strongsort_ros.tracking.tracks import CONFIRMED, LOST, TENTATIVE, Tracks
from tools.simulation.walkers import Walkers, WalkerSettings

PRESETS = {name: TrackerSettings.preset(name) for name in ('robust', 'strongsort', 'deepsort')}


@pytest.fixture(params=PRESETS)
def preset(request: pytest.FixtureRequest) -> TrackerSettings:
    return PRESETS[request.param]


def frames_of_walkers(count: int, **changes: object) -> list[Detections]:
    walkers = Walkers(WalkerSettings(**{'people': 8, 'dimension': 16, **changes}))
    return [frame.detections for frame in itertools.islice(walkers, count)]


def boxes(*tlwh: tuple[float, ...], score: float = 0.9, embeddings: object = None) -> Detections:
    n = len(tlwh)
    return Detections(
        np.array(tlwh, dtype=np.float64).reshape(n, 4),
        np.full(n, score),
        np.full(n, 'person'),
        None if embeddings is None else np.array(embeddings, dtype=np.float32),
    )


def one(x: float = 100.0, **changes: object) -> Detections:
    return boxes((x, 100, 40, 100), embeddings=[[1, 0, 0]], **changes)


def run(tracker: Tracker, frames: list[Detections]) -> list[Tracks]:
    return [tracker.update(frame) for frame in frames]


def assert_same(a: list[Tracks], b: list[Tracks]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.ids, y.ids)
        np.testing.assert_array_equal(x.mean, y.mean)


def test_states_from_first_detection_to_deletion() -> None:
    tracker = Tracker(TrackerSettings(max_age=2, max_lost_time=0.0))
    assert [len(tracker.update(one())) for _ in range(3)] == [0, 0, 1]
    tracks = tracker.update(one())
    assert (tracks.ids[0], tracks.states[0], tracks.hits[0], tracks.age[0]) == (1, CONFIRMED, 4, 4)
    assert tracks.detection_index.tolist() == [0]
    tracks = tracker.update(Detections.empty())
    assert (tracks.states[0], tracks.detection_index[0]) == (LOST, -1)
    assert len(tracker.update(Detections.empty())) == 0
    assert tracker.tracks.time_since_update.tolist() == [2]
    tracker.update(Detections.empty())
    assert len(tracker.tracks) == 0


def test_a_tentative_track_is_deleted_at_the_first_miss() -> None:
    tracker = Tracker()
    tracker.update(one())
    assert tracker.tracks.states.tolist() == [TENTATIVE]
    tracker.update(Detections.empty())
    assert len(tracker.tracks) == 0


def test_n_init_of_1_confirms_at_once() -> None:
    assert Tracker(TrackerSettings(n_init=1)).update(one()).ids.tolist() == [1]


def test_appearance_matches_a_track_after_a_long_miss(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    run(tracker, [one()] * 5 + [Detections.empty()] * 20)
    assert tracker.update(one(104)).ids.tolist() == [1]


def test_inputs_are_never_changed(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    motion = np.eye(3)
    motion[0, 2] = 3.0
    for frame in frames_of_walkers(20):
        copies = [a.copy() for a in (frame.tlwh, frame.scores, frame.class_ids, frame.embeddings)]
        for array in (frame.tlwh, frame.scores, frame.class_ids, frame.embeddings, motion):
            array.flags.writeable = False
        tracker.update(frame, motion)
        for before, after in zip(
            copies, (frame.tlwh, frame.scores, frame.class_ids, frame.embeddings), strict=True
        ):
            np.testing.assert_array_equal(before, after)


def test_reported_tracks_do_not_change_later(preset: TrackerSettings) -> None:
    tracker, frames = Tracker(preset), frames_of_walkers(40)
    reported = run(tracker, frames[:20])
    kept = [(t.ids.copy(), t.tlwh.copy(), t.class_ids.copy()) for t in reported]
    run(tracker, frames[20:])
    for tracks, (ids, tlwh, class_ids) in zip(reported, kept, strict=True):
        np.testing.assert_array_equal(tracks.ids, ids)
        np.testing.assert_array_equal(tracks.tlwh, tlwh)
        np.testing.assert_array_equal(tracks.class_ids, class_ids)


def test_trackers_do_not_share_ids_and_reset_never_reuses_one(preset: TrackerSettings) -> None:
    frames = frames_of_walkers(30)
    first, second = Tracker(preset), Tracker(preset)
    before = run(first, frames)
    assert_same(before, run(second, frames))
    highest = first.tracks.ids.max()
    first.reset()
    assert len(first.tracks) == 0
    after = run(first, frames)
    assert min(t.ids.min() for t in after if len(t)) > highest
    assert [len(t) for t in after] == [len(t) for t in before]


def test_a_track_keeps_its_id_over_dropped_frames(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    for frame in range(10):
        tracks = tracker.update(one(100.0 + 8 * frame))
    for gap in (5, 9):
        frame += gap
        tracks = tracker.update(one(100.0 + 8 * frame), dt=float(gap))
        assert tracks.ids.tolist() == [1]
        assert tracks.time_since_update.tolist() == [0]
    assert tracks.age.tolist() == [frame + 1]


def test_a_gap_longer_than_max_age_ends_tracks(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    run(tracker, [one()] * 5)
    tracker.update(one(), dt=tracker.max_age + 2.0)
    assert tracker.tracks.ids.tolist() == [2]


@pytest.mark.parametrize('dt', [0.0, -1.0, float('nan'), float('inf')])
def test_a_wrong_dt_is_named(dt: float) -> None:
    with pytest.raises(ValueError, match='dt'):
        Tracker().update(one(), dt=dt)


def test_classes_are_matched_only_if_class_agnostic() -> None:
    person = one()
    car = Detections(person.tlwh, person.scores, np.array(['car']), person.embeddings)
    for agnostic in (False, True):
        tracker = Tracker(TrackerSettings(class_agnostic=agnostic))
        run(tracker, [person] * 4)
        tracks = [tracker.update(car) for _ in range(4)][-1]
        assert tracks.class_ids.tolist() == ['car']
        assert tracks.ids.tolist() == ([1] if agnostic else [2])


def test_class_names_without_tracks_are_forgotten() -> None:
    tracker = Tracker(TrackerSettings(n_init=1, max_age=0, max_lost_time=0.0))
    keeper = one()
    for index in range(3000):
        other = Detections(
            np.array([[900.0, 100, 40, 100], keeper.tlwh[0]]),
            np.array([0.9, 0.9]),
            np.array([f'thing {index}', 'person']),
        )
        tracks = tracker.update(other)
        assert tracks.class_ids[tracks.ids == 1].tolist() in (['person'], ['thing 0'])
    assert len(tracker._classes) < 1100


def test_without_images_it_tracks_by_motion(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    for frame in range(8):
        tracks = tracker.update(boxes((100 + 3 * frame, 100, 40, 100)))
    run(tracker, [Detections.empty()] * 3)
    assert tracker.update(boxes((133, 100, 40, 100))).ids.tolist() == [1]
    assert tracks.ids.tolist() == [1]


def test_embeddings_may_be_missing_or_change_dimension(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    for embeddings in ([[1, 0, 0]], None, [[1, 0]], [[0, 0]], [[np.nan, 1]], [[]], [[1, 0, 0, 0]]):
        for _ in range(4):
            tracks = tracker.update(boxes((100, 100, 40, 100), embeddings=embeddings))
    assert tracks.ids.tolist() == [1]


def test_unusable_detections_are_counted_and_the_others_tracked(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    bad = boxes(
        (100, 100, 40, 100),
        (np.nan, 0, 10, 10),
        (0, np.inf, 10, 10),
        (0, 0, 0, 10),
        (0, 0, 10, -5),
        (1e9, 0, 10, 10),
        (300, 100, 40, 100),
        embeddings=[[1, 0]] * 6 + [[0, 0]],
    )
    for _ in range(4):
        tracks = tracker.update(bad)
    assert tracks.detection_index.tolist() == [6, 0] or tracks.detection_index.tolist() == [0, 6]
    assert tracks.rejected == {
        'box_not_finite': 2,
        'box_empty': 2,
        'box_too_far': 1,
        'embedding_unusable': 1,
    }
    assert tracker.update(one()).rejected == {}


def test_scores_that_are_not_finite_are_counted(preset: TrackerSettings) -> None:
    scores = np.array([0.9, np.nan, np.inf])
    frame = Detections(np.tile([10.0, 10, 20, 20], (3, 1)), scores, np.full(3, 'x'))
    assert Tracker(preset).update(frame).rejected == {'score_not_finite': 2}


def test_a_score_of_1_keeps_the_state_finite(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    for frame in range(50):
        tracks = tracker.update(one(100.0 + frame, score=1.0))
    assert tracks.ids.tolist() == [1]
    assert np.isfinite(tracks.mean).all()


def test_scores_above_1_do_not_change_the_noise() -> None:
    """NSA with a score of 85 once made the filter ignore every measurement."""
    scored, plain = Tracker(), Tracker(TrackerSettings(nsa=False))
    for frame in range(20):
        a = scored.update(one(100.0 + 5 * frame, score=85.0))
        b = plain.update(one(100.0 + 5 * frame, score=85.0))
        np.testing.assert_array_equal(a.mean, b.mean)


def test_a_predicted_box_without_area_is_not_reported(preset: TrackerSettings) -> None:
    tracker = Tracker(preset)
    for height in (200.0, 150.0, 100.0, 50.0, 10.0, 2.0):
        tracker.update(boxes((100, 100, 40, height)))
    for _ in range(3):
        tracks = tracker.update(Detections.empty(), dt=5.0)
        assert (tracks.tlwh[:, 2:] > 0).all()


def test_two_thousand_detections_at_once(preset: TrackerSettings) -> None:
    rng = np.random.default_rng(3)
    tlwh = np.column_stack([rng.uniform(0, 1900, (2000, 2)), np.full((2000, 2), 30.0)])
    embeddings = rng.standard_normal((2000, 16)).astype(np.float32)
    frame = Detections(tlwh, np.full(2000, 0.9), np.full(2000, 'x'), embeddings)
    tracker = Tracker(preset)
    for _ in range(3):
        tracks = tracker.update(frame)
    assert len(tracks) == 2000
    assert np.array_equal(np.sort(tracks.detection_index), np.arange(2000))


def test_camera_motion_moves_tracks(preset: TrackerSettings) -> None:
    tracker = Tracker(preset.replace(max_camera_motion=1000.0))
    run(tracker, [one()] * 5)
    motion = np.eye(3)
    motion[0, 2] = 300.0
    tracks = tracker.update(one(400.0), motion)
    assert tracks.ids.tolist() == [1]
    with pytest.raises(ValueError, match='camera_motion'):
        tracker.update(one(), np.eye(4))
    tracker.update(one(400.0), np.full((3, 3), np.nan))
    assert np.isfinite(tracker.tracks.mean).all()


def test_settings_change_between_frames() -> None:
    tracker = Tracker(TrackerSettings.deepsort())
    run(tracker, [one()] * 4)
    tracker.settings = TrackerSettings.strongsort()
    assert tracker.update(one()).ids.tolist() == [1]
    tracker.settings = tracker.settings.replace(min_confidence=0.95)
    assert tracker.update(one()).states.tolist() == [LOST]
    with pytest.raises(SettingError, match='auto'):
        tracker.settings = tracker.settings.replace(max_cosine_distance='auto')


anything = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.floats(-100, 2000)


@st.composite
def invalid_detections(draw: st.DrawFn) -> Detections:
    n = draw(st.integers(0, 6))
    width = draw(st.integers(0, 3))
    embeddings = st.none() | arrays(np.float32, (n, width), elements=st.floats(width=32))
    return Detections(
        draw(arrays(np.float64, (n, 4), elements=anything)),
        draw(arrays(np.float64, n, elements=anything | st.floats(0.5, 1))),
        np.array(draw(st.lists(st.text(max_size=3), min_size=n, max_size=n)), dtype=np.str_),
        draw(embeddings),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(invalid_detections(), st.floats(0.01, 1e4)), max_size=12),
    st.sampled_from(list(PRESETS)),
)
def test_invalid_detections_neither_raise_nor_stay(
    frames: list[tuple[Detections, float]], name: str
) -> None:
    tracker = Tracker(PRESETS[name])
    for frame, dt in frames:
        tracks = tracker.update(frame, dt=dt)
        assert np.isfinite(tracks.mean).all()
        assert np.isfinite(tracks.tlwh).all()
        assert len(set(tracks.ids.tolist())) == len(tracks)
    tracker.reset()
    clean = frames_of_walkers(15)
    fresh = Tracker(PRESETS[name])
    for a, b in zip(run(tracker, clean), run(fresh, clean), strict=True):
        np.testing.assert_array_equal(a.mean, b.mean)


def test_memory_is_proportional_to_live_tracks(preset: TrackerSettings) -> None:
    tracker = Tracker(preset.replace(nn_budget=1 if preset.ema else 5))
    frames = frames_of_walkers(400, people=12, dimension=8)
    run(tracker, frames * 2)
    sizes = (len(tracker._gallery._seen), len(tracker._table._integers))
    run(tracker, frames * 3)
    assert (len(tracker._gallery._seen), len(tracker._table._integers)) == sizes


def test_a_track_missed_over_dropped_frames_is_matched_by_position() -> None:
    """It was matched in the previous frame that was not dropped, so position may match it."""
    tracker = Tracker(TrackerSettings.strongsort())
    run(tracker, [one()] * 5)
    other = boxes((101, 100, 40, 100), embeddings=[[0, 1, 0]])
    tracks = tracker.update(other, dt=4.0)
    assert (tracks.ids.tolist(), tracks.time_since_update.tolist()) == ([1], [0])
    run(tracker, [one(101)] * 3 + [Detections.empty()])
    assert tracker.update(other, dt=4.0).ids.tolist() == []


def test_tracks_keep_their_class_when_names_are_forgotten() -> None:
    """Forgetting names renumbers classes, those of the tracks too."""
    names = ['late', 'zebra', 'ant']
    kept = [[100.0 + 300 * number, 100, 40, 100] for number in range(3)]
    crowd = [[100.0 * number, 900, 40, 100] for number in range(30)]
    tracker = Tracker(TrackerSettings(n_init=1, max_age=0, max_lost_time=0.0))
    for frame in range(60):
        first = 1 if frame < 20 else 0  # the name of one of them has a high number
        others = [f'thing {frame} {number}' for number in range(30)]
        tlwh, classes = kept[first:] + crowd, names[first:] + others
        tracks = tracker.update(Detections(tlwh, [0.9] * len(tlwh), classes))
        seen = tracks.select(tracks.time_since_update == 0)
        assert seen.class_ids.tolist() == [classes[row] for row in seen.detection_index.tolist()]
    ages = dict(zip(seen.class_ids.tolist(), seen.age.tolist(), strict=True))
    assert [ages[name] for name in names] == [40, 60, 60]
    assert len(tracker._classes) < 60 * 30


def test_a_long_class_name_does_not_slow_later_frames() -> None:
    """One once made each later frame a hundred times as slow, even after a reset."""
    name = 'x' * 200
    tracker = Tracker(TrackerSettings(n_init=1, max_class_length=200))
    frame = Detections([[100, 100, 40, 100], [300, 100, 40, 100]], [0.9, 0.8], ['person', name])
    assert tracker.update(frame).class_ids.tolist() == ['person', name]
    longer = Detections(frame.tlwh, frame.scores, ['person', name + 'x'])
    tracks = tracker.update(longer)
    assert tracks.rejected == {'class_too_long': 1}
    assert tracks.class_ids.tolist() == ['person', name]  # the second one is lost
    tracker.reset()
    assert len(tracker._classes) == 0
    assert tracker.update(frame).class_ids.tolist() == ['person', name]


@pytest.mark.parametrize(
    'copied', [copy.deepcopy, lambda tracker: pickle.loads(pickle.dumps(tracker))]
)
def test_copies_are_independent(
    preset: TrackerSettings, copied: Callable[[Tracker], Tracker]
) -> None:
    """Copies once lost their tracks."""
    tracker, frames = Tracker(preset), frames_of_walkers(60)
    run(tracker, frames[:20])
    fork = copied(tracker)
    np.testing.assert_array_equal(fork.tracks.ids, tracker.tracks.ids)
    run(fork, frames[40:])
    expected = copied(tracker)
    assert_same(run(tracker, frames[20:40]), run(expected, frames[20:40]))
    assert len(tracker.tracks)
    assert tracker.ids_given == expected.ids_given


def test_a_sliver_does_not_change_other_tracks(preset: TrackerSettings) -> None:
    frames = frames_of_walkers(50, miss_rate=0.1)
    alone = run(Tracker(preset), frames)
    for height in (1e-3, 1e-5, 1e-9, 1e-306):
        tracker = Tracker(preset)
        for frame, expected in zip(frames, alone, strict=True):
            assert frame.embeddings is not None
            tracks = tracker.update(
                Detections(
                    np.concatenate([frame.tlwh, [[9e5, 9e5, 1920.0, height]]]),
                    np.append(frame.scores, 0.99),
                    np.append(frame.class_ids, 'person'),
                    np.concatenate([frame.embeddings, -frame.embeddings[:1]]),
                )
            )
            others = tracks.select(tracks.tlwh[:, 0] < 1e5)
            if preset.adaptive_noise:  # its score counts in the mean of all
                others, expected = (t.select(t.detection_index >= 0) for t in (others, expected))
                np.testing.assert_allclose(others.tlwh, expected.tlwh, atol=2.0)
            else:
                np.testing.assert_allclose(others.tlwh, expected.tlwh)
            np.testing.assert_array_equal(others.detection_index, expected.detection_index)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-320, 6), st.floats(-320, 6)), min_size=1, max_size=8))
def test_the_state_is_finite_for_boxes_of_any_size(
    exponents: list[tuple[float, float]],
) -> None:
    tracker = Tracker(TrackerSettings(n_init=1))
    for width, height in exponents:
        box = [100.0, 100.0, min(10**width, 1e6), min(10**height, 1e6)]
        tracker.update(Detections([box, box], [0.9, 1.0], ['a', 'a']), dt=3.0)
        rows = tracker._table.rows
        assert np.isfinite(rows.floats).all()
        assert (rows.covariance[:, :8] >= 0).all()


def test_tracks_without_area_are_left_out(preset: TrackerSettings) -> None:
    """A shrinking box was once published with a negative size."""
    tracker = Tracker(preset)
    for frame in range(40):
        height = 100 * 0.85**frame
        seen = boxes((300, 200, 0.4 * height, height)) if frame < 12 else Detections.empty()
        tracker.update(seen)
        assert (tracker.tracks.tlwh[:, 2:] > 0).all()
    assert len(tracker._table) == 1  # kept, as published: it can grow again
    assert len(tracker.tracks) == 0


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('dt', 1e19), ('dt', 0.0), ('dt', 10**40), ('dt', '1'), ('dt', None),
        ('stamp', 2**63), ('stamp', -(2**63) - 1), ('stamp', 1.5), ('stamp', 'now'),
        ('camera_motion', np.eye(4)), ('camera_motion', 'still'), ('camera_motion', [[1, 2], [3]]),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_and_changes_nothing(name: str, value: object) -> None:
    tracker = Tracker(TrackerSettings(n_init=1))
    run(tracker, [one(100.0 + 9 * frame) for frame in range(5)])
    before = tracker.tracks
    with pytest.raises(InputError, match=f'^{name}: '):
        tracker.update(one(900.0), **{name: value})
    assert_same([tracker.tracks], [before])
    assert (tracker.ids_given, tracker.tracks.age.tolist()) == (1, [5])
    assert tracker.update(one(145.0), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]).ids.tolist() == [1]


def test_the_longest_gap_ends_all_tracks() -> None:
    tracker = Tracker()
    run(tracker, [one()] * 5)
    tracker.update(one(), dt=1e15)
    assert tracker.tracks.ids.tolist() == [2]


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
def test_a_camera_motion_that_is_not_finite_is_ignored(value: float) -> None:
    moved, still = Tracker(), Tracker()
    for frame in range(5):
        motion = np.eye(3)
        motion[frame % 2, 2] = value
        a, b = moved.update(one(), motion), still.update(one())
        np.testing.assert_array_equal(a.mean, b.mean)
