"""Have a bag refined by the running refiner."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from strongsort_ros.nodes.client import ANSWERING, STARTING, Client, NodeError
from strongsort_ros.srv import RefineTracks

_ASKING: Final = 2.0
"""Seconds between questions whether the refiner is still there."""


def refine(
    client: Client,
    source: Path,
    output: Path,
    *,
    topic: str,
    aflink: bool,
    gsi: bool,
    refiner: str = 'refiner',
    starting: float = STARTING,
    patience: float = ANSWERING,
) -> Any:
    """Bring the refiner up where it is not, call its service, and return its response.

    Parameters
    ----------
    client
        Owns the service's client.
    source, output
        Bag of tracks, and bag to be.
    topic
        Topic of the tracks.
    aflink, gsi
        What to do.
    refiner
        Name of the node, relative to the client's namespace.
    starting, patience
        Seconds for it to start, and without a sign of life after which it is taken for dead;
        refining may take as long as it needs.

    Raises
    ------
    NodeError
        There is no refiner, it refuses, or it ends.

    """
    client.bring_up(refiner, {}, starting)
    request = RefineTracks.Request(
        input_uri=str(source.resolve()),
        output_uri=str(output.resolve()),
        tracks_topic=topic,
        aflink=aflink,
        gsi=gsi,
    )
    answer = client.send(RefineTracks, f'{refiner}/refine', request)
    while not client.spin_until(answer.done, _ASKING):
        client.state(refiner, patience)
    response = answer.result()
    if not response.success:
        raise NodeError(f'{refiner}: {response.message}')
    return response
