from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.camera_motion.motion_file import CameraMotionFile

SHIFT = [[1, 0, 4.5], [0, 1, -2], [0, 0, 1]]


def test_published_file_loads(data_dir: Path) -> None:
    path = data_dir / 'mot17' / 'ecc_val.json'
    motions = CameraMotionFile.load(path)
    assert 'MOT17-09-FRCNN' in motions.names
    sequence = motions.sequence('MOT17-09-FRCNN')
    raw = json.loads(path.read_text())['MOT17-09-FRCNN']
    assert len(sequence) == len(raw)
    np.testing.assert_array_equal(sequence.at(300).matrix, raw['300'])
    assert sequence.at(300).score == 1
    unknown = sequence.at(7)
    np.testing.assert_array_equal(unknown.matrix, np.eye(3))
    assert unknown.score == 0


def test_unknown_sequence_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'c'.*: a, b$"):
        CameraMotionFile({'b': {}, 'a': {}}).sequence('c')


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('', 'not JSON'),
        ('{"a": ', 'not JSON'),
        ('[]', 'expected {sequence: {frame: matrix}}'),
        ('{"a": []}', 'a: expected {frame: matrix}'),
        ('{"a": {"x": 1}}', "a: frame 'x', expected an integer"),
        ('{"a": {"-3": 1}}', "a: frame '-3', expected an integer"),
        ('{"a": {"5": [[1, 0, 0], [0, 1, 0]]}}', r'a, frame 5: .*\(2, 3\)'),
        ('{"a": {"5": [[1, 0, 0], [0, 1], [0, 0, 1]]}}', 'a, frame 5: expected a 3 x 3'),
        ('{"a": {"5": [[1, 0, "q"], [0, 1, 0], [0, 0, 1]]}}', 'a, frame 5: expected a 3 x 3'),
        ('{"a": {"5": null}}', 'a, frame 5: expected a 3 x 3'),
        ('{"a": {"5": {"b": 1}}}', 'a, frame 5: expected a 3 x 3'),
        ('{"a": {"5": [[1, 0, NaN], [0, 1, 0], [0, 0, 1]]}}', 'a, frame 5: the matrix holds NaN'),
        ('{"a": {"5": [[1, 0, null], [0, 1, 0], [0, 0, 1]]}}', 'a, frame 5: the matrix holds NaN'),
        ('{"a": {"5": [[1%s, 0, 0], [0, 1, 0], [0, 0, 1]]}}' % ('0' * 400), 'expected a 3 x 3'),
        ('{"a": {"5": [[1%s, 0, 0], [0, 1, 0], [0, 0, 1]]}}' % ('0' * 5000), 'integer'),
        ('{"a": {"%s": 1}}' % ('9' * 5000), 'integer'),
        ('[' * 100_000, 'nested too deeply|not JSON'),
    ],
)
def test_bad_content_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / 'motion.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint) as caught:
        CameraMotionFile.load(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / 'binary.json'
    binary.write_bytes(b'\xff\xfe\x00\x80')
    for path in (tmp_path / 'missing.json', tmp_path, binary):
        with pytest.raises(ValueError, match=path.name):
            CameraMotionFile.load(path)


def test_matrices_cannot_be_changed() -> None:
    matrix = np.array(SHIFT, dtype=float)
    motions = CameraMotionFile({'a': {1: matrix}})
    matrix[0, 2] = 99
    found = motions.sequence('a').at(1).matrix
    assert found[0, 2] == 4.5
    with pytest.raises(ValueError, match='read-only'):
        found[0, 2] = 1
