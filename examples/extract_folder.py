"""Key frames and motion vectors of all videos below a folder, one .npz each.

    python examples/extract_folder.py videos/ arrays/

Prints how much each video moves. A file that cannot be used is named with the reason, and the others go on.
(`cvrl-lite extract` does the same in parallel, and goes on where it was stopped.)
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from cvrl_lite import VideoError, codec
from cvrl_lite.datasets import VideoFolder


def main() -> int:
    """Extracts, and returns 1 if some files failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    failed = False
    for entry in VideoFolder(options.videos).entries:
        target = options.out / f"{entry.path.relative_to(options.videos)}.npz"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            codec.extract(entry.path, target, ("keyframes", "motion"))
        except VideoError as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        vectors, mask, _ = codec.load(target).motion  # (T, 2, H8, W8) pixels, (T, H8, W8)
        lengths = np.linalg.norm(vectors, axis=1)[mask]
        print(
            f"{target}: {len(vectors)} frames, blocks move {lengths.mean() if mask.any() else 0:.2f} pixels"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
