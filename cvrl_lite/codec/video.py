"""The door to a compressed video file.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key pictures.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, BinaryIO, Literal, get_args

import numpy as np

from cvrl_lite.codec._stream.raster import RECORD, Direction, Motion, records
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.codec.chunks import Chunk, KeyFrames, Sample, What
from cvrl_lite.codec.damage import Damage
from cvrl_lite.codec.frames import FrameSequence
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.residual import Residual, read_residuals
from cvrl_lite.codec.stream import Stream
from cvrl_lite.codec.turn import Size, turned_images, turned_residual


class CompressedVideo(FrameSequence):
    """A compressed video file: what it holds, its key pictures, vectors and residuals, and clips of it.

    A frame's index is its place in what one straight decode delivers. Decoding starts at the key picture
    before what is asked for and uses one thread; whatever is read at any place equals the slice of a
    reading from the start. A video can be pickled and used behind a fork: each process opens the file
    for itself.

    Args:
        path: A path, or a binary file object that can seek.
        stream: The container's index of the video stream; None takes the first video stream.
        on_damage: "raise" makes reading raise DamagedVideo where pictures are missing or cannot be decoded;
            "keep" decodes the file once at first use and then shows the video of the pictures that could
            be read, with the report in `damage`.
        apply_rotation: Whether pixels and vectors are turned and mirrored the way a player shows them, by
            `info.display_matrix`; otherwise both stay as they are coded.
        cache: A folder that keeps the index of a file (by path, size and modification time), so that it
            is made once.

    Raises:
        UnreadableFile: The file is missing, a folder, or may not be read.
        NotAVideo: Nothing recognizable is in it.
        NoVideoStream: It has no video stream, or not the one asked for.
        EncryptedVideo: Only its key opens it; found here or, in other files, at first use.

    Example:
        >>> from cvrl_lite import data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     video.info.codec, video.info.gop_lengths, video.info.picture_counts
        ('h264', (12, 12, 12, 12, 12, 12), {'I': 6, 'P': 66, 'B': 0})
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | BinaryIO,
        stream: int | None = None,
        *,
        on_damage: Literal["raise", "keep"] = "raise",
        apply_rotation: bool = True,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        if on_damage not in ("raise", "keep"):
            raise ValueError(f'on_damage is "raise" or "keep", not {on_damage!r}')
        self._options = dict(stream=stream, on_damage=on_damage, apply_rotation=apply_rotation, cache=cache)
        self._stream = Stream(Source(path, stream), on_damage, apply_rotation, cache)
        self.codec = self._stream.codec

    def __enter__(self) -> CompressedVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CompressedVideo({self._stream.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        path = self._stream.source.file
        if not isinstance(path, str):
            raise TypeError(f"{self._stream.name}: a video read from a file object cannot be pickled")
        return _opened_again, (os.path.abspath(path), self._options)

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        self._stream.decoders.close()

    @cached_property
    def info(self) -> VideoInfo:
        """The file's facts: codec, size, frames, duration, GOPs ... (see `VideoInfo`)."""
        return self._stream.info()

    @property
    def times(self) -> np.ndarray:
        """(frames,) float64 seconds: when each frame is shown, by the file's own clock."""
        return self._stream.index.times.copy()

    @property
    def damage(self) -> Damage:
        """What is wrong with the file; decodes it once, whatever `on_damage` says."""
        return self._stream.damage

    def keyframes(self) -> KeyFrames:
        """The pictures flagged as key pictures, which need no other to be decoded.

        Returns:
            Their indices, times and RGB images, in display order.

        Raises:
            DamagedVideo: One of them cannot be decoded.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.keyframes().indices.tolist()
            [0, 12, 24, 36, 48, 60]
        """
        index = self._stream.index
        with self._stream.decoders.borrow() as decoder:
            places, images = decoder.key_images(index)
        indices = np.array(places, np.int64)
        return KeyFrames(indices, index.times[indices], turned_images(images, self._stream.orientation))

    def motion(
        self,
        start: int = 0,
        stop: int | None = None,
        direction: Direction = "past",
        *,
        fill: Literal["opposite"] | None = None,
        accumulate: bool = False,
    ) -> Motion:
        """The dense motion field, one vector for each 8x8 cell, frame by frame.

        A vector points from a cell back to where its content came from, in pixels: x right, y down, with
        the codec's quarter-pixel (MPEG-4: half-pixel) steps. A vector that spans several frames is divided
        by their number where that is known (`info.reference_distance_known`); elsewhere, in H.264 with
        several references, it may span more than one frame, as FFmpeg does not tell which picture was
        referred to. FFmpeg exports none of MPEG-4's B-pictures, which are masked.

        Args:
            start: The first frame's index.
            stop: The index after the last frame's; None goes to the end.
            direction: "past" for vectors into earlier pictures, "future" for those that B-frames have into
                later ones, "both" for the two side by side.
            fill: "opposite" gives a block of a B-picture that lacks the direction minus its other vector,
                scaled by the distances of the references; where these are not known, the nearest
                pictures that are not B are taken for them.
            accumulate: Whether vectors refer to the last I-picture instead of the last picture.

        Returns:
            `Motion(vectors, mask, picture_types)`; vectors (T, 2, H8, W8) float32 with H8 = ceil(H/8), mask
            (T, H8, W8), picture types (T,). Intra blocks and whole I-pictures have mask False, vectors 0.
            Of "both" vectors are (T, 2, 2, H8, W8) and mask (T, 2, H8, W8): past, future.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            VideoError: Accumulated vectors of a stream with B-pictures or several references, or of frames
                before its first I-picture.
            DamagedVideo: A picture cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.
            ValueError: `stop` before `start`, or another direction.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     motion = video.motion(10, 15)
            >>> motion.vectors.shape, "".join(motion.picture_types)
            ((5, 2, 28, 28), 'PPIPP')
        """
        plan = self._stream.plan(1, ("motion",), direction=direction, fill=fill, accumulate=accumulate)
        return self._stream.motion(self._stream.stretch(start, stop), plan)

    def residuals(self, start: int = 0, stop: int | None = None) -> Residual:
        """What the vectors do not explain: each picture's luma minus its prediction from the references.

        FFmpeg does not export the residual that the file holds. Here it is found again: the reference is
        moved by the vectors, with the standard's own filter, and subtracted from the decoded picture. That
        is exact where the stream allows it, otherwise an approximation, and `exact` says which.

        Args:
            start: The first frame's index.
            stop: The index after the last frame's; None goes to the end.

        Returns:
            `Residual(values, mask, exact)`; values (T, H, W) int16 luma, -255..255; mask (T, H8, W8) bool,
            False where nothing was predicted (intra blocks, I-pictures), values 0 there.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            DamagedVideo: A picture cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.residuals(10, 15).values.shape
            (5, 224, 224)
        """
        stream = self._stream
        stream.need_vectors()
        wanted = stream.stretch(start, stop)
        with stream.decoders.borrow(vectors=True) as decoder:
            stream.look(decoder, wanted.start)
            found = read_residuals(decoder, stream.index, wanted.start, wanted.stop, stream.residual_exact)
        return turned_residual(found, stream.orientation)

    def chunks(
        self,
        frames: int = 64,
        what: What | Collection[What] = "motion",
        *,
        start: int = 0,
        stop: int | None = None,
        size: Size | None = None,
        direction: Direction = "past",
        fill: Literal["opposite"] | None = None,
        accumulate: bool = False,
    ) -> Iterator[Chunk]:
        """The video in stretches of so many frames, each read once, in flat memory.

        Args:
            frames: Frames a chunk; the last one may hold fewer.
            what: Any of "images", "keyframes", "motion", "residuals".
            start: The first frame's index.
            stop: The index after the last frame's; None goes to the end.
            size: Of images and key frames, as in `clip`.
            direction: Of the vectors, as in `motion`.
            fill: As in `motion`.
            accumulate: As in `motion`.

        Returns:
            An iterator of `Chunk(start, times, images, keyframes, motion, residuals)`; None for what was
            not asked for.

        Raises:
            NoMotionVectors: Vectors or residuals are asked for and the codec's decoder exports none.
            VideoError: As in `motion`.
            DamagedVideo: A picture cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.
            ValueError: Something else is asked for, or no frames.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     [len(chunk.motion.mask) for chunk in video.chunks(32)]
            [32, 32, 8]
        """
        asked = {what} if isinstance(what, str) else set(what)
        if not asked or asked - set(get_args(What)) or frames < 1:
            raise ValueError(
                f"chunks hold at least 1 frame, and some of {', '.join(get_args(What))}; not {what!r}"
            )
        wanted = self._stream.stretch(start, stop)
        plan = self._stream.plan(frames, asked, size, direction=direction, fill=fill, accumulate=accumulate)
        return self._stream.read(wanted, plan)

    def sample(
        self,
        start: int | None = None,
        frames: int = 16,
        stride: int = 1,
        size: Size | None = None,
        *,
        at: float | None = None,
        gap: int = 1,
        window: int = 8,
        direction: Direction = "past",
        fill: Literal["opposite"] | None = None,
    ) -> Sample:
        """What a training step asks for, in one decoding pass: a clip, its key frame, the vectors after it.

        Args:
            start: The clip's first frame.
            frames: Frames of the clip.
            stride: From one frame of the clip to the next.
            size: Of the clip and the key frame, as in `clip`.
            at: Instead of `start`, seconds, as in `clip`.
            gap: Frames from the clip's last one to the first vector map, at least 1.
            window: Vector maps, one a frame.
            direction: As in `motion`.
            fill: As in `motion`.

        Returns:
            `Sample(clip, keyframe, keyframe_index, motion)`.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            DamagedVideo: A picture cannot be decoded.
            IndexError: Clip or window reach outside the video.
            ValueError: A number below 1, or not one of `start` and `at`.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     sample = video.sample(20, frames=8, stride=2, size=112, gap=3)
            >>> sample.clip.shape, sample.keyframe_index, sample.motion.vectors.shape
            ((8, 112, 112, 3), 12, (8, 2, 28, 28))
        """
        if gap < 1 or window < 1:
            raise ValueError(f"gap and window are at least 1, not {gap} and {window}")
        plan = self._stream.plan(window, ("motion",), size, direction=direction, fill=fill)
        clip = self._stream.clip_indices(start, at, frames, stride)
        maps = self._stream.stretch(clip[-1] + gap, clip[-1] + gap + window)
        return self._stream.sample(clip, maps, plan)

    def _records(self, start: int, stop: int) -> list[np.ndarray]:
        """Each frame's vectors as FFmpeg exports them, (N,) of dtype RECORD; for comparisons."""
        stream = self._stream
        with stream.decoders.borrow(vectors=True, pixels="none") as decoder:
            frames = (frame for _, frame in decoder.pictures(stream.index, stream.stretch(start, stop)))
            held = (records(frame) for frame in frames)
            return [np.empty(0, RECORD) if part is None else part.copy().view(RECORD) for part in held]


def _opened_again(path: str, options: dict[str, Any]) -> CompressedVideo:
    return CompressedVideo(path, **options)
