"""The door to a compressed video file.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key pictures.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO, NamedTuple

import numpy as np

from cvrl_lite.codec.decode import VECTOR_CODECS, Decoder
from cvrl_lite.codec.index import Index, describe_streams, read_index
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.motion import PICTURE_TYPES, read_motion
from cvrl_lite.codec.raster import Direction, Motion
from cvrl_lite.codec.source import Source
from cvrl_lite.errors import NoMotionVectors

Size = int | tuple[int, int]


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


class CompressedVideo:
    """A compressed video file: what it holds, its key pictures, its motion vectors, and clips of it.

    A frame's index is its place in the sorted presentation timestamps. Decoding starts at the key picture
    before what is asked for and uses one thread; whatever is read at any place equals the slice of a
    reading from the start. Pixels and vectors stay as they are coded, also where a player would turn them.

    Args:
        path: A path, or a binary file object that can seek.
        stream: The container's index of the video stream; None takes the first video stream.

    Raises:
        UnreadableFile: The file is missing, a folder, or may not be read.
        NotAVideo: Nothing recognisable is in it.
        NoVideoStream: It has no video stream, or not the one asked for.

    All reading raises DamagedVideo where pictures are missing or cannot be decoded.

    Example:
        >>> from cvrl_lite import data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     video.info.codec, video.info.gop_lengths, video.info.picture_counts
        ('h264', (12, 12, 12, 12, 12, 12), {'I': 6, 'P': 66, 'B': 0})
    """

    def __init__(self, path: str | os.PathLike[str] | BinaryIO, stream: int | None = None) -> None:
        self._source = Source(path, stream)
        self._closed = False
        # Decoders at rest, with and without vectors; a second reader at the same time opens another.
        self._idle: dict[bool, list[Decoder]] = {False: [Decoder(self._source)], True: []}
        self.codec = self._idle[False][0].stream.codec.canonical_name

    def __enter__(self) -> CompressedVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CompressedVideo({self._source.name!r})"

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        self._closed = True
        for decoders in self._idle.values():
            while decoders:
                decoders.pop().close()

    @cached_property
    def info(self) -> VideoInfo:
        """The file's facts: codec, size, frames, duration, GOPs ... (see `VideoInfo`)."""
        index = self._index
        with self._decoder() as decoder:
            container, stream = decoder.container, decoder.stream
            return VideoInfo(
                file=self._source.name,
                container=container.format.name,
                stream=stream.index,
                streams=describe_streams(container),
                codec=self.codec,
                pixel_format=str(stream.codec_context.pix_fmt),
                width=index.size[1],
                height=index.size[0],
                frames=index.frames,
                duration=index.duration,
                frame_rate=index.rate,
                gop_lengths=index.gop_lengths,
                has_vectors=self.codec in VECTOR_CODECS,
                has_timestamps=index.has_timestamps,
                _count=self._picture_counts,
                _rotation=self._rotation,
            )

    @property
    def times(self) -> np.ndarray:
        """(frames,) float64 seconds: when each frame is shown, by the file's own clock."""
        return self._index.times.copy()

    def keyframes(self) -> KeyFrames:
        """The pictures flagged as key pictures, which need no other to be decoded.

        Returns:
            Their indices, times and RGB images, in display order.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.keyframes().indices.tolist()
            [0, 12, 24, 36, 48, 60]
        """
        with self._decoder() as decoder:
            places, images = decoder.key_images(self._index)
        indices = np.array(places)
        return KeyFrames(indices, self._index.times[indices], images)

    def motion(self, start: int = 0, stop: int | None = None, direction: Direction = "past") -> Motion:
        """The dense motion field, one vector for each 8x8 cell, frame by frame.

        A vector points from a cell back to where its content came from, in pixels: x right, y down, with
        the codec's quarter-pixel (MPEG-4: half-pixel) steps. In the older codecs a vector that spans
        several frames is divided by their number; in H.264 FFmpeg does not tell which picture was
        referred to, so with B-frames or several references a vector may span more than one frame. FFmpeg
        exports none of MPEG-4's B-pictures, which are masked.

        Args:
            start: The first frame's index.
            stop: The index after the last frame's; None goes to the end.
            direction: "past" for vectors into earlier pictures, "future" for those that B-frames have into
                later ones.

        Returns:
            `Motion(vectors, mask, picture_types)`; vectors (T, 2, H8, W8) float32 with H8 = ceil(H/8), mask
            (T, H8, W8), picture types (T,). Intra blocks and whole I-pictures have mask False, vectors 0.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            IndexError: `start` or `stop` lies outside the video.
            ValueError: `stop` before `start`, or another direction.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     motion = video.motion(10, 15)
            >>> motion.vectors.shape, "".join(motion.picture_types)
            ((5, 2, 28, 28), 'PPIPP')
        """
        if direction not in ("past", "future"):
            raise ValueError(f'direction is "past" or "future", not {direction!r}')
        if self.codec not in VECTOR_CODECS:
            raise NoMotionVectors(self._source.name, f"FFmpeg exports no motion vectors from {self.codec}")
        wanted = self._range(start, stop)
        with self._decoder(vectors=True) as decoder:
            return read_motion(decoder, self._index, wanted.start, wanted.stop, direction)

    def clip(
        self,
        start: int | None = None,
        frames: int = 16,
        stride: int = 1,
        size: Size | None = None,
        *,
        at: float | None = None,
    ) -> np.ndarray:
        """Some frames from any place.

        Args:
            start: The first frame's index, in display order.
            frames: How many.
            stride: From one frame to the next.
            size: (height, width), or a number for the shorter side; None keeps the size.
            at: Instead of `start`, seconds by the file's clock: the frame shown then.

        Returns:
            (frames, h, w, 3) uint8 RGB.

        Raises:
            IndexError: A frame before the first or after the last one; clips are never padded.
            ValueError: Both or neither of `start` and `at`, or a number below 1.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.clip(at=1.0, frames=8, stride=2, size=112).shape
            (8, 112, 112, 3)
        """
        if (start is None) == (at is None):
            raise ValueError("a clip starts either at an index or at a time: give one of start and at")
        if frames < 1 or stride < 1:
            raise ValueError(f"frames and stride are at least 1, not {frames} and {stride}")
        first = self._frame_at(at) if at is not None else int(start or 0)
        wanted = range(first, first + (frames - 1) * stride + 1, stride)
        if first < 0 or wanted[-1] >= self._index.frames:
            reason = f"frames {first} to {wanted[-1]} asked for, the video has 0 to {self._index.frames - 1}"
            raise IndexError(f"{self._source.name}: {reason}")
        clip = np.empty((frames, *scaled(self._index.size, size), 3), np.uint8)
        with self._decoder() as decoder:
            for image, (_, frame) in zip(clip, decoder.pictures(self._index, wanted), strict=True):
                decoder.rgb(frame, image)
        return clip

    def frames(
        self, start: int = 0, stop: int | None = None, *, size: Size | None = None
    ) -> Iterator[np.ndarray]:
        """The pictures one by one, without holding more than one.

        Args:
            start: The first frame's index.
            stop: The index after the last frame's; None goes to the end.
            size: As in `clip`.

        Returns:
            An iterator over (h, w, 3) uint8 RGB pictures in display order; `times` tells when each is shown.

        Raises:
            IndexError: `start` or `stop` lies outside the video.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     sum(1 for picture in video.frames(60))
            12
        """
        return self._images(self._range(start, stop), scaled(self._index.size, size))

    @cached_property
    def _index(self) -> Index:
        with self._decoder() as decoder:
            decoder.used = True
            return read_index(self._source.name, decoder.container, decoder.stream)

    @contextmanager
    def _decoder(self, vectors: bool = False) -> Iterator[Decoder]:
        if self._closed:
            raise ValueError(f"{self._source.name}: the video is closed")
        idle = self._idle[vectors]
        decoder = idle.pop() if idle else Decoder(self._source, vectors=vectors)
        try:
            yield decoder
        finally:
            if self._closed:
                decoder.close()
            else:
                idle.append(decoder)

    def _images(self, wanted: range, size: tuple[int, int]) -> Iterator[np.ndarray]:
        with self._decoder() as decoder:
            for _, frame in decoder.pictures(self._index, wanted):
                yield decoder.rgb(frame, np.empty((*size, 3), np.uint8))

    def _range(self, start: int, stop: int | None) -> range:
        count = self._index.frames
        stop = count if stop is None else stop
        if not (0 <= start <= count and 0 <= stop <= count):
            raise IndexError(
                f"{self._source.name}: frames {start} to {stop} asked for, the video has {count}"
            )
        if stop < start:
            raise ValueError(f"stop {stop} lies before start {start}")
        return range(start, stop)

    def _frame_at(self, seconds: float) -> int:
        times = self._index.times
        end = times[0] + self._index.duration
        if not times[0] <= seconds < end:
            reason = f"no frame is shown at {seconds:g} s, only from {times[0]:g} to {end:g} s"
            raise IndexError(f"{self._source.name}: {reason}")
        return int(np.searchsorted(times, seconds, side="right")) - 1

    def _picture_counts(self) -> dict[str, int]:
        index = self._index
        with self._decoder(vectors=True) as decoder:
            pictures = decoder.pictures(index, range(index.frames))
            counts = Counter(PICTURE_TYPES[int(frame.pict_type)] for _, frame in pictures)
        return {kind: counts[kind] for kind in "IPB"}

    def _rotation(self) -> int:
        index = self._index
        with self._decoder() as decoder:
            return next(frame.rotation for _, frame in decoder.pictures(index, range(1)))


def scaled(size: tuple[int, int], target: Size | None) -> tuple[int, int]:
    """The size (H, W) that a picture gets: `target` itself, or the shape kept with a shorter side of it.

    Example:
        >>> scaled((240, 320), 112), scaled((240, 320), (112, 112)), scaled((240, 320), None)
        ((112, 149), (112, 112), (240, 320))
    """
    if isinstance(target, int):
        shorter = min(size)
        target = (round(size[0] * target / shorter), round(size[1] * target / shorter))
    height, width = target or size
    if height < 1 or width < 1:
        raise ValueError(f"a picture cannot be {width}x{height}")
    return height, width
