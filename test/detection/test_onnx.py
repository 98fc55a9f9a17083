"""Boxes, scores and classes of each layout of .onnx models; each file returns known boxes.

The image is 128 x 64 pixels. A letterboxed input of 64 x 64 is half as large, and 16 pixels lie
above the image; a stretched one is half as wide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip('onnxruntime')

from strongsort_ros.detection import load_detector
from strongsort_ros.detection.coco import COCO_80
from strongsort_ros.errors import InputError
from test.detection.onnx_models import onnx, write_model

IMAGE = np.full((64, 128, 3), 50, np.uint8)
TLWH = np.array([[20.0, 10, 40, 30], [70, 20, 20, 40]])
"""A person and a car."""
SCORES = np.array([0.75, 0.5])
PERSON_CAR = {'names': "{0: 'person', 1: 'bicycle', 2: 'car'}"}


def corners(tlwh: npt.NDArray[Any], *, stretched: bool = False) -> npt.NDArray[Any]:
    """Return (N, 4) corners in pixels of the input."""
    xyxy = np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], axis=1)
    return xyxy * (0.5, 1, 0.5, 1) if stretched else xyxy / 2 + (0, 16, 0, 16)


def centres(xyxy: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (N, 4) x, y, width, height."""
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def class_scores(classes: int = 3) -> npt.NDArray[Any]:
    """Return the (2, classes) scores of a person and a car."""
    scores = np.full((2, classes), 0.01)
    scores[0, 0], scores[1, 2] = SCORES
    return scores


def rows(*parts: npt.NDArray[Any], count: int = 1100) -> npt.NDArray[Any]:
    """Return (1, count, values) rows: those of the objects, each twice, and empty ones."""
    table = np.concatenate(parts, axis=1)
    filled = np.zeros((count, table.shape[1]))
    filled[5:7], filled[9:11] = table, table
    return filled[None].astype(np.float32)


