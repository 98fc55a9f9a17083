"""Have a bag refined by the running refiner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticArray

from strongsort_ros.nodes.client import ANSWERING, STARTING, Client, NodeError
from strongsort_ros.srv import RefineTracks

Progress = Callable[[str, float], None]

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
    frame_rate: float = 0.0,
    refiner: str = 'refiner',
    starting: float = STARTING,
    patience: float = ANSWERING,
    progress: Progress = lambda _phase, _share: None,
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
    frame_rate
        Nominal frames a second; 0: as the refiner has been told.
    refiner
        Name of the node, relative to the client's namespace.
    starting, patience
        Seconds for it to start, and without a sign of life after which it is taken for dead;
        refining may take as long as it needs.
    progress
        Called with phase and share done, about once a second.

    Raises
    ------
    NodeError
        There is no refiner, it refuses, or it ends.

    """
    client.prepare(RefineTracks, f'{refiner}/refine')
    client.bring_up(refiner, {}, starting)
    if frame_rate:
        client.set_parameters(refiner, {'frame_rate': frame_rate})
    request = RefineTracks.Request(
        input_uri=str(source.resolve()),
        output_uri=str(output.resolve()),
        tracks_topic=topic,
        aflink=aflink,
        gsi=gsi,
    )
    answer = client.send(RefineTracks, f'{refiner}/refine', request)
    with _reports(client, refiner, progress):
        while not client.spin_until(answer.done, _ASKING):
            client.state(refiner, patience)
    response = answer.result()
    if not response.success:
        raise NodeError(f'{refiner}: {response.message}')
    return response


def summary(response: Any) -> str:
    """Return what the refiner did, in words."""
    return (
        f'{response.links} links, {response.tracks_in} -> {response.tracks_out} tracks, '
        f'{response.boxes_in} -> {response.boxes_out} boxes'
    )


@contextmanager
def _reports(client: Client, refiner: str, progress: Progress) -> Iterator[None]:
    """Tell the progress of which the refiner's diagnostics tell."""
    node = client.node
    name = f'{node.resolve_topic_name(refiner).lstrip("/")}: refinement'

    def read(message: Any) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if status.name == name and 'phase' in values:
                progress(values['phase'], float(values['share_done']))

    subscription = node.create_subscription(DiagnosticArray, '/diagnostics', read, 10)
    try:
        yield
    finally:
        node.destroy_subscription(subscription)
