"""DeepSORT's .npy files are read, written and checked."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongsort_ros.errors import InputError
from strongsort_ros.files.deepsort_npy import load_deepsort, save_deepsort


def rows() -> np.ndarray:
    """Return three detections in two frames, out of order."""
    array = np.full((3, 14), -1, dtype=np.float32)
    array[:, 0] = [4, 2, 4]
    array[:, 2:6] = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    array[:, 6] = [0.5, 0.6, 0.7]
    array[:, 10:] = np.arange(12).reshape(3, 4)
    return array


def test_rows_survive_saving_and_loading(tmp_path: Path) -> None:
    """Rows are sorted by frame, and saved rows are loaded unchanged."""
    np.save(tmp_path / 'a.npy', rows())
    loaded = load_deepsort(tmp_path / 'a.npy')
    assert loaded.frames.tolist() == [2, 4, 4]
    assert loaded.embeddings is not None
    assert loaded.embeddings.dtype == np.float32
    assert loaded.at(4).tlwh.tolist() == [[1, 2, 3, 4], [9, 10, 11, 12]]
    save_deepsort(tmp_path / 'b.npy', loaded)
    np.testing.assert_array_equal(np.load(tmp_path / 'b.npy'), rows()[[1, 0, 2]])


def changed(change: Callable[[np.ndarray], object]) -> np.ndarray:
    """Return rows after a change in place."""
    array = rows()
    change(array)
    return array


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (rows()[:, :9], r'shape \(3, 9\)'),
        (rows()[0], r'shape \(14,\)'),
        (np.array([['a'] * 14]), 'not a NumPy array of numbers'),
        (changed(lambda a: a.__setitem__((1, 3), np.nan)), 'row 1: a number that is not'),
        (changed(lambda a: a.__setitem__((2, 12), np.inf)), 'row 2: an embedding that is not'),
        (changed(lambda a: a.__setitem__((1, 4), -1)), 'row 1: negative width'),
        (changed(lambda a: a.__setitem__((0, 0), 1.5)), 'row 0: the frame is not an integer'),
        (changed(lambda a: a.__setitem__((0, 0), -2)), 'row 0: the frame is not an integer'),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, array: np.ndarray, message: str) -> None:
    """The message names the file, the row and the fault."""
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(InputError, match=message):
        load_deepsort(tmp_path / 'a.npy')


def test_files_of_another_kind(tmp_path: Path) -> None:
    """Pickles are never read; archives, text and empty files are not arrays."""
    np.save(tmp_path / 'pickle.npy', np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / 'archive.npz', rows())
    (tmp_path / 'text.npy').write_text('1,-1,1,1,1,1,1')
    (tmp_path / 'empty.npy').touch()
    np.save(tmp_path / 'cut.npy', rows())
    whole = (tmp_path / 'cut.npy').read_bytes()
    (tmp_path / 'cut.npy').write_bytes(whole[:-8])
    for name in ('pickle.npy', 'archive.npz', 'text.npy', 'empty.npy', 'missing.npy', 'cut.npy'):
        with pytest.raises(InputError, match=name):
            load_deepsort(tmp_path / name)


def header(text: str, version: int = 1) -> bytes:
    """Return the beginning of a .npy file with this text where NumPy writes a dictionary."""
    length = struct.pack('<H' if version == 1 else '<I', len(text))
    return b'\x93NUMPY' + bytes([version, 0]) + length + text.encode()


@pytest.mark.parametrize(
    ('text', 'version'),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1", 1),
        ('(' * 4000, 1),
        ('[' * 60_000, 2),
        ('1', 1),
        ("__import__('os').system('ls')", 1),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 14)}", 1),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 14)}", 1),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 20)}", 1),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 16)}", 2),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", 1),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 14)}", 3),
    ],
)
def test_headers_that_do_not_match_the_data(tmp_path: Path, text: str, version: int) -> None:
    """Each error is one line with the file's name, and no memory is allocated."""
    (tmp_path / 'a.npy').write_bytes(header(text, version) + bytes(100))
    with pytest.raises(InputError, match=r'a\.npy: ') as raised:
        load_deepsort(tmp_path / 'a.npy')
    assert '\n' not in str(raised.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any byte of a file is changed or cut off."""
    file = tmp_path_factory.mktemp('npy') / 'a.npy'
    np.save(file, rows())
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(InputError):
        assert len(load_deepsort(file)) <= 4


def test_arrays_in_fortran_order_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / 'c.npy', rows())
    np.save(tmp_path / 'f.npy', np.asfortranarray(rows()))
    one, two = (load_deepsort(tmp_path / name) for name in ('c.npy', 'f.npy'))
    np.testing.assert_array_equal(one.tlwh, two.tlwh)
    np.testing.assert_array_equal(one.embeddings, two.embeddings)


@pytest.mark.parametrize('dimension', [0, 1, 4, 2048])
def test_any_length_of_embeddings(tmp_path: Path, dimension: int) -> None:
    """10 columns and any number of others are read and written; 10 alone are no embeddings."""
    array = np.hstack([rows()[:, :10], np.ones((3, dimension), np.float32)])
    np.save(tmp_path / 'a.npy', array)
    loaded = load_deepsort(tmp_path / 'a.npy')
    found = loaded.embeddings
    assert (found is None) if dimension == 0 else (found.shape == (3, dimension))
    save_deepsort(tmp_path / 'b.npy', loaded)
    assert np.load(tmp_path / 'b.npy').shape == (3, 10 + dimension)
