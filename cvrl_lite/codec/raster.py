"""From a list of block vectors to a dense field on 8x8 cells.

FFmpeg exports one 40-byte record (AVMotionVector) a block and direction: source (which way), block width
and height, source position, position of the block's *centre*, motion, motion scale. No block is smaller
than 8x8, and all lie on an 8-pixel lattice, so the cells (centre - 1) >> 3 and centre >> 3 along each axis
are a block's outer cells whether it is 8 or 16 wide: four scatters paint every block, and sizes need not
be looked at.

Axes: T time, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

Direction = Literal["past", "future"]

_EMPTY = np.iinfo(np.int64).min  # no motion looks like this
_RECORDS = 8192  # a batch: few enough to stay in the cache, many enough to amortise NumPy's calls
_FRAMES = 16


class Motion(NamedTuple):
    """The dense vector field of some frames.

    Attributes:
        vectors: (T, 2, H8, W8) float32 pixels, x right and y down, from each cell *back* to where its
            content is in the reference: apparent motion is minus the vector. Zero where the mask is False.
        mask: (T, H8, W8) bool, True where a block carries a vector (a skipped block does, an intra block
            does not).
        picture_types: (T,) of "I", "P", "B".
    """

    vectors: np.ndarray
    mask: np.ndarray
    picture_types: np.ndarray


def records(frame: VideoFrame) -> np.ndarray | None:
    """The vector records of a picture, (N, 5) int64 as they lie in its memory; None where it has none.

    The view is valid as long as the frame. `frame.side_data` would tie the frame into a reference cycle
    and keep hundreds of pictures in memory; the container made here does not.
    """
    held = SideDataContainer(frame)  # type: ignore[call-arg]
    side_data = held.get(Type.MOTION_VECTORS)
    return None if side_data is None else np.frombuffer(side_data, np.int64).reshape(-1, 5)


class Raster:
    """Paints the vectors of consecutive frames, in batches.

    Args:
        frames: How many frames, T.
        size: (H, W) of the pictures.
        direction: "past" for references shown before the frame, "future" for those after.
    """

    def __init__(self, frames: int, size: tuple[int, int], direction: Direction) -> None:
        rows, columns = -(-size[0] // 8), -(-size[1] // 8)
        self.vectors = np.zeros((frames, 2, rows, columns), np.float32)
        self.mask = np.zeros((frames, rows, columns), bool)
        # Vectors cover whole macroblocks, in interlaced video pairs of them; the rest is cropped.
        self._rows, self._columns = -(-size[0] // 32) * 4, -(-size[1] // 32) * 4
        self._sign = -1 if direction == "past" else 1
        self._batch = np.empty((_RECORDS, 5), np.int64)
        self._counts: list[int] = []
        self._held, self._done = 0, 0

    def add(self, vectors: np.ndarray | None) -> None:
        """Takes the records of the next frame (None: it has none)."""
        count = 0 if vectors is None else len(vectors)
        if self._held + count > len(self._batch):
            self.paint()
            if count > len(self._batch):
                self._batch = np.empty((count, 5), np.int64)
        if vectors is not None:
            self._batch[self._held : self._held + count] = vectors
        self._held += count
        self._counts.append(count)
        if len(self._counts) == _FRAMES:
            self.paint()

    def paint(self) -> None:
        """Paints what is held; to be called once more after the last frame."""
        frames, cells = len(self._counts), self._rows * self._columns
        if self._held:
            self._scatter(
                self._batch[: self._held], np.repeat(np.arange(frames) * cells, self._counts), frames
            )
        self._done += frames
        self._counts, self._held = [], 0

    def _scatter(self, batch: np.ndarray, origin: np.ndarray, frames: int) -> None:
        scale = batch.view(np.uint16)[0, 16]
        chosen = np.sign(batch.view(np.int32)[:, 0]) == self._sign
        if not chosen.all():
            batch, origin = batch[chosen], origin[chosen]
        # Columns 5 and 6 of the 16-bit view are the centre; column 7 is padding with garbage in it.
        x, y = batch.view(np.int16)[:, 5].astype(np.int64), batch.view(np.int16)[:, 6].astype(np.int64)
        left, right = (x - 1) >> 3, x >> 3
        top, bottom = origin + ((y - 1) >> 3) * self._columns, origin + (y >> 3) * self._columns
        grid = np.full(frames * self._rows * self._columns, _EMPTY)
        motion = batch[:, 3]  # x and y, 32 bits each, moved as one
        grid[top + left] = motion
        grid[top + right] = motion
        grid[bottom + left] = motion
        grid[bottom + right] = motion

        here = slice(self._done, self._done + frames)
        rows, columns = self.mask.shape[1:]
        painted = grid != _EMPTY
        np.multiply(grid, painted, out=grid)
        self.mask[here] = painted.reshape(frames, self._rows, self._columns)[:, :rows, :columns]
        pairs = grid.view(np.int32).reshape(frames, self._rows, self._columns, 2)[:, :rows, :columns]
        factor = np.float32(1 / scale)
        np.multiply(
            pairs.transpose(0, 3, 1, 2), factor, out=self.vectors[here], dtype=np.float32, casting="unsafe"
        )
