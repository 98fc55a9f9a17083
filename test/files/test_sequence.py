"""Folders of sequences."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files.sequence import (
    ImageFolder,
    find_detections,
    load_sequence_info,
)


def test_info_and_stamps(walk: Path) -> None:
    """A frame's stamp is its number divided by the frame rate."""
    info = load_sequence_info(walk)
    assert (info.name, info.frame_rate, info.length, info.second_half) == ('walk', 10.0, 6, 5)
    assert info.stamp(3) == 300_000_000
    assert info.stamp(0) == 1  # a stamp of 0 means no stamp


def test_percent_in_seqinfo(walk: Path) -> None:
    """Values of seqinfo.ini are read unchanged."""
    path = walk / 'seqinfo.ini'
    path.write_text(path.read_text().replace('name=walk', 'name=50% %(imDir)s'))
    assert load_sequence_info(walk).name == '50% %(imDir)s'


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('[Sequence]', '', 'no section headers'),
        ('[Sequence]', '[Other]', 'no entry Sequence'),
        ('frameRate=10', '', 'no entry frameRate'),
        ('frameRate=10', 'frameRate=ten', 'ten'),
        ('frameRate=10', 'frameRate=0', 'positive'),
    ],
)
def test_wrong_info(walk: Path, before: str, after: str, message: str) -> None:
    """A wrong seqinfo.ini is named, and a missing one."""
    path = walk / 'seqinfo.ini'
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(InputError, match=message):
        load_sequence_info(walk)
    path.unlink()
    with pytest.raises(InputError, match='cannot read'):
        load_sequence_info(walk)


def test_images_by_number(walk: Path) -> None:
    """Images are found by the number in their name, in the sequence's folder or their own."""
    images = ImageFolder(walk)
    assert list(images.paths) == [2, 3, 4, 5]
    assert 6 not in images.paths
    assert images.read(6) is None
    image = images.read(2)
    assert image is not None
    assert image.shape == (48, 64, 3)
    assert len(ImageFolder(walk / 'img1')) == 4


def test_wrong_images(tmp_path: Path) -> None:
    """A missing folder, no images, two with one number and unreadable files are errors."""
    (tmp_path / 'none').mkdir()
    twice = tmp_path / 'twice'
    twice.mkdir()
    (twice / '1.jpg').touch()
    (twice / '001.png').touch()
    for folder, message in (
        ('no', 'no such folder'),
        ('none', 'no numbered'),
        ('twice', 'same frame number'),
    ):
        with pytest.raises(InputError, match=message):
            ImageFolder(tmp_path / folder)
    (twice / '001.png').unlink()
    with pytest.raises(InputError, match='not an image'):
        ImageFolder(twice).read(1)


def test_choice_of_detections(walk: Path) -> None:
    """det.txt, otherwise the only file; the user must choose between several."""
    det = walk / 'det'
    (det / 'b.txt').touch()
    assert find_detections(walk).name == 'det.txt'
    (det / 'det.txt').rename(det / 'a.txt')
    with pytest.raises(InputError, match=r'a\.txt, b\.txt'):
        find_detections(walk)
    (det / 'b.txt').unlink()
    assert find_detections(walk).name == 'a.txt'
    (det / 'a.txt').unlink()
    with pytest.raises(InputError, match=r'no det\.txt or other file'):
        find_detections(walk)
