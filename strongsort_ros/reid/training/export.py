"""Write a trained network as .safetensors and .onnx, with its card inside."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from strongsort_ros.files.atomic import replacing
from strongsort_ros.reid.cards import card_as_metadata
from strongsort_ros.reid.models import Network
from strongsort_ros.reid.safetensors_file import write_safetensors


def export_safetensors(path: Path, network: Network) -> None:
    """Write the parameters; `load_extractor` reads them.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    state = network.module.state_dict().items()
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state}
    with replacing(path) as written, written.open('wb') as file:
        write_safetensors(file, arrays, card_as_metadata(network.card, network.size))


def export_onnx(path: Path, network: Network) -> None:
    """Write an ONNX model that takes (N, 3, height, width) float32 normalised RGB.

    Raises
    ------
    InputError
        The file cannot be written.

    """
    import onnx

    module = network.module.cpu().eval()
    with replacing(path) as written:
        with warnings.catch_warnings():
            # The tracing exporter warns, but is the one that needs no further package.
            warnings.simplefilter('ignore')
            torch.onnx.export(
                module,
                (torch.zeros(2, 3, *network.size),),
                str(written),
                dynamo=False,
                input_names=['crops'],
                output_names=['embeddings'],
                dynamic_axes={'crops': {0: 'n'}, 'embeddings': {0: 'n'}},
            )
        model = onnx.load(str(written))
        onnx.helper.set_model_props(model, card_as_metadata(network.card, network.size))
        onnx.save(model, str(written))
