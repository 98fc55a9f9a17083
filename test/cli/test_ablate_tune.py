"""`strongsort ablate` and `tune` on a drawn sequence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from strongsort_ros.cli.main import main
from strongsort_ros.packages import require


def test_ablate_prints_and_writes(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require('scoring', 'trackeval')
    table = tmp_path / 'scores.csv'
    assert main(['ablate', str(drawn), '--part', 'paper', '--csv', str(table)]) == 0
    printed = capsys.readouterr().out
    assert '+ woC' in printed
    assert 'robust' not in printed
    assert table.read_text().count('\n') == 1 + 2 * 9


def test_tune_writes_a_parameter_file(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require('scoring', 'trackeval')
    require('tuning', 'optuna')
    out = tmp_path / 'tuned.yaml'
    command = ['tune', str(drawn), '-o', str(out), '--trials', '2', '--parameters', 'n_init']
    assert main(command) == 0
    assert 'n_init:' in out.read_text()
    assert 'tuned on itself' in capsys.readouterr().out
    again = tmp_path / 'node.txt'
    assert main(['track', str(drawn), '-o', str(again)]) == 0


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['ablate', 'nothing'], 'nothing'),
        (['tune', 'nothing', '-o', 'x.yaml', '--parameters', 'n_int'], 'did you mean n_init?'),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    require('scoring', 'trackeval')
    require('tuning', 'optuna')
    assert main(arguments) == 2
    assert complaint in capsys.readouterr().err


def test_empty_ground_truth_is_named(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require('scoring', 'trackeval')
    shutil.copytree(drawn, tmp_path / 'plaza')
    (tmp_path / 'plaza' / 'gt' / 'gt.txt').write_text('')
    assert main(['ablate', str(tmp_path / 'plaza')]) == 2
    assert 'gt.txt' in capsys.readouterr().err
