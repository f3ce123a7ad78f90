"""From a list of block vectors to a dense field on 8x8 cells.

FFmpeg exports one 40-byte record (AVMotionVector) a block and direction: source (which way), block width
and height, source position, position of the block's *center*, motion, motion scale. No block is smaller
than 8x8, and all lie on an 8-pixel lattice, so the cells (center - 1) >> 3 and center >> 3 along each axis
are a block's outer cells whether it is 8 or 16 wide: four scatters paint every block, and sizes need not
be looked at.

Axes: T time, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.compiled import compiled_paint

Direction = Literal["past", "future", "both"]

_EMPTY = np.iinfo(np.int64).min  # no motion looks like this
_RECORDS = 8192  # a batch: few enough to stay in the cache, many enough to amortise NumPy's calls
_FRAMES = 16


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
"""AVMotionVector, field by field."""


class Motion(NamedTuple):
    """The dense vector field of some frames.

    Of `direction="both"` the first two have one more axis behind T: past, future.

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

    def flow(self) -> np.ndarray:
        """Apparent motion from the reference to here: minus the vectors, in their shape."""
        return -self.vectors

    def resample(self, cell: Literal[4, 8, 16] | None, size: tuple[int, int] | None = None) -> Motion:
        """The field on cells of another size; vectors stay in pixels.

        Args:
            cell: 4 repeats each cell, 16 takes the mean over the valid ones of four, None gives one value
                a pixel.
            size: (H, W) of the picture, to crop to; without it the result covers whole cells of 8x8. A field
                turned by `apply_rotation` is cropped where the turned picture ends.

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
    """Means over the valid cells of each 2x2; the last row and column may stand alone."""
    odd = [(0, 0)] * (mask.ndim - 2) + [(0, mask.shape[-2] % 2), (0, mask.shape[-1] % 2)]
    mask = np.pad(mask, odd)
    vectors = np.pad(vectors, [(0, 0), *odd])
    shape = (mask.shape[-2] // 2, 2, mask.shape[-1] // 2, 2)
    count = mask.reshape(*mask.shape[:-2], *shape).sum((-3, -1), dtype=np.float32)
    total = vectors.reshape(*vectors.shape[:-2], *shape).sum((-3, -1))
    return total / np.maximum(count, 1)[..., None, :, :], count > 0


def records(frame: VideoFrame) -> np.ndarray | None:
    """The vector records of a picture, (10 N,) int32 as they lie in its memory; None where it has none.

    The view is valid as long as the frame. `frame.side_data` would tie the frame into a reference cycle
    and keep hundreds of pictures in memory; the container made here does not.
    """
    try:
        held = SideDataContainer(frame)  # type: ignore[call-arg]
    except ValueError:  # of a kind that PyAV does not know, such as EXIF beside still pictures
        return None
    side_data = held.get(Type.MOTION_VECTORS)
    return None if side_data is None else np.frombuffer(side_data, np.int32)


class Raster:
    """Paints the vectors of consecutive frames, in batches.

    Args:
        frames: How many frames, T.
        size: (H, W) of the pictures.
        directions: Any of "past" and "future": D of them.

    Attributes:
        vectors: (D, T, 2, H8, W8) float32.
        mask: (D, T, H8, W8) bool.
    """

    def __init__(self, frames: int, size: tuple[int, int], directions: Sequence[str]) -> None:
        rows, columns = -(-size[0] // 8), -(-size[1] // 8)
        self.vectors = np.zeros((len(directions), frames, 2, rows, columns), np.float32)
        self.mask = np.zeros((len(directions), frames, rows, columns), bool)
        # Vectors cover whole macroblocks, in interlaced video pairs of them; the rest is cropped.
        self._rows, self._columns = -(-size[0] // 32) * 4, -(-size[1] // 32) * 4
        self._signs = [-1 if direction == "past" else 1 for direction in directions]
        self._batch = np.empty((_RECORDS, 5), np.int64)
        self._counts: list[int] = []
        self._held, self._done = 0, 0
        self._targets = list(zip(self._signs, self.vectors, self.mask, strict=True))
        self._compiled = compiled_paint()

    def add(self, vectors: np.ndarray | None) -> None:
        """Takes the records of the next frame (None: it has none)."""
        if self._compiled is not None:
            if vectors is not None:
                for sign, fields, masks in self._targets:
                    self._compiled(vectors, sign, fields, masks, self._done)
            self._done += 1
            return
        count = 0 if vectors is None else len(vectors) // 10
        if self._held + count > len(self._batch):
            self.paint()
            if count > len(self._batch):
                self._batch = np.empty((count, 5), np.int64)
        if vectors is not None:
            self._batch[self._held : self._held + count] = vectors.view(np.int64).reshape(-1, 5)
        self._held += count
        self._counts.append(count)
        if len(self._counts) == _FRAMES:
            self.paint()

    def paint(self) -> None:
        """Paints what is held; to be called once more after the last frame."""
        frames, cells = len(self._counts), self._rows * self._columns
        if self._held:
            batch, origin = self._batch[: self._held], np.repeat(np.arange(frames) * cells, self._counts)
            ways = np.sign(batch.view(np.int32)[:, 0])
            for number, sign in enumerate(self._signs):
                chosen = ways == sign
                if chosen.all():
                    self._scatter(number, batch, origin, frames)
                elif chosen.any():
                    self._scatter(number, batch[chosen], origin[chosen], frames)
        self._done += frames
        self._counts, self._held = [], 0

    def _scatter(self, number: int, batch: np.ndarray, origin: np.ndarray, frames: int) -> None:
        scale = batch.view(np.uint16)[0, 16]
        # Columns 5 and 6 of the 16-bit view are the center; column 7 is padding with garbage in it.
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
        rows, columns = self.mask.shape[2:]
        painted = grid != _EMPTY
        np.multiply(grid, painted, out=grid)
        self.mask[number, here] = painted.reshape(frames, self._rows, self._columns)[:, :rows, :columns]
        pairs = grid.view(np.int32).reshape(frames, self._rows, self._columns, 2)[:, :rows, :columns]
        np.multiply(
            pairs.transpose(0, 3, 1, 2),
            np.float32(1 / scale),
            out=self.vectors[number, here],
            dtype=np.float32,
            casting="unsafe",
        )
