"""Draws and encodes the clips of data/lessons/, each made to prove something about vectors or residuals.

    python experiments/lesson_clips.py FOLDER

The motion in them is known because we drew it. What each shows is said beside the function that draws it,
and asserted in the notebooks 03 and 04. As with `sample_clips.py`, the pixels are the same on every machine
(`PIXELS` pins them) and the encoded bytes are not, so the files in git are the ones that count.

Axes: T time, H W pixels.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes.integers import Dice, noise
from cvrl_lite.datasets.moving_scenes.textures import still
from cvrl_lite.files import sha256

WIDTH, HEIGHT = 192, 128
SCALES, MARBLE = ("scales", 4), ("marble", 7)
PIXELS = "17b8bd54c984e4124a2ceb38317eeb6b6bed20acdd644fa12f3eeec64daad6e8"


@lru_cache
def wall(scene: str, seed: int) -> np.ndarray:
    """A picture far larger than a frame, (1024, 1024, 3), four of its pixels to one of a frame's.

    Fine grain is laid over the texture, so that each place looks like itself and nothing else.
    """
    y, x = np.mgrid[0:1024, 0:1024]
    grain = noise(x, y, 12, Dice(seed, 9).grid(128))
    return np.clip(still(scene, seed, 1024).astype(np.int64) + (grain[..., None] - 128) // 5, 0, 255)


def camera(picture: np.ndarray, places: Sequence[tuple[int, int]]) -> np.ndarray:
    """What a camera sees that stands at these places, x and y in quarter pixels: (T, H, W, 3) uint8."""
    views = [picture[y : y + 4 * HEIGHT, x : x + 4 * WIDTH] for x, y in places]
    fine = np.stack(views).reshape(len(views), HEIGHT, 4, WIDTH, 4, 3)
    return ((fine.sum((2, 4)) + 8) // 16).astype(np.uint8)


def path(*steps: tuple[int, int], start: tuple[int, int] = (40, 40)) -> list[tuple[int, int]]:
    """Places of a camera that takes these steps, in quarter pixels; one place more than steps."""
    return [(int(x), int(y)) for x, y in np.cumsum([start, *steps], axis=0)]


def pan() -> np.ndarray:
    """8 steps of 3 pixels to the right and 1 down, then a pause; in frame 12 the right half is all new."""
    frames = camera(wall(*SCALES), path(*[(12, 4)] * 8, *[(0, 0)] * 7))
    frames[12:, :, WIDTH // 2 :] = camera(wall(*MARBLE), path())[:, :, WIDTH // 2 :]
    return frames


def slow_pan() -> np.ndarray:
    """8 steps of 3/4 pixel to the right and 1/2 down."""
    return camera(wall(*SCALES), path(*[(3, 2)] * 8))


def steady_pan() -> np.ndarray:
    """12 steps of 3 pixels to the right and 1 down."""
    return camera(wall(*SCALES), path(*[(12, 4)] * 12))


def two_films() -> np.ndarray:
    """Two scenes in turn, each seen by a camera that moves 2 pixels to the right from frame to frame."""
    places = path(*[(8, 0)] * 15)
    films = [camera(wall(*scene), places) for scene in (SCALES, MARBLE)]
    return np.stack([films[t % 2][t] for t in range(16)])


def shattered() -> np.ndarray:
    """Pieces of 4x4 pixels that go 1 pixel to the left and back, their neighbors the opposite way."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] // 4
    left = camera(wall(*SCALES), path(*[(4, 0), (-4, 0)] * 4))
    right = camera(wall(*SCALES), path(*[(-4, 0), (4, 0)] * 4))
    return np.where(((rows + columns) % 2 == 0)[..., None], left, right)


