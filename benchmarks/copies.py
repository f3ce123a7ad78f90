"""Training samples read from files as published and from copies made for training.

    python benchmarks/copies.py FOLDER            # prints a table
    python benchmarks/copies.py FOLDER --fast     # one file, one round

Each video of the folder is transcoded much as experiments/ucf11.py does it: MPEG-4, 192 lines, 25 frames a
second, a key frame every 12. Then samples of 8 frames (and the key frame and the next 8 vector maps) are read
at random places of both, opening the file each time as a loader does. CPU time, medians; the ratio is what
counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from cvrl_lite import CompressedVideo
from cvrl_lite.codec import transcode

PLACES = 8  # of each file
ROUNDS = 3


def milliseconds(path: Path, starts: list[float]) -> float:
    """CPU time of one sample, opening the file included."""
    begin = time.process_time()
    for start in starts:
        with CompressedVideo(path) as video:
            video.sample(at=start, frames=8, stride=2, size=72, gap=3, window=8)
    return (time.process_time() - begin) / len(starts) * 1000


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.avi"))[: 1 if arguments.fast else None]
    random, found = np.random.default_rng(0), {}
    with tempfile.TemporaryDirectory() as folder:
        for number, original in enumerate(files):
            copy = Path(folder) / original.name
            transcode(original, copy, 12, 192, codec="mpeg4", quantizer=5, constant_rate=25)
            with CompressedVideo(original) as one, CompressedVideo(copy) as two:
                starts = random.uniform(0.1, float(one.times[-1]) - 1.2, PLACES).tolist()
                rates = [float(video.info.average_rate) for video in (one, two)]
                gops = [max(video.info.gop_lengths) for video in (one, two)]
            rows = [[milliseconds(path, starts) for path in (original, copy)] for _ in range(ROUNDS)]
            before, after = np.median(rows, 0)
            found[original.name] = before / after
            print(
                f"{number + 1:3} {original.name}: GOP {gops[0]} -> {gops[1]}, {rates[0]:.2f} fps, "
                f"{before:.1f} -> {after:.1f} ms a sample, {before / after:.1f} times",
                flush=True,
            )
    print(f"median of {len(found)} files: {median(found.values()):.1f} times faster from the copies")
    return 0


if __name__ == "__main__":
    sys.exit(main())
