"""Draws and encodes the two clips of data/, `sample.mp4` and `sample_watch.mp4`.

    python experiments/sample_clips.py FOLDER

Both hold the same 72 frames (224x224, 25 per second): 42 of one MovingScenes clip, then a hard cut to 30
of another. `sample.mp4` is encoded the way this course trains: a key frame every 12 frames, P-frames that
refer to the frame before, nothing else, so the cut falls inside a GOP. `sample_watch.mp4` is encoded as for
watching: GOPs of up to 30, B-frames, three references, key frames also where the encoder sees a cut.

Both were encoded with x264's macroblock tree, which `encode` switches off today, because with B-frames its
bytes may differ from run to run. `SETTINGS` switches it on again: with the build of x264 in PyAV's wheels
this writes `sample.mp4` byte for byte as it is in git, and a `sample_watch.mp4` whose size differs by up to
some hundred bytes from run to run, and whose vectors differ in part. The pixels drawn are the same on every
machine (`PIXELS` pins them). The files in git are the ones that count.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.files import sha256

TREE = {"mbtree": "1"}
SETTINGS: dict[str, dict[str, Any]] = {
    "sample.mp4": {"gop": 12, "crf": 23, "options": TREE},
    "sample_watch.mp4": {
        "gop": 30,
        "b_frames": 2,
        "references": 3,
        "scene_cuts": True,
        "crf": 23,
        "preset": "medium",
        "options": TREE,
    },
}
PIXELS = "9166433ee6f52e15749d078f04dcc3c6719fc8bed36f2201d8e8ae6995fda5a3"


def drawn() -> np.ndarray:
    """The (72, 224, 224, 3) uint8 RGB frames of both clips."""
    first = draw("bricks", "clockwise", 11, frames=42, size=224)
    second = draw("waves", "right", 5, frames=30, size=224)
    return np.concatenate([first, second])


def main(folder: Path) -> None:
    """Writes both files and prints their digests, as data/README.md lists them."""
    frames = drawn()
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(frames.tobytes()).hexdigest()
    if digest != PIXELS:
        raise SystemExit(f"the drawing has changed: its digest is {digest}, not {PIXELS}")
    for name, settings in SETTINGS.items():
        encode(frames, folder / name, **settings)
        print(name, (folder / name).stat().st_size, sha256(folder / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
