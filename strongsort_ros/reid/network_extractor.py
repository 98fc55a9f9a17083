"""What is done while a device fails: out of memory, lost, or its driver in trouble."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import StrongSortError, shorten
from strongsort_ros.reid.crops import check_image, clip_boxes
from strongsort_ros.reid.interfaces import Engine, NetworkCard
from strongsort_ros.types import Image

_log = logging.getLogger(__name__)

NONE, MOTION, CPU = 'none', 'motion', 'cpu'
FALLBACKS: Final = (MOTION, CPU, NONE)
"""No embeddings while the device fails; the same network on the CPU; the device's error."""
RETRY_AFTER: Final = 10.0
"""Seconds after which a device that failed is tried again."""


class Fallback:
    """Runs a network on its device and, while that fails, on another or not at all.

    Only failures of the device count (`Engine.is_device_error`); other errors are the caller's.

    Parameters
    ----------
    engine
        On the device.
    spare
        Makes what runs instead; None: nothing does.
    retry_after
        Seconds after which the device is tried again.

    Attributes
    ----------
    fault
        What it said last, and what is done meanwhile; '' while it works.

    """

    def __init__(
        self,
        engine: Engine,
        spare: Callable[[], Engine] | None,
        retry_after: float = RETRY_AFTER,
    ) -> None:
        self.fault = ''
        self._engine = engine
        self._make_spare = spare
        self._spare: Engine | None = None
        self._retry_after = retry_after
        self._retry_at = 0.0

    def embed(self, image: Image, xyxy: npt.NDArray[np.int64]) -> npt.NDArray[np.float32] | None:
        """Return as `Engine.embed`, or None where nothing could run."""
        if time.monotonic() >= self._retry_at:
            try:
                found = self._engine.embed(image, xyxy)
            except Exception as error:
                if not self._engine.is_device_error(error):
                    raise
                self._fail(error)
            else:
                if self.fault:
                    _log.warning('%s works again', self._engine.name)
                    self.fault = ''
                return found
        return self._embed_elsewhere(image, xyxy)

    def _fail(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + self._retry_after
        instead = 'motion alone' if self._make_spare is None else 'the CPU'
        reason = shorten(str(error), 200) or type(error).__name__
        self.fault = f'{self._engine.name} failed, {instead} instead: {reason}'
        _log.error('%s; it is tried again every %g s', self.fault, self._retry_after)

    def _embed_elsewhere(
        self, image: Image, xyxy: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32] | None:
        if self._make_spare is None:
            return None
        try:
            if self._spare is None:
                self._spare = self._make_spare()
            return self._spare.embed(image, xyxy)
        except Exception as error:
            unusable = isinstance(error, (StrongSortError, OSError))
            if not unusable and not (self._spare or self._engine).is_device_error(error):
                raise
            reason = shorten(str(error), 200)
            self.fault = f'{self.fault}; the CPU failed, too, motion alone: {reason}'
            _log.exception('the CPU failed, too: motion alone instead')
            self._make_spare = None
            return None


class NetworkExtractor:
    """Turns the boxes of an image into embeddings with a network; see `Extractor`.

    Parameters
    ----------
    card
        The network's.
    engine
        Runs it.
    fallback
        What is done while the engine fails; None: its errors are the caller's.

    """

    def __init__(self, card: NetworkCard, engine: Engine, fallback: Fallback | None = None) -> None:
        self._card = card
        self.engine = engine
        self._fallback = fallback

    @property
    def card(self) -> NetworkCard:
        """The network's card."""
        return self._card

    @property
    def device(self) -> str:
        """What runs the network, and where."""
        return self.engine.name

    @property
    def fault(self) -> str:
        """What is wrong with the device, and what is done meanwhile; '' while it works."""
        return self._fallback.fault if self._fallback else ''

    def extract(self, image: Image, tlwh: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return (N, D) float32 embeddings, not of unit length; zeros where a box shows nothing."""
        check_image(image)
        xyxy, shown = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), self._card.dimension), dtype=np.float32)
        if len(xyxy):
            found = (self._fallback or self.engine).embed(image, xyxy)
            if found is not None:
                # float16 may overflow on pixels unlike any photograph.
                finite = np.isfinite(found).all(axis=1, keepdims=True)
                embeddings[shown] = np.where(finite, found, 0)
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Run once for every batch size up to `boxes`, so that the first frame is not slow."""
        self.engine.warm_up(boxes)
