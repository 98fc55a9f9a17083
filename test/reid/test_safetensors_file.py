"""Agreement with the safetensors library, and refusal of damaged files."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid import safetensors_file
from strongsort_ros.reid.safetensors_file import read_safetensors, write_safetensors

TYPES = ['?', 'u1', 'i1', 'i2', 'i4', 'i8', 'f2', 'f4', 'f8']
ARRAYS = st.dictionaries(
    st.text(max_size=8),
    st.sampled_from(TYPES).flatmap(
        lambda code: arrays(code, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=5,
)


def write(path: Path, named: dict) -> bytes:
    with path.open('wb') as file:
        write_safetensors(file, named)
    return path.read_bytes()


def same(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype
        and found[name].shape == array.shape
        and found[name].tobytes() == array.tobytes()
        for name, array in expected.items()
    )


@given(ARRAYS)
def test_written_arrays_are_read_back(tmp_path_factory, named):
    path = tmp_path_factory.mktemp('s') / 'a.safetensors'
    write(path, named)
    assert same(read_safetensors(path), named)


@given(ARRAYS)
def test_library_reads_and_writes_the_same_bytes(tmp_path_factory, named):
    library = pytest.importorskip('safetensors.numpy')
    named = {name: array for name, array in named.items() if name != '__metadata__'}
    path = tmp_path_factory.mktemp('s') / 'a.safetensors'
    assert write(path, named) == library.save(named)
    assert same(library.load_file(path), named)


def test_bfloat16_becomes_float32(tmp_path):
    torch, library = pytest.importorskip('torch'), pytest.importorskip('safetensors.torch')
    values = torch.tensor([0.5, -3.0, 1e30, float('inf')])
    library.save_file({'a': values.to(torch.bfloat16)}, tmp_path / 'a.safetensors')
    expected = values.to(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(read_safetensors(tmp_path / 'a.safetensors')['a'], expected)


def test_metadata_is_ignored(tmp_path):
    library = pytest.importorskip('safetensors.numpy')
    library.save_file({'a': np.ones(2)}, tmp_path / 'a.safetensors', metadata={'format': 'pt'})
    assert list(read_safetensors(tmp_path / 'a.safetensors')) == ['a']


def entry(dtype='F32', shape=(2,), offsets=(0, 8)):
    return {'dtype': dtype, 'shape': list(shape), 'data_offsets': list(offsets)}


DAMAGED = {
    'a number': 3,
    'no entry': {'a': 3},
    'no offsets': {'a': {'dtype': 'F32', 'shape': [2]}},
    'another type': {'a': entry('C64')},
    'no name of a type': {'a': entry(['F32'])},
    'a negative side': {'a': entry(shape=(-1, -2))},
    'a side of text': {'a': entry(shape=('2',))},
    'a side that is true': {'a': entry(shape=(True, 2))},
    'another size': {'a': entry(shape=(3,))},
    'a size beyond memory': {'a': entry(shape=(2**40, 2**40))},
    'a size of 400 digits': {'a': entry(shape=(10**400,))},
    'many axes': {'a': entry(shape=(1,) * 40 + (2,))},
    'beyond the end': {'a': entry(shape=(200,), offsets=(0, 800))},
    'a gap': {'a': entry(offsets=(4, 12))},
    'an overlap': {'a': entry(), 'b': entry(offsets=(4, 12))},
    'less than there is': {'a': entry(shape=(1,), offsets=(0, 4))},
}


@pytest.mark.parametrize('header', DAMAGED.values(), ids=DAMAGED)
def test_invalid_headers_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    refused(tmp_path, len(text).to_bytes(8, 'little') + text + bytes(8))


@pytest.mark.parametrize(
    'content',
    [b'', b'1234', (2**63).to_bytes(8, 'little'), (4).to_bytes(8, 'little') + b'[[[['],
    ids=['empty', 'short', 'a length beyond the file', 'no JSON'],
)
def test_files_without_a_header_are_refused(tmp_path, content):
    refused(tmp_path, content)


def test_deep_nesting_is_refused(tmp_path):
    refused(tmp_path, (200_000).to_bytes(8, 'little') + b'[' * 200_000)


def test_long_header_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors_file, 'MAX_HEADER', 10)
    message = refused(tmp_path, (11).to_bytes(8, 'little') + b'{' + b' ' * 9 + b'}')
    assert 'the header has 11 bytes' in message


@given(st.binary(max_size=200))
def test_random_bytes_raise_no_other_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('s') / 'a.safetensors'
    for data in (content, len(content).to_bytes(8, 'little') + content):
        path.write_bytes(data)
        with suppress(ExtractorError):
            read_safetensors(path)


def refused(folder, content):
    path = folder / 'a.safetensors'
    path.write_bytes(content)
    with pytest.raises(ExtractorError, match='is damaged or is not a safetensors file') as caught:
        read_safetensors(path)
    assert len(str(caught.value)) < 400 + len(str(path))
    return str(caught.value)
