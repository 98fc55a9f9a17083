"""The variants are the published steps and the default without each rule."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.evaluation.scores import score
from strongsort_ros.experiments.ablation import (
    RULES,
    ablate,
    default_variants,
    paper_variants,
    run_variant,
    save_csv,
    save_picture,
    table,
)
from strongsort_ros.experiments.recordings import (
    Recording,
    RecordingSource,
    load_recording,
    scored,
    track,
)
from strongsort_ros.files.motchallenge import load_tracks
from strongsort_ros.packages import require
from strongsort_ros.tracking.settings import TrackerSettings


def test_steps_lead_from_deepsort_to_strongsort() -> None:
    variants = paper_variants()
    assert variants[0].settings == TrackerSettings.deepsort()
    assert not variants[0].camera_motion
    named = {variant.name: variant for variant in variants}
    assert named['+ woC'].settings == TrackerSettings.strongsort()
    assert named['+ woC'].camera_motion
    assert [variant.name for variant in variants] == [
        'DeepSORT', '+ BoT', '+ ECC', '+ NSA', '+ EMA', '+ MC', '+ woC', '+ AFLink', '+ GSI',
    ]  # fmt: skip


def test_every_rule_changes_the_default() -> None:
    full = TrackerSettings.robust()
    for name, off in RULES.items():
        assert full.replace(**off) != full, name
    assert len(default_variants()) == len(RULES) + 3


def test_scores_of_a_variant_are_those_of_its_tracks(crowds: list[Recording]) -> None:
    require('scoring', 'trackeval')
    result = run_variant(default_variants()[0], crowds)
    assert [one.name for one in result.scores] == ['crowd 1', 'crowd 2', 'combined']
    assert result.combined.hota > 60
    tracks, _ = track(crowds[0], TrackerSettings.robust())
    assert result.scores[0].boxes == int(tracks.reported.sum())


def test_table_file_and_picture(crowds: list[Recording], tmp_path: Path) -> None:
    require('scoring', 'trackeval')
    chosen = [paper_variants()[0], *default_variants()[:2]]
    done = list(ablate(crowds, chosen, jobs=1))
    assert [result.variant for result in done] == chosen
    lines = table(done).lines()
    assert [line.split()[0] for line in lines[2:4]] == ['paper', 'robust']
    save_csv(tmp_path / 'scores.csv', done)
    with (tmp_path / 'scores.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert float(rows[0]['HOTA']) == pytest.approx(done[0].scores[0].hota, abs=1e-4)
    save_picture(tmp_path / 'scores.svg', done)
    assert (tmp_path / 'scores.svg').read_text().startswith('<?xml')


def test_published_scores_on_real_features(data_dir: Path) -> None:
    """DeepSORT and StrongSORT score as the tracks of the published program do."""
    require('scoring', 'trackeval')
    source = RecordingSource(
        features=data_dir / 'deepsort_features', motion=data_dir / 'mot17' / 'ecc_val.json',
        second_half=True,
    )  # fmt: skip
    recording = load_recording(data_dir / 'mot17' / 'MOT17-09-FRCNN', source)
    golden = data_dir / 'golden'
    for name, switches in (('DeepSORT', 'deepsort'), ('+ woC', 'strongsort')):
        variant = next(one for one in paper_variants() if one.name == name)
        found = run_variant(variant, [recording]).combined
        tracks = load_tracks(golden / switches / 'MOT17-09-FRCNN.txt')
        published = score([scored(recording, tracks)]).combined
        assert (found.hota, found.idf1, found.idsw) == pytest.approx(
            (published.hota, published.idf1, published.idsw), abs=0.005
        )


def test_the_default_uses_the_limit_of_the_embeddings(crowds: list[Recording]) -> None:
    """As `strongsort track` does: 'auto' stands for the value of the network."""
    full = next(one for one in default_variants() if one.name == 'robust').settings
    strict = replace(crowds[0], max_cosine_distance=0.01)
    for recording, same in ((crowds[0], TrackerSettings.robust()), (strict, full)):
        limit = recording.max_cosine_distance or 0.45
        found, _ = track(recording, full)
        expected, _ = track(recording, same.replace(max_cosine_distance=limit))
        np.testing.assert_array_equal(found.tlwh, expected.tlwh)
    assert len(track(strict, full)[0]) != len(track(crowds[0], full)[0])
