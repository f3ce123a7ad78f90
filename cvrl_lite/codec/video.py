"""`CompressedVideo`: frames, key frames, motion vectors and residuals of a video file.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key frames.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, BinaryIO, Literal, get_args

import numpy as np

from cvrl_lite.codec._stream.raster import Direction, Motion
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.codec.chunks import Chunk, KeyFrames, Sample, What
from cvrl_lite.codec.damage import Damage
from cvrl_lite.codec.frames import FrameSequence
from cvrl_lite.codec.info import VideoInfo, read_info
from cvrl_lite.codec.residual import Residual
from cvrl_lite.codec.stream import Stream
from cvrl_lite.codec.turn import Size, turned_images


class CompressedVideo(FrameSequence):
    """A compressed video file, read as a sequence of frames, and with what its bitstream holds.

    A frame's index is its position in what a straight decode delivers. Decoding starts at the key frame
    before a requested frame and uses one thread; whatever is read at any position equals the slice of a read
    from the start. A video can be pickled and used after a fork: each process opens the file itself.

    Args:
        path: A path, or a binary file object that can seek.
        stream: Index of the video stream in the container; None takes the first video stream.
        on_damage: "raise" raises DamagedVideo where frames are missing or cannot be decoded; "keep" decodes
            the file once at first use and then presents the readable frames, with a report in `damage`.
        apply_rotation: Whether pixels and vectors are rotated and mirrored by `info.display_matrix`, as a
            player does; otherwise both stay as coded.
        cache: A folder that caches the index of a file (by path, size and modification time).

    Raises:
        UnreadableFile: The file is missing, a folder, or may not be read.
        NotAVideo: FFmpeg recognizes no format.
        NoVideoStream: There is no video stream, or not the selected one.
        EncryptedVideo: The stream is encrypted; in some files this is found at first use.

    Example:
        >>> from cvrl_lite import data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     video.info.codec, video.info.gop_lengths, video.picture_counts
        ('h264', (12, 12, 12, 12, 12, 12), {'I': 6, 'P': 66, 'B': 0})
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     len(video), video[0].shape, video[10:20:2].shape, video[[7, 2, 2, -1]].shape
        (72, (224, 224, 3), (5, 224, 224, 3), (4, 224, 224, 3))
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
        return _reopen, (os.path.abspath(path), self._options)

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        self._stream.decoders.close()

    @cached_property
    def info(self) -> VideoInfo:
        """Codec, size, number of frames, duration, GOPs ... (see `VideoInfo`)."""
        return read_info(self._stream)

    @property
    def times(self) -> np.ndarray:
        """(frames,) float64 seconds: the display time of each frame, by the file's clock."""
        return self._stream.index.times.copy()

    @property
    def damage(self) -> Damage:
        """The faults of the file; decodes it once, whatever `on_damage` is."""
        return self._stream.damage

    @property
    def picture_types(self) -> str:
        """A letter per frame, of I, P and B, in display order; decodes the file once."""
        return self._stream.picture_types

    @property
    def picture_counts(self) -> dict[str, int]:
        """Numbers of I-, P- and B-frames: {"I": ..., "P": ..., "B": ...}; decodes the file once."""
        return {kind: self.picture_types.count(kind) for kind in "IPB"}

    @property
    def picture_bytes(self) -> dict[str, int] | None:
        """Bytes of all I-, P- and B-frames: {"I": ..., ...}; None if `info.frame_bytes` is empty."""
        if not self.info.frame_bytes:
            return None
        pairs = list(zip(self.picture_types, self.info.frame_bytes, strict=True))
        return {kind: sum(size for other, size in pairs if other == kind) for kind in "IPB"}

    @property
    def reference_distance_known(self) -> bool:
        """Whether each vector refers to the nearest I- or P-frame before (or after) its own.

        The older codecs have no other references, except FLV1: where any of its P-frames is marked as
        disposable, this is False. In H.264 the headers of all slices must exclude others; what they leave
        open counts as False. Reads the packets of an H.264 or FLV1 file once.
        """
        return self._stream.reference_distance_known

    def summary(self) -> dict[str, object]:
        """Everything about the file, ready for JSON: `info`, frame types and references; decodes it once."""
        names = ("picture_counts", "picture_bytes", "reference_distance_known")
        return self.info.as_dict() | {name: getattr(self, name) for name in names}

    def keyframes(self) -> KeyFrames:
        """Reads the key frames, which need no other frame to be decoded.

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
            found, images = decoder.key_images(index)
        indices = np.array(found, np.int64)
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
        """Reads the dense motion field, one vector per cell of 8x8 pixels and frame.

        A vector points from a cell back to its source in the reference, in pixels: x right, y down, with the
        codec's quarter-pixel (MPEG-4: half-pixel) steps. A vector that spans several frames is divided by
        their number where that is known (`reference_distance_known`); otherwise, in H.264 with several
        references, it may span more than one frame, as FFmpeg does not export which frame it refers to.
        FFmpeg exports no vectors of MPEG-4's B-frames, which are masked.

        Args:
            start: Index of the first frame.
            stop: Index after the last frame; None is the end of the video.
            direction: "past" for vectors into earlier frames, "future" for those of B-frames into later
                ones, "both" for the two side by side.
            fill: "opposite" gives a block of a B-frame without a vector in the direction minus its other
                vector, scaled by the distances of the references; where these are unknown, the nearest I-
                and P-frames are assumed.
            accumulate: Whether vectors refer to the last I-frame instead of the last frame.

        Returns:
            `Motion(vectors, mask, picture_types)`; vectors (T, 2, H8, W8) float32 with H8 = ceil(H/8), mask
            (T, H8, W8), picture types (T,). Intra blocks and I-frames have mask False, vectors 0. For "both",
            vectors are (T, 2, 2, H8, W8) and mask (T, 2, H8, W8): past, future.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            VideoError: Accumulated vectors of a stream with B-frames or several references, or of frames
                before its first I-frame.
            DamagedVideo: A frame cannot be decoded.
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
        return self._stream.read_motion(self._stream.frame_range(start, stop), plan)

    def residuals(self, start: int = 0, stop: int | None = None) -> Residual:
        """Computes the luma residuals: each frame minus its motion-compensated prediction.

        FFmpeg does not export the residuals in the file. Here the references are moved by the vectors, with
        the standard's interpolation filter, and subtracted from the decoded frames. The result is exact where
        the stream allows it, otherwise an approximation; `exact` tells which.

        Args:
            start: Index of the first frame.
            stop: Index after the last frame; None is the end of the video.

        Returns:
            `Residual(values, mask, exact)`; values (T, H, W) int16 luma, -255..255; mask (T, H8, W8) bool,
            False where nothing was predicted (intra blocks, I-frames), with values 0.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            DamagedVideo: A frame cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.residuals(10, 15).values.shape
            (5, 224, 224)
        """
        self._stream.require_vectors()
        return self._stream.read_residuals(self._stream.frame_range(start, stop))

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
        """Reads the video in chunks, each frame once, in constant memory.

        Args:
            frames: Frames per chunk; the last one may hold fewer.
            what: Any of "images", "keyframes", "motion", "residuals".
            start: Index of the first frame.
            stop: Index after the last frame; None is the end of the video.
            size: Of images and key frames, as in `clip`.
            direction: Of the vectors, as in `motion`.
            fill: As in `motion`.
            accumulate: As in `motion`.

        Returns:
            An iterator of `Chunk(start, times, images, keyframes, motion, residuals)`; parts that were not
            requested are None.

        Raises:
            NoMotionVectors: Vectors or residuals are requested and FFmpeg's decoder exports none.
            VideoError: As in `motion`.
            DamagedVideo: A frame cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.
            ValueError: `what` is empty or holds another word, or `frames` is below 1.

        Example:
            >>> from cvrl_lite import data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     [len(chunk.motion.mask) for chunk in video.chunks(32)]
            [32, 32, 8]
        """
        parts = {what} if isinstance(what, str) else set(what)
        if not parts or parts - set(get_args(What)) or frames < 1:
            raise ValueError(
                f"chunks hold at least 1 frame, and some of {', '.join(get_args(What))}; not {what!r}"
            )
        indices = self._stream.frame_range(start, stop)
        plan = self._stream.plan(frames, parts, size, direction=direction, fill=fill, accumulate=accumulate)
        return self._stream.read_chunks(indices, plan)

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
        """Reads a training sample in one pass: a clip, its key frame, and the motion after it.

        Args:
            start: Index of the clip's first frame.
            frames: Frames of the clip.
            stride: Distance between consecutive frames of the clip.
            size: Of the clip and the key frame, as in `clip`.
            at: Time in seconds instead of `start`, as in `clip`.
            gap: Distance from the clip's last frame to the first frame of the motion field, at least 1.
            window: Frames of the motion field.
            direction: As in `motion`.
            fill: As in `motion`.

        Returns:
            `Sample(clip, keyframe, keyframe_index, motion)`.

        Raises:
            NoMotionVectors: FFmpeg's decoder of this codec exports none.
            DamagedVideo: A frame cannot be decoded.
            IndexError: The clip or the window extends past the video.
            ValueError: A number below 1, or not exactly one of `start` and `at`.

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
        motion = self._stream.frame_range(clip[-1] + gap, clip[-1] + gap + window)
        return self._stream.read_sample(clip, motion, plan)


def _reopen(path: str, options: dict[str, Any]) -> CompressedVideo:
    return CompressedVideo(path, **options)
