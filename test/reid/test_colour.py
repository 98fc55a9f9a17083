from __future__ import annotations

import numpy as np
import pytest

from strongsort_ros.reid.colour import CARD, ColourExtractor


def figure(upper, lower):
    """Return an image of 100 x 50, filled by a person in two colours."""
    picture = np.zeros((100, 50, 3), dtype=np.uint8)
    picture[:50], picture[50:] = upper, lower
    return picture


FULL = np.array([[0.0, 0, 50, 100]])
RED, BLUE, WHITE, BLACK = (30, 30, 200), (200, 40, 30), (250, 250, 250), (10, 10, 10)


def similarity(one, other):
    extractor = ColourExtractor()
    return float((extractor.extract(one, FULL) @ extractor.extract(other, FULL).T).item())


def test_rows_have_unit_length(image, boxes):
    embeddings = ColourExtractor().extract(image, boxes)
    assert embeddings.shape == (len(boxes), CARD.dimension)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1)


def test_same_clothes_are_similar_and_others_are_not():
    assert similarity(figure(RED, BLUE), figure(RED, BLUE)) == pytest.approx(1)
    assert similarity(figure(RED, BLUE), figure(WHITE, BLACK)) == pytest.approx(0)


def test_upper_and_lower_body_are_distinguished():
    assert similarity(figure(RED, BLUE), figure(BLUE, RED)) == pytest.approx(0)
    assert similarity(figure(RED, BLUE), figure(RED, WHITE)) == pytest.approx(0.5, abs=0.1)


def test_size_of_a_person_does_not_matter():
    extractor = ColourExtractor()
    small = figure(RED, BLUE)
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    a = extractor.extract(small, FULL)
    b = extractor.extract(large, 3 * FULL)
    assert (a @ b.T).item() == pytest.approx(1, abs=1e-3)


def test_each_box_has_its_own_histogram(image, boxes):
    extractor = ColourExtractor()
    alone = np.concatenate([extractor.extract(image, box[None]) for box in boxes])
    assert np.array_equal(extractor.extract(image, boxes), alone)


def test_people_of_a_real_sequence_are_distinguished(data_dir):
    import cv2

    folder = data_dir / 'mot17' / 'MOT17-09-FRCNN'
    truth = np.loadtxt(folder / 'gt' / 'gt.txt', delimiter=',')
    truth = truth[(truth[:, 6] == 1) & (truth[:, 7] == 1) & (truth[:, 8] > 0.5)]
    extractor, rows = ColourExtractor(), {}
    for frame in (300, 310):
        seen = truth[truth[:, 0] == frame]
        picture = cv2.imread(str(folder / 'img1' / f'{frame:06d}.jpg'))
        rows[frame] = (seen[:, 1], extractor.extract(picture, seen[:, 2:6]))
    distance = 1 - rows[300][1] @ rows[310][1].T
    same = rows[300][0][:, None] == rows[310][0]
    assert np.median(distance[same]) < CARD.max_cosine_distance < np.median(distance[~same])
