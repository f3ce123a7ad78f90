"""Exported motion vectors, and the dense motion field on 8x8 cells that they make.

FFmpeg exports one 40-byte record (AVMotionVector) per block and direction: source (past or future), block
width and height, source position, position of the block's *center*, motion, motion scale. No block is
smaller than 8x8, and all lie on an 8-pixel lattice, so the cells (center - 1) >> 3 and center >> 3 along each
axis are a block's outer cells whether it is 8 or 16 wide, and block sizes need not be read.

Axes: T time, D directions, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.kernels import paint_vectors
from cvrl_lite.reprs import short_repr

Direction = Literal["past", "future", "both"]

RECORD = np.dtype(
    {
        "names": [
            "source",
            "w",
            "h",
            "src_x",
            "src_y",
            "dst_x",
            "dst_y",
            "flags",
            "motion_x",
            "motion_y",
            "motion_scale",
        ],
        "formats": ["i4", "u1", "u1", "i2", "i2", "i2", "i2", "u8", "i4", "i4", "u2"],
        "offsets": [0, 4, 5, 6, 8, 10, 12, 16, 24, 28, 32],
        "itemsize": 40,
    }
)
"""FFmpeg's AVMotionVector."""


class Motion(NamedTuple):
    """The dense motion field of consecutive frames.

    With `direction="both"` vectors and mask have a second axis: past, future.

    Attributes:
        vectors: (T, 2, H8, W8) float32 pixels, x right and y down, from each cell *back* to where its
            content lies in the reference; apparent motion is minus the vector. Zero where the mask is False.
        mask: (T, H8, W8) bool, True where a block carries a vector; a skipped block does, an intra block
            does not.
        picture_types: (T,) of "I", "P", "B".

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     motion = video.motion(10, 14)
        >>> motion
        Motion(vectors=(4, 2, 28, 28) float32, mask=(4, 28, 28) bool, picture_types=(4,) <U1)
        >>> "".join(motion.picture_types), motion.mask.any((1, 2)).tolist()  # an I-frame has no vectors
        ('PPIP', [True, True, False, True])
    """

    vectors: np.ndarray
    mask: np.ndarray
    picture_types: np.ndarray

    def __repr__(self) -> str:
        return short_repr(self)

    def flow(self) -> np.ndarray:
        """Apparent motion from the reference to the frame: minus the vectors, same shape."""
        return -self.vectors

    def resample(self, cell: Literal[4, 8, 16] | None, size: tuple[int, int] | None = None) -> Motion:
        """Resamples the field to cells of another size; vectors stay in pixels.

        Args:
            cell: Side of the new cells: 4 repeats each cell, 16 averages the valid ones of four, None gives
                one vector per pixel.
            size: (H, W) of the frame to crop to; without it the result covers whole cells of 8x8. A field
                turned by `apply_rotation` is cropped where the turned frame ends.

        Returns:
            The field with ceil(H/cell) rows and ceil(W/cell) columns.

        Example:
            >>> motion = Motion(np.ones((1, 2, 3, 3), np.float32), np.ones((1, 3, 3), bool), np.array(["P"]))
            >>> motion.resample(16).vectors.shape, motion.resample(None, (20, 23)).mask.shape
            ((1, 2, 2, 2), (1, 20, 23))
        """
        vectors, mask = self.vectors, self.mask
        if cell == 16:
            vectors, mask = _mean_of_four(vectors, mask)
        elif cell != 8:
            times = 8 if cell is None else 2
            if cell not in (4, None):
                raise ValueError(f"cell is 4, 8, 16 or None, not {cell}")
            vectors = vectors.repeat(times, -1).repeat(times, -2)
            mask = mask.repeat(times, -1).repeat(times, -2)
        if size is not None:
            rows, columns = (-(-side // (cell or 1)) for side in size)
            vectors, mask = vectors[..., :rows, :columns], mask[..., :rows, :columns]
        return Motion(vectors, mask, self.picture_types)


def _mean_of_four(vectors: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Averages the valid cells of each 2x2 group; the last row and column may be incomplete."""
    odd = [(0, 0)] * (mask.ndim - 2) + [(0, mask.shape[-2] % 2), (0, mask.shape[-1] % 2)]
    mask = np.pad(mask, odd)
    vectors = np.pad(vectors, [(0, 0), *odd])
    shape = (mask.shape[-2] // 2, 2, mask.shape[-1] // 2, 2)
    count = mask.reshape(*mask.shape[:-2], *shape).sum((-3, -1), dtype=np.float32)
    total = vectors.reshape(*vectors.shape[:-2], *shape).sum((-3, -1))
    return total / np.maximum(count, 1)[..., None, :, :], count > 0


def records(frame: VideoFrame) -> np.ndarray | None:
    """The exported vectors of a frame, (10 N,) int32, as a view of its memory; None if it has none.

    The view is valid as long as the frame. `frame.side_data` would create a reference cycle and keep
    hundreds of frames in memory; the container made here does not.
    """
    try:
        held = SideDataContainer(frame)  # type: ignore[call-arg]
    except ValueError:  # side data unknown to PyAV, such as EXIF of still images
        return None
    side_data = held.get(Type.MOTION_VECTORS)
    return None if side_data is None else np.frombuffer(side_data, np.int32)


class Raster:
    """Paints the vectors of consecutive frames onto a dense field.

    Args:
        frames: T.
        size: (H, W) of the frames.
        directions: D of "past" and "future".

    Attributes:
        vectors: (D, T, 2, H8, W8) float32.
        mask: (D, T, H8, W8) bool.
    """

    def __init__(self, frames: int, size: tuple[int, int], directions: Sequence[str]) -> None:
        rows, columns = -(-size[0] // 8), -(-size[1] // 8)
        self.vectors = np.zeros((len(directions), frames, 2, rows, columns), np.float32)
        self.mask = np.zeros((len(directions), frames, rows, columns), bool)
        signs = [-1 if direction == "past" else 1 for direction in directions]
        self._layers = list(zip(signs, self.vectors, self.mask, strict=True))
        self._next = 0

    def add(self, vectors: np.ndarray | None) -> None:
        """Adds the next frame: its records as `records` returns them, or None."""
        if vectors is not None:
            for sign, field, mask in self._layers:
                paint_vectors(vectors, sign, field, mask, self._next)
        self._next += 1
