"""Load a detector by name or from a model file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongsort_ros.detection.hog import HogDetector, MotionDetector, has_hog
from strongsort_ros.detection.installed import (
    RfdetrDetector,
    TorchvisionDetector,
    UltralyticsDetector,
)
from strongsort_ros.detection.interface import MIN_SCORE, Detector, read_names
from strongsort_ros.detection.onnx_detector import OnnxDetector
from strongsort_ros.detection.ssdlite import INSTALL, SsdliteDetector, ssdlite_weights
from strongsort_ros.errors import InputError, did_you_mean

HOG: Final = 'hog'
MOTION: Final = 'motion'
SSDLITE: Final = 'ssdlite'
ONNX: Final = '.onnx'
YOLOX: Final = 'yolox:'
FORMS: Final = (
    'MODEL.onnx', f'{YOLOX}MODEL.onnx', SSDLITE, HOG, MOTION,
    'torchvision:NAME:WEIGHTS', 'ultralytics:MODEL', 'rfdetr:NAME',
)  # fmt: skip
"""Forms of a detector's name."""
BETTER: Final = (
    'a YOLO, RT-DETR or RF-DETR model in .onnx finds far more: --detector MODEL.onnx '
    '(docs/video.md)'
)


def default_detector() -> tuple[str, str]:
    """Return the best detector that works without a download, and a line that says so."""
    if ssdlite_weights() is not None:
        return SSDLITE, f'no --detector: ssdlite finds people only; {BETTER}'
    if has_hog():
        return HOG, f'no --detector: hog finds upright people only; {INSTALL}, or {BETTER}'
    return MOTION, (
        f'no --detector: motion finds what moves before a still camera; {INSTALL} finds people; '
        f'{BETTER}'
    )


def load_detector(
    detector: str | Path = '',
    classes: str = '',
    *,
    names: str | Path = '',
    min_score: float = MIN_SCORE,
    size: int = 0,
    device: str = 'auto',
    threads: int = 1,
) -> Detector:
    """Load a detector.

    Parameters
    ----------
    detector
        A .onnx file of a YOLO, RT-DETR, D-FINE or RF-DETR model, or 'yolox:FILE.onnx'. 'ssdlite',
        'hog' or 'motion', which need no file. 'torchvision:NAME:WEIGHTS' with a weights file.
        'ultralytics:MODEL' or 'rfdetr:NAME', where these packages are installed. '': the best of
        'ssdlite', 'hog' and 'motion' that is installed.
    classes
        Names or numbers of the classes to return, separated by commas; '': all.
    names
        File of class names, .json or a name in each line; '': those in the model, otherwise COCO's.
    min_score
        Lowest score to return, 0 to 1.
    size
        Side of the input of a model whose input size is not fixed, pixels; 0: of the model, 640.
    device
        'auto' (a GPU if there is one), 'cpu', 'cuda' or 'cuda:N'.
    threads
        Threads of a network on the CPU.

    Raises
    ------
    InputError
        There is no such detector or class, or the file is no model of a known kind.
    MissingPackageError
        The detector needs a package that is not installed; the message says how to install it.

    Examples
    --------
    >>> import numpy as np
    >>> from strongsort_ros.detection import load_detector
    >>> detector = load_detector('motion')
    >>> len(detector.detect(np.full((240, 320, 3), 127, np.uint8)))
    0

    """
    if not 0 <= min_score <= 1:
        raise InputError(f'min_score: {min_score}, expected 0 to 1')
    text = str(detector) or default_detector()[0]
    simple: dict[str, Callable[[str, float], Detector]]
    simple = {HOG: HogDetector, MOTION: MotionDetector, SSDLITE: SsdliteDetector}
    if text in simple:
        return simple[text](classes, min_score)
    given = read_names(names) if names else None
    kind, _, model = text.partition(':')
    match kind:
        case 'torchvision':
            return TorchvisionDetector(
                model, classes, min_score, names=given, device=device, threads=threads
            )
        case 'ultralytics':
            return UltralyticsDetector(model, classes, min_score, size=size, device=device)
        case 'rfdetr':
            return RfdetrDetector(model, classes, min_score, names=given, device=device)
    yolox, rest = text.startswith(YOLOX), text.removeprefix(YOLOX)
    if yolox or rest.lower().endswith(ONNX):
        return OnnxDetector(
            Path(rest).expanduser(), classes, min_score,
            names=given, size=size, device=device, threads=threads, yolox=yolox,
        )  # fmt: skip
    hint = did_you_mean(text, simple)
    raise InputError(f'--detector: {text!r}{hint}; expected one of {", ".join(FORMS)}')
