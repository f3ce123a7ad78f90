"""What is left of a picture when its prediction by the vectors is taken away.

FFmpeg does not hand out the residual that a file stores. It is found again here: the pictures referred to
are moved by the vectors, as the decoder does it, and taken away from the decoded picture.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.compensate import Reference
from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec._stream.raster import Raster, records
from cvrl_lite.codec.motion import MOST_B_FRAMES, NO_B_VECTORS, PICTURE_TYPES


class Residual(NamedTuple):
    """The residuals of some frames.

    Attributes:
        values: (T, H, W) int16 luma, -255..255: the picture minus its prediction; 0 where there is none.
        mask: (T, H8, W8) bool, True where a block was predicted; False in intra blocks and I-pictures.
        exact: Whether the values are what the file adds to its predictions (up to the cut at 0 and 255);
            else they are an approximation (several references, weights, deblocking, parts below 8x8,
            B-pictures, other codecs than H.264, or an encoder that does not say).
    """

    values: np.ndarray
    mask: np.ndarray
    exact: bool

    def predicted(self) -> np.ndarray:
        """(T, H, W) bool: the mask with a value for each pixel, also of a frame that was turned."""
        height, width = self.values.shape[-2:]
        return self.mask.repeat(8, -2).repeat(8, -1)[..., :height, :width]


def iterate_residuals(
    decoder: Decoder, index: Index, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The residuals of the frames `start` to `stop`, one by one; few pictures are held at a time.

    P-pictures are predicted from the last picture that is not B, B-pictures from it and the next one.

    Args:
        decoder: A decoder that delivers vectors and all pixels.
        index: The stream's index.
        start: The first frame's index.
        stop: The index after the last frame's.

    Returns:
        An iterator of (values (H, W) int16, mask (H8, W8) bool).

    Raises:
        DamagedVideo: A picture cannot be decoded.
    """
    if start >= stop:
        return
    # Some frames more on both sides, to find the references of the first and of the last one.
    key = index.gop(start)
    first = min(start, max(key, start - MOST_B_FRAMES))
    around = range(first, min(index.frames, stop + MOST_B_FRAMES))
    codec = decoder.stream.codec.canonical_name
    past: _Anchor | None = None
    between: list[VideoFrame] = []  # B-pictures, until the next picture that is none
    for place, frame in decoder.pictures(index, around):
        if PICTURE_TYPES[int(frame.pict_type)] == "B":
            if start <= place < stop:
                if codec in NO_B_VECTORS:
                    yield _nothing(frame)
                else:
                    between.append(frame)
        else:
            anchor = _Anchor(frame, six_tap=codec == "h264")
            for waiting in between:
                yield _residual(waiting, past, anchor)
            if start <= place < stop:
                yield _residual(frame, past, None)
            past, between = anchor, []
        if place >= stop - 1 and not between:
            return
    for waiting in between:
        yield _residual(waiting, past, None)


def collected(
    parts: Iterator[tuple[np.ndarray, np.ndarray]], count: int, size: tuple[int, int], exact: bool
) -> Residual:
    """The next `count` of the frames that `iterate_residuals` yields, pictures (H, W) of `size`."""
    height, width = size
    values = np.empty((count, height, width), np.int16)
    mask = np.empty((count, -(-height // 8), -(-width // 8)), bool)
    for i, (value, predicted) in zip(range(count), parts):
        values[i], mask[i] = value, predicted
    return Residual(values, mask, exact)


def read_residuals(decoder: Decoder, index: Index, start: int, stop: int, exact: bool) -> Residual:
    """The residuals of the frames `start` to `stop` in one piece; arguments as in `iterate_residuals`."""
    return collected(iterate_residuals(decoder, index, start, stop), stop - start, index.size, exact)


def luma(frame: VideoFrame) -> np.ndarray:
    """A picture's first plane, (H, W) uint8; of more than 8 bits, the upper ones."""
    form, plane = frame.format, frame.planes[0]
    bits = form.components[0].bits
    if not form.is_planar and len(form.components) > 1:
        frame = frame.reformat(format="gray")
        plane, bits = frame.planes[0], 8
    kind = np.dtype(np.uint8 if bits == 8 else np.uint16)
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
    pixels = rows[: frame.height, : frame.width]
    return pixels if bits == 8 else (pixels >> (bits - 8)).astype(np.uint8)


class _Anchor:
    """A picture that others refer to, made ready when one does."""

    def __init__(self, frame: VideoFrame, *, six_tap: bool) -> None:
        self._frame, self._six_tap = frame, six_tap
        self._reference: Reference | None = None

    def compensated(self, vectors: np.ndarray) -> np.ndarray:
        """The picture moved by vectors (2, H8, W8) in pixels."""
        if self._reference is None:
            self._reference = Reference(luma(self._frame), six_tap=self._six_tap)
        return self._reference.compensated(np.rint(vectors * 4).astype(np.int32))


def _residual(
    frame: VideoFrame, past: _Anchor | None, future: _Anchor | None
) -> tuple[np.ndarray, np.ndarray]:
    """A picture minus its prediction, and where there is one."""
    raster = Raster(1, (frame.height, frame.width), ("past", "future"))
    raster.add(records(frame))
    raster.paint()
    predictions, masks = [], []
    for anchor, vectors, mask in zip((past, future), raster.vectors[:, 0], raster.mask[:, 0]):
        if anchor is not None and mask.any():
            predictions.append(anchor.compensated(vectors))
            masks.append(mask)
    if not masks:
        return _nothing(frame)
    prediction, predicted = predictions[0], masks[0]
    if len(masks) == 2:
        one, two = predictions
        mean = (one | two) - ((one ^ two) >> 1)  # halves rounded up
        only_one, only_two = _pixels(masks[0] & ~masks[1], one), _pixels(masks[1] & ~masks[0], one)
        prediction = np.where(only_one, one, np.where(only_two, two, mean))
        predicted = masks[0] | masks[1]
    values = np.subtract(luma(frame), prediction, dtype=np.int16)
    if not predicted.all():
        values *= _pixels(predicted, prediction)
    return values, predicted


def _nothing(frame: VideoFrame) -> tuple[np.ndarray, np.ndarray]:
    values = np.zeros((frame.height, frame.width), np.int16)
    return values, np.zeros((-(-frame.height // 8), -(-frame.width // 8)), bool)


def _pixels(cells: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A mask of cells as one of pixels, in the size of a picture."""
    return cells.repeat(8, 0).repeat(8, 1)[: like.shape[0], : like.shape[1]]
