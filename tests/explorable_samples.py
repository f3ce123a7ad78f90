"""Small explorables for the tests, and in NumPy what they should find."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cvrl_lite.course import explorables
from cvrl_lite.course.explorables import Clips, Explorable, Windows

NAMES = {"scene": ("bricks", "dots", "waves"), "action": ("right", "pulse")}


def clips(count: int, seed: int) -> Clips:
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (count, 20, 8, 8, 3), dtype=np.uint8)
    context, motion = rng.standard_normal((2, count, 5))
    scene, action = (rng.integers(0, len(NAMES[name]), count) for name in ("scene", "action"))
    return Clips(frames, context, motion, scene, action)


QUERIES, GALLERY = clips(9, 0), clips(80, 1)
CHOSEN = [7, 2, 4]


def two_searches() -> Explorable:
    return explorables.two_searches(QUERIES, GALLERY, NAMES, chosen=CHOSEN, side=16)


def nearest(query: int, weight: float) -> list[int]:
    """The five nearest by whole vectors whose parts have the lengths that the weight gives them."""
    whole = [
        np.hstack(
            [
                length * part / np.linalg.norm(part, axis=1, keepdims=True)
                for length, part in ((np.sqrt(1 - weight), table.context), (np.sqrt(weight), table.motion))
            ]
        )
        for table in (QUERIES, GALLERY)
    ]
    return np.argsort(-(whole[0][query] @ whole[1].T), kind="stable")[:5].tolist()


RNG = np.random.default_rng(3)
BEFORE = RNG.integers(0, 256, (64, 96, 3), dtype=np.uint8)
CURRENT = np.roll(BEFORE, (3, -2), (0, 1))  # the content moved 2 to the left and 3 down
VECTORS = np.tile(np.array([2.0, -3.0])[:, None, None], (1, 8, 12))
MASK = np.ones((8, 12), bool)
MASK[0, 0] = False


def block_origin() -> Explorable:
    return explorables.block_origin(BEFORE, CURRENT, VECTORS, MASK, row=4, column=5)


FILM_VECTORS = RNG.integers(-3, 4, (4, 2, 4, 6)).astype(float)
FILM_MASK = RNG.random((4, 4, 6)) > 0.2
BROAD = RNG.integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)  # smooth, so that WebP changes little
FILM = np.stack([np.asarray(Image.fromarray(frame).resize((48, 32))) for frame in BROAD])


def decoder() -> Explorable:
    return explorables.decoder(FILM, "IPPP", FILM_VECTORS, FILM_MASK)


B_VECTORS = np.random.default_rng(8).integers(-2, 3, (4, 2, 2, 4, 6)).astype(float)  # past and future
B_MASK = np.random.default_rng(9).random((4, 2, 4, 6)) > 0.3


def decoder_of_b_frames() -> Explorable:
    return explorables.decoder(FILM, "IBBP", B_VECTORS, B_MASK)


OWN = [1, 4]  # of six windows, the true futures of two clips
COSINES = RNG.uniform(-1, 1, (2, 4, 6, 4))  # of the prediction at each of 2 x 2 points, with every window's
ATTENTION = RNG.random((2, 4, 2, 2, 2))
FRAMES = RNG.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)  # of a clip


def what_next() -> Explorable:
    frames = np.random.default_rng(5).integers(0, 256, (6, 2, 16, 16, 3), dtype=np.uint8)
    flow = np.random.default_rng(6).uniform(-1, 1, (6, 2, 2, 4, 4))
    windows = Windows(frames, flow, np.ones((6, 2, 4, 4), bool), [*("right", "turn", "pulse") * 2])
    given = {"own": OWN, "cosines": COSINES, "attention": ATTENTION}
    return explorables.what_next(np.stack([FRAMES, FRAMES[::-1]]), windows, names=("right", "turn"), **given)


PULLS = [
    {"step": step, "context": 4 - step / 40, "motion": 3 + step / 50, "cosine": step / 100 - 0.4}
    for step in (0, 30, 60, 90)
]
SCORES = {
    "scene": {0.0: [0.2], 1 / 3: [0.8, 0.9], 1.0: [0.9]},
    "action": {0.0: [0.9], 1 / 3: [0.8], 1.0: [0.1]},
}


def tug_of_war() -> Explorable:
    return explorables.tug_of_war(PULLS, SCORES)


MAKERS = [explorables.sphere, two_searches, block_origin, decoder, decoder_of_b_frames, what_next, tug_of_war]


def mean_error(cell: tuple[int, int], vector: tuple[int, int], side: int = 16) -> float:
    """Of the window around a cell (row, column) and its match in the frame before."""
    top, left = (8 * place + 4 - side // 2 for place in cell)
    block = CURRENT[top : top + side, left : left + side].astype(int)
    match = BEFORE[top + vector[1] :, left + vector[0] :][:side, :side].astype(int)
    return float(np.abs(block - match).mean())


def copied(source: np.ndarray, vectors: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(32, 48, 3) from where the vectors (2, 4, 6) lead; NaN where there is none."""
    y, x = np.mgrid[:32, :48]
    dx, dy = (np.kron(part, np.ones((8, 8))).astype(int) for part in vectors)
    made = source[(y + dy).clip(0, 31), (x + dx).clip(0, 47)].astype(float)
    return np.where(np.kron(mask, np.ones((8, 8), bool))[..., None], made, np.nan)


def without_residual_from_both(film: np.ndarray) -> list[float]:
    """How far each of the frames IBBP is from the true one if vectors alone make it."""
    made = {0: film[0].astype(float)}
    for t, sources in ((3, [0]), (1, [0, 3]), (2, [0, 3])):
        parts = [
            copied(made[other], abs(t - other) * B_VECTORS[t, way], B_MASK[t, way])
            for way, other in enumerate(sources)
        ]
        count = sum(np.isfinite(part) for part in parts)
        total = sum(np.nan_to_num(part) for part in parts)
        made[t] = np.where(count > 0, total / np.maximum(count, 1), 128)
    return [float(np.abs(made[t] - film[t]).mean()) for t in range(4)]


def without_residual(film: np.ndarray) -> list[float]:
    """How far each frame is from the true one if the vectors alone carry the first on."""
    made = [film[0].astype(float)]
    for t in range(1, 4):
        made.append(np.nan_to_num(copied(made[-1], FILM_VECTORS[t], FILM_MASK[t]), nan=128))
    return [float(np.abs(frame - true).mean()) for frame, true in zip(made, film, strict=True)]
