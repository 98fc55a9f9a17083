"""The card of a network inside its weights file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.reid.interfaces import NetworkCard

KEY: Final = 'strongsort_ros.card'
"""Name of the card in the metadata of a .safetensors or .onnx file."""

_LONGEST: Final = 4096
_LARGEST_SIDE: Final = 1024


def card_as_metadata(card: NetworkCard, size: tuple[int, int]) -> dict[str, str]:
    """Return the metadata of a weights file; `size` is the height and width of the input."""
    return {KEY: json.dumps({**dataclasses.asdict(card), 'size': size})}


def card_of_file(
    metadata: Mapping[str, str], known: NetworkCard, path: Path
) -> tuple[NetworkCard, tuple[int, int] | None]:
    """Return the card in a file's metadata, and the height and width of the input.

    Parameters
    ----------
    metadata
        Name -> text.
    known
        The card of the network where the file has none; that of the file must have its dimension.
    path
        The file, for the error.

    Returns
    -------
    card, size
        `known` and None without a card in the file.

    Raises
    ------
    ExtractorError
        The card is damaged.

    """
    text = metadata.get(KEY)
    if text is None:
        return known, None
    try:
        if len(text) > _LONGEST:
            raise ValueError(f'it has {len(text)} characters, at most {_LONGEST} are read')
        values = json.loads(text)
        height, width = values.pop('size')
        card = NetworkCard(**values)
        _check(card, known, height, width)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = shorten(str(error), 200)
        raise ExtractorError(f'weights: {path}: its card ({KEY}) is damaged: {reason}') from error
    return card, (height, width)


def _check(card: NetworkCard, known: NetworkCard, height: object, width: object) -> None:
    """Raise ValueError for a value that a card cannot have."""
    texts: tuple[object, ...] = (card.name, card.source, card.threshold_source)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError('name and sources must be text')
    if card.dimension != known.dimension:
        raise ValueError(f'dimension {card.dimension}, that of the network is {known.dimension}')
    distance: object = card.max_cosine_distance
    if not isinstance(distance, (int, float)) or not 0 < distance <= 2:
        raise ValueError(f'max_cosine_distance {distance}, expected above 0 and at most 2')
    for side in (height, width):
        if type(side) is not int or not 16 <= side <= _LARGEST_SIDE:
            raise ValueError(f'a side of {side} pixels, expected 16 to {_LARGEST_SIDE}')
