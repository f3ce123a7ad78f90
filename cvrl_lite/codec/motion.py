"""Reading the vector field of a stretch of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvrl_lite.codec.decode import VECTOR_CODECS, Decoder
from cvrl_lite.codec.index import Index
from cvrl_lite.codec.raster import Direction, Motion, Raster, records

PICTURE_TYPES = "?IPBPIPI"
"""FFmpeg's numbers for picture types: 0 unknown, I, P, B, S (a P with global motion), SI, SP, BI."""

# The older codecs refer to the nearest I- or P-picture on either side, always. H.264 may refer to any
# of several pictures and FFmpeg does not say to which, so its vectors stay as they are.
_NEAREST_REFERENCE = VECTOR_CODECS - {"h264"}
_MOST_B_FRAMES = 16

# FFmpeg's MPEG-4 decoder keeps no vectors of B-pictures (h263dec.c updates its table for the others only)
# and exports what it finds there: zeros in FFmpeg 8, another picture's vectors before. Not read, so masked.
_NO_B_VECTORS = frozenset({"mpeg4"})


def read_motion(decoder: Decoder, index: Index, start: int, stop: int, direction: Direction) -> Motion:
    """The dense field of the frames `start` to `stop`.

    Args:
        decoder: A decoder that exports vectors.
        index: The stream's index.
        start: The first frame's index.
        stop: The index after the last frame's.
        direction: "past" or "future" references.

    Returns:
        Vectors, mask and picture types. Where the reference is known to lie several frames away, its
        vectors are divided by that distance.
    """
    raster = Raster(stop - start, index.size, direction)
    if start == stop:
        return Motion(raster.vectors, raster.mask, np.empty(0, "<U1"))
    codec = decoder.stream.codec.canonical_name
    stepped = codec in _NEAREST_REFERENCE
    first, end = start, stop
    if stepped:  # the references around the stretch count, too
        first = min(start, index.keys[index.key_before(start)][2])
        end = min(index.frames, stop + _MOST_B_FRAMES)
    types: list[str] = []
    for place, frame in decoder.pictures(index, range(first, end)):
        types.append(PICTURE_TYPES[int(frame.pict_type)])
        if start <= place < stop:
            raster.add(None if types[-1] == "B" and codec in _NO_B_VECTORS else records(frame))
        if place >= stop - 1 and types[-1] != "B":
            break  # the rest was asked for only to find the reference after the last B-frames
    raster.paint()
    if stepped:
        steps = reference_steps(types, direction)[start - first : stop - first]
        raster.vectors /= np.asarray(steps, np.float32)[:, None, None, None]
    return Motion(raster.vectors, raster.mask, np.array(types[start - first : stop - first], dtype="<U1"))


def reference_steps(types: Sequence[str], direction: Direction) -> list[int]:
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
