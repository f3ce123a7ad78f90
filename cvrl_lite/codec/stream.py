"""What is known of one video stream, each thing found out at first use."""

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
from cvrl_lite.codec._stream.index import Index, describe_streams
from cvrl_lite.codec._stream.index_file import cached_index
from cvrl_lite.codec._stream.packets import packets
from cvrl_lite.codec._stream.pool import Decoders
from cvrl_lite.codec._stream.raster import Direction, Motion
from cvrl_lite.codec._stream.rates import average_rate, tick_of
from cvrl_lite.codec._stream.scan import read_index
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.codec.advice import fields, no_vectors
from cvrl_lite.codec.chunks import Chunk, Plan, Sample, read, read_sample
from cvrl_lite.codec.damage import Damage, survey
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.motion import PICTURE_TYPES, FieldBuilder, Sums
from cvrl_lite.codec.residual import collected, iterate_residuals
from cvrl_lite.codec.turn import (
    UPRIGHT,
    Orientation,
    Size,
    orientation,
    scaled,
    turned_images,
    turned_motion,
    turned_residual,
)
from cvrl_lite.errors import DamagedVideo, VideoError

T = TypeVar("T")

_LEAD = 64  # frames read at a time on the way to those asked for


class Stream:
    """One stream with its decoders, index and facts.

    Args:
        source: What to open.
        on_damage: "raise", or "keep": then the index lists the pictures that can be read.
        apply_rotation: Whether frames are laid the way a player shows them.
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

    @cached_property
    def index(self) -> Index:
        """The pictures that can be asked for."""
        if self._keep:
            return self._survey[0]
        if self._listed.breaks_off:
            raise DamagedVideo(self.name, self._listed.breaks_off)
        return self._listed

    @cached_property
    def damage(self) -> Damage:
        """What is wrong with the file."""
        return self._survey[1]

    def info(self) -> VideoInfo:
        """The file's facts, made anew: they refer to the stream, which must not refer to them."""
        index = self.index
        height, width = self.turned(index.size)
        ratio = self.source.sample_aspect_ratio
        wide = round(index.size[1] * (ratio or 1))
        display_height, display_width = self.turned((index.size[0], max(1, wide)))
        with self.decoders.borrow_any() as decoder:
            container, stream, tick = decoder.container, decoder.stream, tick_of(decoder.stream)
            return VideoInfo(
                file=self.name,
                container=container.format.name,
                stream=stream.index,
                streams=describe_streams(container),
                codec=self.codec,
                pixel_format=str(stream.codec_context.pix_fmt),
                width=width,
                height=height,
                sample_aspect_ratio=1 / ratio if ratio and self.orientation.transpose else ratio,
                display_width=display_width,
                display_height=display_height,
                frames=index.frames,
                duration=index.duration,
                average_rate=average_rate(index.frames, index.duration, index.rate, tick),
                nominal_rate=index.rate,
                time_base=tick,
                gop_lengths=index.gop_lengths,
                has_vectors=self.codec in VECTOR_CODECS,
                vectors_in_fields=index.in_fields,
                has_timestamps=index.has_timestamps,
                times_adjusted=index.times_adjusted,
                clock_jumps=index.clock_jumps,
                frame_bytes=tuple(index.bytes.tolist()),
                _types=lambda: self.picture_types,
                # What is marked in H.264 may be whole frames nevertheless.
                _interlaced=lambda: index.in_fields or (self.codec != "h264" and self._seen.interlaced),
                _matrix=lambda: self.display_matrix,
                _known=lambda: self.reference_distance_known,
            )

    @cached_property
    def orientation(self) -> Orientation:
        """How frames and vectors are laid before they are handed out."""
        return orientation(self.display_matrix) if self._turns else UPRIGHT

    @cached_property
    def display_matrix(self) -> tuple[int, ...] | None:
        """That of the first frame, which carries the container's, or else the codec's own."""
        return self._seen.display_matrix

    @property
    def _seen(self) -> Source:
        if not self.source.seen:
            with self.decoders.borrow() as decoder:
                decoder.see_first(self.index)
        return self.source

    def look(self, decoder: Decoder, start: int) -> None:
        """Has a decoder see the first frame where that is needed and reading from `start` does not do it."""
        if self._turns and start and not self.source.seen:
            decoder.see_first(self.index)

    @cached_property
    def reference_distance_known(self) -> bool:
        """Whether each vector leads to the nearest picture that is not B, by the stream's own headers.

        The older codecs know no other references, but for FLV1, whose P-pictures may be disposable.
        """
        if self._keep and any(time < self.index.times[-1] for time in self.damage.missing):
            return False
        if self.codec == "h264":
            return self.h264.reference_distance_known
        if self.codec == "flv1":
            return not self._over_packets(lambda _, held: any(map(is_disposable, held)), True)
        return self.codec in VECTOR_CODECS

    @cached_property
    def steps_differ(self) -> bool:
        """Whether vectors are to be divided by a known distance."""
        if self.codec == "h264":
            with self.decoders.borrow() as decoder:
                if most_references(decoder.stream.codec_context.extradata) == 1:
                    return False  # no B-pictures, and nothing further away
        if self.codec == "flv1":
            return False  # no B-pictures
        return self.reference_distance_known

    @cached_property
    def h264(self) -> H264Facts:
        """What the headers of an H.264 stream say; one pass over its packets at most."""
        return self._over_packets(read_facts, H264Facts())

    def plan(
        self,
        frames: int,
        asked: Collection[str],
        size: Size | None = None,
        *,
        direction: Direction = "past",
        fill: Literal["opposite"] | None = None,
        accumulate: bool = False,
    ) -> Plan:
        """A plan to read chunks of so many frames, pictures scaled to `size` as they are shown."""
        if direction not in get_args(Direction):
            raise ValueError(f'direction is "past", "future" or "both", not {direction!r}')
        if fill not in (None, "opposite") or (accumulate and (direction != "past" or fill)):
            raise ValueError('fill is None or "opposite"; accumulated vectors are past ones, not filled')
        if {"motion", "residuals"} & set(asked):
            self.need_vectors()
        if accumulate and not self.reference_distance_known:
            raise VideoError(self.name, "accumulated vectors need a stream of one reference")
        target = scaled(self.index.size, self.turned(size) if isinstance(size, tuple) else size)
        known = "motion" in asked and self.steps_differ
        filled = fill is not None
        return Plan(max(1, frames), frozenset(asked), target, direction, filled, accumulate, known)

    def motion(self, wanted: range, plan: Plan) -> Motion:
        """The vectors of some frames in one piece."""
        first = self._origin(wanted.start) if plan.accumulate else wanted.start
        builder = FieldBuilder(0, self.index.size, self.codec, plan.direction, plan.fill)
        motion = builder.field([], 0, known=False)
        plan = replace(plan, frames=max(1, wanted.stop - first))
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            self.look(decoder, first)
            for chunk in read(decoder, self.index, first, wanted.stop, plan):
                assert chunk.motion is not None
                motion = chunk.motion
        if plan.accumulate:
            sums = Sums(self.name).add(motion)
            motion = Motion(*(part[wanted.start - first :] for part in sums))
        return turned_motion(motion, self.orientation)

    def sample(self, clip: Sequence[int], window: range, plan: Plan) -> Sample:
        """A clip, its key picture and the vectors of a window, in one pass."""
        with self.decoders.borrow(vectors=True) as decoder:
            self.look(decoder, clip[0])
            found = read_sample(decoder, self.index, clip, window, plan)
        images, keyframe = (turned_images(part, self.orientation) for part in (found.clip, found.keyframe))
        return Sample(images, keyframe, found.keyframe_index, turned_motion(found.motion, self.orientation))

    def read(self, wanted: range, plan: Plan) -> Iterator[Chunk]:
        """Some frames in chunks; residuals come from a decoder of their own, in step with the other."""
        index, vectors = self.index, "motion" in plan.asked
        sums = self._sums(wanted.start) if plan.accumulate and vectors else None
        pixels: Pixels = "all" if "images" in plan.asked else "keys" if "keyframes" in plan.asked else "none"
        with ExitStack() as stack:
            if "residuals" in plan.asked:
                second = stack.enter_context(self.decoders.borrow(vectors=True))
                self.look(second, wanted.start)
                rests = iterate_residuals(second, index, wanted.start, wanted.stop)
            if vectors or pixels != "none":
                first = stack.enter_context(self.decoders.borrow(vectors=vectors, pixels=pixels))
                self.look(first, wanted.start)
                chunks = read(first, index, wanted.start, wanted.stop, plan)
            else:
                starts = wanted[:: plan.frames]
                ends = (min(start + plan.frames, wanted.stop) for start in starts)
                chunks = (
                    Chunk(a, index.times[a:b].copy(), None, None, None, None) for a, b in zip(starts, ends)
                )
            for chunk in chunks:
                images, keys, motion, residuals = chunk[2:]
                if "residuals" in plan.asked:
                    residuals = collected(rests, len(chunk.times), index.size, self.residual_exact)
                if sums is not None and motion is not None:
                    motion = sums.add(motion)
                yield Chunk(
                    chunk.start,
                    chunk.times,
                    None if images is None else turned_images(images, self.orientation),
                    keys and keys._replace(images=turned_images(keys.images, self.orientation)),
                    motion and turned_motion(motion, self.orientation),
                    residuals and turned_residual(residuals, self.orientation),
                )

    @property
    def residual_exact(self) -> bool:
        """Whether the residuals found are those of the file."""
        damaged = self._keep and bool(self.damage)
        return self.codec == "h264" and self.h264.residual_exact and not damaged

    def turned(self, size: tuple[int, int]) -> tuple[int, int]:
        """A size (H, W) as coded from one as handed out, or the other way round."""
        return self.orientation.size(size)

    def need_vectors(self) -> None:
        """Raises NoMotionVectors where the decoder exports none; warns once where they may be of fields."""
        if self.codec not in VECTOR_CODECS:
            raise no_vectors(self.name, self.codec)
        if self.index.in_fields and not self._warned:
            self._warned = True
            warnings.warn(f"{self.name}: {fields(self.name)}", stacklevel=4)

    def stretch(self, start: int, stop: int | None) -> range:
        """The frames from `start` to `stop`, both inside the video."""
        count = self.index.frames
        stop = count if stop is None else stop
        if not (0 <= start <= count and 0 <= stop <= count):
            raise IndexError(f"{self.name}: frames {start} to {stop} asked for, the video has {count}")
        if stop < start:
            raise ValueError(f"stop {stop} lies before start {start}")
        return range(start, stop)

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
                self.look(decoder, frames[0])
                decoded = decoder.pictures(self.index, frames)
                for image, (_, frame) in zip(images, decoded, strict=True):
                    decoder.rgb(frame, image)
        images = turned_images(images, self.orientation)
        return images if order is None else images[order]

    def clip_indices(self, start: int | None, at: float | None, frames: int, stride: int) -> range:
        """The frames of a clip that starts at an index or at a time in seconds."""
        if (start is None) == (at is None):
            raise ValueError("a clip starts at an index or at a time: give start or at")
        if frames < 1 or stride < 1:
            raise ValueError(f"frames and stride are at least 1, not {frames} and {stride}")
        first = self._frame_at(at) if at is not None else int(start or 0)
        indices = range(first, first + (frames - 1) * stride + 1, stride)
        if first < 0 or indices[-1] >= self.index.frames:
            last = self.index.frames - 1
            raise IndexError(
                f"{self.name}: frames {first} to {indices[-1]} requested, the video has 0 to {last}"
            )
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

    def _over_packets(self, look: Callable[[bytes | None, Iterator[bytes]], T], otherwise: T) -> T:
        """What a look at the decoder's header and all packets finds; `otherwise` if the file breaks off."""
        with self.decoders.borrow() as decoder:
            header = decoder.stream.codec_context.extradata
            if decoder.kept is not None:
                return look(header, map(bytes, decoder.kept))
            decoder.rewind()
            try:
                return look(header, map(bytes, packets(self.name, decoder.container, decoder.stream)))
            except DamagedVideo:
                return otherwise

    def _origin(self, frame: int) -> int:
        """The last I-picture up to a frame, where the sums of vectors begin."""
        key = self.index.gop(frame)
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            kinds = [int(picture.pict_type) for _, picture in decoder.pictures(self.index, [key])]
        if PICTURE_TYPES[kinds[0]] != "I":  # a stream that can be entered without I-pictures
            key = self.picture_types.rfind("I", 0, frame + 1)
        if key < 0:
            raise VideoError(self.name, f"accumulated vectors need an I-picture up to frame {frame}")
        return key

    def _sums(self, frame: int) -> Sums:
        """The vectors added up from the last I-picture to just before a frame."""
        sums, plan = Sums(self.name), self.plan(_LEAD, ("motion",))
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            for chunk in read(decoder, self.index, self._origin(frame), frame, plan):
                assert chunk.motion is not None
                sums.add(chunk.motion)
        return sums

    @cached_property
    def _listed(self) -> Index:
        """The pictures that the file lists."""

        def make() -> Index:
            return read_index(self.source, self.decoders)

        if self._cache is None or not isinstance(self.source.file, str):
            return make()
        return cached_index(self.source.file, self._number, self._cache, make)

    @cached_property
    def _survey(self) -> tuple[Index, Damage]:
        decoders = self.decoders if self._keep else Decoders(self.source, tolerant=True)
        with decoders.borrow() as decoder:
            found = survey(decoder, self._listed)
        if decoders is self.decoders:
            decoders.thorough = found[0].sound < found[0].frames
        else:
            decoders.close()
        return found

    @cached_property
    def picture_types(self) -> str:
        """A letter a frame, of I, P and B."""
        with self.decoders.borrow(vectors=True, pixels="none") as decoder:
            pictures = decoder.pictures(self.index, range(self.index.frames))
            return "".join(PICTURE_TYPES[int(frame.pict_type)] for _, frame in pictures)

    def _frame_at(self, seconds: float) -> int:
        times = self.index.times
        end = times[0] + self.index.duration
        if not times[0] <= seconds < end:
            reason = f"no frame is shown at {seconds:g} s, only from {times[0]:g} to {end:g} s"
            raise IndexError(f"{self.name}: {reason}")
        return int(np.searchsorted(times, seconds, side="right")) - 1
