"""Where each class of real clips moves: the mean length of its motion vectors at every place.

    python experiments/real_maps.py --root UCF11     # writes real_maps.json

Averages over the training clips of a class (g08-g19), so that they can be shown where the clips themselves
cannot: pixels of a square of 72 from one frame to the next, on the grid of decoded vectors. Frames in which
a place has no vector do not count there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from real import ROOT, read

from cvrl_lite.datasets import DecodedSet

OUT = Path(__file__).parent / "real_maps.json"
SIXTEENTHS = 16  # of a pixel: the unit of decoded vectors


def speeds(data: DecodedSet) -> dict[str, NDArray[np.float64]]:
    """(G, G) mean length of the vectors of each class."""
    found = {}
    for number, name in enumerate(data.classes["class"]):
        videos = [data.videos[row] for row in np.flatnonzero(data.labels("class") == number)]
        lengths = [
            np.hypot(*video.vectors.swapaxes(0, 1).astype(float)) * video.mask / SIXTEENTHS
            for video in videos
        ]
        total, count = sum(part.sum(0) for part in lengths), sum(video.mask.sum(0) for video in videos)
        found[name] = total / np.maximum(count, 1)
    return found


def main() -> int:
    """Writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the clips that ucf11.py makes")
    found = speeds(read(parser.parse_args().root)["train"])
    OUT.write_text(
        json.dumps({name: values.round(2).tolist() for name, values in found.items()}) + "\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
