"""How steady motion vectors are from one map of a window to the next: on drawings and on real clips.

    python experiments/steadiness.py --root UCF11    # prints a line for each; half a minute

A cell's vector in two successive maps of one window, both components, over all pairs of some batches.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from real import ROOT, read, shipped_set

from cvrl_lite import train
from cvrl_lite.datasets import DecodedSet, MemoryLoader
from cvrl_lite.transforms import augment

BATCHES = 12


def steadiness(data: DecodedSet, batches: int = BATCHES) -> float:
    """Correlation of the vectors of successive maps where both hold one, sampled by the course's recipe."""
    torch.manual_seed(0)
    recipe = train.recipes.laptop(("motion",))
    first, second = [], []
    for batch in MemoryLoader(data, recipe.sampling, 0).batches(recipe.batch, batches):
        views = augment(batch, recipe.augmentation)
        vectors = views.motion[:, 0, :2].transpose(1, 2)  # (B, T, 2, G, G)
        held = views.mask[:, 0]
        both = (held[:, :-1] & held[:, 1:])[:, :, None].expand(-1, -1, 2, -1, -1)
        first.append(vectors[:, :-1][both])
        second.append(vectors[:, 1:][both])
    return float(np.corrcoef(torch.cat(first), torch.cat(second))[0, 1])


def main() -> int:
    """Prints both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the clips that ucf11.py makes")
    root = parser.parse_args().root
    for name, data in (("drawings", shipped_set()), ("real clips", read(root)["train"])):
        print(f"{name}: {steadiness(data):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
