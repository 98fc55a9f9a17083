"""Track a recording, fill the gaps of its tracks, and write them as MOTChallenge text.

The detector misses a person in frames 20 to 25; tracks cannot know a box that comes only later,
but refinement after the last frame can.

    python examples/refine.py tracks.txt
"""

import sys

import numpy as np

from strongsort_ros import StrongSORT, refine_tracks

tracker = StrongSORT(reid=None, frame_rate=30)
rows = []
for frame_number in range(1, 61):
    left = 100 + 80 * np.sin(frame_number / 20)
    missed = 20 <= frame_number <= 25
    tracks = tracker.update(None if missed else [(left, 50, left + 40, 130, 0.9)])
    for track_id, box, score in zip(tracks.ids, tracks.tlwh, tracks.scores, strict=True):
        rows.append((frame_number, track_id, *box, score))

refined = refine_tracks(rows, smooth='rts')
np.savetxt(sys.argv[1], refined, fmt='%g', delimiter=',')
gained = sorted({int(row[0]) for row in refined} - {row[0] for row in rows})
print(f'{len(rows)} boxes before, {len(refined)} after; new in frames {gained}: {sys.argv[1]}')
