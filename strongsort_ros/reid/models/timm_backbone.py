"""Backbones of timm, by name: `timm:NAME`, or `timm:NAME@FILE` with weights from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import torch

from strongsort_ros.errors import ExtractorError, shorten
from strongsort_ros.packages import require
from strongsort_ros.reid.checkpoint import check_file, read_state
from strongsort_ros.reid.interfaces import card_for
from strongsort_ros.reid.weights import Network, fit


def load_timm(name: str, file: str = '', sha256: str = '') -> Network:
    """Return a timm backbone that gives its pooled features.

    Parameters
    ----------
    name
        timm's, with or without the tag of the weights, such as `resnet50.a1_in1k`.
    file
        Weights of it, as timm saves them; '': timm downloads the published ones.
    sha256
        Expected of the file.

    Raises
    ------
    ExtractorError
        timm cannot be imported, does not know the name, cannot download, or the file does not
        fit.
    MissingPackageError
        timm is not installed.

    """
    require(f'weights: timm:{name}', 'timm')
    timm = _import_timm()
    if not timm.is_model(name.split('.')[0]):
        close = ', '.join(timm.list_models(f'{name.split(".")[0][:6]}*')[:5]) or 'none'
        raise ExtractorError(f'weights: timm knows no network {name!r}; alike: {close}')
    model = _create(timm, name, pretrained=not file)
    if file:
        path = Path(file).expanduser()
        check_file(path, sha256)
        head = tuple(_classifier(model))
        state = read_state(path)
        fit(model, {k: v for k, v in state.items() if not k.startswith(head)}, path)
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
        # OSError: of the network and the hub; the others: what timm makes of a name or its file.
        reason = shorten(str(error) or type(error).__name__, 200)
        raise ExtractorError(
            f'weights: timm cannot give {name!r}: {reason}. Without a network, take the weights '
            f"from a machine that has one and name them: 'timm:{name}@FILE'"
        ) from error


def _classifier(model: Any) -> list[str]:
    """Return the prefixes of the classifier's parameters."""
    names = getattr(model, 'pretrained_cfg', {}).get('classifier') or ()
    return [f'{name}.' for name in ((names,) if isinstance(names, str) else names)]


# A declaration lives as long as its library object.
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
            f'weights: timm cannot be imported ({error}): install a torchvision '
            f'that belongs to PyTorch {torch.__version__}'
        ) from error
    return timm


def _import_torchvision() -> None:
    """Import torchvision, of which timm needs no compiled operator.

    A torchvision built for CUDA does not find its operators beside PyTorch's CPU build, and then
    stops at the first that it wants to describe. Declaring them lets the import pass.
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
