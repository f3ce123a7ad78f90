"""Frames of a video as a sequence: by index, by slice, by list, as clips, or one after the other.

Axes: N frames, H W pixels.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import SupportsIndex, cast

import numpy as np

from cvrl_lite.codec.stream import Stream
from cvrl_lite.codec.turn import Size


class FrameSequence:
    """Random access to the decoded frames of a stream."""

    _stream: Stream

    def __len__(self) -> int:
        """The number of frames."""
        return self._stream.index.frames

    def __getitem__(self, index: SupportsIndex | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads frames as from a sequence.

        Args:
            index: An int, a slice, or a list or array of ints in any order; negative ones count from the end.

        Returns:
            (H, W, 3) uint8 RGB for an int, else (N, H, W, 3).

        Raises:
            DamagedVideo: A frame cannot be decoded.
            IndexError: An index lies outside the video.
            TypeError: The index is none of these.

        Example:
            >>> from cvrl_lite import CompressedVideo, data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     len(video), video[0].shape, video[10:20:2].shape, video[[7, 2, 2, -1]].shape
            (72, (224, 224, 3), (5, 224, 224, 3), (4, 224, 224, 3))
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     np.array_equal(video[-1], video[71]), np.array_equal(video[::-1][0], video[71])
            (True, True)
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video[72]  # doctest: +ELLIPSIS
            Traceback (most recent call last):
            IndexError: ...sample.mp4: there is no frame 72, the video has 0 to 71
        """
        if isinstance(index, slice):
            return self.frames_at(np.arange(len(self))[index])
        if isinstance(index, SupportsIndex) and not hasattr(index, "__len__"):
            frame: np.ndarray = self.frames_at([operator.index(index)])[0]
            return frame
        if isinstance(index, str | bytes) or not hasattr(index, "__len__"):
            kind = type(index).__name__
            raise TypeError(f"{self._stream.name}: a frame index is an int, a slice or a list, not {kind}")
        return self.frames_at(cast(Sequence[int], index))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterates over all frames, (H, W, 3) uint8 RGB, in one pass."""
        return self.frames()

    def clip(
        self,
        start: int | None = None,
        frames: int = 16,
        stride: int = 1,
        size: Size | None = None,
        *,
        at: float | None = None,
    ) -> np.ndarray:
        """Reads evenly spaced frames.

        Args:
            start: Index of the first frame, in display order.
            frames: Number of frames.
            stride: Distance between consecutive frames of the clip.
            size: (height, width), or an int for the shorter side; None keeps the size.
            at: Time in seconds by the file's clock, instead of `start`: the clip begins with the frame
                displayed then.

        Returns:
            (frames, h, w, 3) uint8 RGB.

        Raises:
            DamagedVideo: A frame cannot be decoded.
            IndexError: A frame lies outside the video; clips are never padded.
            ValueError: Not exactly one of `start` and `at`, or a number below 1.

        Example:
            >>> from cvrl_lite import CompressedVideo, data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.clip(at=1.0, frames=8, stride=2, size=112).shape
            (8, 112, 112, 3)
        """
        return self._stream.read_frames(self._stream.clip_indices(start, at, frames, stride), size)

    def frames_at(self, indices: Sequence[int] | np.ndarray, size: Size | None = None) -> np.ndarray:
        """Reads frames by index, in any order; each distinct frame is decoded once.

        Args:
            indices: Frame indices; negative ones count from the end, and an index may repeat.
            size: As in `clip`.

        Returns:
            (N, h, w, 3) uint8 RGB, one frame per index.

        Raises:
            DamagedVideo: A frame cannot be decoded.
            IndexError: An index lies outside the video.
            TypeError: The indices are not integers.

        Example:
            >>> from cvrl_lite import CompressedVideo, data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     video.frames_at([40, 3, 3, -1], size=(64, 64)).shape
            (4, 64, 64, 3)
        """
        return self._stream.read_frames(self._stream.resolve_indices(indices), size)

    def frames(
        self, start: int = 0, stop: int | None = None, *, size: Size | None = None
    ) -> Iterator[np.ndarray]:
        """Iterates over frames in one pass, holding one at a time.

        Args:
            start: Index of the first frame.
            stop: Index after the last frame; None is the end of the video.
            size: As in `clip`.

        Returns:
            An iterator over (h, w, 3) uint8 RGB frames in display order; `times` holds their timestamps.

        Raises:
            DamagedVideo: A frame cannot be decoded.
            IndexError: `start` or `stop` lies outside the video.

        Example:
            >>> from cvrl_lite import CompressedVideo, data_path
            >>> with CompressedVideo(data_path("sample.mp4")) as video:
            ...     sum(1 for frame in video.frames(60))
            12
        """
        indices = self._stream.frame_range(start, stop)
        return self._iterate(indices, size)

    def _iterate(self, indices: range, size: Size | None) -> Iterator[np.ndarray]:
        for chunk in self._stream.read_chunks(indices, self._stream.plan(1, ("images",), size)):
            assert chunk.images is not None
            yield chunk.images[0]
