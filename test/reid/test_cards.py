"""The card inside a weights file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid.cards import KEY, card_as_metadata, card_of_file
from strongsort_ros.reid.interfaces import CARDS, NetworkCard
from strongsort_ros.reid.safetensors_file import (
    read_metadata,
    read_safetensors,
    write_safetensors,
)

KNOWN = CARDS['osnet_x0_25']
MINE = NetworkCard('osnet_x0_25', 512, 0.2, 'mine', 'measured')
PATH = Path('a.safetensors')


def test_card_is_kept_in_a_file(tmp_path: Path) -> None:
    path, arrays = tmp_path / 'a.safetensors', {'a': np.arange(3.0)}
    with path.open('wb') as file:
        write_safetensors(file, arrays, card_as_metadata(MINE, (128, 64)))
    assert card_of_file(read_metadata(path), KNOWN, path) == (MINE, (128, 64))
    assert np.array_equal(read_safetensors(path)['a'], arrays['a'])
    with path.open('wb') as file:
        write_safetensors(file, arrays)
    assert card_of_file(read_metadata(path), KNOWN, path) == (KNOWN, None)


def test_the_library_reads_the_file(tmp_path: Path) -> None:
    library = pytest.importorskip('safetensors')
    with (tmp_path / 'a').open('wb') as file:
        write_safetensors(file, {'a': np.ones(2)}, card_as_metadata(MINE, (128, 64)))
    with library.safe_open(tmp_path / 'a', 'np') as opened:
        assert opened.metadata() == card_as_metadata(MINE, (128, 64))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'dimension': 3}, 'dimension 3, that of the network is 512'),
        ({'dimension': []}, 'dimension'),
        ({'max_cosine_distance': 0}, 'max_cosine_distance 0'),
        ({'max_cosine_distance': 'auto'}, 'max_cosine_distance auto'),
        ({'name': ['a']}, 'must be text'),
        ({'size': [128]}, 'values to unpack'),
        ({'size': [128, True]}, 'a side of True pixels'),
        ({'size': [128, 10**9]}, 'a side of 1000000000 pixels'),
        ({'size': None}, 'unpack'),
        ({'more': 1}, 'unexpected keyword'),
    ],
)
def test_damaged_cards_are_refused(change: dict[str, object], message: str) -> None:
    values = json.loads(card_as_metadata(MINE, (128, 64))[KEY])
    with pytest.raises(ExtractorError, match=message):
        card_of_file({KEY: json.dumps(values | change)}, KNOWN, PATH)


@pytest.mark.parametrize('text', ['', '[]', '7', '{}', '[' * 4000, '"' + 'a' * 10**6 + '"'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ExtractorError, match=r'a.safetensors: its card .* is damaged'):
        card_of_file({KEY: text}, KNOWN, PATH)
