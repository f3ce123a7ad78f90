"""The one loop that reads a stretch of a video: pictures in, chunks of pixels and vector fields out.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key pictures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec._stream.raster import Direction, Motion
from cvrl_lite.codec.motion import MOST_B_FRAMES, PICTURE_TYPES, FieldBuilder
from cvrl_lite.codec.residual import Residual

What = Literal["images", "keyframes", "motion", "residuals"]


class KeyFrames(NamedTuple):
    """The key pictures of a video.

    Attributes:
        indices: (K,) int64 frame indices.
        times: (K,) float64 seconds.
        images: (K, H, W, 3) uint8 RGB.
    """

    indices: np.ndarray
    times: np.ndarray
    images: np.ndarray


class Chunk(NamedTuple):
    """Consecutive frames of a video; what was not asked for is None.

    Attributes:
        start: The first frame's index.
        times: (T,) float64 seconds.
        images: (T, h, w, 3) uint8 RGB.
        keyframes: The key pictures among these frames.
        motion: Their vector field.
        residuals: Their residuals.
    """

    start: int
    times: np.ndarray
    images: np.ndarray | None
    keyframes: KeyFrames | None
    motion: Motion | None
    residuals: Residual | None


class Sample(NamedTuple):
    """What a training step takes from one place of a video.

    Attributes:
        clip: (frames, h, w, 3) uint8 RGB.
        keyframe: (h, w, 3) uint8 RGB, the key picture of the GOP in which the clip begins.
        keyframe_index: Its frame index.
        motion: The vector field of the frames after the clip.
    """

    clip: np.ndarray
    keyframe: np.ndarray
    keyframe_index: int
    motion: Motion


@dataclass(frozen=True)
class Plan:
    """What to read.

    Attributes:
        frames: Frames a chunk.
        asked: Some of `What`.
        size: (H, W) of the pictures handed out.
        direction: Of the vectors.
        fill: Whether B-blocks are filled from the other direction.
        accumulate: Whether vectors are to be added up to the last I-picture, by whoever reads the chunks.
        known: Whether each reference is the nearest picture that is not B.
    """

    frames: int
    asked: frozenset[str]
    size: tuple[int, int]
    direction: Direction = "past"
    fill: bool = False
    accumulate: bool = False
    known: bool = False


@dataclass
class _Open:
    """A chunk that is being read."""

    start: int
    stop: int
    builder: FieldBuilder | None
    images: np.ndarray | None
    key_images: np.ndarray
    key_places: list[int] = field(default_factory=list)


def read(decoder: Decoder, index: Index, start: int, stop: int, plan: Plan) -> Iterator[Chunk]:
    """Reads the frames `start` to `stop` once, in chunks without residuals.

    Args:
        decoder: A decoder that delivers what the plan asks for.
        index: The stream's index.
        start: The first frame's index.
        stop: The index after the last frame's.
        plan: What is wanted.

    Returns:
        An iterator of chunks in order; no more than two are held at a time.

    Raises:
        DamagedVideo: A picture cannot be decoded.
    """
    around = "motion" in plan.asked and (plan.known or plan.fill)
    first, end = start, stop
    if around and start < stop:  # the references around the stretch count, too
        first = min(start, index.gop(start))
        end = min(index.frames, stop + MOST_B_FRAMES)
    types: list[str] = []
    waiting: deque[_Open] = deque()
    reference = first  # the last picture that is not B
    for place, frame in decoder.pictures(index, range(first, end)):
        types.append(PICTURE_TYPES[int(frame.pict_type)])
        if types[-1] != "B":
            reference = place
        if start <= place < stop:
            if not waiting or place == waiting[-1].stop:
                waiting.append(_opened(place, min(place + plan.frames, stop), decoder, index, plan))
            _take(waiting[-1], place, types[-1], frame, decoder, index, plan)
        while waiting and place >= waiting[0].stop - 1 and (not around or reference >= waiting[0].stop - 1):
            yield _closed(waiting.popleft(), types, first, index, plan)
        if place >= stop - 1 and not waiting:
            return  # the rest was asked for only to find the reference after the last B-pictures
    while waiting:
        yield _closed(waiting.popleft(), types, first, index, plan)


def _opened(start: int, stop: int, decoder: Decoder, index: Index, plan: Plan) -> _Open:
    count = stop - start
    builder = None
    if "motion" in plan.asked:
        codec = decoder.stream.codec.canonical_name
        builder = FieldBuilder(count, index.size, codec, plan.direction, plan.fill)
    images = np.empty((count, *plan.size, 3), np.uint8) if "images" in plan.asked else None
    keys = sum(start <= key.frame < stop for key in index.keys) if "keyframes" in plan.asked else 0
    return _Open(start, stop, builder, images, np.empty((keys, *plan.size, 3), np.uint8))


def _take(
    piece: _Open, place: int, kind: str, frame: VideoFrame, decoder: Decoder, index: Index, plan: Plan
) -> None:
    if piece.builder is not None:
        piece.builder.add(kind, frame)
    if piece.images is not None:
        decoder.rgb(frame, piece.images[place - piece.start])
    if "keyframes" in plan.asked and frame.key_frame:
        if kind != "I" and decoder.pixels != "all":  # a stream that can be entered without I-pictures
            frame = decoder.again(index, place)
        if len(piece.key_places) == len(piece.key_images):  # the container told of fewer
            more = np.empty((len(piece.key_images) + 8, *plan.size, 3), np.uint8)
            piece.key_images = np.concatenate([piece.key_images, more])
        decoder.rgb(frame, piece.key_images[len(piece.key_places)])
        piece.key_places.append(place)


def _closed(piece: _Open, types: list[str], first: int, index: Index, plan: Plan) -> Chunk:
    motion = None
    if piece.builder is not None:
        before, after = piece.start - first, piece.stop - first
        before = max(0, before - 1)
        while before > 0 and types[before] == "B":  # from the reference before ...
            before -= 1
        while after < len(types) and types[after - 1] == "B":  # ... to the one behind
            after += 1
        at = piece.start - first - before
        motion = piece.builder.field(types[before:after], at, known=plan.known)
    keys = None
    if "keyframes" in plan.asked:
        places = np.array(piece.key_places, np.int64)
        keys = KeyFrames(places, index.times[places], piece.key_images[: len(places)])
    times = index.times[piece.start : piece.stop].copy()
    return Chunk(piece.start, times, piece.images, keys, motion, None)


def read_sample(decoder: Decoder, index: Index, clip: Sequence[int], window: range, plan: Plan) -> Sample:
    """Reads a clip, the key picture before it and a stretch of vectors behind it in one pass.

    Args:
        decoder: A decoder that delivers vectors and pictures.
        index: The stream's index.
        clip: Frame indices of the clip.
        window: Consecutive frame indices of the vectors, the first one behind the clip's first.
        plan: Gives size, direction, fill and what is known of the references.
    """
    key = index.gop(clip[0])
    around = window
    if plan.known or plan.fill:  # the frames around tell where the references are
        first = max(key, window.start - MOST_B_FRAMES - 1)
        around = range(first, min(index.frames, window.stop + MOST_B_FRAMES))
    images = np.empty((len(clip), *plan.size, 3), np.uint8)
    keyframe = np.empty((*plan.size, 3), np.uint8)
    codec = decoder.stream.codec.canonical_name
    builder = FieldBuilder(len(window), index.size, codec, plan.direction, plan.fill)
    types: list[str] = []
    for place, frame in decoder.pictures(index, sorted({key, *clip, *around})):
        if place == key:
            decoder.rgb(frame, keyframe)
        if place in clip:
            decoder.rgb(frame, images[clip.index(place)])
        if place in around:
            types.append(PICTURE_TYPES[int(frame.pict_type)])
        if place in window:
            builder.add(types[-1], frame)
        if place >= window.stop - 1 and types[-1] != "B":
            break
    return Sample(images, keyframe, key, builder.field(types, window.start - around.start, known=plan.known))
