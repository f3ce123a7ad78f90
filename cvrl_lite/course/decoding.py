"""A decoder of the simplest kind, and residuals of clips in which something happens.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cvrl_lite.codec import CompressedVideo, Motion, encode
from cvrl_lite.datasets.moving_scenes import draw

_SCENES = ("planks", "rings", "dots")
_WORDS = ("quiet", "light", "new")
_STEP = 4  # the frame in which something happens
_SIDE = 40  # pixels of what is new
_LEVELS = 12  # by which it gets lighter or darker


def copied(source: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The frame that comes of copying each cell from where its vector leads, to the nearest pixel.

    Args:
        source: (H, W) or (H, W, 3), the frame that is copied from.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back.

    Returns:
        The same shape; beyond the border its pixels are repeated.

    Example:
        >>> ramp = np.arange(16).reshape(1, 16).repeat(8, 0)
        >>> copied(ramp, np.array([[[3.0, 3.0]], [[0.0, 0.0]]]))[0, :3].tolist()
        [3, 4, 5]
    """
    height, width = source.shape[:2]
    dense = np.rint(vectors).astype(int).repeat(8, 1).repeat(8, 2)[:, :height, :width]
    y, x = np.mgrid[0:height, 0:width]
    return np.asarray(source[np.clip(y + dense[1], 0, height - 1), np.clip(x + dense[0], 0, width - 1)])