def deceiver() -> np.ndarray:
    """A plain plate that sinks, stripes that move by more than half their period, a still wall that flickers.

    Each fills a third of the width. The plate sinks 2 pixels a frame, the stripes (8 pixels from one to the
    next) move 5 pixels to the right, the wall on the right moves nowhere.
    """
    frames = np.empty((9, HEIGHT, WIDTH, 3), np.uint8)
    y, x = np.mgrid[0:HEIGHT, 0:64]
    lit = camera(wall("marble", 4), path())[0, :, :64].astype(np.int64)
    for t, frame in enumerate(frames):
        plate = (y >= 20 + 2 * t) & (y < 92 + 2 * t)
        frame[:, :64] = np.where(plate[..., None], (196, 120, 60), (90, 110, 130))
        frame[:, 64:128] = np.where(((x - 5 * t) % 8 < 4)[..., None], (230, 230, 220), (40, 40, 60))
        frame[:, 128:] = np.clip(lit * (16 + 2 * (t % 3)) // 16, 0, 255)
    return frames


def news() -> np.ndarray:
    """A disc moves 3 pixels a frame to the right over a wall; at 6 two tiles appear, at 10 the light goes up.

    One tile is grained, the other plain.
    """
    frames = np.repeat(camera(wall("planks", 4), path()), 14, 0)
    coat = camera(wall("scales", 7), path())[0]
    other = camera(wall("hexagons", 1), path())[0]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    for t, frame in enumerate(frames):
        disc = (x - 40 - 3 * t) ** 2 + (y - 52) ** 2 <= 26**2
        frame[disc] = np.roll(coat, 3 * t, 1)[disc]
        if t >= 6:
            frame[84:116, 128:160] = other[84:116, 128:160]
            frame[84:116, 24:56] = (70, 150, 90)
        if t >= 10:
            frame[:] = np.minimum(frame.astype(np.int64) + 16, 255)
    return frames


def every_position() -> np.ndarray:
    """16 steps to the right and down, each of 1 pixel and another of the 16 quarter-pixel positions."""
    return camera(wall("weave", 4), path(*[(7 - n % 4, 7 - n // 4) for n in range(16)]))


ONE = {"gop": 250, "crf": 18}  # one key frame
FINE: dict[str, Any] = {"gop": 250, "crf": 14, "preset": "veryslow", "references": 1}
# P-pictures so coarse that no residual is left in them, behind an I-picture that is not.
BARE = {"gop": 250, "quantizer": 51, "deblock": False, "options": {"i_qfactor": "0.1"}}
CLIPS: dict[str, tuple[Any, dict[str, Any]]] = {
    "pan.mp4": (pan, {"gop": 250, "quantizer": 24}),
    "slow_pan.mp4": (slow_pan, ONE),
    "slow_pan_mpeg4.mp4": (slow_pan, {"gop": 250, "codec": "mpeg4"}),
    "steady_pan_b.mp4": (
        steady_pan,
        ONE | {"b_frames": 3, "options": {"b_strategy": "0", "b-pyramid": "none"}},
    ),
    "two_films.mp4": (two_films, ONE | {"references": 4, "preset": "medium"}),
    "shattered_8x8.mp4": (shattered, FINE | {"options": {"partitions": "p8x8"}}),
    "shattered_4x4.mp4": (shattered, FINE | {"options": {"partitions": "p8x8,p4x4"}}),
    "deceiver.mp4": (deceiver, ONE),
    "news.mp4": (news, {"gop": 250, "crf": 20, "deblock": False}),
    "every_position.mp4": (every_position, BARE),
}


def main(folder: Path) -> None:
    """Writes all files and prints their digests, as data/README.md lists them."""
    drawn = {draw: draw() for draw, _ in CLIPS.values()}
    digest = hashlib.sha256(b"".join(frames.tobytes() for frames in drawn.values())).hexdigest()
    if digest != PIXELS:
        raise SystemExit(f"the drawing has changed: its digest is {digest}, not {PIXELS}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (draw, settings) in CLIPS.items():
        encode(drawn[draw], folder / name, **settings)
        print(name, (folder / name).stat().st_size, sha256(folder / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
