"""Ask whether vulnerabilities are known of what requirements/lock holds; run by `make audit`.

Exit status 0: none is known. 1: some are. 2: nobody answered, which says nothing of the packages;
with `--if-reachable`, for machines that reach the index alone, this is said and passes.
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
# The CPU build of PyTorch is a local version, unknown to any service: torch.txt has its release.
# lowest.txt is left out: it is old on purpose, and only tests run in it.
FILES = ('common', 'torch', 'sources', 'jazzy', 'kilted', 'tools')
TIME_LIMIT = 120.0
"""Seconds for all of them; a service that can be used answers in a third of that."""

Report = dict[str, list[dict[str, Any]]]


class UnreachableError(Exception):
    """The service that knows of vulnerabilities does not answer."""


def ask(requirements: Path, *, service: str, time_limit: float) -> Report:
    """Return what pip-audit says of a file of the lock.

    Raises
    ------
    UnreachableError
        It could not say in time, or at all.

    """
    command: list[str | Path] = [
        *(Path(sys.executable).with_name('pip-audit'), '--requirement', requirements),
        *('--require-hashes', '--disable-pip', '--vulnerability-service', service),
        *('--format', 'json', '--progress-spinner', 'off', '--timeout', '5'),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=time_limit)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError('no answer in time') from error
    try:
        report: Report = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip() or 'no output').splitlines()[-1]
        raise UnreachableError(last) from error
    return report


def judge(report: Report) -> tuple[int, list[str]]:
    """Return how many packages the service knows, and a line for each vulnerability.

    A report passes over packages that the service does not know, as if nothing was wrong: an
    index that stands in for PyPI may know none.
    """
    known = [package for package in report['dependencies'] if 'skip_reason' not in package]
    found = [
        f'{package["name"]} {package["version"]}: {each["id"]}, '
        f'mended in {", ".join(each["fix_versions"]) or "no version yet"}'
        for package in known
        for each in package['vulns']
    ]
    return len(known), found


def main() -> int:
    """Audit every file of the lock; return the exit status."""
    parser = argparse.ArgumentParser(description='Look for known vulnerabilities in the lock.')
    parser.add_argument('--if-reachable', action='store_true', help='pass where nobody answers')
    parser.add_argument('--service', default='pypi', choices=('pypi', 'osv'))
    arguments = parser.parse_args()
    found: list[str] = []
    audited, end = 0, time.monotonic() + TIME_LIMIT
    try:
        for name in FILES:
            left = max(0.0, end - time.monotonic())
            report = ask(LOCK / f'{name}.txt', service=arguments.service, time_limit=left)
            known, vulnerabilities = judge(report)
            if not known:
                raise UnreachableError(f'it knows no package of requirements/lock/{name}.txt')
            audited += known
            found += vulnerabilities
    except UnreachableError as error:
        print(f'audit skipped: the service of vulnerabilities cannot be used: {error}')
        if not found:
            return 0 if arguments.if_reachable else 2
    print('\n'.join(found) or f'audited {audited} packages: no vulnerability is known')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
