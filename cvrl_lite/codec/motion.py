"""Motion fields of decoded frames: division by reference distance, filled gaps, accumulated vectors.

Axes: T time, D directions (past, future), H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.raster import Direction, Motion, Raster, records
from cvrl_lite.errors import VideoError

PICTURE_TYPES = "?IPBPIPI"
"""Letters of FFmpeg's AVPictureType: 0 unknown, I, P, B, S (a P with global motion), SI, SP, BI."""

MOST_B_FRAMES = 16
"""The longest run of B-frames: H.264 reorders no more frames."""

# FFmpeg's decoders of these store no vectors of B-frames (h263dec.c and rv10.c update their table for others
# only) and export what the table holds: in MPEG-4 zeros with FFmpeg 8, vectors of another frame before. They
# are not read, so these frames are masked.
NO_B_VECTORS = frozenset({"mpeg4", "h263", "rv20"})


class FieldBuilder:
    """Collects the vectors of consecutive frames into a motion field.

    Args:
        frames: T.
        size: (H, W) of the frames.
        codec: FFmpeg's name of the codec.
        direction: "past", "future" or "both".
        fill: Whether a block of a B-frame without a vector in one direction gets minus the other one.
    """

    def __init__(
        self, frames: int, size: tuple[int, int], codec: str, direction: Direction, fill: bool
    ) -> None:
        self._names = ("past", "future") if fill or direction == "both" else (direction,)
        self._raster = Raster(frames, size, self._names)
        self._codec, self._direction, self._fill = codec, direction, fill

    def add(self, kind: str, frame: VideoFrame) -> None:
        """Adds the next frame, of picture type `kind`."""
        self._raster.add(None if kind == "B" and self._codec in NO_B_VECTORS else records(frame))

    def field(self, types: Sequence[str], first: int, *, divide: bool) -> Motion:
        """The field of all frames added.

        Args:
            types: The picture types of the frames and of their neighbors.
            first: Position in `types` of the first frame added.
            divide: Whether to divide vectors by the distance of their reference, which is then the nearest
                I- or P-frame.
        """
        vectors, mask = self._raster.vectors, self._raster.mask
        here = slice(first, first + vectors.shape[1])
        kinds = np.array(types[here], dtype="<U1")
        if divide or self._fill:
            steps = np.array([reference_steps(types, name)[here] for name in self._names], np.float32)
            steps = steps[:, :, None, None, None]
            if divide and steps.max(initial=1) > 1:
                vectors /= steps
                steps[:] = 1
            if self._fill:
                is_b = (kinds == "B")[:, None, None]
                gaps = mask[::-1] & ~mask & is_b
                opposite = -vectors[::-1] * (steps / steps[::-1])
                np.copyto(vectors, opposite, where=gaps[:, :, None])
                mask |= gaps
        if self._direction == "both":
            return Motion(vectors.swapaxes(0, 1), mask.swapaxes(0, 1), kinds)
        layer = self._names.index(self._direction)
        return Motion(vectors[layer], mask[layer], kinds)


def reference_steps(types: Sequence[str], direction: str) -> list[int]:
    """Distance in frames of the nearest I- or P-frame, 1 if there is none.

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


class MotionAccumulator:
    """Adds vectors up, so that they refer to the last I-frame instead of the frame before.

    A cell's vector leads to a cell of the frame before, whose accumulated vector is added, and so on back to
    the I-frame. Cells whose path passes through an intra block are masked.

    Args:
        name: The file's name, for errors.

    Source:
        Wu et al., Compressed Video Action Recognition (CVPR 2018, arXiv 1712.00636), section 3.2; on the
        grid of cells instead of pixels.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def add(self, motion: Motion) -> Motion:
        """Accumulates the vectors of the next frames.

        Args:
            motion: Consecutive I- and P-frames with vectors of one frame's step; the very first frame is an
                I-frame.

        Returns:
            Accumulated vectors in the same shapes; I-frames are masked.

        Raises:
            VideoError: A B-frame is among them.
        """
        if "B" in motion.picture_types:
            raise VideoError(self._name, "accumulated vectors need a stream without B-frames")
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
