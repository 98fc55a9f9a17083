"""Milliseconds per frame to embed the boxes of a 1080p image, by stage.

    python benchmarks/reid.py WEIGHTS                             this project
    python benchmarks/reid.py WEIGHTS --onnx FILE                 and the same network as ONNX
    python benchmarks/reid.py WEIGHTS --boxmot-python PYTHON      and BoxMOT's ReID

PYTHON is the interpreter of a separate environment with boxmot (`pip install boxmot`); it is no
dependency of this project. All run in turns, with the same image, boxes, weights and threads.
Numbers are medians; ratios are their time to this project's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from strongsort_ros.reid.crops import clip_boxes, crop_with_opencv
from strongsort_ros.reid.factory import load_extractor
from strongsort_ros.reid.interfaces import IMAGENET_MEAN, IMAGENET_STD, batches
from strongsort_ros.reid.network_extractor import NetworkExtractor
from strongsort_ros.reid.onnx_engine import OnnxEngine, engine_from_file
from strongsort_ros.reid.torch_engine import TorchEngine, choose_device

HERE = Path(__file__).resolve().parent
STAGES = ('upload', 'crop', 'network', 'download')
ONNX, ONNX_NETWORK, BOXMOT = 'onnxruntime', 'onnxruntime, network', 'BoxMOT'


class BoxMot:
    """BoxMOT's ReID in a separate process."""

    def __init__(self, python: str, weights: Path, name: str, device: str, folder: Path) -> None:
        # BoxMOT recognises a network by its file name.
        copied = folder / f'{name}_msmt17.pt'
        shutil.copyfile(weights, copied)
        self._process = subprocess.Popen(
            [python, HERE / 'reid_boxmot.py', copied, device, str(torch.get_num_threads())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {'PYTHONPATH': ''},
        )
        self._ask()

    def _ask(self, request: str = '') -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if request:
            print(request, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit('BoxMOT does not run with that Python; try benchmarks/reid_boxmot.py')
        return dict(json.loads(line))

    def run(self, path: Path) -> float:
        """Return milliseconds for the image and boxes in a file."""
        return float(self._ask(str(path))['milliseconds'])

    def close(self) -> None:
        """Terminate the process."""
        self._process.terminate()
        self._process.wait()


def picture(seed: int = 0) -> np.ndarray:
    """Return a 1080p image with structure of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.integers(0, 256, (1080 // n, 1920 // n, 3), dtype=np.uint8), (1920, 1080))
        for n in (120, 20, 3)
    ]
    return np.mean(layers, axis=0).astype(np.uint8)


def crowd(count: int, seed: int = 1) -> np.ndarray:
    """Return (count, 4) tlwh boxes with the shape of standing people."""
    rng = np.random.default_rng(seed)
    height = rng.uniform(120, 500, count)
    width = 0.4 * height
    left, top = rng.uniform(0, 1920 - width), rng.uniform(0, 1080 - height)
    return np.column_stack([left, top, width, height])


def time_stages(
    engine: TorchEngine | OnnxEngine, image: np.ndarray, xyxy: np.ndarray
) -> list[float]:
    """Return milliseconds of each of `STAGES`, each run to its end, unlike in `extract`."""
    spent = dict.fromkeys(STAGES, 0.0)

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        if isinstance(engine, TorchEngine) and engine.device.type == 'cuda':
            torch.cuda.synchronize(engine.device)
        spent[stage] += 1e3 * (time.perf_counter() - start)
        return result

    with torch.inference_mode():
        source: Any = image
        if isinstance(engine, TorchEngine):
            source = timed('upload', lambda: engine.upload(image))
        parts = []
        for start, stop, size in batches(len(xyxy), engine.batch_sizes):
            chosen = xyxy[np.resize(np.arange(start, stop), size)]
            crops = timed('crop', lambda chosen=chosen: engine.crop(source, chosen))
            parts.append(timed('network', lambda crops=crops: engine.run(crops)))
        if isinstance(engine, TorchEngine):
            timed('download', lambda: engine.download(parts))
    return [spent[stage] for stage in STAGES]


def time_call(work: Callable[[], Any]) -> float:
    """Return the milliseconds of a call."""
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


class OnnxFile:
    """An ONNX file, run without this project: all crops in one batch."""

    def __init__(self, path: Path, device: torch.device, threads: int) -> None:
        self._session = engine_from_file(path, str(device), threads).session
        self._input = self._session.get_inputs()[0].name

    def planes(self, image: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        """Return the network's input."""
        rgb = crop_with_opencv(image, xyxy, (256, 128))[..., ::-1].astype(np.float32) / 255
        rgb = (rgb - np.float32(IMAGENET_MEAN)) / np.float32(IMAGENET_STD)
        return np.ascontiguousarray(rgb.transpose(0, 3, 1, 2))

    def run(self, planes: np.ndarray) -> None:
        """Run the network."""
        self._session.run(None, {self._input: planes})


def measure(
    extractor: NetworkExtractor,
    onnx: OnnxFile | None,
    boxmot: BoxMot | None,
    tlwh: np.ndarray,
    rounds: int,
    folder: Path,
) -> dict[str, float]:
    """Return median milliseconds of the stages, of a frame and of the peers, by name."""
    image = picture()
    xyxy, _ = clip_boxes(tlwh, *image.shape[:2])
    path = folder / f'{len(tlwh)}.npz'
    np.savez(path, image=image, xyxy=xyxy)
    tasks: dict[str, Callable[[], list[float]]] = {
        'stages': lambda: time_stages(extractor.engine, image, xyxy),
        'frame': lambda: [time_call(lambda: extractor.extract(image, tlwh))],
    }
    if onnx is not None:
        planes = onnx.planes(image, xyxy)
        tasks[ONNX_NETWORK] = lambda: [time_call(lambda: onnx.run(planes))]
        tasks[ONNX] = lambda: [time_call(lambda: onnx.run(onnx.planes(image, xyxy)))]
    if boxmot is not None:
        tasks[BOXMOT] = lambda: [boxmot.run(path)]
    order, turns = list(tasks), []
    for _ in progress(range(rounds + 1), f'{len(tlwh)} boxes', transient=True):
        # The order rotates, because a large task leaves cold caches to the next.
        order.append(order.pop(0))
        turns.append({name: tasks[name]() for name in order})
    medians = {}
    for name in tasks:
        # The first round warms up.
        columns = zip(*(turn[name] for turn in turns[1:]), strict=True)
        names = STAGES if name == 'stages' else (name,)
        medians |= dict(zip(names, map(statistics.median, columns), strict=True))
    return medians


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('weights', help='as for the node: .pth, .onnx, timm:NAME, ...')
    parser.add_argument('--onnx', type=Path, help='the same network as ONNX, for comparison')
    parser.add_argument('--boxmot-python', help='a Python that can import boxmot')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--threads', type=int, default=1, help='threads on the CPU')
    parser.add_argument('--boxes', type=int, nargs='+', default=[1, 10, 30, 60, 100])
    parser.add_argument('--rounds', type=int, default=15)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    extractor = load_extractor(options.weights, options.device, threads=options.threads)
    if not isinstance(extractor, NetworkExtractor):
        parser.error('weights: expected those of a network, not the colour descriptor')
    extractor.warm_up(max(options.boxes))
    device = choose_device(options.device)
    onnx = OnnxFile(options.onnx, device, options.threads) if options.onnx else None
    title = f'{extractor.card.name}, {extractor.engine.name}, {options.threads} threads: ms'
    table = Table('boxes', *STAGES, 'frame', title=title)
    for peer in [ONNX_NETWORK, ONNX] * (onnx is not None) + [BOXMOT] * bool(options.boxmot_python):
        table.add_column(peer)
    with tempfile.TemporaryDirectory() as name:
        folder, boxmot = Path(name), None
        if options.boxmot_python:
            weights, card = Path(options.weights), extractor.card.name
            boxmot = BoxMot(options.boxmot_python, weights, card, str(device), folder)
        for count in options.boxes:
            times = measure(extractor, onnx, boxmot, crowd(count), options.rounds, folder)
            table.add_row(str(count), *cells(times))
        if boxmot is not None:
            boxmot.close()
    Console(width=140).print(table)


def cells(times: dict[str, float]) -> list[str]:
    """Return the times as text, those of peers with their ratio to ours."""
    ours = {ONNX_NETWORK: times['network'], ONNX: times['frame'], BOXMOT: times['frame']}
    return [
        f'{value:.2f} ({value / ours[name]:.2f}x)' if name in ours else f'{value:.2f}'
        for name, value in times.items()
    ]


if __name__ == '__main__':
    main()
