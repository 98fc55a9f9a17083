"""Images of sequence folders; unreadable ones are None, with a warning."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.evaluation.images import folder_images


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Folder of two sequences, a and b."""
    for name in 'ab':
        (tmp_path / 'truth' / name / 'gt').mkdir(parents=True)
        (tmp_path / 'truth' / name / 'gt' / 'gt.txt').write_text('1,1,1,2,30,40,1,-1,-1,-1\n')
        seqinfo = f'[Sequence]\nname={name}\nframeRate=10\nseqLength=6\n'
        (tmp_path / 'truth' / name / 'seqinfo.ini').write_text(seqinfo)
    return tmp_path / 'truth'


def test_images_beside_the_ground_truth(truth: Path) -> None:
    """Images are read from the sequence folder; a missing image is None."""
    pixels = np.full((8, 12, 3), 99, np.uint8)
    (truth / 'b' / 'img1').mkdir()
    cv2.imwrite(str(truth / 'b' / 'img1' / '000002.png'), pixels)
    for gt in (truth, truth / 'b', truth / 'b' / 'gt' / 'gt.txt'):
        image = folder_images(gt)
        found = image('b', 2)
        assert found is not None
        assert (found == pixels).all()
        assert image('b', 3) is None
    assert folder_images(truth)('a', 2) is None
    assert folder_images(truth)('none', 2) is None


def test_a_warning_names_unreadable_images(truth: Path, caplog: pytest.LogCaptureFixture) -> None:
    (truth / 'a' / 'img1').mkdir()
    (truth / 'a' / 'img1' / '000002.png').write_text('no picture')
    (truth / 'b' / 'img1').mkdir()
    for name in ('000002.png', '2.png'):
        (truth / 'b' / 'img1' / name).touch()
    image = folder_images(truth)
    assert image('a', 2) is None
    assert image('b', 2) is None
    assert [record.args[0] for record in caplog.records] == ['a', 'b']
    assert 'not an image' in caplog.text
    assert 'have the same frame number' in caplog.text
