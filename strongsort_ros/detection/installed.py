"""Detectors of packages that the user has installed: torchvision, ultralytics, rfdetr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from strongsort_ros.adapters import from_dict, from_supervision, from_ultralytics
from strongsort_ros.detection.coco import COCO_80, COCO_91
from strongsort_ros.detection.interface import ClassChoice, Detector, named
from strongsort_ros.errors import InputError, shorten
from strongsort_ros.packages import require
from strongsort_ros.tracking.detections import Detections
from strongsort_ros.types import Image

_COCO_CLASSES: Final = 91
_HEADS: Final = ('roi_heads.box_predictor.cls_score.bias',)
"""Parameters of torchvision's networks whose length is the number of classes."""


class TorchvisionDetector(Detector):
    """Detection network of torchvision with weights of the user.

    Parameters
    ----------
    model
        NAME:WEIGHTS, such as fasterrcnn_resnet50_fpn_v2:weights.pth; WEIGHTS is a state dict.
    classes, min_score
        As in `load_detector`.
    names
        Class names; None: COCO's.
    device
        'auto', 'cpu', 'cuda' or 'cuda:N'.
    threads
        Threads on the CPU, for the whole process.

    Raises
    ------
    InputError
        torchvision has no such network, or the weights are those of another.
    MissingPackageError
        torch or torchvision is not installed.

    """

    def __init__(
        self,
        model: str,
        classes: str,
        min_score: float,
        *,
        names: Mapping[int, str] | None = None,
        device: str = 'auto',
        threads: int = 1,
    ) -> None:
        require(f'detector torchvision:{model}', 'torchvision', 'torch')
        import torch

        try:
            from torchvision.models import detection, get_model, list_models
            from torchvision.ops import nms

            # Without its compiled part torchvision can be imported, and fails here.
            nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        except RuntimeError as error:
            raise InputError(
                f'detector torchvision:{model}: torchvision does not fit torch '
                f'{torch.__version__}; install both from one index'
            ) from error
        name, _, file = model.partition(':')
        known = list_models(module=detection)
        if name not in known or not file:
            raise InputError(
                f'--detector torchvision:{model}: expected torchvision:NAME:WEIGHTS.pth with a '
                f'NAME of {", ".join(known)}'
            )
        state = _load_state(Path(file))
        count = next((len(state[head]) for head in _HEADS if head in state), _COCO_CLASSES)
        self._model = get_model(name, weights=None, weights_backbone=None, num_classes=count)
        try:
            self._model.load_state_dict(state)
        except RuntimeError as error:
            reason = shorten(str(error), 200)
            raise InputError(f'{file}: not weights of {name}: {reason}') from error
        torch.set_num_threads(threads)
        self._device = torch.device(_device(device))
        self._model.eval().to(self._device)
        self.name, self.names = f'{name} (torchvision)', names or COCO_91
        self._choice = ClassChoice(self.names, classes, min_score)

    def detect(self, image: Image) -> Detections:
        """Return the objects in an image."""
        import torch

        rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
        with torch.inference_mode():
            pixels = torch.from_numpy(rgb).to(self._device, torch.float32) / 255
            found = self._model([pixels])[0]
        return self._choice.detections(*from_dict(found))


class UltralyticsDetector(Detector):
    """Model of the package ultralytics (AGPL-3.0), such as yolo11n.pt; it may download it."""

    def __init__(
        self, model: str, classes: str, min_score: float, *, size: int = 0, device: str = 'auto'
    ) -> None:
        require(f'detector ultralytics:{model}', 'ultralytics')
        from ultralytics import YOLO

        self._model = YOLO(model)
        self.name, self.names = f'{model} (ultralytics)', dict(self._model.names)
        self._choice = ClassChoice(self.names, classes, min_score)
        self._options: dict[str, Any] = {'conf': min_score, 'verbose': False}
        if size:
            self._options['imgsz'] = size
        if device != 'auto':
            self._options['device'] = device

    def detect(self, image: Image) -> Detections:
        """Return the objects in an image."""
        result = self._model.predict(image, **self._options)[0]
        return self._choice.detections(*from_ultralytics(result))


class RfdetrDetector(Detector):
    """RF-DETR of the package rfdetr: nano, small, medium, base, large; NAME:WEIGHTS for a file."""

    def __init__(
        self,
        model: str,
        classes: str,
        min_score: float,
        *,
        names: Mapping[int, str] | None = None,
        device: str = 'auto',
    ) -> None:
        require(f'detector rfdetr:{model}', 'rfdetr')
        import rfdetr

        name, _, file = model.partition(':')
        kind = getattr(rfdetr, f'RFDETR{name.capitalize()}', None)
        if kind is None:
            known = sorted(n[6:].lower() for n in dir(rfdetr) if n.startswith('RFDETR') and n[6:])
            raise InputError(f'--detector rfdetr:{model}: expected one of {", ".join(known)}')
        options = {'pretrain_weights': str(Path(file).expanduser().absolute())} if file else {}
        if device != 'auto':
            options['device'] = device
        self._model, self._least = kind(**options), min_score
        self.name, self.names = f'RF-DETR {name} (rfdetr)', names or _trained_names(self._model)
        self._choice = ClassChoice(self.names, classes, min_score)

    def detect(self, image: Image) -> Detections:
        """Return the objects in an image."""
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        found = self._model.predict(rgb, threshold=self._least)
        return self._choice.detections(*from_supervision(found))


def _trained_names(model: Any) -> Mapping[int, str]:
    """Return the class names of an RF-DETR; those of COCO count as in its annotation files."""
    names = getattr(model, 'class_names', None)
    if isinstance(names, Mapping):
        return names
    return COCO_91 if names is None or len(names) == len(COCO_80) else named(names)


def _load_state(path: Path) -> dict[str, Any]:
    """Return the parameters in a file, which is not executed."""
    import pickle

    import torch

    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except OSError as error:
        raise InputError(f'{path}: cannot read it: {error.strerror}') from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(f'{path}: not a file of weights: {shorten(str(error), 200)}') from error
    state = state.get('model', state) if isinstance(state, dict) else None
    if not isinstance(state, dict):
        raise InputError(f'{path}: not a state dict of PyTorch')
    return state


def _device(device: str) -> str:
    import torch

    if device != 'auto':
        return device
    return 'cuda' if torch.cuda.is_available() else 'cpu'
