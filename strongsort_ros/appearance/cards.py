"""What is known of each network: the threshold belongs to the network, not to the tracker."""

from __future__ import annotations

from typing import Final

from strongsort_ros.appearance.extractor import NetworkCard

_RESEARCH: Final = 'trained on data for non-commercial research only: see docs/weights.md'
_OSNET: Final = f'torchreid model zoo (MIT), {_RESEARCH}'
_FAMILY: Final = 'not measured: that of osnet_x0_25'

# Used for a network that nobody has measured: the published program's value without BoT.
UNMEASURED_DISTANCE: Final = 0.3

CARDS: Final = {
    card.name: card
    for card in (
        NetworkCard('osnet_x0_25', 512, 0.30, _OSNET, 'measured on MOT17-09 and MOT17-11'),
        NetworkCard('osnet_x0_5', 512, 0.30, _OSNET, _FAMILY),
        NetworkCard('osnet_x0_75', 512, 0.30, _OSNET, _FAMILY),
        NetworkCard('osnet_x1_0', 512, 0.30, _OSNET, _FAMILY),
        NetworkCard(
            'bot_resnest50',
            2048,
            0.45,
            f'FastReID (Apache-2.0), {_RESEARCH}',
            "the StrongSORT paper's, measured on MOT17: 0.4, and 0.05 for its motion cost",
        ),
    )
}


def card_for(name: str, dimension: int, source: str) -> NetworkCard:
    """Return the card of a known network, or one that says that nothing was measured."""
    known = CARDS.get(name)
    if known is not None and known.dimension == dimension:
        return known
    return NetworkCard(name, dimension, UNMEASURED_DISTANCE, source, 'not measured')
