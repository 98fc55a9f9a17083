"""`strongsort replay`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.reader import open_bag
from strongsort_ros.bags.tracks import read_recorded_tracks, read_tracks
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.tracking.tracks import CONFIRMED, TENTATIVE
from test.cli.command import Capture, run
from test.replay.bags import Message, frame_of, rewrite, twice


@pytest.fixture(scope='session')
def bag(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated sequence as a bag of the same name."""
    folder = tmp_path_factory.mktemp('bag') / 'plaza'
    assert run('bag', drawn, '--compressed', '-o', folder) == 0
    return folder


def test_one_bag(bag: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run('replay', bag, '-o', tmp_path / 'out') == 0
    said = capsys.readouterr()
    assert 'boxes in 12 frames, ' in said.out
    assert said.out.splitlines()[-1].endswith(f'frames/s: {tmp_path / "out"}')
    assert 'detections' not in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out', 'out.txt']
    assert run('replay', bag, '-o', tmp_path / 'out') == 2
    assert 'exists already' in capsys.readouterr().err


def test_refined_scored_and_reported(
    bag: Path, drawn: Path, tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip('trackeval')
    files = ('--json', tmp_path / 'scores.json', '--html', tmp_path / 'report.html')
    options = ('--ground-truth', drawn, '--aflink', '--gsi', *files, '--carry')
    assert run('replay', bag, *options, '-o', tmp_path / 'out') == 0
    said = capsys.readouterr().out
    assert 'refined: ' in said
    assert 'before' in said
    assert 'after' in said
    made = {path.name for path in tmp_path.iterdir()}
    bags = {'out', 'out_refined'}
    assert made == bags | {f'{name}.txt' for name in bags} | {'scores.json', 'report.html'}
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert scores['combined']['hota'] > 50
    assert scores['refined']['combined']['hota'] > 50
    page = (tmp_path / 'report.html').read_text()
    assert 'HOTA' in page
    assert 'Preset robust, appearance: colour histograms, camera motion: ' in page
    refined = load_tracks(tmp_path / 'out_refined.txt')
    np.testing.assert_array_equal(refined.ids, read_tracks(tmp_path / 'out_refined', '/tracks').ids)


def test_smoothed_as_track_does(bag: Path, drawn: Path, tmp_path: Path) -> None:
    """Both commands give the same boxes; tentative ones only with --smooth are in the bag."""
    options = '--preset', 'strongsort', '--smooth', 'rts'
    assert run('replay', bag, *options, '-o', tmp_path / 'out') == 0
    one = tmp_path / 'one.txt'
    det = drawn / 'det' / 'det.txt'
    assert run('track', det, '--images', drawn, *options, '-o', one) == 0
    expected, smoothed = load_tracks(one), load_tracks(tmp_path / 'out_refined.txt')
    np.testing.assert_array_equal(smoothed.frames, expected.frames)
    np.testing.assert_array_equal(smoothed.ids, expected.ids)
    np.testing.assert_allclose(smoothed.tlwh, expected.tlwh, atol=0.011)
    with open_bag(tmp_path / 'out') as tracks:
        recorded = read_recorded_tracks(tracks, '/tracks', tentative=True).rows
    assert recorded.states is not None
    assert set(recorded.states.tolist()) >= {TENTATIVE, CONFIRMED}
    np.testing.assert_array_equal(
        read_tracks(tmp_path / 'out', '/tracks').frames, load_tracks(tmp_path / 'out.txt').frames
    )
    with open_bag(tmp_path / 'out_refined') as tracks:
        refined = read_recorded_tracks(tracks, '/tracks', tentative=True).rows
    assert TENTATIVE not in refined.states.tolist()
    np.testing.assert_array_equal(refined.frames, expected.frames)


def test_csv_with_classes_and_scores(bag: Path, tmp_path: Path) -> None:
    """The .csv has the rows of the .txt, and scores and classes besides."""
    assert run('replay', bag, '--csv', '--gsi', '-o', tmp_path / 'out') == 0
    for name in ('out', 'out_refined'):
        text, table = (load_tracks(tmp_path / f'{name}{end}') for end in ('.txt', '.csv'))
        np.testing.assert_array_equal(table.frames, text.frames)
        np.testing.assert_array_equal(table.ids, text.ids)
        np.testing.assert_array_equal(table.tlwh, text.tlwh)
        assert set(table.class_ids.tolist()) == {'person'}
        assert len(set(table.scores.tolist())) > 3
    (tmp_path / 'in.csv').touch()
    assert run('replay', bag, '--csv', '-o', tmp_path / 'in') == 2
    assert not (tmp_path / 'in').exists()


def test_scores_are_those_of_evaluate(bag: Path, drawn: Path, tmp_path: Path) -> None:
    pytest.importorskip('trackeval')
    truth, one, two = ('--ground-truth', drawn), tmp_path / 'one.json', tmp_path / 'two.json'
    assert run('replay', bag, *truth, '--json', one, '-o', tmp_path / 'out') == 0
    assert run('evaluate', *truth, '--results', tmp_path / 'out.txt', '--json', two) == 0
    assert json.loads(one.read_text())['combined'] == json.loads(two.read_text())['combined']


def test_presets_settings_and_parameter_files_are_those_of_track(
    bag: Path, drawn: Path, tmp_path: Path
) -> None:
    robot = tmp_path / 'robot.yaml'
    robot.write_text('/**:\n  ros__parameters:\n    n_init: 2\n    camera_motion: none\n')
    images, det = ('--images', drawn), drawn / 'det' / 'det.txt'
    for number, (ours, theirs) in enumerate(
        (
            (('--preset', 'strongsort'), ('--preset', 'strongsort')),
            (('--preset', 'deepsort', '--nsa'), ('--preset', 'deepsort', '--nsa')),
            (('--no-ecc', '--max-age', '3'), ('--no-ecc', '--max-age', '3')),
            (('--params-file', robot, '--reid', 'none'), ('--n-init', '2', '--no-ecc')),
        )
    ):
        one, two = tmp_path / f'one_{number}', tmp_path / f'two_{number}.txt'
        shown = images if number < 3 else ()
        assert run('replay', bag, *ours, '-o', one) == 0
        assert run('track', det, *shown, *theirs, '-o', two) == 0
        assert Path(f'{one}.txt').read_text() == two.read_text()


def test_a_bag_of_looped_playback_is_tracked_but_not_refined(
    bag: Path, tmp_path: Path, capsys: Capture
) -> None:
    looped = twice(bag, tmp_path / 'looped')
    assert run('replay', looped, '--gsi', '-o', tmp_path / 'out') == 2
    assert 'stamps jump back once' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['looped']
    assert run('replay', looped, '-o', tmp_path / 'out') == 0
    said = capsys.readouterr()
    assert 'in 24 frames' in said.out
    assert 'stamps jumped back once' in said.err


def test_lost_messages_are_reported_in_one_line(bag: Path, tmp_path: Path, capsys: Capture) -> None:
    def lose(topic: str, time: int, data: bytes) -> list[Message]:
        frame = frame_of(time)
        if topic == '/detections':
            return [] if frame == 3 else [(topic, time, data)]
        return [] if frame in (7, 8) else [(topic, time, data)]

    lossy = rewrite(bag, tmp_path / 'lossy', lose)
    assert run('replay', lossy, '--reid', 'none', '-o', tmp_path / 'out') == 0
    expected = '2 detection arrays without an image (tracked by motion), 1 image without detections'
    lines = capsys.readouterr().err.splitlines()
    assert [set(line.split(', ')) for line in lines] == [set(expected.split(', '))]


def test_several_bags_one_of_them_unreadable(
    bag: Path, drawn: Path, tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip('trackeval')
    bad = tmp_path / 'bad'
    bad.mkdir()
    (bad / 'metadata.yaml').write_text('nonsense')
    out, truth = tmp_path / 'out', ('--ground-truth', drawn)
    options = ('--backend', 'threading', '--gsi', *truth, '--json', tmp_path / 'scores.json')
    assert run('replay', bag, bad, *options, '-o', out) == 1
    said = capsys.readouterr()
    assert '1 done, 0 skipped, 1 failed' in said.out
    assert str(bad) in said.err
    names = ['plaza', 'plaza.txt', 'plaza_refined', 'plaza_refined.txt']
    assert sorted(path.name for path in out.iterdir()) == names
    before = (out / 'plaza.txt').stat().st_mtime_ns
    assert run('replay', bag, bad, *options, '-o', out) == 1
    assert '0 done, 1 skipped, 1 failed' in capsys.readouterr().out
    assert (out / 'plaza.txt').stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ('options', 'what'),
    [
        (('--json', 'scores.json'), '--json: needs --ground-truth'),
        (('--preset', 'deepsort', '--params-file', 'x.yaml'), 'omit --preset'),
        (('--params-file', 'x.yaml'), 'x.yaml: cannot read it'),
        (('--frame-rate', '-3'), "--frame-rate: '-3' is not a frame rate"),
        (('--image-topic', '/other'), 'no topic /other of images'),
        (('--detections-topic', '/other'), 'no topic /other of detections'),
        (('--ground-truth', 'nothing'), 'no ground truth'),
        (('--reid', 'missing.pth'), 'missing.pth'),
        (('--gsi-tau', '3'), '--gsi-tau: needs --gsi'),
    ],
)
def test_bad_options_are_one_line_and_nothing_is_written(
    bag: Path, tmp_path: Path, capsys: Capture, options: tuple[str, ...], what: str
) -> None:
    pytest.importorskip('trackeval')
    assert run('replay', bag, *options, '-o', tmp_path / 'out') == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert what in line
    assert not list(tmp_path.iterdir())


def test_ground_truth_of_other_frames(bag: Path, tmp_path: Path, capsys: Capture) -> None:
    """The tracks are written, and the error names both ranges of frames."""
    pytest.importorskip('trackeval')
    truth = tmp_path / 'gt.txt'
    truth.write_text('500,1,10,10,20,40,1,1,1\n')
    assert run('replay', bag, '--ground-truth', truth, '-o', tmp_path / 'out') == 2
    assert 'has frames 500 to 500, the bag 1 to 12' in capsys.readouterr().err
    assert (tmp_path / 'out').is_dir()


def test_frames_counted_from_0(drawn: Path, tmp_path: Path, capsys: Capture) -> None:
    """A sequence that starts at frame 0 keeps its frame numbers."""
    (tmp_path / 'img1').mkdir()
    for path in (drawn / 'img1').iterdir():
        copy = tmp_path / 'img1' / f'{int(path.stem) - 1:06}.jpg'
        copy.write_bytes(path.read_bytes())
    rows = np.loadtxt(drawn / 'det' / 'det.txt', delimiter=',')
    rows[:, 0] -= 1
    np.savetxt(tmp_path / 'det.txt', rows, fmt='%.6g', delimiter=',')
    rate = ('--frame-rate', 30)
    detections = ('--detections', tmp_path / 'det.txt')
    assert run('bag', tmp_path, *detections, *rate, '--compressed', '-o', tmp_path / 'bag') == 0
    assert run('replay', tmp_path / 'bag', '-o', tmp_path / 'out') == 0
    assert 'stamp' not in capsys.readouterr().err
    images = ('--images', tmp_path)
    assert run('track', tmp_path / 'det.txt', *images, '-o', tmp_path / 'track.txt') == 0
    assert (tmp_path / 'out.txt').read_bytes() == (tmp_path / 'track.txt').read_bytes()
