"""The folder of results: there as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demonstration.errors import DemoError

MARKER = 'demo.json'
"""A folder with this file is a demonstration's output, and may be replaced by the next."""


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give a folder beside `target` to write to, and put it in its place when all went well.

    Raises
    ------
    DemoError
        `target` holds something else than a demonstration's output.

    """
    if target.exists() and not _is_ours(target):
        raise DemoError(f'{target}: exists and is no output of the demo; name another --output')
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f'.{target.name}.', dir=target.parent))
    try:
        written = hidden / 'new'
        written.mkdir()
        yield written
        if target.exists():
            target.replace(hidden / 'old')
        written.replace(target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))
