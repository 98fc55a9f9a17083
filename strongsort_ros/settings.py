"""Tables of settings: frozen dataclasses whose fields have a description, a unit and a range.

ROS parameters, YAML files, command-line options and documentation are generated from these tables,
and from groups of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self, get_args, get_type_hints

from strongsort_ros.errors import SettingError, did_you_mean, shorten

AUTO: Final = 'auto'
CONFIGURED: Final = 'configured'
ACTIVE: Final = 'active'
STARTED: Final = 'started'


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """Description, unit, range and choices of a setting.

    Attributes
    ----------
    description
        One sentence, shown in parameter files, in help texts and on documentation pages.
    unit
        Unit of a number, or ''.
    low, high
        Closed range of a number.
    choices
        Allowed values of a str; empty: any.
    read_only_in
        State of a node in which the parameter cannot change: CONFIGURED (nor while active), ACTIVE,
        STARTED (at no time after the start), or '': it can always change.

    """

    description: str
    unit: str = ''
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    read_only_in: str = ''


def param(
    default: object,
    description: str,
    unit: str = '',
    *,
    low: float = 0.0,
    high: float = math.inf,
    choices: tuple[str, ...] = (),
    read_only_in: str = '',
) -> Any:
    """Return a dataclass field for a setting, with its `ParameterSpec` as metadata."""
    spec = ParameterSpec(description, unit, low, high, choices, read_only_in)
    return dataclasses.field(default=default, metadata={'spec': spec})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base of the tables; checks the type and range of every value.

    Raises
    ------
    SettingError
        A value is out of its range or has the wrong type; the message names both.

    """

    def __post_init__(self) -> None:
        types = self.types()
        for name, spec in self.specs().items():
            check_value(name, getattr(self, name), spec, types[name])

    @classmethod
    def specs(cls) -> dict[str, ParameterSpec]:
        """Return the `ParameterSpec` of each setting by name, in the order of the table."""
        return {f.name: f.metadata['spec'] for f in dataclasses.fields(cls)}

    @classmethod
    def types(cls) -> dict[str, str]:
        """Return the type of each setting by name: 'int', 'str', 'float | auto' and so on."""
        return dict(_kinds(cls))  # type: ignore[arg-type]  # a class can be hashed

    def replace(self, **changes: object) -> Self:
        """Return a copy with some settings changed.

        Raises
        ------
        SettingError
            A name is unknown, or a value has the wrong type or is out of its range.

        """
        _refuse_unknown(changes, self.specs())
        return dataclasses.replace(self, **changes)


@cache
def _kinds(table: type[Settings]) -> dict[str, str]:
    # Annotations are strings in some modules and types in others.
    hints = get_type_hints(table)
    return {name: _kind(hints[name]) for name in table.specs()}


def _kind(hint: Any) -> str:
    """Return the name of a type; for a union, all names and literals."""
    if isinstance(hint, type):
        return hint.__name__
    return ' | '.join(part if isinstance(part, str) else _kind(part) for part in get_args(hint))


def _refuse_unknown(names: Iterable[str], known: Collection[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        name = unknown[0]
        raise SettingError(f'unknown setting {shorten(repr(name), 80)}{did_you_mean(name, known)}')


def check_value(name: str, value: object, spec: ParameterSpec, kind: str) -> None:
    """Raise SettingError unless `value` has the type `kind` and is in range."""
    if value == AUTO and AUTO in kind:
        return
    if kind == 'str':
        if not isinstance(value, str) or (spec.choices and value not in spec.choices):
            expected = ', '.join(spec.choices) or 'a string'
            raise SettingError(f'{name}: {value!r} is not one of: {expected}')
        return
    if kind.startswith('bool'):
        if not isinstance(value, bool):
            raise SettingError(f'{name}: {value!r} is not true or false')
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SettingError(f'{name}: {value!r} is not a number')
    if kind.startswith('int') and not isinstance(value, int):
        raise SettingError(f'{name}: {value!r} is not an integer')
    if not spec.low <= value <= spec.high or not math.isfinite(value):
        raise SettingError(f'{name}: {value!r}, expected {constraints(spec, kind)}')


def constraints(spec: ParameterSpec, kind: str) -> str:
    """Return the range or choices of a setting in words, or ''."""
    if spec.choices:
        return f'one of {", ".join(spec.choices)}'
    if kind.startswith(('bool', 'str')):
        return ''
    if spec.high < math.inf:
        return f'{spec.low:g} to {spec.high:g}'
    return f'at least {spec.low:g}'


def param_table(
    make_default: Callable[[], Settings], heading: str, prefix: str = '', read_only_in: str = ''
) -> Any:
    """Return a dataclass field for a table of a `SettingsGroup`.

    Parameters
    ----------
    make_default
        Returns the table with its default values; usually its class.
    heading
        Heading of the table in parameter files and on documentation pages.
    prefix
        Prefix of its parameters' names.
    read_only_in
        State of a node in which none of its parameters can change.

    """
    rules = {'heading': heading, 'prefix': prefix, 'read_only_in': read_only_in}
    return dataclasses.field(default_factory=make_default, metadata=rules)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting of a `SettingsGroup`, by its name with the table's prefix."""

    name: str
    value: Any
    kind: str
    spec: ParameterSpec
    read_only_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsGroup:
    """Base of groups of tables: all settings of a node, by table and as one list."""

    def with_defaults(self, given: Mapping[str, object]) -> Self:
        """Return the settings whose defaults fit the parameters given, such as a preset."""
        del given
        return self

    def sections(self) -> Iterator[tuple[str, list[Parameter]]]:
        """Yield the heading and the parameters of each table."""
        for f in dataclasses.fields(self):
            part: Settings = getattr(self, f.name)
            kinds, rules = part.types(), f.metadata
            prefix, fixed = rules['prefix'], rules['read_only_in']
            yield (
                rules['heading'],
                [
                    Parameter(
                        prefix + n, getattr(part, n), kinds[n], spec, fixed or spec.read_only_in
                    )
                    for n, spec in part.specs().items()
                ],
            )

    def parameters(self) -> list[Parameter]:
        """Return all parameters, in the order of the tables."""
        return [parameter for _, section in self.sections() for parameter in section]

    def replace(self, values: Mapping[str, object]) -> Self:
        """Return a copy with some parameters changed.

        Raises
        ------
        SettingError
            A name is unknown, or a value has the wrong type or is out of its range.

        """
        _refuse_unknown(values, {parameter.name for parameter in self.parameters()})
        parts = {}
        for f in dataclasses.fields(self):
            part, prefix = getattr(self, f.name), f.metadata['prefix']
            changes = {
                name: values[prefix + name] for name in part.specs() if prefix + name in values
            }
            parts[f.name] = part.replace(**changes) if changes else part
        return type(self)(**parts)
