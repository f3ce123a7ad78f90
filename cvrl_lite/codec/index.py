"""Which pictures a stream holds, by one pass over its packets; nothing is decoded.

A frame's index is its place in the sorted presentation timestamps (pts), its time is its timestamp.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec.headers import is_intra, picture_teller
from cvrl_lite.codec.rates import declared_rates, is_raw, nominal_rate, tick_of
from cvrl_lite.errors import DamagedVideo

_MOST_KEPT = 4_000_000  # bytes of packets that an open video may hold in memory
_B_PICTURES = re.compile("B*")
_CLOCK = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d*)?)", re.ASCII)


class Key(NamedTuple):
    """A key packet: its stamps, where the file has any, its frame's index, and whether that is sure."""

    pts: int | None
    dts: int | None
    frame: int
    is_sure: bool = True


class _Packet(NamedTuple):
    pts: int | None
    dts: int | None
    is_key: bool
    size: int  # bytes
    pictures: str  # a letter each; none where nothing of it is shown


@dataclass(frozen=True)
class Index:
    """The pictures of one stream.

    Attributes:
        times: (N,) float64 seconds, ascending, N frames.
        places: From pts to frame index; empty where the stream cannot be entered by pts.
        keys: The key packets, in display order.
        has_timestamps: Whether the times are the file's; else they are index / rate.
        duration: Seconds from the first picture's start to the last one's end.
        rate: Frames a second that most frames keep to; without time stamps all do.
        size: (H, W) the stream announces.
        bytes: (N,) int64, what each frame takes; empty where packets have no time stamps to tell.
        breaks_off: How the file ends before its own table says; "" where it does not.
        sound: How many frames lie before the first known fault; the others are decoded from the start.
    """

    times: np.ndarray
    places: dict[int | None, int]
    keys: tuple[Key, ...]
    has_timestamps: bool
    duration: float
    rate: Fraction
    size: tuple[int, int]
    bytes: np.ndarray
    breaks_off: str = ""
    sound: int = sys.maxsize

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.times)

    @property
    def gop_lengths(self) -> tuple[int, ...]:
        """Frames from each key picture to the next, the last one to the end."""
        starts = [key.frame for key in self.keys]
        return tuple(int(n) for n in np.diff([*starts, self.frames]))

    def key_before(self, frame: int) -> int:
        """The place in `keys` from which `frame` can be decoded."""
        return self.gop(frame) if self.places else 0

    def gop(self, frame: int) -> int:
        """The place in `keys` of the GOP that holds `frame`."""
        return max(0, bisect_right(self.keys, frame, key=lambda entry: entry.frame) - 1)


