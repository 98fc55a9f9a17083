"""`strongsort refine`, and the same steps after `strongsort track`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.bags.tracks import read_tracks
from strongsort_ros.cli.main import build_parser
from strongsort_ros.cli.options import chosen_values
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.refinement.settings import GsiSettings
from test.bags.track_bags import track_array, walk, write_messages
from test.cli.command import Capture, run

TRACKS = ''.join(f'{f},4,{10 * f},20,30,40,1,-1,-1,-1\n' for f in (1, 2, 5, 6, 40))


def test_refine(tmp_path: Path, capsys: Capture) -> None:
    source, out = tmp_path / 'tracks.txt', tmp_path / 'refined.txt'
    source.write_text(TRACKS)
    assert run('refine', source, '--gsi', '-o', out) == 0
    assert capsys.readouterr().out == f'1 track, 7 boxes; 2 boxes interpolated: {out}\n'
    refined = load_tracks(out)
    assert refined.frames.tolist() == [1, 2, 3, 4, 5, 6, 40]
    np.testing.assert_allclose(refined.tlwh[2], [30, 20, 30, 40], atol=1)
    assert source.read_text() == TRACKS


def test_settings_are_used(tmp_path: Path) -> None:
    source, out = tmp_path / 'tracks.txt', tmp_path / 'refined.txt'
    source.write_text(TRACKS)
    assert run('refine', source, '--gsi', '--gsi-interval', 35, '-o', out) == 0
    assert len(load_tracks(out)) == 40


def test_every_setting_has_an_option() -> None:
    default = GsiSettings()
    options = []
    for name in GsiSettings.specs():
        options += [f'--gsi-{name.replace("_", "-")}', repr(getattr(default, name))]
    args = build_parser().parse_args(['refine', 'a.txt', '-o', 'b.txt', '--gsi', *options])
    chosen = chosen_values(args, 'gsi_')
    assert set(chosen) == set(GsiSettings.specs())
    assert default.replace(**chosen) == default


def test_no_tracks(tmp_path: Path) -> None:
    (tmp_path / 'tracks.txt').touch()
    assert run('refine', tmp_path / 'tracks.txt', '--gsi', '-o', tmp_path / 'out.txt') == 0
    assert (tmp_path / 'out.txt').read_text() == ''


def test_track_then_gsi(drawn: Path, tmp_path: Path) -> None:
    """One command gives the tracks of two, up to the digits written in between."""
    det, plain, two, one = drawn / 'det' / 'det.txt', *(tmp_path / n for n in 'abc')
    assert run('track', det, '-o', plain) == 0
    assert run('refine', plain, '--gsi', '-o', two) == 0
    assert run('track', det, '--gsi', '-o', one) == 0
    a, b = load_tracks(one), load_tracks(two)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_array_equal(a.frames, b.frames)
    assert not np.array_equal(load_tracks(plain).tlwh, b.tlwh)
    np.testing.assert_allclose(a.tlwh, b.tlwh, atol=0.05)


@pytest.mark.parametrize('suffix', ['txt', 'csv'])
def test_track_then_smooth(drawn: Path, tmp_path: Path, suffix: str, capsys: Capture) -> None:
    """One command gives the file of two, box for box, with all scores and classes."""
    det, plain, two, one = drawn / 'det' / 'det.txt', *(tmp_path / f'{n}.{suffix}' for n in 'abc')
    options = '--n-init', 3
    assert run('track', det, *options, '-o', plain) == 0
    assert run('refine', plain, '--smooth', 'rts', '-o', two) == 0
    assert run('track', det, *options, '--smooth', 'rts', '-o', one) == 0
    assert 'measured' not in capsys.readouterr().err
    assert one.read_bytes() == two.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        plain.name, f'{plain.name}.states', two.name, one.name,
    }  # fmt: skip
    # The boxes before the confirmation are back, and those of the text have not changed.
    before, after = load_tracks(plain), load_tracks(one)
    assert before.frames.min() == after.frames.min() + 2
    # Other steps use the text alone, as ever.
    assert run('refine', plain, '--gsi', '-o', two) == 0
    plain.with_name(f'{plain.name}.states').unlink()
    assert run('refine', plain, '--gsi', '-o', one) == 0
    assert one.read_bytes() == two.read_bytes()


def test_predicted_boxes_are_not_smoothed(tmp_path: Path) -> None:
    """A track is lost for a frame while its detection jumps aside: that box is predicted."""
    det, plain, out = tmp_path / 'det.txt', tmp_path / 'a.txt', tmp_path / 'b.txt'
    det.write_text(
        ''.join(
            f'{frame},-1,{10 * frame + 500 * (frame == 12)},20,30,60,0.9\n'
            for frame in range(1, 25)
        )
    )
    assert run('track', det, '-o', plain) == 0
    states = plain.with_name('a.txt.states').read_text().splitlines()
    assert [line.rsplit(',', 1)[1] for line in states[1:4]] == [
        'tentative',
        'tentative',
        'confirmed',
    ]
    assert states[12].endswith(',lost')
    assert run('refine', plain, '--smooth', 'rts', '-o', out) == 0
    expected = tmp_path / 'c.csv'
    expected.write_text(''.join(f'{line}\n' for line in states if 'lost' not in line))
    assert run('refine', expected, '--smooth', 'rts', '--format', 'txt', '-o', tmp_path / 'd') == 0
    assert out.read_text() == (tmp_path / 'd').read_text()
    assert load_tracks(out).frames.tolist() == list(range(1, 25))


def test_tracks_without_states_are_smoothed_with_a_warning(tmp_path: Path, capsys: Capture) -> None:
    source, out = tmp_path / 'tracks.txt', tmp_path / 'refined.txt'
    source.write_text(TRACKS)
    assert run('refine', source, '--smooth', 'rts', '-o', out) == 0
    said = capsys.readouterr()
    assert said.out == f'1 track, 7 boxes; 2 boxes interpolated: {out}\n'
    assert 'tracks.txt.states is missing: all boxes are taken as measured' in said.err
    assert run('refine', source, '--smooth', 'rts', '--gsi', '-o', out) == 2
    assert 'gsi and smooth: both fill gaps' in capsys.readouterr().err
    assert run('refine', source, '--gsi', '--rts-max-gap', 3, '-o', out) == 2
    assert '--rts-max-gap: needs --smooth rts' in capsys.readouterr().err


def test_aflink_as_published(data_dir: Path, tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip('torch')
    golden, out = data_dir / 'golden', tmp_path / 'linked.txt'
    checkpoint = data_dir / 'aflink' / 'aflink_official_recipe.pth'
    source = golden / 'strongsort' / 'MOT17-02-FRCNN.txt'
    assert run('refine', source, '--aflink', checkpoint, '-o', out) == 0
    assert capsys.readouterr().out.endswith(f'; 2 links: {out}\n')
    linked = load_tracks(out)
    expected = load_tracks(golden / 'strongsort_aflink' / source.name)
    order = np.lexsort((expected.ids, expected.frames))
    np.testing.assert_array_equal(linked.frames, expected.frames[order])
    np.testing.assert_array_equal(linked.ids, expected.ids[order])
    np.testing.assert_array_equal(linked.tlwh, expected.tlwh[order])


def test_a_built_in_checkpoint_links_before_gaps_are_filled(
    tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip('torch')
    source, out = tmp_path / 'tracks.txt', tmp_path / 'refined.txt'
    rows = [(f, 1 if f < 60 else 2) for f in range(1, 120) if not 60 <= f < 65]
    source.write_text(''.join(f'{f},{i},{2 * f},50,40,80,1,-1,-1,-1\n' for f, i in rows))
    assert run('refine', source, '--aflink', 'published', '--gsi', '-o', out) == 0
    assert '; 1 link, 5 boxes interpolated: ' in capsys.readouterr().out
    assert load_tracks(out).ids.tolist() == [1] * 119


@pytest.mark.parametrize('gaps', [['200'], ['50', '--aflink-max-gap', '40']])
def test_a_window_without_a_gap_is_refused(
    gaps: list[str], tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / 'tracks.txt').write_text(TRACKS)
    options = '--aflink', '--aflink-min-gap', *gaps
    assert run('refine', tmp_path / 'tracks.txt', *options, '-o', tmp_path / 'out.txt') == 2
    assert f'min_gap: {gaps[0]} is not below max_gap: ' in capsys.readouterr().err
    assert not (tmp_path / 'out.txt').exists()


def test_settings_of_a_step_that_is_not_chosen_are_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / 'tracks.txt').write_text(TRACKS)
    options = '--gsi', '--aflink-max-cost', '0.1'
    assert run('refine', tmp_path / 'tracks.txt', *options, '-o', tmp_path / 'out.txt') == 2
    assert '--aflink-max-cost: ' in capsys.readouterr().err


@pytest.fixture
def bags(tmp_path: Path) -> list[Path]:
    """Two bags with a track that has a gap of 3 frames, and a truncated bag."""
    made = []
    for name in ('monday', 'tuesday', 'broken'):
        messages = walk([1, 2, 3, 7, 8, 9], 4) | {f: track_array(f, []) for f in (4, 5, 6)}
        made.append(write_messages(tmp_path / 'in' / name, dict(sorted(messages.items()))))
    data = made[2] / 'broken.mcap'
    data.write_bytes(data.read_bytes()[:700])
    return made


def test_a_bag(bags: list[Path], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / 'refined'
    assert run('refine', bags[0], '--gsi', '--topic', '/tracks', '-o', out) == 0
    assert capsys.readouterr().out == f'1 track, 9 boxes; 3 boxes interpolated: {out}\n'
    assert read_tracks(out).frames.tolist() == list(range(1, 10))
    assert load_tracks(tmp_path / 'refined.txt').frames.tolist() == list(range(1, 10))
    assert run('refine', bags[0], '--gsi', '-o', out) == 2
    assert f'{out}: exists already' in capsys.readouterr().err
    assert run('refine', bags[0], '--gsi', '--frame-rate', '5', '-o', tmp_path / 'slow') == 0
    assert run('refine', bags[0], '--gsi', '--frame-rate', 'fast', '-o', tmp_path / 'x') == 2
    assert run('refine', bags[0], '--gsi', '--topic', '/other', '-o', tmp_path / 'x') == 2
    assert 'no topic /other; topics: /tracks' in capsys.readouterr().err


def test_several_bags(bags: list[Path], tmp_path: Path, capsys: Capture) -> None:
    """A truncated bag is reported and stops nothing; a second run skips finished outputs."""
    out = tmp_path / 'refined'
    text = tmp_path / 'tracks.txt'
    text.write_text(TRACKS)
    assert run('refine', *bags, text, '--gsi', '--jobs', 2, '-o', out) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f'1 track, 9 boxes; 3 boxes interpolated: {out / "monday"}',
        f'1 track, 9 boxes; 3 boxes interpolated: {out / "tuesday"}',
        f'1 track, 7 boxes; 2 boxes interpolated: {out / "tracks.txt"}',
        '3 done, 0 skipped, 1 failed',
    ]  # fmt: skip
    assert f'{bags[2]}: not a readable bag' in said.err
    assert sorted(path.name for path in out.iterdir()) == [
        'monday', 'monday.txt', 'tracks.txt', 'tuesday', 'tuesday.txt',
    ]  # fmt: skip
    assert run('refine', *bags[:2], '--gsi', '--aflink', '--jobs', 1, '-o', out) == 0
    assert capsys.readouterr().out.splitlines()[-1] == '0 done, 2 skipped, 0 failed'
