"""Write requirements/lock: all packages of the environments, with the hashes of their files.

The package index publishes the hashes of all files of a release, for every Python and machine;
`pip install --require-hashes` installs no other files. `make lock` runs it and writes

- `common.txt`: packages of every ROS distribution;
- `jazzy.txt`, `kilted.txt`: packages of one distribution;
- `torch.txt`: PyTorch with CUDA; `torch-cpu.txt`: its CPU build, which has a separate index, with
  the hashes of the files that pip found on this machine;
- `sources.txt`: packages without a wheel, which the locked setuptools builds;
- `lowest.txt`: the lowest declared versions, for tests without ROS;
- `tools.txt`: the tools of `make lock` and `make audit`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

REQUIREMENTS = Path(__file__).resolve().parent.parent / 'requirements'
LOCK = REQUIREMENTS / 'lock'
DISTRIBUTIONS = ('jazzy', 'kilted')
PYTHONS = ('3.11', '3.12', '3.13')
# PyTorch, and the packages that only its CUDA build needs.
CUDA = re.compile('torch$|triton$|cuda-|nvidia-')
SOURCES = re.compile('empy$')

Pins = dict[str, str]
"""Version and hashes of each package, as lines of a requirements file, by name."""


def read_pins(text: str) -> Pins:
    """Return the packages of a requirements file with pinned versions and hashes."""
    entries = re.findall(r'^[^#\s].*(?:\n[ \t]+.*)*', text, flags=re.MULTILINE)
    return {entry.partition('==')[0]: entry for entry in entries}


def write_pins(name: str, pins: Pins, *, note: str = '') -> None:
    """Write one file of the lock."""
    header = f'# Made by `make lock`.{note}'
    (LOCK / f'{name}.txt').write_text('\n'.join([header, *pins.values()]) + '\n')


def locked(name: str) -> Pins:
    """Return the packages of one file of the lock; none if there is no such file."""
    path = LOCK / f'{name}.txt'
    return read_pins(path.read_text()) if path.exists() else {}


def resolve(*names: str, prefer: Pins) -> Pins:
    """Resolve requirements files, with the preferred versions where possible."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / 'lock.txt'
        output.write_text('\n'.join(prefer.values()))
        files = [REQUIREMENTS / f'{name}.txt' for name in names]
        command: list[str | Path] = [Path(sys.executable).with_name('uv'), 'pip', 'compile']
        command += ['--quiet', '--universal', '--python-version', PYTHONS[0], '--generate-hashes']
        command += ['--no-annotate', '--no-header', '--output-file', output, *files]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            raise SystemExit(f'uv cannot resolve {", ".join(names)} in requirements/')
        return read_pins(output.read_text())


def cpu_build(torch: str, pip_arguments: list[str]) -> Pins:
    """Return the CPU build of a version of PyTorch, with its known hashes."""
    requirement = f'torch=={torch}+cpu'
    known = locked('torch-cpu').get('torch', '')
    hashes = set(re.findall(r'--hash=\S+', known) if f'{requirement} ' in known else [])
    with TemporaryDirectory() as folder:
        for python in PYTHONS:
            pip = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps']
            pip += ['--dest', folder, '--only-binary', ':all:', '--python-version', python]
            found = subprocess.run([*pip, *pip_arguments, requirement], capture_output=True)
            print(f'{requirement} for Python {python}: {"no " if found.returncode else ""}file')
        for wheel in Path(folder).iterdir():
            with wheel.open('rb') as file:
                hashes.add(f'--hash=sha256:{hashlib.file_digest(file, "sha256").hexdigest()}')
    return {'torch': ' \\\n    '.join([requirement, *sorted(hashes)])} if hashes else {}


def main() -> None:
    """Resolve each distribution, and write the packages common to all only once."""
    parser = argparse.ArgumentParser(description='Write requirements/lock.')
    _, pip_arguments = parser.parse_known_args()
    LOCK.mkdir(exist_ok=True)
    prefer = locked('common') | locked('torch') | locked('sources')
    resolved: dict[str, Pins] = {}
    for name in DISTRIBUTIONS:
        sources = ('runtime', 'dev', 'build', f'ros-{name}')
        resolved[name] = resolve(*sources, prefer=prefer | locked(name))
        # The second distribution prefers the versions of the first.
        prefer = resolved[name]
    first, *others = resolved.values()
    common = {name: pin for name, pin in first.items() if all(o.get(name) == pin for o in others)}
    for name, pins in resolved.items():
        write_pins(name, {each: pin for each, pin in pins.items() if each not in common})
    version = common['torch'].split()[0].removeprefix('torch==')
    for file, names in (('torch', CUDA), ('sources', SOURCES)):
        write_pins(file, {name: common.pop(name) for name in list(common) if names.match(name)})
    write_pins('common', common)
    note = ' CPU builds have an index of their own: hashes of the files that pip found.'
    write_pins('torch-cpu', cpu_build(version, pip_arguments), note=note)
    write_pins('lowest', resolve('lowest', prefer=locked('lowest') | locked('common')))
    write_pins('tools', resolve('tools', prefer=locked('tools')))


if __name__ == '__main__':
    main()
