"""Untrusted YAML is read within limits, or refused in one line that names the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from strongsort_ros.errors import InputError
from strongsort_ros.files.yaml_file import load_yaml

LAUGHS = 'a0: &a0 {x: 1}\n' + ''.join(
    f'a{i}: &a{i} {{' + ', '.join(f'k{j}: *a{i - 1}' for j in range(9)) + '}\n' for i in range(1, 9)
)


def load(folder: Path, text: str) -> Any:
    path = folder / 'a.yaml'
    path.write_text(text, encoding='utf-8')
    return load_yaml(path)


def test_plain_values(tmp_path: Path) -> None:
    text = 'a: 1\nb: [1.5, .inf, true, ~, x, "1"]\n/**: {c: 2024-13-45, d: !!str 3}\n'
    assert load(tmp_path, text) == {
        'a': 1,
        'b': [1.5, float('inf'), True, None, 'x', '1'],
        '/**': {'c': '2024-13-45', 'd': '3'},
    }
    assert load(tmp_path, '') is None
    assert load(tmp_path, f'largest: {2**64 - 1}\nleast: {-(2**63)}') == {
        'largest': 2**64 - 1,
        'least': -(2**63),
    }


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('a:\n  b: &c\n    d: *c\n', 'line 3: not YAML: aliases'),
        (LAUGHS, 'line 2: not YAML: aliases'),
        ('[' * 5000, 'nested deeper than 32'),
        (''.join(' ' * i + 'a:\n' for i in range(500)), 'line 32: not YAML: nested deeper than 32'),
        ('[' + '1,' * 110_000 + ']', 'more than 100000 values'),
        ('a: ' + 'x' * (4 << 20), 'larger than 4194304 bytes'),
        ('a: 1' + '0' * 400, 'does not fit into 64 bits'),
        ('a: 1' + '0' * 5000, 'not int'),
        ('a: !!int "x"', "'x': not int"),
        ('a: !!int ""', 'not int'),
        ('a: !!bool x', "'x': not bool"),
        ('a: !!float x', "'x': not float"),
        ('a: !!binary "*"', 'binary'),
        ('a: !!set {b}', 'set'),
        ('a: !!python/object/apply:os.system [ls]', 'python'),
        ('? [{a: 1}]\n: 3', 'is the key of a mapping'),
        ('a: 3\na: 4\n', 'line 2: not YAML: found duplicate key'),
        ('a: 3\n---\na: 4\n', 'another document'),
        ('\0', 'not YAML'),
        ('a: [', 'not YAML'),
    ],
)
def test_invalid_yaml_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as raised:
        load(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / 'a.yaml'))
    assert '\n' not in str(raised.value)
    assert len(str(raised.value)) < 800


def test_files_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / 'utf16').write_bytes('a: 1'.encode('utf-16'))
    for name, what in (('utf16', 'not UTF-8'), ('missing', 'cannot read it'), ('.', 'directory')):
        with pytest.raises(InputError, match=what):
            load_yaml(tmp_path / name)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from('ab:-[]{}&*!|>\'"#%?,.0123 \n\t~<=ex'), max_size=80))
def test_any_text_is_read_as_ruamel_reads_it_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp('yaml')
    try:
        found = load(folder, text)
    except InputError:
        return
    if not any(mark in text for mark in '0123456789!<'):  # dates and tags differ intentionally
        assert found == YAML(typ='safe', pure=True).load(text)
