"""Tune settings of the tracker on recordings with ground truth, with held-out scores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import joblib

from strongsort_ros.errors import InputError, did_you_mean
from strongsort_ros.evaluation.score_table import Table, format_difference, format_score
from strongsort_ros.evaluation.scores import score
from strongsort_ros.experiments.recordings import Recording, scored, track
from strongsort_ros.packages import require
from strongsort_ros.tracking.settings import TrackerSettings

ALL: Final = 'all'
"""Name of the study over all recordings, whose best settings are the result."""


class Range(NamedTuple):
    """Values to try for a setting."""

    low: float
    high: float
    log: bool = False


SPACE: Final[dict[str, Range]] = {
    'min_confidence': Range(0.3, 0.8),
    'low_confidence': Range(0.05, 0.4),
    'low_iou_distance': Range(0.2, 0.8),
    'max_cosine_distance': Range(0.1, 0.7),
    'max_iou_distance': Range(0.5, 0.95),
    'max_lost_time': Range(0.5, 10.0, log=True),
    'iou_weight': Range(0.0, 0.4),
    'coast_time': Range(0.0, 1.0),
    'n_init': Range(1, 6),
    'early_confirmation': Range(0.0, 1.0),
    'instant_confirmation': Range(0.0, 1.0),
    'nms_max_overlap': Range(0.5, 1.0),
}
"""Settings that can be tuned, with the range that is searched."""

OBJECTIVES: Final = ('hota', 'idf1', 'mota')


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """What to search, and how long.

    Attributes
    ----------
    parameters
        Names of `SPACE`.
    objective
        One of `OBJECTIVES`: the score of all recordings together.
    trials
        Trials of each study.
    seed
        Seed of the search.
    journal
        File to which trials are written; those that it holds count, so that a search resumes.

    """

    parameters: Sequence[str]
    objective: str
    trials: int
    seed: int
    journal: Path


class HeldOut(NamedTuple):
    """Scores of a recording with the defaults, and tuned on the other recordings."""

    name: str
    before: float
    after: float


class Tuned(NamedTuple):
    """Best settings over all recordings, and what tuning gains on recordings left out."""

    values: dict[str, float]
    before: float
    after: float
    held_out: list[HeldOut]


def check_parameters(names: Sequence[str]) -> None:
    """Check that settings can be tuned.

    Raises
    ------
    InputError
        A name is unknown.

    """
    for name in names:
        if name not in SPACE:
            raise InputError(f'--parameters: {name!r} is not one of {", ".join(SPACE)}'
                             f'{did_you_mean(name, list(SPACE))}')  # fmt: skip


def studies(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return name -> recordings to tune on: all, and, of several, all but each."""
    found = {ALL: list(recordings)}
    if len(recordings) > 1:
        for left_out in recordings:
            found[left_out.name] = [one for one in recordings if one is not left_out]
    return found


def tune(
    recordings: Sequence[Recording],
    base: TrackerSettings,
    settings: TuningSettings,
    jobs: int,
    report: Callable[[str, int], None] = lambda _study, _done: None,
) -> Tuned:
    """Search the settings that score best.

    Each study proposes settings by a tree-structured Parzen estimator (TPE; Bergstra et al.,
    NeurIPS 2011); its first trial has the defaults. With several recordings there is one more study
    for each, which does not see it: its best settings, scored on the one left out, say what tuning
    gains on recordings that it has not seen.

    Parameters
    ----------
    recordings
        At least one, with different names.
    base
        Settings that are not tuned, and the defaults of those that are.
    settings
        What to search.
    jobs
        Processes, each with one trial at a time.
    report
        Called with the study's name and its number of finished trials.

    Raises
    ------
    MissingPackageError
        Optuna is not installed.

    """
    require('tuning', 'optuna')
    with joblib.Parallel(n_jobs=jobs) as parallel:
        best = {
            name: _search(name, chosen, base, settings, parallel, report)
            for name, chosen in studies(recordings).items()
        }
    defaults = _defaults(base, settings.parameters)
    held_out = []
    for one in recordings if len(recordings) > 1 else ():
        pair = [
            objective([one], base, values, settings.objective)
            for values in (defaults, best[one.name])
        ]
        held_out.append(HeldOut(one.name, *pair))
    before = objective(recordings, base, defaults, settings.objective)
    after = objective(recordings, base, best[ALL], settings.objective)
    return Tuned(best[ALL], before, after, held_out)