def queries(*parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (1, 300, values) rows: those of the objects, and empty ones."""
    table = np.concatenate(parts, axis=1)
    filled = np.zeros((300, table.shape[1]))
    filled[3:5] = table
    return filled[None].astype(np.float32)


BOX, STRETCHED = centres(corners(TLWH)), centres(corners(TLWH, stretched=True))
SHARES = STRETCHED / 64
ONE = np.ones((2, 1))
NUMBERS = np.array([[0.0], [2.0]])
LOGITS = np.log(class_scores() / (1 - class_scores()))
COCO_LOGITS = np.full((2, 91), -9.0)
COCO_LOGITS[0, 1], COCO_LOGITS[1, 3] = np.log(SCORES / (1 - SCORES))


def efficient_nms() -> dict[str, npt.NDArray[Any]]:
    boxes, scores, classes = np.zeros((1, 100, 4)), np.full((1, 100), 0.9), np.zeros((1, 100))
    boxes[0, :2], scores[0, :2], classes[0, :2] = corners(TLWH), SCORES, (0, 2)
    return {
        'num_dets': np.array([[2]], np.int32),
        'det_boxes': boxes.astype(np.float32),
        'det_scores': scores.astype(np.float32),
        'det_classes': classes.astype(np.int32),
    }


def logits(names: tuple[str, str], values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    table = np.full((1, 300, values.shape[1]), -9.0)
    table[0, 3:5] = values
    return {names[0]: queries(SHARES), names[1]: table.astype(np.float32)}


def lists() -> dict[str, npt.NDArray[Any]]:
    boxes = np.zeros((1, 300, 4), np.float32)
    boxes[0, :2] = corners(TLWH, stretched=True)
    scores, labels = np.zeros((1, 300), np.float32), np.zeros((1, 300), np.int64)
    scores[0, :2], labels[0, :2] = SCORES, (0, 2)
    return {'labels': labels, 'boxes': boxes, 'scores': scores}


E2E = queries(corners(TLWH), SCORES[:, None], NUMBERS)
MASKS = np.zeros((1, 32, 16, 16), np.float32)
YOLOV7 = np.concatenate([0 * ONE, corners(TLWH), NUMBERS, SCORES[:, None]], axis=1)
LAYOUTS: dict[str, tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]] = {
    'YOLOv5': ({'output0': rows(BOX, ONE, class_scores())}, {'metadata': PERSON_CAR}),
    'YOLOv5, no names': ({'output0': rows(BOX, ONE, class_scores(80))}, {}),
    'YOLOv5 segment': (
        {'output0': rows(BOX, ONE, class_scores(), 5 * np.ones((2, 32))), 'output1': MASKS},
        {'metadata': PERSON_CAR},
    ),
    'YOLOv8': (
        {'output0': rows(BOX, class_scores()).transpose(0, 2, 1)}, {'metadata': PERSON_CAR},
    ),
    'YOLOv8, no names': ({'output0': rows(BOX, class_scores(80)).transpose(0, 2, 1)}, {}),
    'YOLOv8 segment': (
        {'output0': rows(BOX, class_scores(), 5 * np.ones((2, 32))).transpose(0, 2, 1),
         'output1': MASKS},
        {'metadata': PERSON_CAR | {'task': 'segment'}},
    ),
    'YOLOv8, transposed': ({'output0': rows(BOX, class_scores())}, {'metadata': PERSON_CAR}),
    'YOLOv8, free size': (
        {'output0': rows(BOX, class_scores()).transpose(0, 2, 1)},
        {'metadata': PERSON_CAR | {'imgsz': '[64, 64]'}, 'size': ('height', 'width')},
    ),
    'YOLOv8, half precision': (
        {'output0': rows(BOX, class_scores()).transpose(0, 2, 1)},
        {'metadata': PERSON_CAR, 'dtype': onnx.TensorProto.FLOAT16},
    ),
    'YOLOv10': ({'output0': E2E}, {'metadata': PERSON_CAR}),
    'YOLO26': ({'output0': E2E}, {'metadata': {'names': "['person', 'x', 'car']",
                                               'end2end': 'True'}}),
    'YOLO11 with NMS, segment': (
        {'output0': np.concatenate([E2E, np.ones((1, 300, 32), np.float32)], axis=2)},
        {'metadata': PERSON_CAR | {'args': "{'batch': 1, 'nms': True}", 'task': 'segment'}},
    ),
    'YOLOv7 with NMS': ({'output': YOLOV7.astype(np.float32)}, {'metadata': PERSON_CAR}),
    'EfficientNMS': (efficient_nms(), {}),
    'RT-DETR of ultralytics': (
        {'output0': queries(SHARES, class_scores())}, {'metadata': PERSON_CAR},
    ),
    'RT-DETR of ultralytics, two classes': (
        {'output0': queries(SHARES, class_scores()[:, [0, 2]])},
        {'metadata': {'names': "{0: 'person', 1: 'car'}",
                      'description': 'Ultralytics rtdetr-l model'}},
    ),
    'RT-DETR of ultralytics, best classes': (
        {'output0': queries(SHARES, SCORES[:, None], NUMBERS)},
        {'metadata': PERSON_CAR | {'description': 'Ultralytics rtdetr-l model'}},
    ),
    'RT-DETR, D-FINE': (lists(), {'others': ('orig_target_sizes',)}),
    'D-FINE of Transformers': (
        logits(('pred_boxes', 'logits'), LOGITS), {'image': 'pixel_values', 'metadata': PERSON_CAR},
    ),
    'RF-DETR': (logits(('dets', 'labels'), COCO_LOGITS), {'image': 'input'}),
}  # fmt: skip


@pytest.mark.parametrize('layout', LAYOUTS)
def test_layout(tmp_path: Path, layout: str) -> None:
    """Each object is found once, at its place, with its score and the name of its class."""
    outputs, options = LAYOUTS[layout]
    path = write_model(tmp_path / 'model.onnx', outputs, **options)
    found = load_detector(path).detect(IMAGE)
    assert found.class_ids.tolist() == ['person', 'car']
    np.testing.assert_allclose(found.scores, SCORES, atol=1e-5)
    np.testing.assert_allclose(found.tlwh, TLWH, atol=1e-3)
    only = load_detector(str(path), 'car', min_score=0.3).detect(IMAGE)
    np.testing.assert_allclose(only.tlwh, TLWH[1:], atol=1e-3)
    assert len(load_detector(path, min_score=0.8).detect(IMAGE)) == 0


def test_yolox(tmp_path: Path) -> None:
    """Offsets from cells of three grids; the image is at the top left of the input."""
    xyxy = corners(TLWH) - (0, 16, 0, 16)
    box = centres(xyxy)
    table = np.zeros((64 + 16 + 4, 8))
    for place, (x, y, width, height), scores in zip((0, 64), box, class_scores(), strict=True):
        stride = 8 if place < 64 else 16
        table[place] = [
            x / stride, y / stride, np.log(width / stride), np.log(height / stride), 1, *scores,
        ]  # fmt: skip
    path = write_model(tmp_path / 'yolox_nano.onnx', {'output': table[None].astype(np.float32)})
    names = tmp_path / 'names.txt'
    names.write_text('person\nbicycle\ncar\n')
    detector = load_detector(f'yolox:{path}', names=names)
    found = detector.detect(IMAGE)
    assert found.class_ids.tolist() == ['person', 'car']
    np.testing.assert_allclose(found.tlwh, TLWH, atol=1e-3)
    assert detector.name == 'yolox_nano.onnx (YOLOX, onnxruntime)'


@pytest.mark.parametrize(
    ('spec', 'dtype', 'expected'),
    [
        ('{path}', onnx.TensorProto.FLOAT, 0.1 + 0.8),
        ('{path}', onnx.TensorProto.FLOAT16, 0.1 + 0.8),
    ],
)
def test_pixels_are_shares_of_one(tmp_path: Path, spec: str, dtype: int, expected: float) -> None:
    table = np.zeros((1, 300, 6), np.float32)
    table[0, 0] = (10, 10, 20, 30, 0.1, 0)
    path = write_model(
        tmp_path / 'a.onnx', {'output0': table}, dtype=dtype, bright='output0', metadata=PERSON_CAR
    )
    white = np.full((64, 64, 3), 204, np.uint8)
    found = load_detector(spec.format(path=path), min_score=0.85).detect(white)
    assert found.scores[0] == pytest.approx(expected, abs=1e-2)


def test_names_and_classes(tmp_path: Path) -> None:
    """Names are those of the option, of the file, or of COCO where their number fits."""
    outputs = {'output0': rows(BOX, class_scores(80)).transpose(0, 2, 1)}
    coco = load_detector(write_model(tmp_path / 'a.onnx', outputs))
    assert tuple(coco.names.values()) == COCO_80
    outputs = {'output0': rows(BOX, class_scores()).transpose(0, 2, 1)}
    path = write_model(tmp_path / 'b.onnx', outputs)
    assert load_detector(path).detect(IMAGE).class_ids.tolist() == ['0', '2']
    names = tmp_path / 'names.json'
    names.write_text('["walker", "bike", "automobile"]')
    found = load_detector(path, names=names).detect(IMAGE)
    assert found.class_ids.tolist() == ['walker', 'automobile']
    with pytest.raises(InputError, match="no class 'person'; it has walker, bike, automobile"):
        load_detector(path, 'person', names=names)


def test_the_size_of_a_model_that_takes_several(tmp_path: Path) -> None:
    outputs = {'output0': E2E}
    free = write_model(tmp_path / 'a.onnx', outputs, size=('h', 'w'), metadata=PERSON_CAR)
    found = load_detector(free, size=64).detect(IMAGE)
    np.testing.assert_allclose(found.tlwh, TLWH, atol=1e-3)
    fixed = write_model(tmp_path / 'b.onnx', outputs, metadata=PERSON_CAR)
    with pytest.raises(InputError, match='its input is 64x64 pixels, not 320'):
        load_detector(fixed, size=320)


@pytest.mark.parametrize(
    ('outputs', 'options', 'message'),
    [
        ({'y': np.zeros((1, 10), np.float32)}, {}, r'returns y \[1, 10\], which is none'),
        ({'y': np.zeros((1, 4, 4), np.float32)}, {}, 'which is none of the known layouts'),
        ({'output0': E2E}, {'metadata': {'task': 'obb'}}, 'for the task obb, expected detect'),
        ({'output0': E2E}, {'metadata': {'names': 'x('}}, 'class names are not a list'),
        ({'output0': E2E}, {'size': (9000, 9000)}, 'input of 9000x9000, at most 4096'),
        ({'output0': E2E}, {'dtype': onnx.TensorProto.INT32}, 'takes images .* expected one image'),
        ({'output0': E2E}, {'others': ('points',)}, 'points is not known'),
    ],
)
def test_other_models_are_refused(
    tmp_path: Path, outputs: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    path = write_model(tmp_path / 'a.onnx', outputs, **options)
    with pytest.raises(InputError, match=message):
        load_detector(path)


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / 'a.onnx').write_bytes(b'no model')
    with pytest.raises(InputError, match='not an ONNX model that runs'):
        load_detector(tmp_path / 'a.onnx')
    with pytest.raises(InputError, match=r'none\.onnx: no such file'):
        load_detector(tmp_path / 'none.onnx')
    path = write_model(tmp_path / 'b.onnx', {'output0': E2E})
    with pytest.raises(InputError, match='onnxruntime does not support it'):
        load_detector(path, device='cuda')
