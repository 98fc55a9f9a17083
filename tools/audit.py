"""Look up known vulnerabilities of the packages in requirements/lock; `make audit` runs it.

Exit status 0: none is known. 1: some are. 2: the database of vulnerabilities cannot be reached;
with `--if-reachable` this is a message and status 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / 'requirements' / 'lock'
# The databases do not list the CPU build of PyTorch; torch.txt has the same release.
# lowest.txt is not audited: its versions are old on purpose and only used by tests.
FILES = ('common', 'torch', 'sources', 'jazzy', 'kilted', 'tools')
TIME_LIMIT = 120.0
"""Seconds for all files; normally a third of that is enough."""

Report = dict[str, list[dict[str, Any]]]


class UnreachableError(Exception):
    """The database of vulnerabilities cannot be reached or does not list the packages."""


def query(requirements: Path, *, service: str, time_limit: float) -> Report:
    """Return the report of pip-audit on one file of the lock.

    Raises
    ------
    UnreachableError
        There was no report, or not in time.

    """
    command: list[str | Path] = [
        *(Path(sys.executable).with_name('pip-audit'), '--requirement', requirements),
        *('--require-hashes', '--disable-pip', '--vulnerability-service', service),
        *('--format', 'json', '--progress-spinner', 'off', '--timeout', '5'),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=time_limit)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f'no answer within {time_limit:.0f} s') from error
    try:
        report: Report = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip() or 'no output').splitlines()[-1]
        raise UnreachableError(last) from error
    return report


def read_report(report: Report) -> tuple[int, list[str]]:
    """Return the number of packages in the database, and a line for each vulnerability.

    pip-audit skips packages that the database does not list. A mirror of PyPI may list none.
    """
    known = [package for package in report['dependencies'] if 'skip_reason' not in package]
    found = [
        f'{package["name"]} {package["version"]}: {each["id"]}, '
        f'fixed in {", ".join(each["fix_versions"]) or "no version yet"}'
        for package in known
        for each in package['vulns']
    ]
    return len(known), found


def main() -> int:
    """Audit every file of the lock; return the exit status."""
    parser = argparse.ArgumentParser(description='Look up known vulnerabilities.')
    parser.add_argument(
        '--if-reachable', action='store_true', help='status 0 if the database cannot be reached'
    )
    parser.add_argument('--service', default='pypi', choices=('pypi', 'osv'))
    arguments = parser.parse_args()
    found: list[str] = []
    audited, end = 0, time.monotonic() + TIME_LIMIT
    try:
        for name in FILES:
            left = max(0.0, end - time.monotonic())
            report = query(LOCK / f'{name}.txt', service=arguments.service, time_limit=left)
            known, vulnerabilities = read_report(report)
            if not known:
                raise UnreachableError(f'it lists no package of requirements/lock/{name}.txt')
            audited += known
            found += vulnerabilities
    except UnreachableError as error:
        print(f'audit skipped: no answer from the database of vulnerabilities: {error}')
        if not found:
            return 0 if arguments.if_reachable else 2
    print('\n'.join(found) or f'{audited} packages audited: no known vulnerability')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