def objective(
    recordings: Sequence[Recording], base: TrackerSettings, values: dict[str, float], name: str
) -> float:
    """Return the score of all recordings together with some settings changed."""
    changed = base.replace(**_typed(base, values))
    runs = [scored(one, track(one, changed)[0]) for one in recordings]
    found: float = getattr(score(runs).combined, name)
    return found


def _search(
    name: str,
    recordings: Sequence[Recording],
    base: TrackerSettings,
    settings: TuningSettings,
    parallel: joblib.Parallel,
    report: Callable[[str, int], None],
) -> dict[str, float]:
    """Run the missing trials of a study, and return its best values."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.ERROR)
    backend = JournalFileBackend(str(settings.journal))
    storage = optuna.storages.JournalStorage(backend)
    sampler = optuna.samplers.TPESampler(seed=settings.seed, constant_liar=True)
    # Other parameters or another objective are another study.
    full = f'{name}: {settings.objective} of {", ".join(settings.parameters)}'
    study = optuna.create_study(
        storage=storage, sampler=sampler, study_name=full, direction='maximize',
        load_if_exists=True,
    )  # fmt: skip
    if not study.trials:
        study.enqueue_trial(_defaults(base, settings.parameters))
    complete = optuna.trial.TrialState.COMPLETE
    done = len(study.get_trials(deepcopy=False, states=(complete,)))
    report(name, done)
    while done < settings.trials:
        batch = [study.ask() for _ in range(min(parallel.n_jobs, settings.trials - done))]
        proposals = [_proposal(trial, base, settings.parameters) for trial in batch]
        values = parallel(
            joblib.delayed(objective)(recordings, base, proposal, settings.objective)
            for proposal in proposals
        )
        for trial, value in zip(batch, values, strict=True):
            study.tell(trial, value)
        done += len(batch)
        report(name, done)
    return {key: float(value) for key, value in study.best_params.items()}


def _proposal(trial: Any, base: TrackerSettings, names: Sequence[str]) -> dict[str, float]:
    proposed = {}
    for name in names:
        low, high, log = SPACE[name]
        if isinstance(getattr(base, name), int):
            proposed[name] = trial.suggest_int(name, int(low), int(high))
        else:
            proposed[name] = trial.suggest_float(name, low, high, log=log)
    return proposed


def _defaults(base: TrackerSettings, names: Sequence[str]) -> dict[str, float]:
    """Return the settings to start from, moved into the ranges that are searched."""
    return {
        name: min(max(getattr(base, name), SPACE[name].low), SPACE[name].high) for name in names
    }


def _typed(base: TrackerSettings, values: dict[str, float]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(getattr(base, name), int) else value
        for name, value in values.items()
    }


def values_table(tuned: Tuned, base: TrackerSettings) -> Table:
    """Return the tuned settings beside the defaults."""
    rows = [
        [name, f'{getattr(base, name):g}', f'{value:g}'] for name, value in tuned.values.items()
    ]
    return Table('Settings', ['parameter', 'default', 'tuned'], rows)


def scores_table(tuned: Tuned, name: str) -> Table:
    """Return the scores with the defaults and tuned: on all recordings, and held out."""
    pairs = [('tuned on itself: all', tuned.before, tuned.after)]
    pairs += [(f'held out: {one.name}', one.before, one.after) for one in tuned.held_out]
    rows = [
        [label, format_score(old), format_score(new), format_difference(old, new)]
        for label, old, new in pairs
    ]
    return Table('Scores', [name.upper(), 'default', 'tuned', 'difference'], rows)


def parameter_file(tuned: Tuned, base: TrackerSettings, preset: str) -> str:
    """Return a parameter file of the node, for `params_file` and `replay --params-file`."""
    lines = ['/**:', '  ros__parameters:', f'    preset: {preset}']
    for name, value in _typed(base, tuned.values).items():
        lines.append(f'    {name}: {value!r}')
    return '\n'.join(lines) + '\n'
