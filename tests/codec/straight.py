"""A straight decode: every packet of a stream from the first to the last, one thread, a flush at the end.

This is the truth that `CompressedVideo` is held against (see differential.py). It shares no code with the
codec room: it opens the file with PyAV alone, seeks nowhere, sorts nothing and paints vectors with NumPy.

Axes: T time, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import gc
import hashlib
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.codec.context import Flags2
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

WITH_VECTORS = frozenset(
    {"h264", "mpeg1video", "mpeg2video", "mpeg4", "h261", "h263", "flv1", "wmv1", "wmv2", "rv10", "rv20"}
    | {"msmpeg4v1", "msmpeg4v2", "msmpeg4v3"}
)
# FFmpeg's decoders of these keep no vectors of B-frames and export another frame's, or zeros.
WITHOUT_B_VECTORS = frozenset({"mpeg4", "h263", "rv20"})
_ALL_FLAGGED = frozenset({"h261", "h263"})  # FFmpeg's parsers take each of their packets for a key packet
_WAIT_FOR_A_KEY = frozenset({"h264", "hevc", "vp9", "av1"})
_TYPES = {0: "?", 1: "I", 2: "P", 3: "B", 4: "P", 5: "I", 6: "P", 7: "I"}


class NoStream(Exception):
    """Nothing that a straight decode could begin with."""


@dataclass
class Straight:
    """What a straight decode delivers, in its order.

    Attributes:
        codec: FFmpeg's name.
        images: A digest of each frame's RGB pixels.
        stamps: Each frame's time in seconds; None where the decoder gives none.
        types: A letter a frame: "I", "P", "B".
        keys: The frames flagged as key frames.
        corrupt: The frames flagged as corrupt.
        sizes: (H, W) of the frames, a set.
        records: The past and future vectors of each frame, as FFmpeg exports them.
        bare: The frames whose vectors are lost to a straight decode: all decoders but H.264's export none
            of the frames that come out at the flush.
        refused: Packets that the decoder refused, behind the first frame it delivered.
        lead: Frames left out, which the decoder of an older codec makes up before the first key frame of a
            stream that was cut before it. (Those of H.264 and HEVC wait for it of their own accord.)
        broken: How the container ends too early; "" where it does not.
    """

    codec: str
    images: list[bytes] = field(default_factory=list)
    stamps: list[float | None] = field(default_factory=list)
    types: str = ""
    keys: list[int] = field(default_factory=list)
    corrupt: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    records: list[np.ndarray] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    refused: int = 0
    lead: int = 0
    broken: str = ""

    def leave_out(self, count: int) -> None:
        """Forgets the first frames."""
        self.lead = count
        for held in (self.images, self.stamps, self.sizes, self.records):
            del held[:count]
        self.types = self.types[count:]
        for places in (self.keys, self.corrupt, self.bare):
            places[:] = [place - count for place in places if place >= count]

    @property
    def trouble(self) -> str:
        """What a straight decode sees of damage, in a few words; "" where it sees none."""
        if self.broken:
            return self.broken
        if self.refused:
            return f"{self.refused} packets refused"
        if not self.images:
            return "no frames that begin with a key frame" if self.lead else "no frames"
        if self.corrupt:
            return f"{len(self.corrupt)} frames corrupt"
        if len(set(self.sizes)) > 1:
            return "the frames change size"
        return ""

    @property
    def rises(self) -> bool:
        """Whether each frame has a time, later than the one before."""
        return None not in self.stamps and all(a < b for a, b in zip(self.stamps, self.stamps[1:]))

    @cached_property
    def steps(self) -> dict[str, list[int]]:
        """How many frames lie between each frame and the last, or next, one that is not B."""
        return {"past": _steps(self.types), "future": _steps(self.types[::-1])[::-1]}

    def field(self, direction: str, start: int, stop: int, divided: bool) -> tuple[np.ndarray, np.ndarray]:
        """The vectors (T, 2, H8, W8) and mask (T, H8, W8) of some frames, `divided` by `steps` or not."""
        pairs = [self._painted(i, direction, divided) for i in range(start, stop)]
        return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    def _painted(self, frame: int, direction: str, divided: bool) -> tuple[np.ndarray, np.ndarray]:
        height, width = self.sizes[frame]
        vectors = np.zeros((2, -(-height // 8), -(-width // 8)), np.float32)
        mask = np.zeros(vectors.shape[1:], bool)
        held = self.records[frame]
        held = held[held["source"] < 0 if direction == "past" else held["source"] > 0]
        values = np.stack([held["motion_x"], held["motion_y"]]) / held["motion_scale"].astype(np.float32)
        if divided:
            values /= np.float32(self.steps[direction][frame])
        top, left = held["dst_y"] - held["h"] // 2, held["dst_x"] - held["w"] // 2
        for down in (0, 8):
            for right in (0, 8):
                y, x = (top.astype(int) + down) // 8, (left.astype(int) + right) // 8
                inside = (down < held["h"]) & (right < held["w"]) & (y < mask.shape[0]) & (x < mask.shape[1])
                inside &= (y >= 0) & (x >= 0)
                vectors[:, y[inside], x[inside]] = values[:, inside]
                mask[y[inside], x[inside]] = True
        return vectors, mask


def _steps(types: str) -> list[int]:
    """Frames back to the last one that is not B; 1 where there is none."""
    steps, last = [], None
    for i, kind in enumerate(types):
        steps.append(1 if last is None else i - last)
        last = last if kind == "B" else i
    return steps


def straight(
    path: str | Path,
    *,
    lead: Literal["decode", "keep", "skip"] = "decode",
    vectors: bool = True,
    held: int = 1,
) -> Straight:
    """Decodes the first video stream of a file that is no cover.

    Args:
        path: The file.
        lead: What becomes of packets before the first key packet of an older codec: their frames are made
            up, so they are decoded and left out, kept, or not even decoded.
        vectors: Whether vectors are exported.
        held: How many frames are kept in memory behind the decoder. Of a sound file neither this nor
            `vectors` changes a pixel; what FFmpeg conceals in a damaged one may depend on both.

    Raises:
        NoStream: FFmpeg does not open it, or finds no such stream or no decoder for it.
    """
    try:
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.FFmpegError as error:
        raise NoStream(f"not opened: {error.strerror}") from None
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise NoStream("no video stream, or no decoder for it")
        found, cut = _decoded(container, streams[0], lead == "skip", vectors, held)
    if cut and lead == "decode":
        found.leave_out(min(found.keys, default=len(found.images)))
    return found


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, late: bool, vectors: bool, held: int
) -> tuple[Straight, bool]:
    """The frames, and whether the stream may have been cut before its first key frame."""
    context = stream.codec_context
    context.thread_count = 1
    if vectors:
        context.flags2 |= Flags2.export_mvs
    behind: deque[VideoFrame] = deque(maxlen=held)
    found = Straight(stream.codec.canonical_name)
    packets = container.demux(stream)
    cut: bool | None = None
    read = last = 0
    while not found.broken:
        try:
            packet = next(packets, None)
        except IndexError:  # PyAV at the end of a file in which a further stream turned up
            packet = None
        except av.FFmpegError as error:
            found.broken = f"a reading error: {error.strerror}"
            packet = None
        if packet is not None:
            read += 1
            last = max(last, packet.pts or packet.dts or 0)
            late &= not packet.is_keyframe
            if not packet.size or late:
                continue
        if cut is None and packet is not None:
            headless = not packet.is_keyframe or found.codec in _ALL_FLAGGED
            cut = headless and not packet.is_discard and found.codec not in _WAIT_FOR_A_KEY
        try:
            frames = context.decode(packet)
        except av.FFmpegError:
            found.refused += bool(found.images) and holds_a_frame(found.codec, bytes(packet or b"\0"))
            frames = []
        while frames:
            if packet is None and found.codec != "h264":
                found.bare.append(len(found.images))
            _note(found, frames[0], stream.time_base, vectors)
            behind.append(frames.pop(0))
        if packet is None:
            break
    found.broken = found.broken or _missing(container, stream, read, float(last * (stream.time_base or 1)))
    return found, bool(cut)


def holds_a_frame(codec: str, data: bytes) -> bool:
    """Whether a packet holds any part of a frame, not parameter sets and the like alone."""
    if codec in ("mpeg4", "mpeg1video", "mpeg2video"):
        return (b"\0\0\1\xb6" if codec == "mpeg4" else b"\0\0\1\0") in data
    if codec != "h264":
        return True
    at = 0
    if data[:3] != b"\0\0\1" and data[:4] != b"\0\0\0\1":  # units behind their lengths, as in MP4
        while at + 4 < len(data):
            if 1 <= data[at + 4] & 31 <= 5:
                return True
            at += 4 + int.from_bytes(data[at : at + 4], "big")
        return False
    return any(1 <= unit[0] & 31 <= 5 for unit in data.split(b"\0\0\1") if unit)


def _missing(container: av.container.InputContainer, stream: av.VideoStream, read: int, last: float) -> str:
    """What of the stream's length, by the container's own word, is not there; "" where all is."""
    kind, length = container.format.name, 0.0
    if "mp4" in kind:
        listed = len(stream.index_entries)  # behind edit lists
        return f"{listed} packets announced, {read} read" if read < listed else ""
    if kind == "avi" and stream.time_base:  # it counts empty chunks as well
        length = float(stream.frames * stream.time_base)
    elif "matroska" in kind and (announced := stream.metadata.get("DURATION")):
        hours, minutes, seconds = announced.split(":")
        length = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    short = last < length - max(0.6, 0.05 * length)
    return f"{length:.1f} s announced, {last:.1f} s read" if short else ""


def _note(found: Straight, frame: VideoFrame, tick: Fraction | None, vectors: bool) -> None:
    number = len(found.images)
    found.images.append(digest(_rgb(frame)))
    found.stamps.append(None if frame.pts is None or tick is None else float(frame.pts * tick))
    found.types += _TYPES[int(frame.pict_type)]
    found.sizes.append((frame.height, frame.width))
    if frame.key_frame:
        found.keys.append(number)
    if frame.is_corrupt:
        found.corrupt.append(number)
    held = None
    vectors &= not (found.types[-1] == "B" and found.codec in WITHOUT_B_VECTORS)
    if vectors and found.codec in WITH_VECTORS:
        held = frame.side_data.get("MOTION_VECTORS")
    found.records.append(_NO_RECORDS if held is None else held.to_ndarray().copy())
    if number % 32 == 31:
        gc.collect()  # a frame whose side data was looked at refers to itself


_FIELDS = {"source": "i4", "w": "u1", "h": "u1", "dst_x": "i2", "dst_y": "i2"}
_FIELDS |= {"motion_x": "i4", "motion_y": "i4", "motion_scale": "u2"}
_NO_RECORDS = np.empty(0, list(_FIELDS.items()))


def _rgb(frame: VideoFrame) -> np.ndarray:
    image = VideoReformatter().reformat(frame, format="rgb24", interpolation=Interpolation.BILINEAR)
    return image.to_ndarray()


def digest(image: np.ndarray) -> bytes:
    """A short name of some pixels."""
    shape = repr(image.shape).encode()
    return hashlib.blake2b(shape + np.ascontiguousarray(image).tobytes(), digest_size=12).digest()
