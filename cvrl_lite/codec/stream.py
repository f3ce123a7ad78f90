"""One video stream: its decoders, its index, and reading frames, vectors and residuals from it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import Literal, TypeVar, get_args

import numpy as np

from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.feed import VECTOR_CODECS, Pixels
from cvrl_lite.codec._stream.h264 import H264Facts, most_references, read_facts
from cvrl_lite.codec._stream.headers import is_disposable
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec._stream.index_file import cached_index
from cvrl_lite.codec._stream.packets import packets
from cvrl_lite.codec._stream.pool import Decoders
from cvrl_lite.codec._stream.raster import Direction, Motion
from cvrl_lite.codec._stream.scan import read_index
from cvrl_lite.codec._stream.source import FirstFrame, Source
from cvrl_lite.codec.advice import fields, no_vectors
from cvrl_lite.codec.chunks import Chunk, Plan, Sample, decode_sample, iterate_chunks
from cvrl_lite.codec.damage import Damage, scan_damage
from cvrl_lite.codec.motion import PICTURE_TYPES, FieldBuilder, MotionAccumulator
from cvrl_lite.codec.residual import Residual, collect_residuals, iterate_residuals, read_residuals
from cvrl_lite.codec.turn import (
    UPRIGHT,
    Orientation,
    Size,
    checked_size,
    orientation,
    scaled,
    turned_images,
    turned_motion,
    turned_residual,
)
from cvrl_lite.errors import DamagedVideo, VideoError

T = TypeVar("T")

_LEAD = 64  # frames per chunk while vectors are accumulated up to the first requested frame


class Stream:
    """A video stream, each fact of which is found at first use.

    Args:
        source: The file.
        on_damage: "raise", or "keep": then the index lists the readable frames.
        apply_rotation: Whether frames are delivered in the orientation of display.
        cache: A folder for the index, or None.
    """

    def __init__(
        self,
        source: Source,
        on_damage: Literal["raise", "keep"],
        apply_rotation: bool,
        cache: str | os.PathLike[str] | None,
    ) -> None:
        self.source, self.name = source, source.name
        self._keep, self._turns, self._cache = on_damage == "keep", apply_rotation, cache
        self._warned = False
        self.decoders = Decoders(source, tolerant=self._keep)
        with self.decoders.borrow() as decoder:
            self.codec = decoder.stream.codec.canonical_name
            self._number = decoder.stream.index

    # What the stream is.

    @cached_property
    def index(self) -> Index:
        """The frames that can be read."""
        if self._keep:
            return self._scanned[0]
        if self._listed.breaks_off:
            raise DamagedVideo(self.name, self._listed.breaks_off)
        return self._listed

    @cached_property
    def damage(self) -> Damage:
        """The faults of the file."""
        return self._scanned[1]

    @cached_property
    def orientation(self) -> Orientation:
        """The orientation in which frames and vectors are delivered."""
        return orientation(self.first_frame.display_matrix) if self._turns else UPRIGHT

    @property
    def first_frame(self) -> FirstFrame:
        """What the first frame tells; its display matrix is the container's, or else the codec's own."""
        if self.source.first_frame is None:
            with self.decoders.borrow() as decoder:
                decoder.see_first_frame(self.index)
        assert self.source.first_frame is not None
        return self.source.first_frame

    @cached_property
    def picture_types(self) -> str:
        """A letter per frame, of I, P and B."""
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            frames = decoder.frames(self.index, range(self.index.frames))
            return "".join(PICTURE_TYPES[int(frame.pict_type)] for _, frame in frames)

    @cached_property
    def reference_distance_known(self) -> bool:
        """Whether each vector refers to the nearest I- or P-frame, by the stream's own headers.

        The older codecs have no other references, except FLV1, whose P-frames may be disposable.
        """
        if self._keep and any(time < self.index.times[-1] for time in self.damage.missing):
            return False
        if self.codec == "h264":
            return self._h264.reference_distance_known
        if self.codec == "flv1":
            return not self._parse_packets(lambda _, held: any(map(is_disposable, held)), True)
        return self.codec in VECTOR_CODECS

    @cached_property
    def divides_vectors(self) -> bool:
        """Whether vectors may span several frames, of known number, to be divided by it."""
        if self.codec == "h264":
            with self.decoders.borrow() as decoder:
                if most_references(decoder.stream.codec_context.extradata) == 1:
                    return False  # no B-frames, and no distant references
        if self.codec == "flv1":
            return False  # no B-frames
        return self.reference_distance_known

    @property
    def residual_exact(self) -> bool:
        """Whether computed residuals equal those of the file."""
        damaged = self._keep and bool(self.damage)
        return self.codec == "h264" and self._h264.residual_exact and not damaged

    def displayed(self, size: tuple[int, int]) -> tuple[int, int]:
        """The delivered size (H, W) of a coded one, or the other way round."""
        return self.orientation.size(size)

    def require_vectors(self) -> None:
        """Raises NoMotionVectors where the decoder exports none; warns once if they may be of fields."""
        if self.codec not in VECTOR_CODECS:
            raise no_vectors(self.name, self.codec)
        if self.index.in_fields and not self._warned:
            self._warned = True
            warnings.warn(f"{self.name}: {fields(self.name)}", stacklevel=4)

    # Which frames are requested, and how.

    def frame_range(self, start: int, stop: int | None) -> range:
        """The frames from `start` to `stop`, which must lie inside the video; None is its end."""
        count = self.index.frames
        stop = count if stop is None else stop
        if not (0 <= start <= count and 0 <= stop <= count):
            hint = _hint(min(start, stop), count)
            raise IndexError(f"{self.name}: frames {start} to {stop} requested, the video has {count}{hint}")
        if stop < start:
            raise ValueError(f"stop {stop} lies before start {start}")
        return range(start, stop)

    def clip_indices(self, start: int | None, at: float | None, frames: int, stride: int) -> range:
        """The frames of a clip that starts at an index or at a time in seconds."""
        if (start is None) == (at is None):
            raise ValueError("a clip starts at an index or at a time: give start or at")
        if frames < 1 or stride < 1:
            raise ValueError(f"frames and stride are at least 1, not {frames} and {stride}")
        first = self._frame_at(at) if at is not None else int(start or 0)
        indices = range(first, first + (frames - 1) * stride + 1, stride)
        if first < 0 or indices[-1] >= self.index.frames:
            requested, count = f"frames {first} to {indices[-1]}", self.index.frames
            hint = _hint(first, count)
            raise IndexError(f"{self.name}: {requested} requested, the video has 0 to {count - 1}{hint}")
        return indices

    def resolve_indices(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Indices as (N,) int64 from 0 on; negative ones count from the end."""
        found = np.asarray(indices)
        if found.size == 0:
            return np.empty(0, np.int64)
        if found.ndim != 1 or found.dtype.kind not in "iu":
            kind = f"{found.dtype} of shape {found.shape}"
            raise TypeError(f"{self.name}: frame indices are a list of integers, not {kind}")
        count = self.index.frames
        outside = found[(found < -count) | (found >= count)]
        if len(outside):
            raise IndexError(f"{self.name}: there is no frame {outside[0]}, the video has 0 to {count - 1}")
        found = found.astype(np.int64)
        return np.where(found < 0, found + count, found)

    def plan(
        self,
        frames: int,
        what: Collection[str],
        size: Size | None = None,
        *,
        direction: Direction = "past",
        fill: Literal["opposite"] | None = None,
        accumulate: bool = False,
    ) -> Plan:
        """A plan to read chunks of `frames` frames, with images scaled to `size` as displayed."""
        if direction not in get_args(Direction):
            raise ValueError(f'direction is "past", "future" or "both", not {direction!r}')
        if fill not in (None, "opposite") or (accumulate and (direction != "past" or fill)):
            raise ValueError('fill is None or "opposite"; accumulated vectors are past ones, not filled')
        if {"motion", "residuals"} & set(what):
            self.require_vectors()
        if accumulate and not self.reference_distance_known:
            raise VideoError(self.name, "accumulated vectors need a stream of one reference")
        size = checked_size(size)
        target = scaled(self.index.size, self.displayed(size) if isinstance(size, tuple) else size)
        divide = "motion" in what and self.divides_vectors
        return Plan(max(1, frames), frozenset(what), target, direction, fill is not None, accumulate, divide)

    # Reading.

    def read_frames(self, indices: np.ndarray | range, size: Size | None) -> np.ndarray:
        """Frames in the order given, repeats included, as (N, h, w, 3) uint8 RGB."""
        order = None
        if isinstance(indices, np.ndarray):
            ascending, order = np.unique(indices, return_inverse=True)
            if len(ascending) == len(order) and (order[1:] > order[:-1]).all():
                order = None
            indices = ascending
        frames = indices if isinstance(indices, range) else indices.tolist()
        images = np.empty((len(frames), *self.plan(1, (), size).size, 3), np.uint8)
        if len(frames):
            with self.decoders.borrow() as decoder:
                self._prepare(decoder, frames[0])
                decoded = decoder.frames(self.index, frames)
                for image, (_, frame) in zip(images, decoded, strict=True):
                    decoder.rgb(frame, image)
        images = turned_images(images, self.orientation)
        return images if order is None else images[order]

    def read_motion(self, frames: range, plan: Plan) -> Motion:
        """The motion field of some frames in one piece."""
        first = self._origin(frames.start) if plan.accumulate else frames.start
        builder = FieldBuilder(0, self.index.size, self.codec, plan.direction, plan.fill)
        motion = builder.field([], 0, divide=False)
        plan = replace(plan, frames=max(1, frames.stop - first))
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            self._prepare(decoder, first)
            for chunk in iterate_chunks(decoder, self.index, range(first, frames.stop), plan):
                assert chunk.motion is not None
                motion = chunk.motion
        if plan.accumulate:
            sums = MotionAccumulator(self.name).add(motion)
            motion = Motion(*(part[frames.start - first :] for part in sums))
        return turned_motion(motion, self.orientation)

    def read_residuals(self, frames: range) -> Residual:
        """The residuals of some frames in one piece."""
        with self.decoders.borrow(vectors=True) as decoder:
            self._prepare(decoder, frames.start)
            found = read_residuals(decoder, self.index, frames.start, frames.stop, self.residual_exact)
        return turned_residual(found, self.orientation)

    def read_sample(self, clip: Sequence[int], window: range, plan: Plan) -> Sample:
        """A clip, its key frame and the motion field of a window, in one pass."""
        with self.decoders.borrow(vectors=True) as decoder:
            self._prepare(decoder, clip[0])
            found = decode_sample(decoder, self.index, clip, window, plan)
        images, keyframe = (turned_images(part, self.orientation) for part in (found.clip, found.keyframe))
        return Sample(images, keyframe, found.keyframe_index, turned_motion(found.motion, self.orientation))

    def read_chunks(self, frames: range, plan: Plan) -> Iterator[Chunk]:
        """Frames in chunks; residuals come from a decoder of their own, in step with the other."""
        index, vectors = self.index, "motion" in plan.what
        accumulator = self._accumulator(frames.start) if plan.accumulate and vectors else None
        pixels: Pixels = "all" if "images" in plan.what else "keys" if "keyframes" in plan.what else "none"
        with ExitStack() as stack:
            if "residuals" in plan.what:
                second = stack.enter_context(self.decoders.borrow(vectors=True))
                self._prepare(second, frames.start)
                rests = iterate_residuals(second, index, frames.start, frames.stop)
            if vectors or pixels != "none":
                first = stack.enter_context(self.decoders.borrow(vectors=vectors, pixels=pixels))
                self._prepare(first, frames.start)
                chunks = iterate_chunks(first, index, frames, plan)
            else:
                chunks = _empty_chunks(index, frames, plan.frames)
            for chunk in chunks:
                images, keys, motion, residuals = chunk[2:]
                if "residuals" in plan.what:
                    residuals = collect_residuals(rests, len(chunk.times), index.size, self.residual_exact)
                if accumulator is not None and motion is not None:
                    motion = accumulator.add(motion)
                yield Chunk(
                    chunk.start,
                    chunk.times,
                    None if images is None else turned_images(images, self.orientation),
                    keys and keys._replace(images=turned_images(keys.images, self.orientation)),
                    motion and turned_motion(motion, self.orientation),
                    residuals and turned_residual(residuals, self.orientation),
                )

    def _prepare(self, decoder: Decoder, start: int) -> None:
        """Has a decoder see the first frame where orientation needs it and reading from `start` skips it."""
        if self._turns and start and self.source.first_frame is None:
            decoder.see_first_frame(self.index)

    def _frame_at(self, seconds: float) -> int:
        times = self.index.times
        end = times[0] + self.index.duration
        if not times[0] <= seconds < end:
            reason = f"no frame is displayed at {seconds:g} s, only from {times[0]:g} to {end:g} s"
            raise IndexError(f"{self.name}: {reason}")
        return int(np.searchsorted(times, seconds, side="right")) - 1

    def _origin(self, frame: int) -> int:
        """The last I-frame up to a frame, where accumulation begins."""
        key = self.index.gop(frame)
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            kinds = [int(decoded.pict_type) for _, decoded in decoder.frames(self.index, [key])]
        if PICTURE_TYPES[kinds[0]] != "I":  # a key frame need not be an I-frame
            key = self.picture_types.rfind("I", 0, frame + 1)
        if key < 0:
            raise VideoError(self.name, f"accumulated vectors need an I-frame up to frame {frame}")
        return key

    def _accumulator(self, frame: int) -> MotionAccumulator:
        """An accumulator that holds the sums from the last I-frame to just before a frame."""
        accumulator, plan = MotionAccumulator(self.name), self.plan(_LEAD, ("motion",))
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            for chunk in iterate_chunks(decoder, self.index, range(self._origin(frame), frame), plan):
                assert chunk.motion is not None
                accumulator.add(chunk.motion)
        return accumulator

    @cached_property
    def _h264(self) -> H264Facts:
        """What the headers of an H.264 stream tell; at most one pass over its packets."""
        return self._parse_packets(read_facts, H264Facts())

    def _parse_packets(self, parse: Callable[[bytes | None, Iterator[bytes]], T], otherwise: T) -> T:
        """Applies a parser to the extradata and all packets; `otherwise` if the file breaks off."""
        with self.decoders.borrow() as decoder:
            header = decoder.stream.codec_context.extradata
            if (kept := self.decoders.memory.packets) is not None:
                return parse(header, map(bytes, kept))
            decoder.rewind()
            try:
                return parse(header, map(bytes, packets(self.name, decoder.container, decoder.stream)))
            except DamagedVideo:
                return otherwise

    @cached_property
    def _listed(self) -> Index:
        """The frames that the file lists."""

        def make() -> Index:
            return read_index(self.source, self.decoders)

        if self._cache is None or not isinstance(self.source.file, str):
            return make()
        return cached_index(self.source.file, self._number, self._cache, make)

    @cached_property
    def _scanned(self) -> tuple[Index, Damage]:
        """The readable frames and the faults, by decoding the file with a tolerant decoder."""
        decoders = self.decoders if self._keep else Decoders(self.source, tolerant=True)
        with decoders.borrow() as decoder:
            found = scan_damage(decoder, self._listed)
        if decoders is not self.decoders:
            decoders.close()
        elif found[0].sound < found[0].frames:
            decoders.require_all_pixels()
        return found


def _hint(index: int, count: int) -> str:
    """What to write instead of an index that counts from the end."""
    if not -count <= index < 0:
        return ""
    return f"; a range does not count from the end: write {count + index} for {index}"


def _empty_chunks(index: Index, frames: range, length: int) -> Iterator[Chunk]:
    """Chunks of times alone, to which residuals are added."""
    for start in frames[::length]:
        stop = min(start + length, frames.stop)
        yield Chunk(start, index.times[start:stop].copy(), None, None, None, None)
