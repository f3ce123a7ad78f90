"""Opening a video: a path or a binary file, the stream asked for, and errors that name the file."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any, BinaryIO

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

_IN_BAND = ("avc3", "hev1")  # kinds of MP4 streams that may have their parameters in their packets alone


class Source:
    """Where a video comes from. It can be opened as often as needed, also several times at once.

    Args:
        file: A path, or a binary file object that can seek.
        stream: The container's index of the video stream; None takes the first video stream.

    Attributes:
        sample_aspect_ratio: Of the coded pixels, from the first opening on: the container's, or else the
            codec's; None where neither says.
        seen: Whether the stream's first frame was decoded since.
        display_matrix: The nine numbers that it carries, of the container or else of the codec; None where
            it carries none.
        interlaced: Whether it is marked as two fields.
    """

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, stream: int | None = None) -> None:
        self.stream = stream
        self.sample_aspect_ratio: Fraction | None = None
        self.seen = False
        self.display_matrix: tuple[int, ...] | None = None
        self.interlaced = False
        self._options = {"pattern_type": "none"}  # a % in a name never stands for the numbers of many files
        self._in_haste = True
        if isinstance(file, str | os.PathLike):
            self.file: str | BinaryIO = os.fspath(file)
            self.name = self.file
        else:
            self.file = file
            self.name = str(getattr(file, "name", None) or f"<{type(file).__name__}>")

    def open(self) -> tuple[InputContainer, VideoStream]:
        """A new container, and the chosen stream in it; other streams are not read.

        Raises:
            UnreadableFile: Missing, a folder, or not permitted.
            NotAVideo: Nothing FFmpeg recognizes.
            NoVideoStream: No video stream, or not the one asked for.
            EncryptedVideo: A stream that only its key opens.
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
            raise self.told(NotAVideo(self.name, "no video format was recognized in it")) from None
        try:
            stream = self._chosen(container)
        except NoVideoStream as error:
            container.close()
            raise self.told(error) from None
        if "probesize" in self._options and not stream.codec_context.height:  # what was passed over is needed
            container.close()
            del self._options["probesize"]
            self._in_haste = False
            return self.open()
        tag = stream.codec_context.codec_tag
        if self._in_haste and "mp4" in container.format.name.split(",") and tag not in _IN_BAND:
            # An MP4 header tells all that a decoder needs: a further opening need not look into the streams.
            self._options["probesize"] = "32"
        self.sample_aspect_ratio = self.sample_aspect_ratio or stream.sample_aspect_ratio
        return container, stream

    def told(self, error: VideoError) -> VideoError:
        """An error, or the one that the file is encrypted where that is why."""
        return EncryptedVideo(self.name) if is_encrypted(self.file) else error

    def see(self, frame: VideoFrame) -> None:
        """Takes note of what the stream's first frame says of all of them."""
        # Not `frame.side_data`, which keeps the frame in memory: see `raster.records`.
        try:
            held = SideDataContainer(frame).get(Type.DISPLAYMATRIX)  # type: ignore[call-arg]
        except ValueError:  # of a kind that PyAV does not know, such as EXIF beside still pictures
            held = None
        self.display_matrix = None if held is None else tuple(np.frombuffer(held, np.int32).tolist())
        self.interlaced = bool(frame.interlaced_frame)
        self.seen = True

    def _checked_path(self, path: str) -> str:
        """The path as FFmpeg takes it: never another protocol, whatever a file is called."""
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

    def _chosen(self, container: InputContainer) -> VideoStream:
        # A cover picture is stored as a video stream of one frame.
        videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if self.stream is not None:
            videos = [s for s in container.streams.video if s.index == self.stream]
        if not videos:
            held = ", ".join(f"{s.index} {s.type}" for s in container.streams) or "none"
            wanted = "no video stream" if self.stream is None else f"stream {self.stream} is no video stream"
            raise NoVideoStream(self.name, f"{wanted} (streams: {held})")
        if videos[0].codec_context is None:
            raise NoVideoStream(self.name, f"FFmpeg has no decoder for stream {videos[0].index}")
        for other in container.streams:
            if other.index != videos[0].index:
                other.discard = Discard.all
        return videos[0]


class _View:
    """A reading position of its own in a shared file object, so that several containers can read it.

    An error of the file is raised once, as UnreadableFile; PyAV carries it through FFmpeg. From then on this
    view is at its end, as FFmpeg goes on to read, and some of its demuxers without an end.
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
        except Exception as error:  # of whatever kind: there are file objects over any kind of network
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
