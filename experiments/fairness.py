"""Is MovingScenes a fair test? Measured on `val`, before any recipe was searched.

    python experiments/fairness.py            # writes experiments/fairness.json
    python experiments/fairness.py --hard     # of the experiments' set: experiments/fairness_hard.json
    python experiments/fairness.py --fast     # the same with few steps and clips, to see that it runs

What must not give a label away (an untrained network, color histograms, a single frame; the vectors, for
the appearance), and what must be able to learn it (the same network with labels).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import VECTOR_STEPS, DecodedSet, MemoryLoader, MovingScenes, decode
from cvrl_lite.datasets.moving_scenes import hard_set
from cvrl_lite.models import MotionEncoder, TinyR2Plus1D
from cvrl_lite.pretrained import Pretrained
from cvrl_lite.transforms import augment, eval_transform

HERE = Path(__file__).parent
RECIPE = train.recipes.laptop(("context",))


def histograms(data: DecodedSet, bins: int) -> NDArray[np.float32]:
    """(N, bins ** 3) square roots of the shares of colors in the middle frame."""
    rows = []
    for video in data.videos:
        colors = (video.frames[len(video.frames) // 2].reshape(-1, 3).astype(int) * bins // 256) @ (
            bins**2,
            bins,
            1,
        )
        rows.append(np.bincount(colors, minlength=bins**3) / len(colors))
    return np.sqrt(np.array(rows, np.float32))


def frame_features(data: DecodedSet, frame: int) -> dict[str, NDArray[np.float32]]:
    """One frame's pixels at 12x12, and an untrained network's features of it standing still."""
    pictures = torch.from_numpy(np.stack([video.frames[frame] for video in data.videos]))
    small = F.adaptive_avg_pool2d(pictures.permute(0, 3, 1, 2).float() / 255, 12).flatten(1).numpy()
    torch.manual_seed(0)
    net = TinyR2Plus1D(RECIPE.networks.widths).eval()
    with torch.no_grad():
        still = [
            net(eval_transform(part[:, None].expand(-1, 8, -1, -1, -1), RECIPE.augmentation.size))
            for part in pictures.split(64)
        ]
    return {"pixels": small, "untrained network": torch.cat(still).numpy()}


def by_frame(
    gallery: DecodedSet, val: DecodedSet, label: str, frames: Iterable[int]
) -> dict[str, list[float]]:
    """Accuracies of a linear probe that sees one frame, one for each of `frames`, by kind of features."""
    found: dict[str, list[float]] = {}
    for frame in frames:
        known, asked = frame_features(gallery, frame), frame_features(val, frame)
        for name in known:
            score = evaluate.linear_probe(
                (known[name], gallery.labels(label)), (asked[name], val.labels(label)), penalty=0.01
            )
            found.setdefault(name, []).append(round(score, 3))
    return found


def supervised(gallery: DecodedSet, val: DecodedSet, label: str, steps: int) -> float:
    """Accuracy of the same backbone trained with labels, clips of a video voting."""
    torch.manual_seed(0)
    net = TinyR2Plus1D(RECIPE.networks.widths).to(memory_format=torch.channels_last_3d)
    head = torch.nn.Linear(net.width, len(gallery.classes[label]))
    optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], 3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2)
    numbers = {entry: i for i, entry in enumerate(np.unique([v.entry.source for v in gallery.videos]))}
    wanted = torch.zeros(len(numbers), dtype=torch.long)
    for video in gallery.videos:
        wanted[numbers[video.entry.source]] = video.entry.labels[label]
    # A flip would turn right into left, which no label knows.
    how = train.recipes.laptop().augmentation
    how = type(how)(**{**how.__dict__, "hflip": 0.0, "min_scale": 0.7})
    net.train()
    fast_in_half = not train.emulates_bfloat16(torch.device("cpu"))
    for batch in MemoryLoader(gallery, RECIPE.sampling, 0).batches(48, steps):
        views = augment(batch, how)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_in_half):
            pooled = net(views.clip)
        loss = F.cross_entropy(head(pooled.float() * 8), wanted[views.sources])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    features = evaluate.features(net, val, RECIPE.sampling, size=RECIPE.augmentation.size)
    with torch.no_grad():
        answers = head(torch.from_numpy(features) * 8).argmax(1).numpy()
    return float((answers == val.labels(label)).mean())


def from_vectors(gallery: DecodedSet, val: DecodedSet, label: str, steps: int) -> float:
    """Accuracy of a motion encoder trained with labels on the vectors and the mask of whole clips."""

    def maps(data: DecodedSet) -> torch.Tensor:
        rows = [
            np.concatenate([video.vectors / (2.0 * VECTOR_STEPS), video.mask[:, None]], 1)
            for video in data.videos
        ]
        return torch.from_numpy(np.stack(rows).astype(np.float32)).transpose(1, 2)  # (N, 3, 40, 14, 14)

    torch.manual_seed(0)
    net = torch.nn.Sequential(MotionEncoder(), torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten())
    head = torch.nn.Linear(96, len(gallery.classes[label]))
    optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], 3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2)
    known, wanted = maps(gallery), torch.from_numpy(gallery.labels(label))
    for _ in range(steps):
        chosen = torch.randint(len(known), (64,))
        loss = F.cross_entropy(head(net(known[chosen])), wanted[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        answers = head(net(maps(val))).argmax(1).numpy()
    return float((answers == val.labels(label)).mean())


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    fast = arguments.fast
    root = hard_set(100) if fast else hard_set() if arguments.hard else None
    gallery, val = (decode(MovingScenes(split, root), size=RECIPE.decoded_size) for split in ("train", "val"))
    scene = gallery.labels("scene"), val.labels("scene")
    result: dict[str, object] = {}
    rows = []
    for seed in range(1 if fast else 3):
        torch.manual_seed(seed)
        rows.append(
            evaluate.scores(
                gallery, val, model=Pretrained.from_recipe(TinyR2Plus1D(RECIPE.networks.widths), RECIPE)
            )
        )
    result["untrained network"] = {
        label: {m: [round(row[label][m], 3) for row in rows] for m in ("R@1", "linear")} for label in rows[0]
    }
    result["scene R@1 of color histograms"] = {
        f"{bins} bins a channel": round(
            evaluate.retrieval(
                (histograms(gallery, bins), scene[0]), (histograms(val, bins), scene[1]), ks=(1,)
            )["R@1"],
            3,
        )
        for bins in (4, 8)
    }
    frames = (0,) if fast else range(0, 40, 8)
    result["action accuracy of a linear probe on the best single frame"] = {
        name: max(scores) for name, scores in by_frame(gallery, val, "action", frames).items()
    }
    if "appearance" in gallery.classes:
        result["appearance accuracy of a linear probe on frames 0, 20 and 39"] = by_frame(
            gallery, val, "appearance", (0,) if fast else (0, 20, 39)
        )
    print(json.dumps(result, indent=2), flush=True)
    steps = 2 if fast else 300
    result["supervised accuracy"] = {
        label: round(supervised(gallery, val, label, steps), 3) for label in gallery.classes
    }
    result["supervised accuracy from vectors and mask alone"] = {
        label: round(from_vectors(gallery, val, label, steps), 3) for label in gallery.classes
    }
    print(json.dumps({name: value for name, value in result.items() if "supervised" in name}, indent=2))
    if not fast:
        name = "fairness_hard.json" if arguments.hard else "fairness.json"
        (HERE / name).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
