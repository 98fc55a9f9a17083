"""Milliseconds per frame of a ReID network, by library, number of threads and other load.

    python benchmarks/threads.py            OSNet x0.25 with random weights, 10 boxes

Each measurement runs in a new process; the other load is a number of busy Python processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from strongsort_ros.reid.interfaces import CARDS
from strongsort_ros.reid.models import Network
from strongsort_ros.reid.models.osnet import OSNet
from strongsort_ros.reid.onnx_engine import engine_from_network
from strongsort_ros.reid.torch_engine import TorchEngine

ENGINES = ('PyTorch', 'onnxruntime')
SECONDS = 10.0
BUSY = 'while True: pass'


def measure(engine_name: str, threads: int, boxes: int) -> tuple[float, float, float]:
    """Return median and 95th percentile of the time, and processor time, per frame in ms."""
    cv2.setNumThreads(1)
    torch.set_num_threads(threads)
    network = Network(OSNet(0.25).eval(), CARDS['osnet_x0_25'])
    engine = engine_from_network(network, threads) if engine_name == 'onnxruntime' else None
    engine = engine or TorchEngine(network, torch.device('cpu'))
    image = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    left = np.linspace(0, 1800, boxes).astype(np.int64)
    xyxy = np.stack([left, 0 * left + 50, left + 100, 0 * left + 300], axis=1)
    engine.embed(image, xyxy)
    spent, end, before = [], time.monotonic() + SECONDS, time.process_time()
    while time.monotonic() < end:
        start = time.perf_counter()
        engine.embed(image, xyxy)
        spent.append(1e3 * (time.perf_counter() - start))
    work = 1e3 * (time.process_time() - before) / len(spent)
    return float(np.median(spent)), float(np.quantile(spent, 0.95)), work


def main() -> None:
    """Measure every library, number of threads and load, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--load', type=int, nargs='+', default=[0, 3], help='other processes')
    parser.add_argument('--boxes', type=int, default=10)
    parser.add_argument('--one', nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(*measure(options.one[0], int(options.one[1]), options.boxes))
        return
    table = Table('engine', 'threads', 'other load', 'median', '95 %', 'processor', title='ms')
    for load in options.load:
        others = [subprocess.Popen([sys.executable, '-c', BUSY]) for _ in range(load)]
        try:
            for engine in ENGINES:
                for threads in options.threads:
                    command = [sys.executable, __file__, '--one', engine, str(threads)]
                    command += ['--boxes', str(options.boxes)]
                    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                    values = [f'{float(value):.0f}' for value in printed.stdout.split()]
                    table.add_row(engine, str(threads), str(load), *values)
        finally:
            for other in others:
                other.kill()
                other.wait()
    Console().print(table)
    print(f'{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end')


if __name__ == '__main__':
    main()
