from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from strongsort_ros.camera_motion.published import PublishedCameraMotion


def test_reproduces_published_matrices(data_dir: Path) -> None:
    published = json.loads((data_dir / 'mot17' / 'ecc_val.json').read_text())['MOT17-09-FRCNN']
    estimator = PublishedCameraMotion()
    images = data_dir / 'mot17' / 'MOT17-09-FRCNN' / 'img1'
    found = {
        n: estimator.estimate(cv2.imread(str(images / f'{n:06d}.jpg'))) for n in range(264, 414)
    }
    assert found.pop(264).score == 0
    assert all(motion.score > 0.5 for motion in found.values())
    apart = np.abs([found[n].matrix - np.array(published[str(n)]) for n in found])
    assert apart[:, :2, 2].max() < 0.15
    assert apart[:, :2, :2].max() < 2e-4
    # Most are equal to the published numbers.
    assert np.median(apart[:, :2, 2]) < 1e-5


def test_boxes_are_ignored() -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (400, 600), dtype=np.uint8), (0, 0), 12) * 3
    moved = np.roll(image, 7, axis=1)
    results = []
    for boxes in (None, np.array([[0.0, 0, 300, 400]])):
        estimator = PublishedCameraMotion()
        estimator.estimate(image, boxes)
        results.append(estimator.estimate(moved, boxes).matrix)
    np.testing.assert_array_equal(*results)


def test_motion_of_noise_is_finite_or_unknown() -> None:
    rng = np.random.default_rng(1)
    estimator = PublishedCameraMotion()
    for _ in range(20):
        motion = estimator.estimate(rng.integers(0, 256, (200, 300, 3), dtype=np.uint8))
        assert np.isfinite(motion.matrix).all()
        assert 0 <= motion.score <= 1
        if motion.score == 0:
            np.testing.assert_array_equal(motion.matrix, np.eye(3))
