"""The search starts from the defaults, resumes, and scores on recordings that it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.experiments.recordings import Recording
from strongsort_ros.experiments.tuning import (
    SPACE,
    TuningSettings,
    check_parameters,
    objective,
    parameter_file,
    studies,
    tune,
)
from strongsort_ros.packages import require
from strongsort_ros.tracking.settings import TrackerSettings

BASE = TrackerSettings.robust()


def settings(tmp_path: Path, trials: int) -> TuningSettings:
    return TuningSettings(('min_confidence', 'n_init'), 'hota', trials, 0, tmp_path / 'journal')


def test_ranges_hold_the_defaults_and_valid_settings() -> None:
    for name, (low, high, _) in SPACE.items():
        kind = type(getattr(BASE, name))
        for value in (low, high):
            assert getattr(BASE.replace(**{name: kind(value)}), name) == kind(value)
        assert low <= getattr(BASE, name) <= high, name


def test_no_study_sees_the_recording_that_it_leaves_out(crowds: list[Recording]) -> None:
    found = studies(crowds)
    assert [one.name for one in found['all']] == ['crowd 1', 'crowd 2']
    assert [one.name for one in found['crowd 1']] == ['crowd 2']
    assert [one.name for one in found['crowd 2']] == ['crowd 1']


def test_tuning_is_never_worse_than_the_defaults_on_what_it_saw(
    crowds: list[Recording], tmp_path: Path
) -> None:
    require('scoring', 'trackeval')
    require('tuning', 'optuna')
    bad = BASE.replace(min_confidence=0.8)
    tuned = tune(crowds, bad, settings(tmp_path, 6), jobs=1)
    assert tuned.after > tuned.before + 1
    assert tuned.before == objective(crowds, bad, {}, 'hota')
    assert tuned.after == objective(crowds, bad, tuned.values, 'hota')
    assert [one.name for one in tuned.held_out] == ['crowd 1', 'crowd 2']
    text = parameter_file(tuned, bad, 'robust')
    assert f'    n_init: {int(tuned.values["n_init"])}\n' in text


def test_a_search_goes_on_where_it_stopped(crowds: list[Recording], tmp_path: Path) -> None:
    require('scoring', 'trackeval')
    require('tuning', 'optuna')
    reports: list[tuple[str, int]] = []
    one = crowds[:1]
    tune(one, BASE, settings(tmp_path, 2), 1, lambda name, done: reports.append((name, done)))
    tune(one, BASE, settings(tmp_path, 3), 1, lambda name, done: reports.append((name, done)))
    assert reports == [('all', 0), ('all', 1), ('all', 2), ('all', 2), ('all', 3)]


def test_unknown_parameters_are_named() -> None:
    with pytest.raises(InputError, match=r"'n_int' is not one of .*; did you mean n_init\?"):
        check_parameters(['n_int'])
