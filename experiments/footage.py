"""Does it work on real footage at all? Clips look for others of their own video, a smoke test.

    python experiments/footage.py FOLDER      # any folder of videos

`experiments/footage.json` is what it printed for the clips that docs/study.md speaks of.
Eight clips of each video that is long enough; each searches all others, but for those of its own file that
begin within two seconds of it. Files whose names share what `--source` finds are one video.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.datasets import DecodedSet, VideoFolder, decode, evaluation_clips
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.transforms import eval_transform

CLIPS = 8
APART = 2.0  # seconds
HISTOGRAM_BINS = 6


def clips_of(data: DecodedSet) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clips (N, 8, S, S, 3), and of each the number of its file and of its video, and its first second."""
    recipe = cvrl_lite.load("joint").recipe
    pictures, files, videos, begins = [], [], [], []
    span = recipe.sampling.stride * (recipe.sampling.frames - 1)
    for number, (video, source) in enumerate(zip(data.videos, data.source_numbers, strict=True)):
        if video.times[-1] < CLIPS * span / 2:
            continue
        pictures.append(evaluation_clips(video, recipe.sampling, CLIPS))
        files += [number] * CLIPS
        videos += [source] * CLIPS
        begins += np.linspace(0, video.times[-1] - span, CLIPS + 2)[1:-1].tolist()
    return np.concatenate(pictures), np.array(files), np.array(videos), np.array(begins)


def found(vectors: np.ndarray, files: np.ndarray, videos: np.ndarray, begins: np.ndarray) -> float:
    """The share of clips whose nearest other one is of their own video."""
    order = evaluate.nearest(vectors, vectors, len(vectors))
    right = []
    for clip, row in enumerate(order):
        near = (files[row] == files[clip]) & (np.abs(begins[row] - begins[clip]) < APART)
        right.append(videos[row[~near][0]] == videos[clip])
    return float(np.mean(right))


@torch.no_grad()
def vectors_of(backbone: VideoBackbone, pictures: np.ndarray) -> np.ndarray:
    """(N, D) features."""
    backbone.eval()
    parts = [backbone(eval_transform(torch.from_numpy(part), 64)) for part in np.array_split(pictures, 8)]
    return torch.cat(parts).numpy()


def histograms(pictures: np.ndarray) -> np.ndarray:
    """(N, bins ** 3) square roots of the shares of colors."""
    place = pictures.astype(int) * HISTOGRAM_BINS // 256 @ (HISTOGRAM_BINS**2, HISTOGRAM_BINS, 1)
    counts = [np.bincount(clip.ravel(), minlength=HISTOGRAM_BINS**3) / clip.size for clip in place]
    return np.sqrt(np.array(counts, np.float32))


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", default="^[a-z]+_vid")
    arguments = parser.parse_args()
    data = decode(VideoFolder(arguments.folder, arguments.source), vectors=False)
    pictures, *where = clips_of(data)
    result = {"clips": len(pictures), "videos": len(set(where[1].tolist()))}
    torch.manual_seed(0)
    networks = {"untrained": TinyR2Plus1D((24, 48, 128, 128))}
    networks |= {name: cvrl_lite.load(name).backbone for name in ("context", "motion", "joint")}
    shares = {name: found(vectors_of(net, pictures), *where) for name, net in networks.items()}
    shares["color histograms"] = found(histograms(pictures), *where)
    print(json.dumps(result | {name: round(share, 3) for name, share in shares.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
