"""Read YAML from untrusted sources, with limits on size, depth and types.

Aliases are refused, since ten lines of them can expand to gigabytes. So are all tags other than
YAML's own for strings, numbers, lists and mappings. A date is read as a string.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import BaseConstructor, ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode

from strongsort_ros.errors import InputError, shorten

LARGEST_FILE: Final = 4 << 20
"""Largest file, bytes; a bag's metadata has a few kilobytes for each topic and file."""
DEEPEST: Final = 32
"""Largest depth of nested lists and mappings."""
MOST_VALUES: Final = 100_000
"""Largest number of values, keys, lists and mappings together."""
_INTEGERS: Final = range(-(1 << 63), 1 << 64)  # 64 bits, signed or unsigned
_TAG: Final = 'tag:yaml.org,2002:'


def load_yaml(path: Path | str, largest: int = LARGEST_FILE, *, as_texts: bool = False) -> Any:
    """Return the content of a YAML file: mappings, lists, strings, numbers, booleans and None.

    Parameters
    ----------
    path
        File to read.
    largest
        Largest size of the file, bytes.
    as_texts
        Keep numbers, booleans and None as the strings in the file.

    Raises
    ------
    InputError
        The file cannot be read, is too large, or is not YAML of these types; the message names
        the line.

    """
    try:
        with Path(path).open('rb') as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise InputError(f'{path}: larger than {largest} bytes, too large for such a file')
        return _parse(content.decode('utf-8'), f'{path}', as_texts)
    except OSError as error:
        raise InputError(f'{path}: cannot read it: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: not YAML: not UTF-8 text') from error


def parse_texts(text: str) -> Any:
    """Return the content of a YAML string: mappings, lists and strings.

    Raises
    ------
    InputError
        The text is not YAML of these types, or exceeds a limit.

    """
    return _parse(text, 'text', as_texts=True)


def _parse(text: str, name: str, as_texts: bool) -> Any:
    yaml = YAML(typ='safe', pure=True)
    yaml.Composer = _BoundedComposer
    yaml.Constructor = BaseConstructor if as_texts else _PlainConstructor
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f', line {mark.line + 1}' if mark is not None else ''
        reason = shorten(error.problem or str(error), 200)
        raise InputError(f'{name}{line}: not YAML: {reason}') from error
    except YAMLError as error:
        raise InputError(shorten(f'{name}: not YAML: {error}')) from error


class _BoundedComposer(Composer):
    """Composer that refuses aliases, deep nesting and too many values."""

    nesting = 0
    values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            self._refuse('aliases (*name) are not supported')
        if self.nesting == DEEPEST:
            self._refuse(f'nested deeper than {DEEPEST} levels')
        if self.values == MOST_VALUES:
            self._refuse(f'more than {MOST_VALUES} values')
        self.values += 1
        self.nesting += 1
        node = super().compose_node(parent, index)
        self.nesting -= 1
        return node

    def _refuse(self, why: str) -> NoReturn:
        raise ComposerError(None, None, why, self.parser.peek_event().start_mark)


def _checked(construct: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Wrap a constructor of numbers or booleans so that its errors name the line."""

    def checked(constructor: Any, node: Any) -> Any:
        try:
            value = construct(constructor, node)
        except (ValueError, KeyError, IndexError):
            _refuse(node, f'not {str(node.tag).removeprefix(_TAG)}')
        if isinstance(value, int) and value not in _INTEGERS:
            _refuse(node, 'does not fit into 64 bits')
        return value

    return checked


def _refuse(node: ScalarNode, why: str) -> NoReturn:
    raise ConstructorError(None, None, f'{shorten(repr(node.value), 80)}: {why}', node.start_mark)


class _PlainConstructor(SafeConstructor):
    """Constructor of plain values; it refuses other tags, and collections as keys."""

    yaml_constructors = {  # noqa: RUF012 - as its base declares it
        f'{_TAG}null': SafeConstructor.construct_yaml_null,
        f'{_TAG}bool': _checked(SafeConstructor.construct_yaml_bool),
        f'{_TAG}int': _checked(SafeConstructor.construct_yaml_int),
        f'{_TAG}float': _checked(SafeConstructor.construct_yaml_float),
        f'{_TAG}timestamp': SafeConstructor.construct_yaml_str,
        f'{_TAG}str': SafeConstructor.construct_yaml_str,
        f'{_TAG}seq': SafeConstructor.construct_yaml_seq,
        f'{_TAG}map': SafeConstructor.construct_yaml_map,
        None: SafeConstructor.construct_undefined,
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, MappingNode):
            for key, _ in node.value:
                if not isinstance(key, ScalarNode):
                    why = 'a list or a mapping is the key of a mapping'
                    raise ConstructorError(None, None, why, key.start_mark)
        return super().construct_mapping(node, deep)
