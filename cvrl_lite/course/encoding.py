"""Clips encoded in a moment, to see what an encoder's settings do.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import tempfile
from typing import Any, NamedTuple

import numpy as np

from cvrl_lite.codec import CompressedVideo, Motion, VideoInfo, encode


class Packed(NamedTuple):
    """What came out when a clip was encoded.

    Attributes:
        info: Of the file.
        distance_known: Whether each vector is known to span one frame, or as many as the file says.
        sizes: (T,) bytes of each frame, in display order.
        motion: Vectors of all frames.
        frames: (T, H, W, 3) uint8 RGB, as decoded.
    """

    info: VideoInfo
    distance_known: bool
    sizes: np.ndarray
    motion: Motion
    frames: np.ndarray


def pack(frames: np.ndarray, **settings: Any) -> Packed:
    """Encodes a clip into a temporary file and opens that.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        **settings: Of `cvrl_lite.codec.encode`.

    Raises:
        ValueError: A setting has no such value.
        TypeError: There is no such setting.

    Example:
        >>> pack(np.zeros((4, 16, 16, 3), np.uint8), gop=2).info.gop_lengths
        (2, 2)
    """
    with tempfile.TemporaryDirectory() as folder:
        encode(frames, f"{folder}/packed.mp4", **settings)
        with CompressedVideo(f"{folder}/packed.mp4") as video:
            sizes = np.array(video.info.frame_bytes)
            decoded = video.clip(0, len(frames))
            return Packed(video.info, video.reference_distance_known, sizes, video.motion(), decoded)


def stray(frames: np.ndarray, packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Where nothing changed and a vector says otherwise.

    Args:
        frames: (T, H, W, 3) uint8 RGB as they were encoded; H and W are multiples of 8.
        packed: What came out.

    Returns:
        resting: (T - 1, H8, W8) bool, cells of frames 1 on without a changed pixel, and with a vector.
        stray: The same shape, those of them whose vector is not zero.

    Example:
        >>> still = np.zeros((3, 16, 16, 3), np.uint8)
        >>> resting, wrong = stray(still, pack(still))
        >>> resting.mean(), wrong.mean()
        (np.float64(1.0), np.float64(0.0))
    """
    steps, height, width = len(frames) - 1, frames.shape[1] // 8, frames.shape[2] // 8
    same = (frames[1:] == frames[:-1]).all(-1).reshape(steps, height, 8, width, 8).all((2, 4))
    resting = same & packed.motion.mask[1:]
    return resting, resting & (np.abs(packed.motion.vectors[1:]).max(1) > 0)
