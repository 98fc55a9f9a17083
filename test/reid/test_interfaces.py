from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongsort_ros.reid.interfaces import CARDS, UNMEASURED_DISTANCE, batches, card_for


@given(st.integers(1, 300), st.sampled_from([(1, 2, 3, 4), (1, 2, 4, 8, 16, 32, 48, 64), (16,)]))
def test_batches_cover_every_box_once(count, sizes):
    covered = []
    for start, stop, size in batches(count, sizes):
        covered += range(start, stop)
        assert size in sizes
        assert 0 < stop - start <= size
    assert covered == list(range(count))


def test_card_for_known_and_unknown_networks():
    assert card_for('osnet_x1_0', 512, 'x') is CARDS['osnet_x1_0']
    unknown = card_for('mine', 128, 'mine.onnx')
    assert unknown.max_cosine_distance == UNMEASURED_DISTANCE
    assert unknown.threshold_source == 'not measured'
    # The same name with another dimension is another network.
    assert card_for('osnet_x1_0', 128, 'x').dimension == 128
