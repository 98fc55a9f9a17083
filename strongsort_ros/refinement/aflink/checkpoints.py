"""Checkpoints of AFLink, and what all linkers have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from strongsort_ros.packages import require
from strongsort_ros.refinement.aflink.candidates import CameraPath, Tracklets
from strongsort_ros.refinement.aflink.motion import MotionLinker
from strongsort_ros.refinement.settings import CHECKPOINTS, LinkWindow
from strongsort_ros.reid.checkpoint import read_state
from strongsort_ros.types import FloatArray, IntArray

_MOTION_MARK: Final = 'hidden.weight'
_WEIGHTS: Final = Path(__file__).with_name('weights')
SHIPPED: Final = dict(
    zip(
        CHECKPOINTS,
        (_WEIGHTS / 'aflink_motion.safetensors', _WEIGHTS / 'aflink.safetensors'),
        strict=True,
    )
)
"""The project's own checkpoints; docs/aflink.md is their card."""


class Linker(Protocol):
    """Says of pairs of tracklets whether they are of one object."""

    @property
    def window(self) -> LinkWindow:
        """Which pairs it was made for, and the cost below which they are linked."""

    @property
    def most_links(self) -> bool:
        """Whether one link more outweighs what the links cost."""

    def costs(
        self, tracklets: Tracklets, earlier: IntArray, later: IntArray, camera: CameraPath | None
    ) -> FloatArray:
        """Return (K,) 1 - P(same object) of pairs (K,) of tracklets."""


def load_linker(path: Path | str | None = None) -> Linker:
    """Return the linker whose weights are in a file.

    Parameters
    ----------
    path
        A .pth or .safetensors of either network, the published `AFLink_epoch20.pth` for one;
        'motion' or 'published': the project's own of that kind; None: 'motion'.

    Raises
    ------
    ExtractorError
        The file is missing, damaged, or belongs to another network; the message names it and
        what does not fit.
    MissingPackageError
        The published network, and files of PyTorch, need PyTorch, which is not installed.

    """
    path = SHIPPED.get(str(path or CHECKPOINTS[0]), Path(path or ''))
    state = read_state(path, ignored=())
    if _MOTION_MARK in state:
        return MotionLinker(state, path)
    require(f"weights: {path}: AFLink's published network", 'torch')
    from strongsort_ros.refinement.aflink.published import linker_of

    return linker_of(state, path)
