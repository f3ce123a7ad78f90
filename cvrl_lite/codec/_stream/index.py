"""Which frames a stream holds, by one pass over its packets; nothing is decoded.

A frame's index is its place in what a straight decode delivers. Where each packet is one frame with a stamp
of its own, and nothing is odd, that is the order of the presentation time stamps (pts). Where there is a
doubt, `scan` asks the decoder.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.ending import missing_end
from cvrl_lite.codec._stream.headers import teller
from cvrl_lite.codec._stream.packets import SPREAD, packets
from cvrl_lite.codec._stream.rates import declared_rates, is_raw, nominal_rate, tick_of
from cvrl_lite.errors import DamagedVideo, EncryptedVideo

_MOST_KEPT = 4_000_000  # bytes of packets that an open video may hold in memory
_HOLE = 1.5  # steps from one frame to the next from which on the stamps are said to have a hole


class Key(NamedTuple):
    """A packet that decoding can start at.

    Attributes:
        pts: Its stamp, where the file has any.
        dts: Likewise.
        frame: The index of its frame.
        number: How many packets of the stream lie before it.
        position: Where it lies in the file, in bytes; None if unknown.
        is_sure: Whether the packet surely belongs to this frame.
        is_flagged: Whether the decoder flags its frame as a key frame.
        first: The first frame from which on all come out if decoding starts here.
        setups: The numbers of the packets that hold the parameters in force there, to be decoded first by a
            new decoder; None where any decoder of the stream will do.
    """

    pts: int | None
    dts: int | None
    frame: int
    number: int
    first: int
    position: int | None = None
    is_sure: bool = True
    is_flagged: bool = True
    setups: tuple[int, ...] | None = None


class Listed(NamedTuple):
    """A packet: its stamps, and what is in it."""

    pts: int | None
    dts: int | None
    is_key: bool
    size: int  # bytes
    frames: str  # a letter each (see `headers`); none where nothing of it is shown


@dataclass(frozen=True)
class Index:
    """The frames of one stream.

    Attributes:
        times: (N,) float64 seconds, rising, N frames.
        places: From a packet's pts, or its number, to the frame's index.
        keys: The key packets, in display order; the first one is where the stream begins.
        has_timestamps: Whether the times are the file's; else they are index / rate.
        duration: Seconds from the first frame's start to the last one's end.
        rate: Frames a second that most frames keep to; without time stamps all do.
        size: (H, W) the stream announces.
        bytes: (N,) int64, what each frame takes; empty where packets have no time stamps to tell.
        breaks_off: How the file ends before its own table says; "" where it does not.
        sound: How many frames lie before the first known fault; the others are decoded from the start.
        numbered: Whether `places` has the packets' numbers, as stamps do not tell them apart.
        times_adjusted: Whether some times are not the file's, as its stamps do not rise or are missing.
        seekable: Whether stamps name packets after a seek, too, as they do not where FFmpeg makes them up on
            its way: in streams without a container, and where a packet of the container holds several frames.
        clock_jumps: The frames at which the file's clock jumps back; from there on times go on from before.
        in_fields: Whether blocks may be predicted field by field, as in interlaced video.
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
    numbered: bool = False
    times_adjusted: bool = False
    clock_jumps: tuple[int, ...] = ()
    seekable: bool = True
    in_fields: bool = False

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.times)

    @property
    def gop_lengths(self) -> tuple[int, ...]:
        """Frames from each key frame to the next, the last one to the end."""
        starts = {0, self.frames} | {key.frame for key in self.keys if key.is_flagged}
        return tuple(int(n) for n in np.diff(sorted(starts)))

    @cached_property
    def key_stamps(self) -> frozenset[int | None]:
        """The stamps that key packets have in `places`."""
        return frozenset(key.number * SPREAD if self.numbered else key.pts for key in self.keys)

    def key_before(self, frame: int) -> int:
        """The place in `keys` from which `frame` can be decoded."""
        return max(0, bisect_right(self.keys, frame, key=lambda entry: entry.first) - 1)

    def gop(self, frame: int) -> int:
        """The key frame of the GOP that holds `frame`."""
        place = max(0, bisect_right(self.keys, frame, key=lambda entry: entry.frame) - 1)
        while place and not self.keys[place].is_flagged:
            place -= 1
        return self.keys[place].frame


