"""Array types and units shared by the whole package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
NameArray = npt.NDArray[Any]
"""Array of str: objects, or NumPy strings of fixed width."""

Image = npt.NDArray[np.uint8]
"""(height, width, 3) pixels, BGR."""
Matrix = npt.NDArray[np.float64]
"""(3, 3) camera motion, from pixels of the previous frame to pixels of the current one."""
Size = tuple[int, int]
"""Width and height, pixels."""

ShareProgress = Callable[[str, float], None]
"""Called with the name of the current step and its progress, 0 to 1."""
CountProgress = Callable[[int, int], None]
"""Called with the number of items done and their total."""

SECOND: Final = 1_000_000_000
"""Nanoseconds in a second."""
