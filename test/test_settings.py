"""Tables of settings and groups of them: types, ranges and unknown names."""

# Without `from __future__ import annotations`, so that the annotations are types, not strings.

from dataclasses import dataclass
from typing import Literal

import pytest

from strongsort_ros.errors import SettingError
from strongsort_ros.settings import Settings, SettingsGroup, param, param_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Settings):
    """A table whose annotations are types."""

    count: int = param(3, 'A count.', high=9)
    share: float = param(0.5, 'A share.', high=1.0)
    limit: float | Literal['auto'] = param('auto', 'A limit.')
    on: bool = param(True, 'A switch.')
    mode: str = param('a', 'A mode.', choices=('a', 'b'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(SettingsGroup):
    """Two tables, one with a prefix."""

    table: Table = param_table(Table, 'One')
    other: Table = param_table(Table, 'Other', 'other.')


def test_names_of_types() -> None:
    assert Table.types() == {
        'count': 'int', 'share': 'float', 'limit': 'float | auto', 'on': 'bool', 'mode': 'str',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('count', 1.5), ('count', True), ('count', 10), ('count', 'auto'), ('share', 'auto'),
        ('share', float('nan')), ('limit', 'automatic'), ('limit', -1), ('on', 1), ('mode', 'c'),
    ],
)  # fmt: skip
def test_values_of_another_type_or_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f'^{name}: '):
        Table().replace(**{name: value})
    with pytest.raises(SettingError, match=f'^{name}: '):
        Group().replace({f'other.{name}': value})


def test_groups_take_names_with_their_prefix() -> None:
    changed = Group().replace({'count': 1, 'other.count': 2, 'other.limit': 3})
    assert (changed.table.count, changed.other.count, changed.other.limit) == (1, 2, 3)
    assert (changed.table.limit, changed.other.mode) == ('auto', 'a')


@pytest.mark.parametrize('name', ['coutn', 'other.coutn', 'other', 'none.count', ''])
def test_unknown_names_are_refused_by_tables_and_groups(name: str) -> None:
    with pytest.raises(SettingError, match=f"unknown setting '{name}'"):
        Table().replace(**{name: 1})
    with pytest.raises(SettingError, match=f"unknown setting '{name}'"):
        Group().replace({'count': 1, name: 1})