def packets(name: str, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of a stream that hold data, in decoding order; reading errors become DamagedVideo."""
    codec = stream.codec.canonical_name
    try:
        for packet in container.demux(stream):
            if packet.size:
                if codec in ("h261", "h263") and packet.is_keyframe:
                    packet.is_keyframe = is_intra(codec, bytes(packet))
                yield packet
    except av.FFmpegError as error:
        raise DamagedVideo(name, f"the file breaks off: {error.strerror}") from None
    except IndexError:  # PyAV at the file's end, about a stream that appeared on the way
        return


def read_index(
    name: str, container: InputContainer, stream: VideoStream, kept: list[Packet] | None = None
) -> Index:
    """Makes the index of a stream.

    Args:
        name: The file's name, for errors.
        container: A container at its start.
        stream: The video stream in it.
        kept: Takes the packets, if they are few bytes in all; stays empty otherwise.

    Returns:
        The index. Left out are packets before the first key packet and pictures shown before it, which
        lack what they refer to, and pictures that the container marks as never shown.

    Raises:
        DamagedVideo: No pictures, or no key picture.
    """
    shown: list[_Packet] = []
    entry: Key | None = None
    held, ends, lasts, breaks_off = 0, -sys.maxsize, 0, ""
    pictures_in, bytes_left = picture_teller(stream), _MOST_KEPT
    formats = container.format.name.split(",")
    is_mp4 = "mp4" in formats
    try:
        for packet in packets(name, container, stream):
            bytes_left -= packet.size
            if kept is not None and bytes_left >= 0:
                kept.append(packet)
            held += not packet.is_corrupt  # one cut short is decoded as far as it goes
            pictures = pictures_in(packet)
            if entry is None and packet.is_keyframe and pictures:
                entry = Key(packet.pts, packet.dts, 0, is_sure=False)
            if entry is not None and not packet.is_discard:
                shown.append(_Packet(packet.pts, packet.dts, packet.is_keyframe, packet.size, pictures))
                if packet.pts is not None and packet.pts >= ends:
                    ends, lasts = packet.pts, packet.duration or 0
                elif is_mp4:  # whose table holds the steps between packets as they are decoded
                    lasts = 0
    except DamagedVideo as error:
        breaks_off = error.reason
    if kept and bytes_left < 0:
        kept.clear()
    if not held:
        raise DamagedVideo(name, breaks_off or "it holds no pictures")
    if entry is None or not any(p.pictures for p in shown):
        raise DamagedVideo(name, breaks_off or "it holds no key picture to start from")
    breaks_off = breaks_off or _missing_end(container, stream, held, shown)

    tick = float(tick_of(stream))
    context = stream.codec_context
    size = (context.height, context.width)
    if not all(size):
        raise DamagedVideo(name, "its header does not tell the size of the pictures")
    start = entry.pts or 0
    stamps = sorted(p.pts for p in shown if p.pts is not None and p.pts >= start and p.pictures)
    lasts *= is_mp4 or "matroska" in formats  # elsewhere FFmpeg guesses
    packed = any(len(p.pictures) > 1 for p in shown)
    # Where pictures share packets, those are decoded, not shown, at even steps.
    clock = [p.dts for p in shown if p.dts is not None] if packed else stamps
    declared = declared_rates(container, stream)
    rate = nominal_rate(np.array(clock), tick_of(stream), declared, lasts)
    stamped = not packed and all(p.pts is not None for p in shown)
    if not stamped or not stamps or len(set(stamps)) < len(stamps):
        # Stamps are missing, or belong to packets rather than pictures: count what the decoder delivers.
        order = "".join(p.pictures for p in shown)
        before = accumulate((len(p.pictures) for p in shown), initial=0)
        counted = [_counted_key(order, first) for p, first in zip(shown, before) if p.is_key and p.pictures]
        stamped = stamped and len(stamps) == len(order)
        keys = tuple(counted) or (Key(None, None, 0, is_sure=False),)
        times = np.array(stamps) * tick if stamped else np.arange(len(order)) / float(rate)
        none = np.empty(0, np.int64)
        return Index(times, {}, keys, stamped, len(order) / float(rate), rate, size, none, breaks_off)

    at_key = [
        (p.pts, p.dts) for p in shown if p.is_key and p.pts is not None and p.pts >= start and p.pictures
    ]
    keys = _entered([Key(pts, dts, bisect_left(stamps, pts)) for pts, dts in at_key], entry)
    times = np.array(stamps) * tick
    stamped = not is_raw(container)  # else FFmpeg has counted frames by a rate of its choice
    if not stamped:
        times = np.arange(len(stamps)) / float(rate)
    known = 2 * lasts * tick > 1 / rate  # else a parser's guess, by a clock faster than the frames
    length = float(times[-1] - times[0]) + (lasts * tick if known and stamped else float(1 / rate))
    places: dict[int | None, int] = {pts: i for i, pts in enumerate(stamps)}
    taken = {p.pts: p.size for p in shown if p.pictures}
    sizes = np.array([taken[pts] for pts in stamps], np.int64)
    return Index(times, places, keys, stamped, length, rate, size, sizes, breaks_off)


def _entered(keys: list[Key], entry: Key) -> tuple[Key, ...]:
    """Key pictures in display order, before them a packet that is not shown where decoding begins with it."""
    keys.sort(key=lambda key: key.frame)
    return (*([] if keys and keys[0].frame == 0 else [entry]), *keys)


def _counted_key(order: str, first: int) -> Key:
    """A key picture's place in display order, from the pictures in decoding order."""
    followers = _B_PICTURES.match(order, first + 1)  # in the stream; on the screen they come before it
    leading = len(followers[0]) if followers else 0
    return Key(None, None, first + leading, is_sure=order[first] == "I")


def _missing_end(container: InputContainer, stream: VideoStream, held: int, shown: list[_Packet]) -> str:
    """What is missing where the container announces more pictures than its packets hold; else ""."""
    formats = container.format.name.split(",")
    if "mp4" in formats:  # the sample table, after edit lists
        listed = len(stream.index_entries)
        return f"it breaks off after {held} of {listed} pictures" if held < listed else ""
    stamps = [stamp for p in shown if (stamp := p.dts if p.pts is None else p.pts) is not None]
    announced = _announced_seconds(container, stream, formats)
    if not announced or not stamps or stream.time_base is None:
        return ""
    lasts = float((max(stamps) - (stream.start_time or 0)) * stream.time_base)
    last = 1 / float(stream.average_rate or 25)  # from the last picture's start to its end
    short = announced - lasts - last > max(0.5, 0.05 * announced)
    return f"it breaks off after {lasts:.1f} of {announced:.1f} s" if short else ""


def _announced_seconds(container: InputContainer, stream: VideoStream, formats: list[str]) -> float:
    """How long the stream is by the file's own header; 0 where it does not say."""
    if "avi" in formats and stream.frames and stream.time_base:  # its duration is guessed from what is there
        return float(stream.frames * stream.time_base)
    if "matroska" in formats:
        if tag := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if len(container.streams) == 1 and container.duration:
            return container.duration / av.time_base
    return 0.0


def describe_streams(container: InputContainer) -> tuple[str, ...]:
    """One entry a stream, such as `"video h264"`, in the container's order."""
    contexts = [(stream.type, getattr(stream, "codec_context", None)) for stream in container.streams]
    return tuple(f"{kind} {context.codec.canonical_name}" if context else kind for kind, context in contexts)
