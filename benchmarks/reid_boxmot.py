"""BoxMOT's ReID for `reid.py`: runs in the peer's environment, one line in, one line out."""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main() -> None:
    """Answer each path of an .npz of image and boxes with the milliseconds that a frame takes."""
    weights, device, threads = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # BoxMOT prints
    import torch
    from boxmot.reid.core.runtime import ReID

    torch.set_num_threads(int(threads))
    on_gpu = device.startswith('cuda')
    model = ReID(weights, device=torch.device(device), half=on_gpu).model
    print(json.dumps({'ready': True}), file=answers, flush=True)
    for line in sys.stdin:
        frame = np.load(line.strip(), allow_pickle=False)
        image, xyxy = frame['image'], frame['xyxy'].astype(np.float32)
        start = time.perf_counter()
        model.get_features(xyxy, image)  # ends with the embeddings in NumPy
        spent = 1e3 * (time.perf_counter() - start)
        print(json.dumps({'milliseconds': spent}), file=answers, flush=True)


if __name__ == '__main__':
    main()
