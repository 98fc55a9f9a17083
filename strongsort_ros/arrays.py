"""Arguments as arrays: conversion and checks, with errors that name the argument."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.errors import InputError, shorten
from strongsort_ros.types import FloatArray


def number_array(
    name: str, values: object, dtype: type[np.floating[Any]] = np.float64
) -> npt.NDArray[Any]:
    """Return values as an array of the given dtype; an array that has it is not copied.

    Tensors may be on a GPU and require gradients.

    Raises
    ------
    InputError
        They are not numbers; the message begins with `name`.

    """
    if isinstance(values, np.ndarray) and values.dtype == dtype:
        return values
    if hasattr(values, 'detach'):
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
        if array.dtype.kind in 'fiub' or array.size == 0:
            return array.astype(dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f'{name}: {shorten(str(error), 200)}') from error
    raise InputError(f'{name}: {reprlib.repr(values)}, expected an array of numbers')


def box_array(name: str, values: object) -> FloatArray:
    """Return (N, 4) boxes as floating-point numbers; float32 stays, as in DeepSORT's files.

    Raises
    ------
    InputError
        They are not numbers, or not four for each box; the message begins with `name`.

    """
    floats = isinstance(values, np.ndarray) and values.dtype.kind == 'f'
    boxes: FloatArray = values if floats else number_array(name, values)  # type: ignore[assignment]
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f'{name}: shape {boxes.shape}, expected (N, 4)')
    return boxes


def check_image(image: object, name: str = 'image', *, grey: bool = False) -> None:
    """Check the pixels of an image.

    Parameters
    ----------
    image
        (H, W, 3) uint8; with `grey` also (H, W).
    name
        Name of the argument, with which the error begins.
    grey
        Allow grey pixels.

    Raises
    ------
    InputError
        The image has another type or shape.

    """
    if not isinstance(image, np.ndarray):
        found = reprlib.repr(image)
    elif image.dtype != np.uint8 or not (
        (image.ndim == 3 and image.shape[2] == 3) or (grey and image.ndim == 2)
    ):
        found = f'array of shape {image.shape}, {image.dtype}'
    else:
        return
    raise InputError(f'{name}: {found}, expected an array of BGR pixels, (H, W, 3) uint8')
