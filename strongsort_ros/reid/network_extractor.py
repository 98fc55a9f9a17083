"""Embed boxes with a network, and fall back to the CPU or to motion while its device fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from strongsort_ros.arrays import box_array, check_image
from strongsort_ros.errors import StrongSortError, shorten
from strongsort_ros.reid.crops import clip_boxes
from strongsort_ros.reid.interfaces import Engine, NetworkCard
from strongsort_ros.types import Float32Array, FloatArray, Image, IntArray

_log = logging.getLogger(__name__)

NONE, MOTION, CPU = 'none', 'motion', 'cpu'
FALLBACKS: Final = (MOTION, CPU, NONE)
"""While the device fails: no embeddings, the same network on the CPU, or the device's error."""


class NetworkExtractor:
    """Turns the boxes of an image into embeddings with a network; see `Extractor`.

    Only failures of the device (`Engine.is_device_error`) start a fallback; other errors are
    raised.

    Parameters
    ----------
    card
        The network's card.
    engine
        The network on its device.
    fallback
        One of `FALLBACKS`.
    create_cpu_engine
        Loads the network on the CPU, for the fallback `cpu`; None: motion alone instead.
    retry_after
        Seconds after which a device that failed is tried again.

    Attributes
    ----------
    fault
        The last error of the device and what runs instead; '' while the device works.

    """

    def __init__(
        self,
        card: NetworkCard,
        engine: Engine,
        fallback: str = NONE,
        create_cpu_engine: Callable[[], Engine] | None = None,
        retry_after: float = 10.0,
    ) -> None:
        self.card = card
        self.engine = engine
        self.fault = ''
        self._falls_back = fallback != NONE
        self._create_cpu_engine = create_cpu_engine if fallback == CPU else None
        self._cpu_engine: Engine | None = None
        self._retry_after = retry_after
        self._retry_at = 0.0

    @property
    def device(self) -> str:
        """Library and device that run the network."""
        return self.engine.name

    def extract(self, image: Image, tlwh: FloatArray) -> Float32Array:
        """Return (N, D) float32 embeddings, not of unit length; see `Extractor.extract`."""
        check_image(image)
        tlwh = box_array('tlwh', tlwh)
        xyxy, visible = clip_boxes(tlwh, *image.shape[:2])
        embeddings = np.zeros((len(tlwh), self.card.dimension), dtype=np.float32)
        found = self._embed(image, xyxy) if len(xyxy) else None
        if found is not None:
            # float16 can overflow on images unlike any photograph.
            finite = np.isfinite(found).all(axis=1, keepdims=True)
            embeddings[visible] = np.where(finite, found, 0)
        return embeddings

    def warm_up(self, boxes: int = 64) -> None:
        """Run every batch size up to `boxes` once, so that the first frame is not slow."""
        self.engine.warm_up(boxes)

    def _embed(self, image: Image, xyxy: IntArray) -> Float32Array | None:
        """Return (N, D) embeddings from the device or the fallback; None for motion alone."""
        if time.monotonic() >= self._retry_at:
            try:
                found = self.engine.embed(image, xyxy)
            except Exception as error:
                if not self._falls_back or not self.engine.is_device_error(error):
                    raise
                self._fail(error)
            else:
                if self.fault:
                    _log.warning('%s works again', self.engine.name)
                    self.fault = ''
                return found
        return self._embed_on_cpu(image, xyxy)

    def _fail(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + self._retry_after
        instead = 'motion alone' if self._create_cpu_engine is None else 'the CPU'
        reason = shorten(str(error), 200) or type(error).__name__
        self.fault = f'{self.engine.name} failed, using {instead} instead: {reason}'
        _log.error('%s; trying the device again every %g s', self.fault, self._retry_after)

    def _embed_on_cpu(self, image: Image, xyxy: IntArray) -> Float32Array | None:
        if self._create_cpu_engine is None:
            return None
        try:
            if self._cpu_engine is None:
                self._cpu_engine = self._create_cpu_engine()
            return self._cpu_engine.embed(image, xyxy)
        except Exception as error:
            unusable = isinstance(error, (StrongSortError, OSError))
            if not unusable and not (self._cpu_engine or self.engine).is_device_error(error):
                raise
            reason = shorten(str(error), 200)
            self.fault = f'{self.fault}; the CPU failed too, using motion alone: {reason}'
            _log.exception('the CPU failed too; using motion alone')
            self._create_cpu_engine = None
            return None
