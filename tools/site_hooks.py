"""Hooks of MkDocs: a page of all commands, and copies of linked files outside `docs`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

from strongsort_ros.cli.main import build_parser

ROOT: Final = Path(__file__).resolve().parent.parent
LINK: Final = re.compile(r'\]\(\.\./([\w./-]+)')
"""Link of a page in `docs` to a file of the project, as it works on a code host."""

FILES: Final = 'files'
"""Folder of the site for such files."""


def on_files(files: Files, config: Any) -> Files:
    """Add the page of commands, and the files outside `docs` that pages link to."""
    files.append(File.generated(config, 'commands.md', content=command_page()))
    linked = {
        name for page in files.documentation_pages() for name in LINK.findall(page.content_string)
    }
    for name in sorted(linked):
        content = (ROOT / name).read_bytes()
        files.append(File.generated(config, _copy_of(name), content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point the links outside `docs` to the copies."""
    links = LINK.pattern + r'(#[\w-]*)?'
    return re.sub(links, lambda link: f']({_copy_of(link[1])}', markdown)


def _copy_of(name: str) -> str:
    """Return the path of a copy; a page becomes text, as its links start in another folder."""
    return f'{FILES}/{name}.txt' if name.endswith('.md') else f'{FILES}/{name}'


def command_page() -> str:
    """Return the page of all commands with their options."""
    parser = build_parser()
    lines = [
        '# Commands', '', 'What `strongsort COMMAND --help` prints. Exit status: 0, or 2 for bad',
        'input, or 130 when interrupted.', '',
    ]  # fmt: skip
    for name, command in _commands(parser):
        lines += [f'## strongsort {name}', '', '```text', command.format_help().rstrip(), '```', '']
    return '\n'.join(lines)


def _commands(
    parser: argparse.ArgumentParser, before: str = ''
) -> list[tuple[str, argparse.ArgumentParser]]:
    """Return the commands of a parser with their names; of a group its own commands."""
    found = []
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for name, command in action.choices.items():
            inner = _commands(command, f'{before}{name} ')
            found += inner or [(f'{before}{name}', command)]
    return found
