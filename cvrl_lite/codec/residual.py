"""Residuals: decoded frames minus their motion-compensated prediction.

FFmpeg does not export the residual that a file stores. Here it is recomputed: reference frames are moved by
the vectors, as the decoder does it, and subtracted from the decoded frame.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.compensate import Reference
from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec._stream.raster import Raster, records
from cvrl_lite.codec.motion import MOST_B_FRAMES, NO_B_VECTORS, PICTURE_TYPES
from cvrl_lite.reprs import short_repr


class Residual(NamedTuple):
    """The residuals of consecutive frames.

    Attributes:
        values: (T, H, W) int16 luma, -255..255: the frame minus its prediction; 0 where there is none.
        mask: (T, H8, W8) bool, True where a block was predicted; False in intra blocks and I-frames.
        exact: Whether the values are what the file adds to its predictions (up to clipping at 0 and 255).
            Otherwise they are an approximation: several references, weighted prediction, deblocking,
            partitions below 8x8, B-frames, codecs other than H.264, or an encoder that does not tell.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     residual = video.residuals(11, 14)
        >>> residual
        Residual(values=(3, 224, 224) int16, mask=(3, 28, 28) bool, exact=False)
        >>> residual.predicted().any((1, 2)).tolist()  # the I-frame is not predicted
        [True, False, True]
    """

    values: np.ndarray
    mask: np.ndarray
    exact: bool

    def __repr__(self) -> str:
        return short_repr(self)

    def predicted(self) -> np.ndarray:
        """(T, H, W) bool: the mask per pixel, also of rotated frames."""
        height, width = self.values.shape[-2:]
        return self.mask.repeat(8, -2).repeat(8, -1)[..., :height, :width]


def iterate_residuals(
    decoder: Decoder, index: Index, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Computes residuals frame by frame, holding few frames at a time.

    P-frames are predicted from the last I- or P-frame, B-frames from it and the next one.

    Args:
        decoder: A decoder that delivers vectors and all pixels.
        index: The stream's index.
        start: Index of the first frame.
        stop: Index after the last frame.

    Returns:
        An iterator of (values (H, W) int16, mask (H8, W8) bool).

    Raises:
        DamagedVideo: A frame cannot be decoded.
    """
    if start >= stop:
        return
    # Neighbors on both sides hold the references of the first and the last frame.
    key = index.gop(start)
    first = min(start, max(key, start - MOST_B_FRAMES))
    around = range(first, min(index.frames, stop + MOST_B_FRAMES))
    codec = decoder.stream.codec.canonical_name
    past: _ReferenceFrame | None = None
    between: list[VideoFrame] = []  # B-frames, until the next I- or P-frame
    for i, frame in decoder.frames(index, around):
        if PICTURE_TYPES[int(frame.pict_type)] == "B":
            if start <= i < stop:
                if codec in NO_B_VECTORS:
                    yield _no_residual(frame)
                else:
                    between.append(frame)
        else:
            reference = _ReferenceFrame(frame, six_tap_filter=codec == "h264")
            for waiting in between:
                yield _residual(waiting, past, reference)
            if start <= i < stop:
                yield _residual(frame, past, None)
            past, between = reference, []
        if i >= stop - 1 and not between:
            return
    for waiting in between:
        yield _residual(waiting, past, None)


def collect_residuals(
    parts: Iterator[tuple[np.ndarray, np.ndarray]], count: int, size: tuple[int, int], exact: bool
) -> Residual:
    """Stacks the next `count` residuals of `iterate_residuals`, of frames (H, W) of `size`."""
    height, width = size
    values = np.empty((count, height, width), np.int16)
    mask = np.empty((count, -(-height // 8), -(-width // 8)), bool)
    for i, (value, predicted) in zip(range(count), parts):
        values[i], mask[i] = value, predicted
    return Residual(values, mask, exact)


def read_residuals(decoder: Decoder, index: Index, start: int, stop: int, exact: bool) -> Residual:
    """Computes residuals in one array; arguments as of `iterate_residuals`."""
    return collect_residuals(iterate_residuals(decoder, index, start, stop), stop - start, index.size, exact)


def luma(frame: VideoFrame) -> np.ndarray:
    """The luma plane of a frame, (H, W) uint8; the upper 8 bits if there are more."""
    form, plane = frame.format, frame.planes[0]
    bits = form.components[0].bits
    if not form.is_planar and len(form.components) > 1:
        frame = frame.reformat(format="gray")
        plane, bits = frame.planes[0], 8
    kind = np.dtype(np.uint8 if bits == 8 else np.uint16)
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
    pixels = rows[: frame.height, : frame.width]
    return pixels if bits == 8 else (pixels >> (bits - 8)).astype(np.uint8)


class _ReferenceFrame:
    """A decoded frame, prepared for motion compensation when a vector refers to it."""

    def __init__(self, frame: VideoFrame, *, six_tap_filter: bool) -> None:
        self._frame, self._six_tap_filter = frame, six_tap_filter

    @cached_property
    def _reference(self) -> Reference:
        return Reference(luma(self._frame), six_tap_filter=self._six_tap_filter)

    def compensate(self, vectors: np.ndarray) -> np.ndarray:
        """Moves the frame by vectors (2, H8, W8) in pixels."""
        return self._reference.compensate(np.rint(vectors * 4).astype(np.int32))


def _residual(
    frame: VideoFrame, past: _ReferenceFrame | None, future: _ReferenceFrame | None
) -> tuple[np.ndarray, np.ndarray]:
    """A frame minus its prediction (H, W), and if there is one (H8, W8)."""
    raster = Raster(1, (frame.height, frame.width), ("past", "future"))
    raster.add(records(frame))
    predictions, masks = [], []
    for reference, vectors, mask in zip((past, future), raster.vectors[:, 0], raster.mask[:, 0]):
        if reference is not None and mask.any():
            predictions.append(reference.compensate(vectors))
            masks.append(mask)
    if not masks:
        return _no_residual(frame)
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


def _no_residual(frame: VideoFrame) -> tuple[np.ndarray, np.ndarray]:
    values = np.zeros((frame.height, frame.width), np.int16)
    return values, np.zeros((-(-frame.height // 8), -(-frame.width // 8)), bool)


def _pixels(cells: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Expands a mask of cells to pixels, in the shape of a frame."""
    return cells.repeat(8, 0).repeat(8, 1)[: like.shape[0], : like.shape[1]]
