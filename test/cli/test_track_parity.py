"""The command line gives the published program's tracks, box for box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongsort_ros.cli.main import main
from test.tracking.test_parity import SEQUENCES, SWITCHES, assert_same_tracks


@pytest.mark.parametrize('sequence', SEQUENCES)
@pytest.mark.parametrize('name', SWITCHES)
def test_published_tracks(data_dir: Path, tmp_path: Path, name: str, sequence: str) -> None:
    features = next((data_dir / 'deepsort_features').glob(f'{sequence}_*.npy'))
    options = ['--sequence', sequence]
    motion = str(data_dir / 'mot17' / 'ecc_val.json')
    if name == 'strongsort':
        options += ['--ecc', motion]
    else:
        options += ['--preset', 'deepsort']
        for switch in SWITCHES[name]:
            options += ['--ecc', motion] if switch == 'ecc' else [f'--{switch}']
    output = tmp_path / 'tracks.txt'
    assert main(['track', str(features), *options, '-o', str(output)]) == 0
    golden = np.loadtxt(data_dir / 'golden' / name / f'{sequence}.txt', delimiter=',')
    ours = np.loadtxt(output, delimiter=',')
    np.testing.assert_array_equal(ours[:, 6:], golden[:, 6:])
    # Both are written with two digits.
    assert_same_tracks(ours[:, :6], golden[:, :6], 0.02 + 1e-9)
