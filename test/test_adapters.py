"""Boxes of supervision, ultralytics, torchvision and others; ids on `supervision.Detections`.

Types of libraries that are not installed are replaced by classes with the attributes that are
read; the tests of the libraries themselves are skipped then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from strongsort_ros import Detections, Pipeline, StrongSORT, Tracker, TrackerSettings, Tracks
from strongsort_ros.adapters import read_boxes
from strongsort_ros.camera_motion.ecc import EccCameraMotion
from strongsort_ros.camera_motion.published import PublishedCameraMotion
from strongsort_ros.errors import InputError, MissingPackageError
from strongsort_ros.reid.colour import ColourExtractor

TABLE = np.array([[10.0, 20, 50, 100, 0.9, 2], [200, 20, 260, 120, 0.8, 0]])
CORNERS, SCORES, CLASSES = TABLE[:, :4], TABLE[:, 4], TABLE[:, 5].astype(int)


@dataclass
class Supervised:
    """Attributes of `supervision.Detections`."""

    xyxy: Any
    confidence: Any = None
    class_id: Any = None
    tracker_id: Any = None
    data: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.xyxy)


@dataclass
class Boxes:
    """Attributes of the `boxes` of an ultralytics result."""

    xyxy: Any
    conf: Any
    cls: Any


@dataclass
class Result:
    """The attribute of an ultralytics result that is read."""

    boxes: Any


ULTRALYTICS = Result(Boxes(CORNERS.astype(np.float32), SCORES, TABLE[:, 5]))
DICT = {'boxes': CORNERS, 'scores': SCORES, 'labels': CLASSES}
FORMS = {
    'array': TABLE,
    'float32': TABLE.astype(np.float32),
    'lists': TABLE.tolist(),
    'supervision': Supervised(CORNERS.astype(np.float32), SCORES, CLASSES),
    'ultralytics': ULTRALYTICS,
    'ultralytics, boxes alone': ULTRALYTICS.boxes,
    'ultralytics, a list': [ULTRALYTICS],
    'torchvision': DICT,
    'torchvision, a list': [DICT],
}


def by_motion(**changes: Any) -> StrongSORT:
    return StrongSORT(reid=None, camera_motion='none', **changes)


@pytest.mark.parametrize('form', FORMS)
def test_forms_of_boxes(form: str) -> None:
    xyxy, scores, classes = read_boxes(FORMS[form])
    np.testing.assert_array_equal(xyxy, CORNERS)
    np.testing.assert_allclose(scores, SCORES, rtol=1e-6)
    np.testing.assert_array_equal(classes, CLASSES)
    assert (xyxy.dtype, scores.dtype, classes.dtype) == (np.float64, np.float64, np.int64)


@pytest.mark.parametrize('form', ['tensor', 'gradients', 'torchvision', 'ultralytics'])
def test_tensors(form: str) -> None:
    torch = pytest.importorskip('torch', reason='needs PyTorch')
    devices = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]
    for device in devices:
        table = torch.tensor(TABLE, device=device)
        corners, scores, labels = table[:, :4], table[:, 4], table[:, 5]
        given = {
            'tensor': table,
            'gradients': table.clone().requires_grad_(),
            'torchvision': [{'boxes': corners, 'labels': labels.long(), 'scores': scores}],
            'ultralytics': [Result(Boxes(corners, scores, labels))],
        }[form]
        tracks = by_motion(n_init=1).update(given)
        np.testing.assert_array_equal(tracks.xyxy, CORNERS)
        assert tracks.class_ids.tolist() == ['2', '0']


@pytest.mark.parametrize('boxes', [CORNERS, Supervised(CORNERS), {'boxes': CORNERS}])
def test_missing_scores_and_classes(boxes: Any) -> None:
    _, scores, classes = read_boxes(boxes)
    assert scores.tolist() == [1, 1]
    assert classes.tolist() == [0, 0]


@pytest.mark.parametrize(
    'boxes',
    [
        None,
        [],
        (),
        np.empty((0, 6)),
        np.empty(0),
        {'boxes': [], 'scores': [], 'labels': []},
        Supervised(np.empty((0, 4), np.float32), np.empty(0), np.empty(0, int)),
    ],
)
def test_no_boxes(boxes: Any) -> None:
    assert [part.shape for part in read_boxes(boxes)] == [(0, 4), (0,), (0,)]


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [
        ([1, 2, 3, 4], r'boxes: shape \(4,\), expected \(N, 4 to 6\)'),
        ([[1, 2, 3]], r'boxes: shape \(1, 3\)'),
        (np.zeros((2, 7)), r'boxes: shape \(2, 7\)'),
        ([[1, 2, 3, 4, 0.9, 1.5]], r'boxes: class 1\.5, expected a whole number'),
        ([[1, 2, 3, 4, 0.9, np.nan]], 'boxes: class nan'),
        ([[1, 2, 3, 4], [1, 2]], 'boxes: .*inhomogeneous'),
        ([None], r'boxes: \[None\], expected an array of numbers'),
        ('boxes.txt', "boxes: 'boxes.txt', expected one of: .*supervision.Detections"),
        (7, 'boxes: 7, expected one of: '),
        ({'bbox': 1}, r"boxes: a dict with the keys 'bbox', expected 'boxes'"),
        ({'boxes': CORNERS[:, :3]}, r"boxes\['boxes'\]: shape \(2, 3\), expected \(N, 4\)"),
        ({'boxes': CORNERS, 'scores': [1]}, r"boxes\['scores'\]: shape \(1,\), expected \(2,\)"),
        ({'boxes': CORNERS, 'labels': ['a', 'b']}, r"boxes\['labels'\]: \['a', 'b'\], expected"),
        (Supervised(CORNERS, SCORES[:1]), r'boxes.confidence: shape \(1,\), expected \(2,\)'),
        (Supervised(CORNERS, None, [0.5, 1]), 'boxes.class_id 0.5, expected a whole number'),
        (Supervised(None), 'boxes.xyxy: None'),
        (Result(None), 'boxes: the result has no boxes'),
        (Result(Boxes(CORNERS, [1], [0, 0])), r'boxes.conf: shape \(1,\)'),
        ([Result(None)] * 2, 'boxes: the results of 2 images, expected one'),
    ],
)
def test_wrong_parts_are_named(boxes: Any, message: str) -> None:
    with pytest.raises(InputError, match=f'^{message}'):
        read_boxes(boxes)


IMAGE = np.zeros((60, 80, 3), np.uint8)
TLWH = np.array([[10.0, 10, 20, 30]])
WRONG_IMAGES = [
    ('image.jpg', r"image: 'image\.jpg', expected an array of BGR pixels, \(H, W, 3\) uint8"),
    (None, 'image: None, expected'),
    ([[0]], r'image: \[\[0\]\], expected'),
    (IMAGE.astype(np.float32), r'image: array of shape \(60, 80, 3\), float32'),
    (np.zeros((60, 80, 4), np.uint8), r'image: array of shape \(60, 80, 4\), uint8'),
    (np.zeros((3, 60, 80), np.uint8), r'image: array of shape \(3, 60, 80\), uint8'),
]
TAKE_IMAGES: dict[str, Callable[[Any], object]] = {
    'colour': lambda image: ColourExtractor().extract(image, TLWH),
    'ecc': EccCameraMotion().estimate,
    'published': PublishedCameraMotion().estimate,
}


@pytest.mark.parametrize('name', TAKE_IMAGES)
@pytest.mark.parametrize(('image', 'message'), WRONG_IMAGES)
def test_wrong_images_are_named(name: str, image: Any, message: str) -> None:
    with pytest.raises(InputError, match=f'^{message}'):
        TAKE_IMAGES[name](image)
    TAKE_IMAGES[name](IMAGE)


def test_tensors_as_images_are_named() -> None:
    torch = pytest.importorskip('torch', reason='needs PyTorch')
    for take in TAKE_IMAGES.values():
        with pytest.raises(InputError, match=r'^image: tensor'):
            take(torch.zeros(60, 80, 3, dtype=torch.uint8))


@pytest.mark.parametrize(
    ('tlwh', 'message'),
    [
        (None, 'tlwh: None, expected an array of numbers'),
        (TLWH[0], r'tlwh: shape \(4,\), expected \(N, 4\)'),
        (TLWH[:, :3], r'tlwh: shape \(1, 3\), expected \(N, 4\)'),
        ('boxes', "tlwh: 'boxes', expected"),
    ],
)
def test_wrong_boxes_of_extractors_are_named(tlwh: Any, message: str) -> None:
    with pytest.raises(InputError, match=f'^{message}'):
        ColourExtractor().extract(IMAGE, tlwh)
    if tlwh is not None:
        with pytest.raises(InputError, match=f'^{message}'):
            EccCameraMotion().estimate(IMAGE, tlwh)
    assert ColourExtractor().extract(IMAGE, TLWH.tolist()).shape == (1, 256)


@pytest.mark.parametrize('wrong', [None, TABLE, TABLE.tolist()])
def test_stages_take_detections_only(wrong: Any) -> None:
    message = f'^detections: {type(wrong).__name__}, expected Detections; Detections.from_boxes'
    tracker, pipeline = Tracker(), Pipeline(TrackerSettings())
    for update in (tracker.update, pipeline.step):
        with pytest.raises(InputError, match=message):
            update(wrong)


def test_ids_on_a_copy_of_the_given_detections() -> None:
    """Rows without a track get -1; order, data and the original stay as they are."""
    tracker = by_motion(n_init=1)
    low = np.array([[400.0, 20, 440, 90]])
    given = Supervised(
        np.vstack([low, CORNERS]), np.array([0.05, 0.9, 0.8]), data={'name': ['a', 'b', 'c']}
    )
    found = tracker.update(given).assign_ids(given)
    assert found.tracker_id.tolist() == [-1, 1, 2]
    assert found.xyxy is given.xyxy
    assert found.data == given.data
    found.data['speed'] = [1, 2, 3]
    assert (given.tracker_id, [*given.data]) == (None, ['name'])
    nothing = Supervised(np.empty((0, 4)))
    assert tracker.update(nothing).assign_ids(nothing).tracker_id.shape == (0,)


def test_ids_for_other_detections_are_refused() -> None:
    tracks = by_motion(n_init=1).update(Supervised(CORNERS))
    with pytest.raises(InputError, match='detections: 1 rows, but row 1 was tracked'):
        tracks.assign_ids(Supervised(CORNERS[:1]))
    with pytest.raises(InputError, match=r'detections: ndarray, expected supervision\.Detections'):
        tracks.assign_ids(TABLE)


def tracks_of(class_ids: list[str]) -> Tracks:
    boxes = [[100.0 * n, 20, 40, 80] for n in range(len(class_ids))]
    return by_motion(n_init=1).update(
        Detections(boxes, np.linspace(0.9, 0.8, len(boxes)), class_ids)
    )


def test_supervision_is_named_where_it_is_missing() -> None:
    try:
        import supervision  # noqa: F401
    except ImportError:
        with pytest.raises(MissingPackageError, match='pip install supervision'):
            tracks_of([]).to_supervision()


def test_supervision_in_and_out() -> None:
    sv = pytest.importorskip('supervision', reason='needs supervision')
    given = sv.Detections(
        xyxy=CORNERS.astype(np.float32),
        mask=np.ones((2, 30, 40), bool),
        confidence=SCORES.astype(np.float32),
        class_id=CLASSES,
        data={'class_name': np.array(['car', 'person'])},
        metadata={'camera': 'front'},
    )
    tracker = by_motion(n_init=1)
    tracks = tracker.update(given)
    found = tracks.to_supervision()
    np.testing.assert_allclose(found.xyxy, given.xyxy)
    np.testing.assert_array_equal(found.class_id, given.class_id)
    np.testing.assert_array_equal(found.tracker_id, [1, 2])
    assert found.tracker_id.dtype.kind == found.class_id.dtype.kind == 'i'
    labelled = tracks.assign_ids(given)
    assert isinstance(labelled, sv.Detections)
    assert labelled.tracker_id.tolist() == [1, 2]
    assert given.tracker_id is None
    labelled.tracker_id = None
    assert labelled == given
    none = tracker.update(sv.Detections.empty()).to_supervision()
    assert len(none) == 0
    assert len(sv.Detections.merge([found, none])) == 2


def test_supervision_classes_by_name() -> None:
    pytest.importorskip('supervision', reason='needs supervision')
    tracks = tracks_of(['car', 'person'])
    with pytest.raises(InputError, match="class 'car' has no number"):
        tracks.to_supervision()
    for names in (['person', 'bus', 'car'], {0: 'person', 2: 'car'}):
        found = tracks.to_supervision(names)
        assert found.class_id.tolist() == [2, 0]
        assert found.data['class_name'].tolist() == ['car', 'person']


def test_ultralytics_results() -> None:
    """Results as a model returns them, of detection and without boxes."""
    results = pytest.importorskip('ultralytics.engine.results', reason='needs ultralytics')
    torch = pytest.importorskip('torch', reason='needs PyTorch')
    image, names = np.zeros((240, 320, 3), np.uint8), {0: 'person', 2: 'car'}
    table = torch.tensor(TABLE, dtype=torch.float32)
    detected = results.Results(image, 'image.jpg', names, boxes=table)
    for given in (detected, [detected], detected.boxes, detected.cpu().numpy()):
        tracks = by_motion(n_init=1).update(given, image)
        np.testing.assert_allclose(tracks.xyxy, CORNERS)
        assert tracks.class_ids.tolist() == ['2', '0']
    nothing = results.Results(image, 'image.jpg', names, boxes=torch.empty(0, 6))
    assert len(by_motion(n_init=1).update(nothing)) == 0
    classified = results.Results(image, 'image.jpg', names, probs=torch.tensor([0.2, 0.8]))
    with pytest.raises(InputError, match='boxes: the result has no boxes'):
        by_motion().update(classified)
