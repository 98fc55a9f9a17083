"""The names of the package itself: imported lazily, visible, documented, with examples that run."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import strongsort_ros

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = {
    'DeepSORTTracker',
    'Detections',
    'Pipeline',
    'ReIDModel',
    'StrongSORT',
    'Tracker',
    'TrackerSettings',
    'Tracks',
    'load_extractor',
    'refine_tracks',
}
SLOW = {'cv2', 'onnxruntime', 'torch'}
BLOCK = re.compile(r'(<!-- not run: .*-->\n\n)?```python\n(.*?)```', re.DOTALL)


def run(code: str, cwd: Path) -> str:
    """Run Python code in a process of its own; return its standard output."""
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def examples(page: str) -> list[str]:
    """Return the Python blocks of a page that need no package or file of others."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return [code for skipped, code in BLOCK.findall(text) if not skipped]


def test_importing_the_package_imports_no_large_library(tmp_path: Path) -> None:
    code = """
import json, sys
import strongsort_ros
loaded = sorted({'numpy', 'scipy', 'cv2', 'torch', 'onnxruntime', 'lap'} & {*sys.modules})
print(json.dumps([loaded, dir(strongsort_ros)]))
"""
    loaded, names = json.loads(run(code, tmp_path))
    assert loaded == []
    assert set(names) >= PUBLIC | {'__version__'}


@pytest.mark.parametrize('name', ['Detections', 'Tracker', 'TrackerSettings', 'Tracks'])
def test_tracking_alone_imports_neither_opencv_nor_torch(name: str, tmp_path: Path) -> None:
    code = f'import sys; from strongsort_ros import {name}; print({SLOW} & {{*sys.modules}})'
    assert run(code, tmp_path) == 'set()\n'


def test_colours_need_no_torch(tmp_path: Path) -> None:
    code = 'import sys, strongsort_ros as s; s.StrongSORT(); print("torch" in sys.modules)'
    assert run(code, tmp_path) == 'False\n'


def test_all_names_are_there_and_no_others() -> None:
    assert set(strongsort_ros.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(strongsort_ros, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'strongsort_ros' has no attribute 'Sort'"):
        strongsort_ros.Sort  # noqa: B018


@pytest.mark.parametrize('name', sorted(PUBLIC))
def test_documentation(name: str) -> None:
    """A docstring names every parameter, and has an example that runs."""
    public = getattr(strongsort_ros, name)
    text = inspect.getdoc(public) or ''
    if name != 'TrackerSettings':  # each of its fields has a description
        for parameter in inspect.signature(public).parameters:
            assert re.search(rf'^[*]*(\w+, )*{parameter}\b', text, re.MULTILINE), parameter
    tests = [t for t in doctest.DocTestFinder().find(public, name) if t.examples]
    assert name in {test.name for test in tests}
    for test in tests:
        result = doctest.DocTestRunner().run(test)
        assert result.failed == 0, test.name


@pytest.mark.parametrize('name', sorted(PUBLIC))
def test_methods_are_documented(name: str) -> None:
    public = getattr(strongsort_ros, name)
    for method, value in vars(public).items() if inspect.isclass(public) else ():
        if not method.startswith('_') and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(value), method


@pytest.mark.parametrize(
    ('page', 'number'),
    [
        (f'docs/{page}.md', number)
        for page in ('python', 'recipes', 'tutorial', 'video')
        for number in range(len(examples(f'docs/{page}.md')))
    ],
)
def test_examples_run_as_printed(page: str, number: int, tmp_path: Path) -> None:
    assert run(examples(page)[number], tmp_path) or page == 'docs/recipes.md'  # it prints nothing


def test_the_first_example_keeps_both_ids(tmp_path: Path) -> None:
    """The track that began at the right ends at the left, and the other way round."""
    output = run(examples('docs/python.md')[0], tmp_path)
    assert output == '1 [ 18.  60.  58. 160.]\n2 [242.  60. 282. 160.]\n'
