"""Conversion of fields to arrays, and errors that name the field."""

from __future__ import annotations

import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.tracking.tracker import Tracker

TLWH = np.array([[100.0, 100, 40, 100], [300, 100, 40, 90]])
SCORES = np.array([0.9, 0.8])
NAMES = np.array(['person', 'car'])


def test_arrays_are_kept_as_they_are() -> None:
    embeddings = np.eye(2, dtype=np.float32)
    for names in (NAMES, NAMES.astype(object)):
        detections = Detections(TLWH, SCORES, names, embeddings)
        given = (TLWH, SCORES, names, embeddings)
        kept = (detections.tlwh, detections.scores, detections.class_ids, detections.embeddings)
        assert all(a is b for a, b in zip(given, kept, strict=True))


def test_lists_and_other_numbers_become_arrays() -> None:
    lists = Detections(TLWH.tolist(), SCORES.tolist(), NAMES.tolist(), [[1, 0], [0, 1]])
    short = Detections(TLWH.astype(np.int16), SCORES.astype(np.float32), [0, 7])
    for detections in (lists, short):
        np.testing.assert_array_equal(detections.tlwh, TLWH)
        assert detections.tlwh.dtype == detections.scores.dtype == np.float64
        assert len(Tracker().update(detections)) == 0
    assert lists.embeddings.dtype == np.float32
    assert lists.class_ids.tolist() == ['person', 'car']
    assert short.class_ids.tolist() == ['0', '7']
    assert len(Detections([], [], [])) == len(Detections.empty()) == 0


def test_tensors_become_arrays() -> None:
    torch = pytest.importorskip('torch', reason='needs PyTorch')
    detections = Detections(
        torch.tensor(TLWH), torch.tensor(SCORES), torch.tensor([3, 4]), torch.eye(2)
    )
    np.testing.assert_array_equal(detections.tlwh, TLWH)
    assert detections.class_ids.tolist() == ['3', '4']
    trained = Detections(TLWH, SCORES, NAMES, torch.eye(2, requires_grad=True))
    np.testing.assert_array_equal(trained.embeddings, np.eye(2))


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('tlwh', None, 'tlwh: None, expected an array of numbers'),
        ('tlwh', 'boxes', "tlwh: 'boxes', expected"),
        ('tlwh', [[1, 2, 3, 4], [5, 6]], 'tlwh: '),
        ('tlwh', TLWH[:, :3], r'tlwh: shape \(2, 3\), expected \(2, 4\)'),
        ('tlwh', TLWH.astype(complex), 'tlwh: '),
        ('scores', None, 'scores: None'),
        ('scores', 0.5, r'scores: shape \(\), expected \(N,\)'),
        ('scores', SCORES[:, None], r'scores: shape \(2, 1\), expected \(N,\)'),
        ('class_ids', None, 'class_ids: None, expected an array of str'),
        ('class_ids', 'person', "class_ids: 'person'"),
        ('class_ids', [1.5, 2.5], r'class_ids: \[1.5, 2.5\]'),
        ('class_ids', [b'person', b'car'], 'class_ids: '),
        ('class_ids', NAMES[:, None], r'class_ids: shape \(2, 1\), expected \(2,\)'),
        ('class_ids', ['person'], r'class_ids: shape \(1,\), expected \(2,\)'),
        ('embeddings', ['a', 'b'], 'embeddings: '),
        ('embeddings', np.eye(3), r'embeddings: shape \(3, 3\), expected \(2, D\)'),
        ('embeddings', [list(range(10**5))], r'embeddings: shape \(1, 100000\)'),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, message: str) -> None:
    given = {'tlwh': TLWH, 'scores': SCORES, 'class_ids': NAMES, field: value}
    with pytest.raises(InputError, match=f'^{message}') as caught:
        Detections(**given)
    assert len(str(caught.value)) < 300
