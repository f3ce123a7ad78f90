"""Reads a range of frames in one pass, in chunks of images, key frames and motion fields.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key frames.
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
from cvrl_lite.reprs import short_repr

What = Literal["images", "keyframes", "motion", "residuals"]


class KeyFrames(NamedTuple):
    """The key frames of a video.

    Attributes:
        indices: (K,) int64 frame indices.
        times: (K,) float64 seconds.
        images: (K, H, W, 3) uint8 RGB.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     keyframes = video.keyframes()
        >>> keyframes.indices.tolist(), keyframes.times.tolist(), keyframes.images.shape
        ([0, 12, 24, 36, 48, 60], [0.0, 0.48, 0.96, 1.44, 1.92, 2.4], (6, 224, 224, 3))
    """

    indices: np.ndarray
    times: np.ndarray
    images: np.ndarray

    def __repr__(self) -> str:
        return short_repr(self)


class Chunk(NamedTuple):
    """Consecutive frames of a video; parts that were not requested are None.

    Attributes:
        start: Index of the first frame.
        times: (T,) float64 seconds.
        images: (T, h, w, 3) uint8 RGB.
        keyframes: The key frames among these frames.
        motion: Their motion field.
        residuals: Their residuals.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     for chunk in video.chunks(50, "motion"):
        ...         print(chunk.start, len(chunk.times), chunk.motion.vectors.shape, chunk.images)
        0 50 (50, 2, 28, 28) None
        50 22 (22, 2, 28, 28) None
    """

    start: int
    times: np.ndarray
    images: np.ndarray | None
    keyframes: KeyFrames | None
    motion: Motion | None
    residuals: Residual | None

    def __repr__(self) -> str:
        return short_repr(self)


class Sample(NamedTuple):
    """A training sample.

    Attributes:
        clip: (frames, h, w, 3) uint8 RGB.
        keyframe: (h, w, 3) uint8 RGB, the key frame of the GOP in which the clip begins.
        keyframe_index: Its frame index.
        motion: The motion field of the frames after the clip.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     sample = video.sample(20, frames=8, size=112)
        >>> sample.clip.shape, sample.keyframe.shape, sample.keyframe_index, len(sample.motion.vectors)
        ((8, 112, 112, 3), (112, 112, 3), 12, 8)
    """

    clip: np.ndarray
    keyframe: np.ndarray
    keyframe_index: int
    motion: Motion

    def __repr__(self) -> str:
        return short_repr(self)


@dataclass(frozen=True)
class Plan:
    """What to read.

    Attributes:
        frames: Frames per chunk.
        what: Any of `What`.
        size: (H, W) of images and key frames.
        direction: Of the vectors.
        fill: Whether B-blocks are filled from the other direction.
        accumulate: Whether the caller will accumulate vectors.
        divide: Whether vectors are divided by the distance of their reference, which is then the nearest
            I- or P-frame.
    """

    frames: int
    what: frozenset[str]
    size: tuple[int, int]
    direction: Direction = "past"
    fill: bool = False
    accumulate: bool = False
    divide: bool = False

    @property
    def needs_neighbors(self) -> bool:
        """Whether the frames around a range are needed to find its references."""
        return "motion" in self.what and (self.divide or self.fill)


def iterate_chunks(decoder: Decoder, index: Index, frames: range, plan: Plan) -> Iterator[Chunk]:
    """Reads frames once, in chunks without residuals.

    Args:
        decoder: A decoder that delivers what the plan needs.
        index: The stream's index.
        frames: Consecutive frame indices.
        plan: What to read.

    Returns:
        An iterator of chunks in order; at most two are held at a time.

    Raises:
        DamagedVideo: A frame cannot be decoded.
    """
    start, stop, needs_neighbors = frames.start, frames.stop, plan.needs_neighbors
    first, end = start, stop
    if needs_neighbors and start < stop:
        first = min(start, index.gop(start))
        end = min(index.frames, stop + MOST_B_FRAMES)
    types: list[str] = []
    pending: deque[_PendingChunk] = deque()
    reference = first  # the last I- or P-frame
    for i, frame in decoder.frames(index, range(first, end)):
        types.append(PICTURE_TYPES[int(frame.pict_type)])
        if types[-1] != "B":
            reference = i
        if start <= i < stop:
            if not pending or i == pending[-1].stop:
                pending.append(_begin_chunk(i, min(i + plan.frames, stop), decoder, index, plan))
            pending[-1].add(i, types[-1], frame, decoder)
        while pending and i >= pending[0].stop - 1:
            if needs_neighbors and reference < pending[0].stop - 1:
                break  # the next reference of its last B-frames is still to come
            yield pending.popleft().finish(types, first)
        if i >= stop - 1 and not pending:
            return
    while pending:
        yield pending.popleft().finish(types, first)


def _begin_chunk(start: int, stop: int, decoder: Decoder, index: Index, plan: Plan) -> _PendingChunk:
    count, keys = stop - start, 0
    builder = None
    if "motion" in plan.what:
        codec = decoder.stream.codec.canonical_name
        builder = FieldBuilder(count, index.size, codec, plan.direction, plan.fill)
    images = np.empty((count, *plan.size, 3), np.uint8) if "images" in plan.what else None
    if "keyframes" in plan.what:
        keys = sum(start <= key.frame < stop for key in index.keys)
    key_images = np.empty((keys, *plan.size, 3), np.uint8)
    return _PendingChunk(start, stop, index, plan, builder, images, key_images)


@dataclass
class _PendingChunk:
    """A chunk that is being read."""

    start: int
    stop: int
    index: Index
    plan: Plan
    builder: FieldBuilder | None
    images: np.ndarray | None
    key_images: np.ndarray
    key_indices: list[int] = field(default_factory=list)

    def add(self, i: int, kind: str, frame: VideoFrame, decoder: Decoder) -> None:
        """Adds the frame with index `i`, of picture type `kind`."""
        if self.builder is not None:
            self.builder.add(kind, frame)
        if self.images is not None:
            decoder.rgb(frame, self.images[i - self.start])
        if "keyframes" in self.plan.what and frame.key_frame:
            self._add_key(i, kind, frame, decoder)

    def _add_key(self, i: int, kind: str, frame: VideoFrame, decoder: Decoder) -> None:
        if kind != "I" and decoder.options.pixels != "all":  # a key frame that is no I-frame lacks pixels
            frame = decoder.with_all_pixels(self.index, i)
        count = len(self.key_indices)
        if count == len(self.key_images):  # more than the container lists
            more = np.empty((count + 8, *self.plan.size, 3), np.uint8)
            self.key_images = np.concatenate([self.key_images, more])
        decoder.rgb(frame, self.key_images[count])
        self.key_indices.append(i)

    def finish(self, types: list[str], first: int) -> Chunk:
        """The chunk, given the picture types of the frames from `first` on."""
        motion = keys = None
        if self.builder is not None:
            before, after = self.start - first, self.stop - first
            before = max(0, before - 1)
            while before > 0 and types[before] == "B":  # from the reference before ...
                before -= 1
            while after < len(types) and types[after - 1] == "B":  # ... to the one after
                after += 1
            offset = self.start - first - before
            motion = self.builder.field(types[before:after], offset, divide=self.plan.divide)
        if "keyframes" in self.plan.what:
            indices = np.array(self.key_indices, np.int64)
            keys = KeyFrames(indices, self.index.times[indices], self.key_images[: len(indices)])
        times = self.index.times[self.start : self.stop].copy()
        return Chunk(self.start, times, self.images, keys, motion, None)


def decode_sample(decoder: Decoder, index: Index, clip: Sequence[int], window: range, plan: Plan) -> Sample:
    """Reads a clip, the key frame before it and the motion after it in one pass.

    Args:
        decoder: A decoder that delivers vectors and pixels.
        index: The stream's index.
        clip: Frame indices of the clip.
        window: Consecutive frame indices of the motion field, the first one after the clip's first.
        plan: Size, direction, fill and division.
    """
    key = index.gop(clip[0])
    around = window
    if plan.needs_neighbors:
        first = max(key, window.start - MOST_B_FRAMES - 1)
        around = range(first, min(index.frames, window.stop + MOST_B_FRAMES))
    images = np.empty((len(clip), *plan.size, 3), np.uint8)
    keyframe = np.empty((*plan.size, 3), np.uint8)
    codec = decoder.stream.codec.canonical_name
    builder = FieldBuilder(len(window), index.size, codec, plan.direction, plan.fill)
    types: list[str] = []
    for i, frame in decoder.frames(index, sorted({key, *clip, *around})):
        if i == key:
            decoder.rgb(frame, keyframe)
        if i in clip:
            decoder.rgb(frame, images[clip.index(i)])
        if i in around:
            types.append(PICTURE_TYPES[int(frame.pict_type)])
        if i in window:
            builder.add(types[-1], frame)
        if i >= window.stop - 1 and types[-1] != "B":
            break
    return Sample(
        images, keyframe, key, builder.field(types, window.start - around.start, divide=plan.divide)
    )
