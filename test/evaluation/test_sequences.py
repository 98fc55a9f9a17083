"""Loading of tracks with their ground truth and images, and errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.evaluation.scores import score
from strongsort_ros.evaluation.sequences import (
    folder_images,
    load_sequences,
    missing_results,
    unscored,
)

SEQINFO = '[Sequence]\nname={}\nframeRate=10\nseqLength=6\n'
ROWS = ''.join(f'{frame},1,{frame},2,30,40,1,-1,-1,-1\n' for frame in range(1, 7))


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Folder of two sequences, a and b."""
    for name in 'ab':
        (tmp_path / 'truth' / name / 'gt').mkdir(parents=True)
        (tmp_path / 'truth' / name / 'gt' / 'gt.txt').write_text(ROWS)
        (tmp_path / 'truth' / name / 'seqinfo.ini').write_text(SEQINFO.format(name))
    return tmp_path / 'truth'


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Folder of results, b only."""
    (tmp_path / 'results').mkdir()
    (tmp_path / 'results' / 'b.txt').write_text(ROWS)
    return tmp_path / 'results'


def test_folders_and_files_are_accepted(truth: Path, results: Path) -> None:
    """Folder of sequences, sequence folder or gt.txt; folder or file of results."""
    for gt in (truth, truth / 'b', truth / 'b' / 'gt' / 'gt.txt'):
        for found in (results, results / 'b.txt'):
            (pair,) = load_sequences(gt, found)
            assert (pair.name, pair.frames) == ('b', range(1, 7))
            (pair,) = load_sequences(gt, found, second_half=True)
            assert pair.frames == range(5, 7)


@pytest.mark.parametrize(
    ('names', 'form', 'info'),
    [
        (('MOT17-02-FRCNN', 'MOT17-04-FRCNN'), '{}/gt/gt.txt', True),
        (('MOT20-01', 'MOT20-02'), '{}/gt/gt.txt', True),
        (('dancetrack0004', 'dancetrack0005'), '{}/gt/gt.txt', False),
        (('0000', '0001'), '{}.txt', False),  # KITTI's names of sequences, MOTChallenge's columns
    ],
)
def test_benchmark_folders(tmp_path: Path, names: tuple[str, ...], form: str, info: bool) -> None:
    """Every sequence with both files is scored; the others are named, in either direction."""
    pytest.importorskip('trackeval', reason='needs TrackEval')
    truth, results = tmp_path / 'train', tmp_path / 'results'
    results.mkdir()
    for name in (*names, 'no_results'):
        file = truth / form.format(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ROWS)
        if info:
            (truth / name / 'seqinfo.ini').write_text(SEQINFO.format(name))
    for name in (*names, 'pedestrian_summary'):
        (results / f'{name}.txt').write_text(ROWS)
    pairs = load_sequences(truth, results)
    assert [pair.name for pair in pairs] == [*names]
    assert unscored(truth, results) == [
        'not scored, no results: no_results',
        'not scored, no ground truth: pedestrian_summary',
    ]
    scores = score(pairs)
    assert [one.name for one in scores.sequences] == [*names]
    assert (scores.combined.hota, scores.combined.true_boxes) == (100, 12)


def test_ground_truth_without_seqinfo(truth: Path, results: Path) -> None:
    """Without seqinfo.ini the frames are those of the files."""
    alone = truth / 'other.txt'
    alone.write_text(ROWS.replace('1,1,1,', '3,1,1,', 1).split('\n', 1)[0] + '\n')
    (pair,) = load_sequences(alone, results / 'b.txt')
    assert (pair.name, pair.frames) == ('b', range(1, 7))
    with pytest.raises(InputError, match=r'seqinfo\.ini'):
        load_sequences(alone, results / 'b.txt', second_half=True)


def test_errors_name_the_file(truth: Path, results: Path) -> None:
    """Results without ground truth, invalid frames, empty and missing folders."""
    (results.parent / 'c.txt').write_text(ROWS)
    with pytest.raises(InputError, match=r'c\.txt: no ground truth'):
        load_sequences(truth, results.parent / 'c.txt')
    (results / 'b.txt').rename(results / 'B.txt')
    message = r'results: no results have ground truth: files B\.txt; sequences in .*truth: a, b'
    with pytest.raises(InputError, match=message):
        load_sequences(truth, results)
    (results / 'B.txt').unlink()
    for row, frame in (('7,1,1,1,1,1,1\n', 7), ('0,1,1,1,1,1,1\n', 0)):
        (results / 'b.txt').write_text(row)
        with pytest.raises(InputError, match=rf'b\.txt: frame {frame} is not in 1\.\.6'):
            load_sequences(truth, results)
    (results / 'b.txt').unlink()
    with pytest.raises(InputError, match=r'no \.csv or \.txt of tracks'):
        load_sequences(truth, results)
    with pytest.raises(InputError, match='no such file or folder'):
        load_sequences(truth / 'none', results)


def test_refined_tracks_are_of_the_same_sequences(truth: Path, results: Path) -> None:
    """File names may differ where there is one sequence; other sequences are refused."""
    refined = results.parent / 'refined.txt'
    refined.write_text(ROWS)
    alone = truth / 'alone.txt'
    alone.write_text(ROWS)
    for gt in (alone, truth / 'b'):
        before = load_sequences(gt, results / 'b.txt')
        (after,) = load_sequences(gt, refined, before=before)
        assert after.name == before[0].name == 'b'
    before = load_sequences(truth, results)
    assert [s.name for s in load_sequences(truth, results, before=before)] == ['b']
    (results.parent / 'a.txt').write_text(ROWS)
    with pytest.raises(InputError, match=r'a\.txt: not the sequences before refinement: a'):
        load_sequences(truth, results.parent / 'a.txt', before=before)


def test_frames_without_results_are_named(truth: Path, results: Path) -> None:
    """A warning names the frames at either end and the options that exclude them."""
    (pair,) = load_sequences(truth, results)
    assert missing_results(pair) == ''
    lines = ROWS.splitlines(keepends=True)
    (results / 'b.txt').write_text(''.join(lines[3:5]))
    (pair,) = load_sequences(truth, results)
    assert missing_results(pair) == (
        'b: no results in frames 1-3: counted as missed; exclude them by --frames 4-5 or '
        '--second-half'
    )
    (pair,) = load_sequences(truth, results, frames=range(4, 6))
    assert missing_results(pair) == ''
    assert pair.frames == range(4, 6)
    assert len(load_sequences(truth, results, frames=range(4, 6))) == 1
    (results / 'b.txt').write_text('')
    (pair,) = load_sequences(truth, results)
    assert missing_results(pair) == 'b: no results in frames 1-6: counted as missed'
    with pytest.raises(InputError, match='b: has frames 1-6, none of 9-12'):
        load_sequences(truth, results, frames=range(9, 13))


def test_tables_with_a_header_are_results(truth: Path, results: Path) -> None:
    head = 'frame,id,left,top,width,height,score,class\n'
    rows = ''.join(f'{frame},1,{frame},2,30,40,1,person\n' for frame in range(1, 7))
    (results / 'b.txt').rename(results / 'kept')
    (results / 'b.csv').write_text(head + rows)
    for gt in (truth, truth / 'b'):
        assert score(load_sequences(gt, results)).combined.hota == pytest.approx(100)
    (results / 'kept').rename(results / 'b.txt')
    with pytest.raises(InputError, match='in two formats'):
        load_sequences(truth, results)


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
