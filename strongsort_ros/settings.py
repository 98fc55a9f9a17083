"""The form of a table of settings: a frozen dataclass whose fields say what they mean.

ROS parameters, YAML files, command-line options and documentation are made from such tables.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, Self

AUTO: Final = 'auto'


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a setting means: unit ('' for none), closed range, and one sentence."""

    description: str
    unit: str = ''
    low: float = -math.inf
    high: float = math.inf


def setting(
    default: object, description: str, unit: str = '', low: float = 0.0, high: float = math.inf
) -> Any:
    """Return a dataclass field with a `Meaning`."""
    meaning = Meaning(description, unit, low, high)
    return dataclasses.field(default=default, metadata={'meaning': meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base of the tables; checks every value against its type and range.

    Raises
    ------
    ValueError
        A value is out of its range or not of its type; the message names both.

    """

    def __post_init__(self) -> None:
        types = self.types()
        for name, meaning in self.meanings().items():
            check_value(name, getattr(self, name), meaning, types[name])

    @classmethod
    def meanings(cls) -> dict[str, Meaning]:
        """Return name -> meaning, in the order of the table."""
        return {f.name: f.metadata['meaning'] for f in dataclasses.fields(cls)}

    @classmethod
    def types(cls) -> dict[str, str]:
        """Return name -> type as written in the table: 'float', 'int', 'bool' or with auto."""
        return {f.name: str(f.type) for f in dataclasses.fields(cls)}

    def replace(self, **changes: object) -> Self:
        """Return a copy with some settings changed.

        Raises
        ------
        ValueError
            A name is unknown or a value is refused.

        """
        unknown = sorted(set(changes) - set(self.meanings()))
        if unknown:
            raise ValueError(f'unknown setting {unknown[0]!r}')
        return dataclasses.replace(self, **changes)


def check_value(name: str, value: object, meaning: Meaning, kind: str) -> None:
    """Raise ValueError, naming both, unless `value` is of type `kind` and in range."""
    if value == AUTO and AUTO in kind:
        return
    if kind.startswith('bool'):
        if not isinstance(value, bool):
            raise ValueError(f'{name}: {value!r} is not true or false')
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'{name}: {value!r} is not a number')
    if kind.startswith('int') and not isinstance(value, int):
        raise ValueError(f'{name}: {value!r} is not a whole number')
    if not meaning.low <= value <= meaning.high or not math.isfinite(value):
        raise ValueError(f'{name}: {value!r} is not in [{meaning.low:g}, {meaning.high:g}]')
