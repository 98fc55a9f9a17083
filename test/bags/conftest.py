"""A small sequence on disk, for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

SEQINFO = """[Sequence]
name=walk
imDir=img1
frameRate=10
seqLength=6
imWidth=64
imHeight=48
imExt=.jpg
"""


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Folder of a sequence of 6 frames: images 2 to 5, two detections in 2, 3, 5 and 6."""
    folder = tmp_path / 'walk'
    (folder / 'img1').mkdir(parents=True)
    (folder / 'det').mkdir()
    (folder / 'seqinfo.ini').write_text(SEQINFO)
    for frame in range(2, 6):
        image = np.full((48, 64, 3), 20 * frame, dtype=np.uint8)
        image[10:40, 10 + frame : 22 + frame] = (0, 0, 255)
        assert cv2.imwrite(str(folder / 'img1' / f'{frame:06d}.jpg'), image)
    boxes = ((10, 10, 12, 30, 0.9), (40, 12, 10, 25, 0.8))
    lines = [
        f'{frame},-1,{x + frame},{y},{w},{h},{score},-1,-1,-1'
        for frame in (2, 3, 5, 6)
        for x, y, w, h, score in boxes
    ]
    (folder / 'det' / 'det.txt').write_text('\n'.join(lines) + '\n')
    return folder
