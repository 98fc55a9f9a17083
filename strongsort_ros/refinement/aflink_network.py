"""Checkpoints of AFLink, and what all linkers have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from strongsort_ros.appearance.weights import fit, read_state
from strongsort_ros.refinement.aflink_pairs import CameraPath, Tracklets
from strongsort_ros.refinement.aflink_postlinker import PostLinker
from strongsort_ros.refinement.aflink_published import PublishedLinker
from strongsort_ros.refinement.settings import AflinkSettings
from strongsort_ros.tracking.detections import FloatArray, IntArray

SHIPPED: Final = Path(__file__).with_name('weights') / 'aflink.safetensors'
"""The project's own checkpoint; docs/aflink.md is its card."""


class Linker(Protocol):
    """Says of pairs of tracklets whether they are of one object."""

    @property
    def window(self) -> AflinkSettings:
        """Which pairs it was made for, and the cost below which they are linked."""

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""


def load_linker(path: Path | str | None = None) -> Linker:
    """Return the linker whose weights are in a file.

    Parameters
    ----------
    path
        A .pth or .safetensors, the published `AFLink_epoch20.pth` for one; None: the
        project's own.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names it and
        what does not fit.

    """
    path = SHIPPED if path is None else Path(path)
    network = PostLinker()
    fit(network, read_state(path, ignored=()), path)
    return PublishedLinker(network.eval())
