"""Bags with hostile or unusual names are read and written at exactly the given path."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.bags.writer import Storage
from strongsort_ros.errors import InputError
from strongsort_ros.refinement.bag import refine_bag
from strongsort_ros.refinement.settings import GsiSettings
from strongsort_ros.refinement.tracks import RefinementSteps
from test.bags.track_bags import digests, walk, write_messages

STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')
SUFFIX = {'mcap': '.mcap', 'sqlite3': '.db3'}
STEPS = RefinementSteps(aflink=None, gsi=GsiSettings())
MESSAGES = walk(range(1, 5), 1)
SECRET = 7
USUAL = ('out #1', '50%', 'a?b', '%2e%2e', '%41', 'über 😀', 'file:x', ':memory:', 'a&b=c', "'")

PIECES = (
    *('%2F', '%2f', '..', '%2E%2E', '%00', '%', '?', '#', '?mode=memory', '?vfs=x', '&', 'file:'),
    *(':memory:', ' ', 'é', '😀', '\n', '\x85', '\u2028', '\udcff', '\\', 'a', 'secret', '.db3'),
)
pieces = st.sampled_from(PIECES)
letters = st.characters(codec='utf-8', exclude_characters='/\0')
names = (
    st.lists(pieces | letters, min_size=1, max_size=8)
    .map(''.join)
    # SQLite takes paths of 512 bytes.
    .filter(lambda name: name not in ('.', '..') and len(name.encode(errors='replace')) < 60)
)
storages = st.sampled_from(STORAGES)
examples = settings(deadline=None, max_examples=60)


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with bags that must be neither read nor changed."""
    home = tmp_path_factory.mktemp('home')
    for storage in STORAGES:
        write_messages(home / 'secret' / storage, walk(range(1, 5), SECRET), storage)
    return home


@contextmanager
def new_root(home: Path) -> Iterator[Path]:
    """Yield an empty folder `root` beside `secret`; check that nothing else appears."""
    before = digests(home)
    root = home / 'root'
    root.mkdir()
    try:
        yield root
    finally:
        shutil.rmtree(root)
    assert digests(home) == before


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


@examples
@given(names, names, storages)
def test_a_bag_is_written_at_the_given_path_or_refused(
    home: Path, parent: str, name: str, storage: Storage
) -> None:
    with new_root(home) as root:
        try:
            bag = write_messages(root / parent / name, MESSAGES, storage)
        except InputError:
            assert any(unicodedata.category(letter)[0] in 'CZ' for letter in parent + name)
            assert list(root.iterdir()) == []
            return
        there = f'{parent}/{name}'
        assert tree(root) == {f'{there}/metadata.yaml', f'{there}/{name}{SUFFIX[storage]}'}
        with open_bag(bag) as opened:
            assert [data for _, _, data in opened.messages()] == list(MESSAGES.values())


@examples
@given(names, names, storages)
def test_a_bag_is_read_whatever_the_names_of_its_folder_and_files(
    home: Path, folder: str, file: str, storage: Storage
) -> None:
    """None of the names leads to a bag elsewhere."""
    with new_root(home) as root:
        bag = rename(write_messages(root / 'bag', MESSAGES, storage), root / folder, file)
        try:
            rows = read_tracks(bag)
        except InputError:
            # No YAML in UTF-8 can name the file.
            assert any(not letter.isprintable() for letter in file)
        else:
            assert rows.ids.tolist() == [1, 1, 1, 1]


@examples
@given(st.lists(st.sampled_from(['..', '/', 'secret', 'mcap', 'sqlite3', '.db3', '%2F', 'x'])),
       storages)  # fmt: skip
def test_metadata_cannot_name_files_outside(home: Path, parts: list[str], storage: Storage) -> None:
    with new_root(home) as root:
        bag = write_messages(root / 'bag', MESSAGES, storage)
        name_files(bag, [''.join(parts)])
        with pytest.raises(InputError, match=r'relative_file_paths|are missing'):
            read_tracks(bag)


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('name', ['../secret/SECRET', '/etc/passwd', '..', '', '.'])
def test_a_file_outside_the_bag_is_refused(home: Path, name: str, storage: Storage) -> None:
    with new_root(home) as root:
        bag = write_messages(root / 'bag', MESSAGES, storage)
        name_files(bag, [name.replace('SECRET', f'{storage}/{storage}{SUFFIX[storage]}')])
        with pytest.raises(InputError, match=r"metadata\.yaml: .*a file in the bag's folder"):
            read_tracks(bag)


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('name', USUAL)
def test_refinement_of_and_to_unusual_names(tmp_path: Path, name: str, storage: Storage) -> None:
    source = write_messages(tmp_path / name / name, MESSAGES, storage)
    output = tmp_path / f'{name}2' / name
    before = tree(tmp_path)
    done = refine_bag(source, output, STEPS)
    assert (done.boxes_in, done.boxes_out) == (4, 4)
    there = f'{name}2/{name}'
    assert tree(tmp_path) - before == {
        f'{there}.txt', f'{there}/metadata.yaml', f'{there}/{name}{SUFFIX[storage]}',
    }  # fmt: skip
    assert read_tracks(output).ids.tolist() == [1, 1, 1, 1]
    assert read_tracks(output / f'{name}{SUFFIX[storage]}').ids.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize('storage', STORAGES)
def test_a_name_that_leads_out_after_percent_decoding(home: Path, storage: Storage) -> None:
    """With rosbags alone, such an input and such an output were bags outside the root."""
    with new_root(home) as root:
        name = 'x%2F..%2F..%2Fsecret%2Fsqlite3%2Fsqlite3'
        (root / f'{name}.db3').touch()
        with pytest.raises(InputError, match='not a readable bag'):
            read_tracks(root / f'{name}.db3')
        write_messages(root / name, MESSAGES, storage)
        assert read_tracks(root / name).ids.tolist() == [1, 1, 1, 1]


def rename(bag: Path, folder: Path, file: str) -> Path:
    """Return a bag after moving it to another folder and renaming its data file."""
    (data,) = (path for path in bag.iterdir() if path.suffix in SUFFIX.values())
    data = data.rename(bag / f'{file}{data.suffix}')
    name_files(bag, [data.name])
    return Path(shutil.move(bag, folder))


def name_files(bag: Path, files: list[str]) -> None:
    """Change the files that a bag's metadata names."""
    yaml = YAML(typ='safe', pure=True)
    yaml.default_flow_style = False
    metadata = yaml.load(bag / 'metadata.yaml')
    metadata['rosbag2_bagfile_information']['relative_file_paths'] = files
    with (bag / 'metadata.yaml').open('w', encoding='utf-8', errors='replace') as file:
        yaml.dump(metadata, file)
