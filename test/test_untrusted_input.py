"""No code executes its input: no eval, no shell, no unpickling, no import of a text.

Ruff's security rules (`S` in pyproject.toml) cover most of this; this test covers the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ('strongsort_ros', 'launch', 'tools', 'benchmarks')
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob('*.py'))

SAFE = {
    'load': {'torch': ('weights_only', True), 'np': ('allow_pickle', False)},
    'read_array': {'np.lib.format': ('allow_pickle', False)},
    'YAML': {'': ('typ', 'safe')},
}
"""Function -> its module or object -> the keyword argument that makes it safe."""
FORBIDDEN = {'eval', 'exec', 'compile', '__import__', 'os.system', 'os.popen'}
FORBIDDEN_MODULES = {'dill', 'marshal', 'shelve', 'yaml'}
PICKLE_NAMES = {'UnpicklingError'}
"""Allowed names of pickle."""


def faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every call that trusts its input."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.split('.')[0] for alias in node.names}
            if names & FORBIDDEN_MODULES:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or '').split('.')[0] in FORBIDDEN_MODULES | {'pickle'}:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Attribute):
            if ast.unparse(node.value) == 'pickle' and node.attr not in PICKLE_NAMES:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and not is_safe(node):
            yield node.lineno, ast.unparse(node)


def is_safe(call: ast.Call) -> bool:
    function = ast.unparse(call.func)
    owner, _, name = function.rpartition('.')
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if function in FORBIDDEN or 'shell' in given:
        return False
    if function == 'importlib.import_module':
        return isinstance(call.args[0], ast.Constant)
    if owner not in SAFE.get(name, {}):
        return True
    keyword, value = SAFE[name][owner]
    found = given.get(keyword)
    return isinstance(found, ast.Constant) and found.value == value


def test_no_input_is_executed() -> None:
    found = [
        f'{path.relative_to(ROOT)}:{line}: {text}'
        for path in FILES
        for line, text in faults(ast.parse(path.read_text(encoding='utf-8')))
    ]
    assert not found


@pytest.mark.parametrize(
    'text',
    [
        'torch.load(path)',
        'torch.load(path, weights_only=False)',
        'np.load(path)',
        'np.load(path, allow_pickle=True)',
        'YAML()',
        "YAML(typ='unsafe')",
        'eval(text)',
        'subprocess.run(text, shell=True)',
        'importlib.import_module(name)',
        'import yaml',
        'from pickle import loads',
        'pickle.loads(data)',
    ],
)
def test_unsafe_calls_are_found(text: str) -> None:
    assert list(faults(ast.parse(text)))