def plain_means(plane: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """A plane copied cell by cell, with plain means between pixels in place of the codec's own filter.

    Args:
        plane: (H, W) uint8, the luma that is copied from.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back.

    Returns:
        (H, W) int64: of the four pixels around each place, the nearer one counts the more. Beyond the border
        pixels are repeated.

    Example:
        >>> ramp = np.arange(0, 32, 2).reshape(1, 16).repeat(8, 0)
        >>> plain_means(ramp, np.array([[[0.5, 0.5]], [[0.0, 0.0]]]))[0, :3].tolist()
        [1, 3, 5]
    """
    height, width = plane.shape
    dense = vectors.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    steps = np.floor(dense).astype(int)
    right, down = dense - steps
    y, x = np.mgrid[0:height, 0:width] + steps[::-1]
    rows = []
    for below in (0, 1):
        here = np.clip(y + below, 0, height - 1)
        left, next_to_it = (plane[here, np.clip(x + across, 0, width - 1)] for across in (0, 1))
        rows.append((1 - right) * left + right * next_to_it)
    mean = (1 - down) * rows[0] + down * rows[1]
    return np.asarray(np.floor(mean + 0.5).astype(int))


def drift(frames: np.ndarray, motion: Motion) -> dict[str, np.ndarray]:
    """A clip decoded whole, and without its residual, its vectors or its I-frames.

    Args:
        frames: (T, H, W, 3) uint8 RGB, I- and P-frames in display order, the first an I-frame.
        motion: Their vectors; an intra block counts as copied from its own place.

    Returns:
        `{"everything": (T, H, W, 3) uint8, "no residual": ..., "no vectors": ..., "no I-frames": ...}`.
        Without its I-frames a clip begins with a gray frame.

    Raises:
        ValueError: There are B-frames.
    """
    if "B" in motion.picture_types:
        raise ValueError("a clip with B-frames is not decoded in the order in which it is shown")
    kept: dict[str, list[np.ndarray]] = {"no residual": [], "no vectors": [], "no I-frames": []}
    for t, kind in enumerate(motion.picture_types):
        for name, row in kept.items():
            if kind == "I" and name == "no I-frames":
                row.append(row[-1] if row else np.full(frames[t].shape, 128.0))
            elif kind == "I":
                row.append(frames[t].astype(float))
            elif name == "no residual":
                row.append(copied(row[-1], motion.vectors[t]))
            else:
                source = row[-1] if name == "no vectors" else copied(row[-1], motion.vectors[t])
                row.append(source + (frames[t] - copied(frames[t - 1].astype(float), motion.vectors[t])))
    rows = {name: np.clip(row, 0, 255).round().astype(np.uint8) for name, row in kept.items()}
    return {"everything": np.asarray(frames)} | rows


def blended(sources: Sequence[np.ndarray], vectors: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A frame copied from one or two others, as a B-frame is: their mean where a cell has both vectors.

    Args:
        sources: One or two frames (H, W, 3), as many as there are directions.
        vectors: (directions, 2, H8, W8) pixels to where each cell is copied from.
        mask: (directions, H8, W8) bool; cells without any vector stay black.

    Returns:
        (H, W, 3) float64.

    Example:
        >>> dark, light = np.zeros((8, 8, 3)), np.full((8, 8, 3), 100)
        >>> blended([dark, light], np.zeros((2, 2, 1, 1)), np.ones((2, 1, 1), bool))[0, 0, 0].item()
        50.0
    """
    height, width = sources[0].shape[:2]
    weight = mask.astype(float).repeat(8, 1).repeat(8, 2)[:, :height, :width, None]
    found = [copied(source.astype(float), way) for source, way in zip(sources, vectors, strict=True)]
    return np.asarray((weight * np.stack(found)).sum(0) / np.maximum(weight.sum(0), 1))


def without_residual(frames: np.ndarray, motion: Motion) -> np.ndarray:
    """A clip with B-frames decoded from its I-frame and its vectors alone, in the order of the file.

    Args:
        frames: (T, H, W, 3) uint8 RGB in display order; the first is the only I-frame, the last no B-frame.
        motion: Their vectors in both directions.

    Returns:
        (T, H, W, 3) float64.

    Example:
        >>> still = np.full((2, 8, 8, 3), 7, np.uint8)
        >>> vectors, mask = np.zeros((2, 2, 2, 1, 1), np.float32), np.ones((2, 2, 1, 1), bool)
        >>> without_residual(still, Motion(vectors, mask, np.array(["I", "P"]))).max().item()
        7.0
    """
    built = {0: frames[0].astype(float)}
    anchors = [t for t, kind in enumerate(motion.picture_types) if kind != "B"]
    for before, after in pairwise(anchors):
        vectors, mask = (after - before) * motion.vectors[after, :1], motion.mask[after, :1]
        built[after] = blended([built[before]], vectors, mask)
        for t in range(before + 1, after):
            spans = np.array([t - before, after - t]).reshape(2, 1, 1, 1)
            sources = [built[before], built[after]]
            built[t] = blended(sources, spans * motion.vectors[t], motion.mask[t])
    return np.stack([built[t] for t in range(len(frames))])


class Paper(NamedTuple):
    """The residual of one frame, and what happened in it.

    Attributes:
        values: (H, W) luma levels.
        mask: (H8, W8) bool, False in intra blocks.
        word: "quiet", "light" or "new".
    """

    values: np.ndarray
    mask: np.ndarray
    word: str


def exam(seeds: Iterable[int]) -> list[Paper]:
    """Residuals of clips in which shapes move on, the light changes, or a square appears.

    Args:
        seeds: Three papers for each.

    Returns:
        The papers, in an order that does not give them away.

    Example:
        >>> sorted(paper.word for paper in exam([0]))
        ['light', 'new', 'quiet']
    """
    found = [_paper(word, seed) for seed in seeds for word in _WORDS]
    return [found[place] for place in np.random.default_rng(len(found)).permutation(len(found))]


def _paper(word: str, seed: int) -> Paper:
    frames = draw(_SCENES[seed % len(_SCENES)], "right", seed, frames=_STEP + 2, size=128).astype(int)
    random = np.random.default_rng(seed)
    if word == "light":
        frames[_STEP:] += _LEVELS if seed % 2 else -_LEVELS
    if word == "new":
        x, y = random.integers(8, 120 - _SIDE, 2)
        tile = random.integers(0, 256, (_SIDE // 4, _SIDE // 4, 3)).repeat(4, 0).repeat(4, 1)
        frames[_STEP:, y : y + _SIDE, x : x + _SIDE] = tile
    with tempfile.TemporaryDirectory() as folder:
        encode(frames.clip(0, 255).astype(np.uint8), f"{folder}/paper.mp4", gop=60, deblock=False)
        with CompressedVideo(f"{folder}/paper.mp4") as video:
            residual = video.residuals(_STEP, _STEP + 1)
    return Paper(residual.values[0], residual.mask[0], word)
