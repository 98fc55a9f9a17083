"""BoxMOT's ReID for `reid.py`, in an environment with boxmot; one line per request and reply."""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main() -> None:
    """Read paths of .npz files with image and boxes; print the milliseconds of each frame."""
    weights, device, threads = sys.argv[1:]
    replies, sys.stdout = sys.stdout, sys.stderr  # BoxMOT prints to stdout
    import torch
    from boxmot.reid.core.runtime import ReID

    torch.set_num_threads(int(threads))
    on_gpu = device.startswith('cuda')
    model = ReID(weights, device=torch.device(device), half=on_gpu).model
    print(json.dumps({'ready': True}), file=replies, flush=True)
    for line in sys.stdin:
        frame = np.load(line.strip(), allow_pickle=False)
        image, xyxy = frame['image'], frame['xyxy'].astype(np.float32)
        start = time.perf_counter()
        model.get_features(xyxy, image)  # returns a NumPy array
        spent = 1e3 * (time.perf_counter() - start)
        print(json.dumps({'milliseconds': spent}), file=replies, flush=True)


if __name__ == '__main__':
    main()
