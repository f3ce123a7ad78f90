"""The sets of the experiments: the hard one, encoded as real files are, and with more or fewer clips."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from cvrl_lite import train
from cvrl_lite.codec import transcode
from cvrl_lite.datasets import DecodedSet, MovingScenes, VideoDataset, decode
from cvrl_lite.datasets.moving_scenes import hard_set
from cvrl_lite.files import cache_dir, replacing

CONDITIONS: dict[str, dict[str, Any]] = {
    "for watching": {"gop": 250, "b_frames": 3, "references": 3, "weighted": True, "preset": "medium"},
    "crf 38": {"crf": 38},
    "mpeg-4": {"codec": "mpeg4"},
}
"""How the hard set is encoded once more; what is not said is as in `transcode`."""

AMOUNTS = {"288 clips": 288, "1152 clips": 1152, "4608 clips": 4608}
"""Clips of one set of 6400 that are trained on. The gallery is always its first 1152."""

GALLERY = 1152
_ALL = 6400


def _encoded(name: str) -> Path:
    """The hard set, encoded under a condition; what is there already is kept."""
    source = hard_set()
    folder = cache_dir() / f"{source.name}_{name.replace(' ', '_')}"
    suffix = ".avi" if CONDITIONS[name].get("codec") == "mpeg4" else ".mp4"
    with open(source / "index.csv", newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    for row in rows:
        target = (folder / row[0]).with_suffix(suffix)
        if not target.exists():
            transcode(source / row[0], target, **CONDITIONS[name])
        row[0] = str(Path(row[0]).with_suffix(suffix).as_posix())
    with replacing(folder / "index.csv") as part, open(part, "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *rows])
    return folder


def load(split: str, world: str = "hard", clips: int | None = None) -> DecodedSet:
    """A split of a world, decoded once and mapped into memory after that.

    Args:
        split: "train", "val" or "test".
        world: "hard", "tiny" (100 clips like those), or a name of `CONDITIONS` or `AMOUNTS`.
        clips: The first so many alone.
    """
    if world in AMOUNTS or world == "tiny":
        videos = MovingScenes(split, hard_set(100 if world == "tiny" else _ALL))
        clips = clips or (AMOUNTS.get(world) if split == "train" else None)
    else:
        videos = MovingScenes(split, _encoded(world) if world in CONDITIONS else hard_set())
    entries = videos.entries[:clips]
    decoded, cache = train.recipes.laptop().decoded_size, cache_dir() / "decoded"
    return decode(VideoDataset(entries, videos.classes), size=decoded, residuals=True, cache=cache)


def gallery(world: str) -> DecodedSet:
    """What is searched and what probes are trained on: the training split, or the same part of it for all."""
    return load("train", "4608 clips", GALLERY) if world in AMOUNTS else load("train", world)
