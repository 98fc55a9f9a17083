"""Write requirements/lock: every package that an environment needs, with the hashes of its files.

The hashes are those of all files of a release, for every Python and machine, as the index of
packages publishes them; `pip install --require-hashes` takes no others. Run by `make lock`:

- `common.txt`: what an environment holds whatever the distribution of ROS;
- `jazzy.txt`, `kilted.txt`: what each distribution adds;
- `torch.txt`: PyTorch with CUDA, `torch-cpu.txt`: its CPU build, which stands on an index of its
  own. Hashes of CPU builds are those of the files that pip found where this was run;
- `sources.txt`: what is released without a wheel, and built with the setuptools of the lock;
- `lowest.txt`: the lowest versions that are declared, for the tests without ROS;
- `tools.txt`: what runs and audits this.
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
# PyTorch, and what comes with its build for CUDA alone.
CUDA = re.compile('torch$|triton$|cuda-|nvidia-')
SOURCES = re.compile('empy$')

Pins = dict[str, str]
"""Lines of each package's version and hashes, by its name."""


def read_pins(text: str) -> Pins:
    """Return the packages of a requirements file that pins versions and hashes."""
    entries = re.findall(r'^[^#\s].*(?:\n[ \t]+.*)*', text, flags=re.MULTILINE)
    return {entry.partition('==')[0]: entry for entry in entries}


def write_pins(name: str, pins: Pins, *, note: str = '') -> None:
    """Write one file of the lock."""
    header = f'# Made by `make lock`.{note}'
    (LOCK / f'{name}.txt').write_text('\n'.join([header, *pins.values()]) + '\n')


def locked(name: str) -> Pins:
    """Return what one file of the lock holds, if it is there."""
    path = LOCK / f'{name}.txt'
    return read_pins(path.read_text()) if path.exists() else {}


def resolve(*names: str, prefer: Pins) -> Pins:
    """Resolve files of requirements; versions that are preferred stay where they may."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / 'lock.txt'
        output.write_text('\n'.join(prefer.values()))
        files = [REQUIREMENTS / f'{name}.txt' for name in names]
        command: list[str | Path] = [Path(sys.executable).with_name('uv'), 'pip', 'compile']
        command += ['--quiet', '--universal', '--python-version', PYTHONS[0], '--generate-hashes']
        command += ['--no-annotate', '--no-header', '--output-file', output, *files]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            raise SystemExit(f'uv could not resolve requirements/{", ".join(names)}.')
        return read_pins(output.read_text())


def cpu_build(torch: str, pip_arguments: list[str]) -> Pins:
    """Return the CPU build of a version of PyTorch, with the hashes that are known of it."""
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
    """Resolve the distributions one after the other, and write what they share once."""
    parser = argparse.ArgumentParser(description='Write requirements/lock.')
    _, pip_arguments = parser.parse_known_args()
    LOCK.mkdir(exist_ok=True)
    prefer = locked('common') | locked('torch') | locked('sources')
    resolved: dict[str, Pins] = {}
    for name in DISTRIBUTIONS:
        sources = ('runtime', 'dev', 'build', f'ros-{name}')
        resolved[name] = resolve(*sources, prefer=prefer | locked(name))
        # Of two distributions, the second takes what the first has.
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
