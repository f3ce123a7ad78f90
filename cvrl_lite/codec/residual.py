"""What is left of a picture when its prediction by the vectors is taken away.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec.compensate import compensated
from cvrl_lite.codec.decode import Decoder
from cvrl_lite.codec.index import Index
from cvrl_lite.codec.motion import NO_B_VECTORS, PICTURE_TYPES
from cvrl_lite.codec.raster import Raster, records

_EIGHT_BITS = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray", "nv12")
_MOST_B_FRAMES = 16


class Residual(NamedTuple):
    """The residuals of some frames.

    Attributes:
        values: (T, H, W) int16 luma, -255..255: the picture minus its prediction; 0 where there is none.
        mask: (T, H8, W8) bool, True where a block was predicted; False in intra blocks and I-pictures.
        exact: Whether the values are those the encoder stored, apart from rounding in the picture's range;
            else they are an approximation (several references, weights, deblocking, parts below 8x8,
            B-pictures, other codecs than H.264, or an encoder that does not say).
    """

    values: np.ndarray
    mask: np.ndarray
    exact: bool


class _Picture(NamedTuple):
    place: int
    kind: str
    luma: np.ndarray
    vectors: np.ndarray  # (2, 2, H8, W8): past and future, in quarter pixels
    mask: np.ndarray  # (2, H8, W8)


def iterate_residuals(
    decoder: Decoder, index: Index, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The frames `start` to `stop`: values (H, W) int16 and mask (H8, W8) bool of each.

    P-pictures are predicted from the last picture that is not B, B-pictures from it and the next one.

    Args:
        decoder: A decoder that delivers vectors and all pixels.
        index: The stream's index.
        start: The first frame's index.
        stop: The index after the last frame's.

    Raises:
        DamagedVideo: A picture cannot be decoded.
    """
    if start == stop:
        return
    six_tap = decoder.stream.codec.canonical_name == "h264"
    first = min(start, index.keys[index.key_before(start)].frame)
    past: np.ndarray | None = None
    between: list[_Picture] = []
    for place, frame in decoder.pictures(index, range(first, min(index.frames, stop + _MOST_B_FRAMES))):
        picture = _looked_at(place, frame, index, decoder)
        if picture.kind == "B":
            between.append(picture)
            continue
        for waiting in between:
            if start <= waiting.place < stop:
                yield _rest(waiting, past, picture.luma, six_tap)
        if start <= place < stop:
            yield _rest(picture, past, None, six_tap)
        past, between = picture.luma, []
        if place >= stop - 1:
            return
    for waiting in between:
        if start <= waiting.place < stop:
            yield _rest(waiting, past, None, six_tap)


def read_residuals(decoder: Decoder, index: Index, start: int, stop: int, exact: bool) -> Residual:
    """The residuals of the frames `start` to `stop` in one piece; arguments as in `iterate_residuals`."""
    return collected(iterate_residuals(decoder, index, start, stop), stop - start, index.size, exact)


def collected(
    parts: Iterator[tuple[np.ndarray, np.ndarray]], count: int, size: tuple[int, int], exact: bool
) -> Residual:
    """The next `count` of the frames that `iterate_residuals` yields, pictures (H, W) of `size`."""
    height, width = size
    values = np.empty((count, height, width), np.int16)
    mask = np.empty((count, -(-height // 8), -(-width // 8)), bool)
    for i, (value, covered) in enumerate(islice(parts, count)):
        values[i], mask[i] = value, covered
    return Residual(values, mask, exact and height % 16 == 0 and width % 16 == 0)


def _looked_at(place: int, frame: VideoFrame, index: Index, decoder: Decoder) -> _Picture:
    kind = PICTURE_TYPES[int(frame.pict_type)]
    raster = Raster(1, index.size, ("past", "future"))
    unread = kind == "B" and decoder.stream.codec.canonical_name in NO_B_VECTORS
    raster.add(None if unread else records(frame))
    raster.paint()
    vectors = np.rint(raster.vectors[:, 0] * 4).astype(np.int32)
    return _Picture(place, kind, luma(frame), vectors, raster.mask[:, 0])


def luma(frame: VideoFrame) -> np.ndarray:
    """The luma of a picture, (H, W) uint8; of formats with more bits, rounded to eight."""
    if frame.format.name not in _EIGHT_BITS:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _rest(
    picture: _Picture, past: np.ndarray | None, future: np.ndarray | None, six_tap: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The residual of one picture and where there is one."""
    height, width = picture.luma.shape
    values = np.zeros((height, width), np.int16)
    found = np.zeros_like(picture.mask)
    predictions: list[np.ndarray | None] = [None, None]
    for i, reference in enumerate((past, future)):
        if reference is not None and picture.mask[i].any():
            predictions[i] = compensated(reference, picture.vectors[i], six_tap=six_tap)
            found[i] = picture.mask[i]
    covered: np.ndarray = found[0] | found[1]
    if not covered.any():
        return values, covered
    one, two = predictions
    if one is not None and two is not None:
        ways = _pixels(found[0], height, width), _pixels(found[1], height, width)
        mean = ((one.astype(np.uint16) + two + 1) >> 1).astype(np.uint8)
        prediction = np.where(ways[0] & ways[1], mean, np.where(ways[0], one, two))
    else:
        prediction = one if one is not None else two  # type: ignore[assignment]
    np.subtract(picture.luma, prediction, out=values, dtype=np.int16)
    if not covered.all():
        values[~_pixels(covered, height, width)] = 0
    return values, covered


def _pixels(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask of cells as one of pixels."""
    return cells.repeat(8, 0).repeat(8, 1)[:height, :width]