@dataclass(frozen=True)
class Listing:
    """What the packets of a stream tell.

    Attributes:
        packets: All of them, in decoding order.
        entry: The number of the first key packet; what lies before lacks what it refers to.
        positions: Where the key packets lie in the file, by number.
        parameters: What packets say of the whole stream, by number, where a decoder that did not read them
            lacks it; else empty.
        doubt: Why the packets do not tell the frames; "" where they do.
        tick: Seconds of a stamp's unit.
        declared: The rates that headers declare.
        is_raw: Whether stamps are numbers that FFmpeg gave.
        size: (H, W) the stream announces.
        last: The duration of the last frame, in ticks; 0 if unknown.
        breaks_off: As in `Index`.
        in_fields: As in `Index`.
        seekable: As in `Index`.
    """

    packets: list[Listed]
    entry: int
    positions: dict[int, int | None]
    parameters: dict[int, tuple[bytes, ...]]
    doubt: str
    tick: Fraction
    declared: tuple[Fraction, ...]
    is_raw: bool
    size: tuple[int, int]
    last: int
    breaks_off: str
    in_fields: bool
    seekable: bool

    @property
    def key_stamps(self) -> frozenset[int]:
        """The stamps of the key packets, where stamps are numbers."""
        return frozenset(number * SPREAD for number in self.positions)

    def key(self, number: int, frame: int, setups: tuple[int, ...] | None = None) -> Key:
        """The key packet of this number, whose frame has this index."""
        packet = self.packets[number]
        flagged = packet.frames[:1] not in ("", "i")
        return Key(
            packet.pts,
            packet.dts,
            frame,
            number,
            frame,
            self.positions.get(number),
            is_flagged=flagged,
            setups=setups,
        )

    def timed(self, stamps: np.ndarray, frames: int, clock: np.ndarray) -> tuple[np.ndarray, float, Fraction]:
        """Times in seconds, their duration and their rate.

        Args:
            stamps: (N,) of the frames, rising; empty if there are none.
            frames: How many frames there are.
            clock: Stamps that tell the rate.
        """
        rate = nominal_rate(clock, self.tick, self.declared, self.last)
        stamped = len(stamps) > 0 and not self.is_raw
        times = stamps * float(self.tick) if stamped else np.arange(frames) / float(rate)
        # Else it is a parser's guess, by a clock that is faster than the frames.
        known = 2 * self.last * self.tick > 1 / rate
        last = self.last * self.tick if known and stamped else 1 / rate
        return times, float(times[-1] - times[0]) + float(last), rate

    def index(self) -> Index:
        """The index by stamps, if there is no doubt.

        Left out are packets before the first key packet and frames shown before it, and frames that the
        container marks as never shown.
        """
        start = self.packets[self.entry].pts or 0
        shown = [p for p in self.packets[self.entry :] if p.frames and p.pts is not None and p.pts >= start]
        stamps = np.sort(np.array([p.pts for p in shown], np.int64))
        places: dict[int | None, int] = {pts: i for i, pts in enumerate(stamps.tolist())}
        keys = [
            self.key(number, places[p.pts])
            for number, p in enumerate(self.packets)
            if p.is_key and p.frames and number >= self.entry and p.pts in places
        ]
        keys.sort(key=lambda key: key.frame)
        if not keys or keys[0].frame:  # decoding begins with a packet that is not shown
            keys.insert(0, self.key(self.entry, 0)._replace(is_sure=False))
        sizes = np.empty(len(stamps), np.int64)
        for packet in shown:
            sizes[places[packet.pts]] = packet.size
        times, duration, rate = self.timed(stamps, len(stamps), stamps)
        return Index(
            times,
            places,
            tuple(keys),
            has_timestamps=not self.is_raw,
            duration=duration,
            rate=rate,
            size=self.size,
            bytes=sizes,
            breaks_off=self.breaks_off,
            in_fields=self.in_fields,
            seekable=self.seekable,
        )


