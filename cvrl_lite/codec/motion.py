"""From decoded pictures to vector fields: how far a vector reaches, what fills a gap, what adds up.

Axes: T time, D directions (past, future), H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.raster import Direction, Motion, Raster, records
from cvrl_lite.errors import VideoError

PICTURE_TYPES = "?IPBPIPI"
"""FFmpeg's numbers for picture types: 0 unknown, I, P, B, S (a P with global motion), SI, SP, BI."""

MOST_B_FRAMES = 16
"""How many B-pictures may stand in a row: H.264 holds no more pictures back."""

# FFmpeg's decoders of these keep no vectors of B-pictures (h263dec.c and rv10.c update their table for the
# others only) and export what they find there: of MPEG-4 zeros in FFmpeg 8, another picture's vectors before.
# Not read, so masked.
NO_B_VECTORS = frozenset({"mpeg4", "h263", "rv20"})


class FieldBuilder:
    """Collects the vectors of consecutive frames and makes their field.

    Args:
        frames: T.
        size: (H, W) of the pictures.
        codec: FFmpeg's name of it.
        direction: "past", "future" or "both".
        fill: Whether a block of a B-picture that lacks a direction gets minus the other one.
    """

    def __init__(
        self, frames: int, size: tuple[int, int], codec: str, direction: Direction, fill: bool
    ) -> None:
        self._names = ("past", "future") if fill or direction == "both" else (direction,)
        self._raster = Raster(frames, size, self._names)
        self._codec, self._direction, self._fill = codec, direction, fill

    def add(self, kind: str, frame: VideoFrame) -> None:
        """Takes the next frame, of picture type `kind`."""
        self._raster.add(None if kind == "B" and self._codec in NO_B_VECTORS else records(frame))

    def field(self, types: Sequence[str], first: int, *, known: bool) -> Motion:
        """The field of all frames added.

        Args:
            types: The picture types of the frames and of some around them.
            first: Where among `types` the first frame added is.
            known: Whether each reference is the nearest picture that is not B; if so, vectors are divided
                by its distance.
        """
        raster = self._raster
        raster.paint()
        vectors, mask = raster.vectors, raster.mask
        here = slice(first, first + vectors.shape[1])
        kinds = np.array(types[here], dtype="<U1")
        if known or self._fill:
            steps = np.array([reference_steps(types, name)[here] for name in self._names], np.float32)
            steps = steps[:, :, None, None, None]
            if known and steps.max(initial=1) > 1:
                vectors /= steps
                steps[:] = 1
            if self._fill:
                twofold = (kinds == "B")[:, None, None]
                gaps = mask[::-1] & ~mask & twofold
                opposite = -vectors[::-1] * (steps / steps[::-1])
                np.copyto(vectors, opposite, where=gaps[:, :, None])
                mask |= gaps
        if self._direction == "both":
            return Motion(vectors.swapaxes(0, 1), mask.swapaxes(0, 1), kinds)
        asked = self._names.index(self._direction)
        return Motion(vectors[asked], mask[asked], kinds)


def reference_steps(types: Sequence[str], direction: str) -> list[int]:
    """How many frames away the nearest reference (I or P) lies, 1 where there is none.

    Example:
        >>> reference_steps("IBBPP", "past"), reference_steps("IBBPP", "future")
        ([1, 1, 2, 3, 1], [3, 2, 1, 1, 1])
    """
    backward = direction == "past"
    steps, reference = [1] * len(types), None
    for i in range(len(types)) if backward else reversed(range(len(types))):
        if reference is not None:
            steps[i] = abs(i - reference)
        if types[i] != "B":
            reference = i
    return steps


class Sums:
    """Adds vectors up, so that they refer to the last I-picture instead of the picture before.

    A cell's vector leads to a place in the picture before, whose own sum is added, and so on back to the
    I-picture. Cells whose way leads through an intra block are masked.

    Args:
        name: The file's, for errors.

    Source:
        Wu et al., Compressed Video Action Recognition (CVPR 2018, arXiv 1712.00636), section 3.2; on the
        grid of cells instead of pixels.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def add(self, motion: Motion) -> Motion:
        """The sums of the next frames.

        Args:
            motion: Consecutive frames of I- and P-pictures, each vector of one step; the very first one an
                I-picture.

        Returns:
            The same shapes. I-pictures are masked, as they refer to nothing.

        Raises:
            VideoError: A B-picture is among them.
        """
        if "B" in motion.picture_types:
            raise VideoError(self._name, "accumulated vectors need a stream without B-pictures")
        vectors, mask = np.zeros_like(motion.vectors), np.zeros_like(motion.mask)
        rows, columns = motion.mask.shape[1:]
        down, right = np.mgrid[0:rows, 0:columns]
        for t, kind in enumerate(motion.picture_types):
            if kind == "I":
                self._total, self._reaches = np.zeros_like(vectors[t]), np.ones_like(mask[t])
                continue
            step = motion.vectors[t]
            # The cell in which the block's center lands.
            to_row = np.floor(down + 0.5 + step[1] / 8).astype(np.int64).clip(0, rows - 1)
            to_column = np.floor(right + 0.5 + step[0] / 8).astype(np.int64).clip(0, columns - 1)
            self._reaches = mask[t] = motion.mask[t] & self._reaches[to_row, to_column]
            self._total = vectors[t] = (step + self._total[:, to_row, to_column]) * self._reaches
        return Motion(vectors, mask, motion.picture_types)
