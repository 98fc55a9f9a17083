"""Load a timm backbone by name, with published weights or those of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import torch

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require
from strongsort_ros.reid.checkpoint import check_file, load_parameters, read_state_dict
from strongsort_ros.reid.interfaces import card_for
from strongsort_ros.reid.models import Network


def load_timm(name: str, file: str = '', sha256: str = '') -> Network:
    """Return a timm backbone whose output is the pooled features.

    Parameters
    ----------
    name
        timm's name, with or without the tag of the weights, such as `resnet50.a1_in1k`.
    file
        Weights as timm saves them; '': timm downloads the published ones.
    sha256
        Expected SHA-256 of the file; '': not checked.

    Raises
    ------
    ExtractorError
        timm cannot be imported, has no network of that name or cannot download it, or the file
        does not fit.
    MissingPackageError
        timm is not installed.

    """
    require(f'weights: timm:{name}', 'timm')
    timm = _import_timm()
    if not timm.is_model(name.split('.')[0]):
        close = ', '.join(timm.list_models(f'{name.split(".")[0][:6]}*')[:5]) or 'none'
        raise ExtractorError(f'weights: timm has no network {name!r}; similar names: {close}')
    model = _create(timm, name, pretrained=not file)
    if file:
        path = Path(file).expanduser()
        check_file(path, sha256)
        head = tuple(_classifier(model))
        state = read_state_dict(path)
        load_parameters(model, {k: v for k, v in state.items() if not k.startswith(head)}, path)
    config = timm.data.resolve_model_data_config(model)
    size = (256, 128)
    if getattr(model, 'pretrained_cfg', {}).get('fixed_input_size'):
        size = tuple(config['input_size'][1:])
    with torch.inference_mode():
        dimension = int(model.eval()(torch.zeros(1, 3, *size)).shape[1])
    card = card_for(f'timm:{name}', dimension, 'timm; see the licence of its weights')
    return Network(model, card, size, tuple(config['mean']), tuple(config['std']))


def _create(timm: Any, name: str, *, pretrained: bool) -> Any:
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError, ValueError, LookupError) as error:
        # OSError: the download failed; the others: timm rejects the name or its file.
        reason = shorten(str(error) or type(error).__name__, 200)
        raise ExtractorError(
            f'weights: timm cannot load {name!r}: {reason}. On a machine without internet, copy '
            f"the weights from another and name the file: 'timm:{name}@FILE'"
        ) from error


def _classifier(model: Any) -> list[str]:
    """Return the prefixes of the classifier's parameters."""
    names = getattr(model, 'pretrained_cfg', {}).get('classifier') or ()
    return [f'{name}.' for name in ((names,) if isinstance(names, str) else names)]


# A declaration lasts as long as its library object.
_DECLARED: Final[list[torch.library.Library]] = []


def _declare(operator: str) -> None:
    library = torch.library.Library('torchvision', 'FRAGMENT')  # type: ignore[no-untyped-call]
    library.define(  # type: ignore[no-untyped-call]
        f'{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor'
    )
    _DECLARED.append(library)


def _import_timm() -> Any:
    try:
        _import_torchvision()
        import timm
    except (ImportError, RuntimeError) as error:
        raise ExtractorError(
            f'weights: timm cannot be imported ({error}); install the torchvision '
            f'for PyTorch {torch.__version__}'
        ) from error
    return timm


def _import_torchvision() -> None:
    """Import torchvision, even where its compiled operators do not load.

    A torchvision built for CUDA cannot load them beside a CPU build of PyTorch, and its import
    fails at the first operator it registers. timm needs none of them, so they are declared here.
    """
    for _ in range(8):
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            missing = re.match(r'operator torchvision::(\w+) does not exist', str(error))
            if missing is None:
                raise
            _declare(missing[1])
        else:
            return