def list_packets(
    name: str, container: InputContainer, stream: VideoStream, kept: list[Packet] | None = None
) -> Listing:
    """Looks through the packets of a stream.

    Args:
        name: The file's name, for errors.
        container: A container at its start.
        stream: The video stream in it.
        kept: Takes the packets, if they are few bytes in all; stays empty otherwise.

    Raises:
        DamagedVideo: No frames, or no key frame.
        EncryptedVideo: FFmpeg lacks a key.
    """
    listed: list[Listed] = []
    entry: int | None = None
    positions: dict[int, int | None] = {}
    parameters: dict[int, tuple[bytes, ...]] = {}
    held, ends, last, breaks_off, news = 0, -sys.maxsize, 0, "", False
    before: Packet | None = None
    made_up = False
    twice, codec = False, stream.codec.canonical_name
    formats = container.format.name.split(",")
    is_mp4 = "mp4" in formats
    tell, bytes_left = teller(stream), _MOST_KEPT
    try:
        for number, packet in enumerate(packets(name, container, stream)):
            bytes_left -= packet.size
            made_up = made_up or packet.pos is None
            if kept is not None and bytes_left >= 0:
                kept.append(packet)
            held += not packet.is_corrupt  # one cut short is decoded as far as it goes
            frames = tell(packet) if tell else "?"
            # Containers' flags may be wrong: where a codec's own header tells, it counts.
            is_key = frames[:1] in ("I", "i", "F") or (frames[:1] in ("", "?", "f") and packet.is_keyframe)
            twice = twice or (
                codec in ("h264", "hevc")
                and before is not None
                and before.size == packet.size
                and bytes(before) == bytes(packet)
            )
            before = packet
            if tell and tell.parameters:
                parameters[number] = tuple(tell.parameters)
                news = news or not tell.known.issuperset(tell.parameters)
            if is_key:
                if packet.has_sidedata("encryption_info"):
                    raise EncryptedVideo(name)
                positions[number] = packet.pos if "asf" not in formats else None  # shared by many packets
                if packet.has_sidedata("new_extradata"):
                    header = bytes(packet.get_sidedata("new_extradata"))
                    parameters[number] = (header,)
                    news = news or header != stream.codec_context.extradata
                if entry is None and frames:
                    entry = number
            if packet.is_discard:
                frames = ""
            elif entry is not None:
                if packet.pts is not None and packet.pts >= ends:
                    ends, last = packet.pts, packet.duration or 0
                elif is_mp4:  # whose table holds the steps between packets as they are decoded
                    last = 0
            listed.append(Listed(packet.pts, packet.dts, is_key, packet.size, frames))
    except DamagedVideo as error:
        breaks_off = error.reason
    if kept and bytes_left < 0:
        kept.clear()
    if not held:
        raise DamagedVideo(name, breaks_off or "it holds no frames")
    if entry is None or not any(packet.frames for packet in listed[entry:]):
        raise DamagedVideo(name, breaks_off or "it holds no key frame to start from")
    context = stream.codec_context
    size = (context.height, context.width)
    if not all(size):
        raise DamagedVideo(name, "its header does not tell the size of the frames")
    doubt = "only its decoder knows its packets" if tell is None else ""
    if twice:
        doubt = "a packet stands twice, which a decoder may leave out"
    if news:
        doubt = "its parameters change"
    stamps = [p.dts if p.pts is None else p.pts for p in listed[entry:]]
    return Listing(
        listed,
        entry,
        positions,
        parameters if news else {},
        doubt or _doubt(listed[entry:], container.format.name, codec),
        tick=tick_of(stream),
        declared=declared_rates(container, stream),
        is_raw=is_raw(container),
        size=size,
        last=last * (is_mp4 or "matroska" in formats),  # elsewhere FFmpeg guesses
        breaks_off=breaks_off or missing_end(container, stream, held, stamps),
        in_fields=tell is not None and tell.in_fields,
        seekable=not made_up and not is_raw(container),
    )


def _doubt(listed: list[Listed], container: str, codec: str) -> str:
    """Why the packets from the first key packet on do not tell the frames; "" where they do."""
    shown = [packet for packet in listed if packet.frames]
    if any(len(packet.frames) > 1 or packet.frames in "fF" for packet in shown):
        return "packets and frames are not the same"
    if container in ("avi", "asf") and codec in ("h264", "hevc"):
        return "the container does not tell when a frame is shown, and FFmpeg's guess is in decoding order"
    if codec == "mpeg4" and len(shown) < len(listed):
        return "a frame that is not coded may stand for one that another packet holds"
    if codec == "mpeg4" and any(packet.frames == "B" for packet in shown):
        return "the decoder drops B-frames by a clock of its own"
    if listed[0].frames == "i":
        return "the first frames may be left out until the picture is whole"
    pts = [packet.pts for packet in shown if packet.pts is not None]
    if len(pts) < len(shown):
        return "stamps are missing"
    if len(set(pts)) < len(pts):
        return "stamps are repeated"
    dts = [packet.dts for packet in listed if packet.dts is not None]
    if (np.diff(np.array(dts, np.int64)) < 0).any():
        return "the clock jumps back"
    order = np.array(pts, np.int64)
    if (np.diff(order) < 0).any():
        steps = np.diff(np.sort(order[order >= order[0]]))
        if len(steps) and steps.max() > _HOLE * np.median(steps):
            return "stamps have holes, which may lie across the order of frames"
        if codec == "hevc" and order.min() < order[0]:
            return "leading frames may be decodable or not"
    return ""


def describe_streams(container: InputContainer) -> tuple[str, ...]:
    """One entry a stream, such as `"video h264"`, in the container's order."""
    contexts = [(stream.type, getattr(stream, "codec_context", None)) for stream in container.streams]
    return tuple(f"{kind} {context.codec.canonical_name}" if context else kind for kind, context in contexts)
