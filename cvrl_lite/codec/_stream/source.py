"""Opens a video from a path or a binary file object; errors name the file."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.encryption import is_encrypted
from cvrl_lite.errors import EncryptedVideo, NotAVideo, NoVideoStream, UnreadableFile, VideoError
from cvrl_lite.files import NO_HANDLES, check_regular

_IN_BAND = ("avc3", "hev1")  # MP4 sample entries whose parameter sets may be in the packets alone


class FirstFrame(NamedTuple):
    """What the first frame of a stream tells about all of them.

    Attributes:
        display_matrix: Nine numbers, of the container or else of the codec; None without one.
        interlaced: Whether it is marked as interlaced.
    """

    display_matrix: tuple[int, ...] | None = None
    interlaced: bool = False


class Source:
    """A video file, which can be opened any number of times, also concurrently.

    Args:
        file: A path, or a binary file object that can seek.
        stream: The container's index of the video stream; None takes the first video stream.

    Attributes:
        sample_aspect_ratio: Of the coded pixels, known once opened: the container's, or else the codec's;
            None if neither has one.
        first_frame: What the first frame tells; None until it was decoded.
    """

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, stream: int | None = None) -> None:
        self.stream = stream
        self.sample_aspect_ratio: Fraction | None = None
        self.first_frame: FirstFrame | None = None
        self._options = {"pattern_type": "none"}  # a % in a name is no pattern of image files
        self._may_skip_probing = True
        if isinstance(file, str | os.PathLike):
            self.file: str | BinaryIO = os.fspath(file)
            self.name = self.file
        else:
            self.file = file
            self.name = str(getattr(file, "name", None) or f"<{type(file).__name__}>")

    def open(self) -> tuple[InputContainer, VideoStream]:
        """Opens a container and selects the stream; other streams are discarded.

        Raises:
            UnreadableFile: Missing, a folder, or not permitted.
            NotAVideo: FFmpeg recognizes no format.
            NoVideoStream: No video stream, or not the selected one.
            EncryptedVideo: The stream is encrypted.
            OSError: This process has too many open files.
        """
        target: Any
        target = self._checked_path(self.file) if isinstance(self.file, str) else _View(self.file, self.name)
        try:
            container = av.open(target, metadata_errors="replace", options=self._options)
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise UnreadableFile(self.name, error.strerror or "cannot be read") from None
        except av.FFmpegError as error:
            if error.errno in NO_HANDLES:
                raise OSError(error.errno, error.strerror, self.name) from None
            raise self.explain(NotAVideo(self.name, "no video format was recognized in it")) from None
        try:
            stream = self._select(container)
        except NoVideoStream as error:
            container.close()
            raise self.explain(error) from None
        if "probesize" in self._options and not stream.codec_context.height:  # probing is needed
            container.close()
            del self._options["probesize"]
            self._may_skip_probing = False
            return self.open()
        tag = stream.codec_context.codec_tag
        if self._may_skip_probing and "mp4" in container.format.name.split(",") and tag not in _IN_BAND:
            # An MP4 header holds all that a decoder needs: when opened again, the streams need no probing.
            self._options["probesize"] = "32"
        self.sample_aspect_ratio = self.sample_aspect_ratio or stream.sample_aspect_ratio
        return container, stream

    def explain(self, error: VideoError) -> VideoError:
        """The error itself, or EncryptedVideo where that is the cause."""
        return EncryptedVideo(self.name) if is_encrypted(self.file) else error

    def record_first_frame(self, frame: VideoFrame | None) -> None:
        """Stores what the first frame tells; None if it tells nothing."""
        if frame is None:
            self.first_frame = FirstFrame()
            return
        # Not `frame.side_data`, which keeps the frame in memory: see `raster.records`.
        try:
            matrix = SideDataContainer(frame).get(Type.DISPLAYMATRIX)  # type: ignore[call-arg]
        except ValueError:  # side data unknown to PyAV, such as EXIF of still images
            matrix = None
        numbers = None if matrix is None else tuple(np.frombuffer(matrix, np.int32).tolist())
        self.first_frame = FirstFrame(numbers, bool(frame.interlaced_frame))

    def _checked_path(self, path: str) -> str:
        """The path as a URL, so that FFmpeg never takes a file name for another protocol."""
        check_regular(path)
        try:
            with open(path, "rb") as file:
                if not file.read(1):
                    raise NotAVideo(path, "the file is empty")
        except OSError as error:
            if error.errno in NO_HANDLES:
                raise
            raise UnreadableFile(path, error.strerror or "cannot be read") from None
        return f"file:{path}"

    def _select(self, container: InputContainer) -> VideoStream:
        # Cover art is stored as a video stream of one frame.
        videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if self.stream is not None:
            videos = [s for s in container.streams.video if s.index == self.stream]
        if not videos:
            held = ", ".join(f"{s.index} {s.type}" for s in container.streams) or "none"
            missing = "no video stream" if self.stream is None else f"stream {self.stream} is no video stream"
            raise NoVideoStream(self.name, f"{missing} (streams: {held})")
        if videos[0].codec_context is None:
            raise NoVideoStream(self.name, f"FFmpeg has no decoder for stream {videos[0].index}")
        for other in container.streams:
            if other.index != videos[0].index:
                other.discard = Discard.all
        return videos[0]


class _View:
    """A read position in a shared file object, so that several containers can read it.

    An error of the file object is raised once, as UnreadableFile. Afterwards the view reports its end, since
    FFmpeg continues to read, and some demuxers never stop.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name, self._at, self._failed = file, name, 0, False
        if not file.seekable() or not isinstance(self.read(0), bytes):
            raise ValueError("a video is read from a path or from a binary file object that can seek")

    def read(self, size: int) -> bytes:
        if self._failed:
            return b""
        try:
            self._file.seek(self._at)
            data = self._file.read(size)
        except Exception as error:  # file objects over a network raise their own types
            raise self._failure(error) from error
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            offset, whence = offset + self._at, os.SEEK_SET
        if not self._failed:
            try:
                self._at = self._file.seek(offset, whence)
            except Exception as error:
                raise self._failure(error) from error
        return self._at

    def _failure(self, error: Exception) -> UnreadableFile:
        self._failed = True
        return UnreadableFile(self._name, str(error) or type(error).__name__)

    def tell(self) -> int:
        return self._at
