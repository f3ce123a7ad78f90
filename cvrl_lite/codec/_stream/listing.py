"""The packets of a stream, and the index that they determine in ordinary files; nothing is decoded."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.ending import missing_end
from cvrl_lite.codec._stream.headers import frame_type_parser
from cvrl_lite.codec._stream.index import Index, Key
from cvrl_lite.codec._stream.packets import SPREAD, packets
from cvrl_lite.codec._stream.rates import declared_rates, is_raw, nominal_rate, tick_of
from cvrl_lite.errors import DamagedVideo, EncryptedVideo

_MOST_KEPT = 4_000_000  # bytes of packets that an open video may keep in memory
_HOLE = 1.5  # usual steps between timestamps that make a hole


class PacketInfo(NamedTuple):
    """A packet: timestamps and contents.

    Attributes:
        pts: Presentation timestamp.
        dts: Decoding timestamp.
        is_key: Whether decoding can start at it.
        size: Bytes.
        frames: A letter per displayed frame, as of `FrameTypeParser.parse`.
    """

    pts: int | None
    dts: int | None
    is_key: bool
    size: int
    frames: str


@dataclass(frozen=True)
class PacketList:
    """The packets of a stream.

    Attributes:
        packets: All of them, in decoding order.
        entry: Number of the first key packet; the packets before lack their references.
        positions: Byte offsets of the key packets, by number.
        parameters: Parameter sets in packets, by number, where a decoder that did not read them would miss
            them; otherwise empty.
        doubt: Why packets do not determine the frames; "" where they do.
        tick: Seconds of a timestamp's unit.
        declared: The frame rates that headers declare.
        is_raw: Whether FFmpeg generated the timestamps.
        size: (H, W) announced by the stream.
        last: Duration of the last frame, in ticks; 0 if unknown.
        breaks_off: As in `Index`.
        in_fields: As in `Index`.
        seekable: As in `Index`.
    """

    packets: list[PacketInfo]
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
        """The stamps of the key packets, made of their numbers."""
        return frozenset(number * SPREAD for number in self.positions)

    def key(self, number: int, frame: int, setups: tuple[int, ...] | None = None) -> Key:
        """The key packet of this number, whose frame has the index `frame`."""
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
        """Times in seconds, total duration and frame rate.

        Args:
            stamps: (N,) timestamps of the frames, increasing; empty if there are none.
            frames: N.
            clock: Timestamps to measure the rate by.
        """
        rate = nominal_rate(clock, self.tick, self.declared, self.last)
        stamped = len(stamps) > 0 and not self.is_raw
        times = stamps * float(self.tick) if stamped else np.arange(frames) / float(rate)
        # A shorter duration is a parser's guess, by a clock that is faster than the frames.
        plausible = 2 * self.last * self.tick > 1 / rate
        last = self.last * self.tick if plausible and stamped else 1 / rate
        return times, float(times[-1] - times[0]) + float(last), rate

    def index(self) -> Index:
        """The index by timestamps, which is valid if there is no doubt.

        Packets before the first key packet, frames displayed before it, and frames that the container marks
        as never displayed are left out.
        """
        start = self.packets[self.entry].pts or 0
        shown = [p for p in self.packets[self.entry :] if p.frames and p.pts is not None and p.pts >= start]
        stamps = np.sort(np.array([p.pts for p in shown], np.int64))
        frame_by_stamp: dict[int | None, int] = {pts: i for i, pts in enumerate(stamps.tolist())}
        keys = [
            self.key(number, frame_by_stamp[p.pts])
            for number, p in enumerate(self.packets)
            if p.is_key and p.frames and number >= self.entry and p.pts in frame_by_stamp
        ]
        keys.sort(key=lambda key: key.frame)
        if not keys or keys[0].frame:  # the first key packet is not displayed
            keys.insert(0, self.key(self.entry, 0)._replace(is_sure=False))
        sizes = np.empty(len(stamps), np.int64)
        for packet in shown:
            sizes[frame_by_stamp[packet.pts]] = packet.size
        times, duration, rate = self.timed(stamps, len(stamps), stamps)
        return Index(
            times,
            frame_by_stamp,
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
) -> PacketList:
    """Reads all packets of a stream.

    Args:
        name: The file's name, for errors.
        container: A container at its start.
        stream: The video stream in it.
        kept: Receives the packets if they are few bytes in total; stays empty otherwise.

    Raises:
        DamagedVideo: There are no frames, or no key frame.
        EncryptedVideo: The stream is encrypted.
    """
    lister = _Lister(name, container, stream, kept)
    breaks_off = ""
    try:
        for number, packet in enumerate(packets(name, container, stream)):
            lister.add(number, packet)
    except DamagedVideo as error:
        breaks_off = error.reason
    return lister.result(breaks_off)


class _Lister:
    """Collects what the packets of a stream tell, one packet at a time."""

    def __init__(
        self, name: str, container: InputContainer, stream: VideoStream, kept: list[Packet] | None
    ) -> None:
        self._name, self._container, self._stream, self._kept = name, container, stream, kept
        self._codec = stream.codec.canonical_name
        formats = container.format.name.split(",")
        self._is_mp4, self._is_asf = "mp4" in formats, "asf" in formats
        self._has_durations = self._is_mp4 or "matroska" in formats  # elsewhere FFmpeg guesses them
        self._parser = frame_type_parser(stream)
        self._packets: list[PacketInfo] = []
        self._entry: int | None = None
        self._positions: dict[int, int | None] = {}
        self._parameters: dict[int, tuple[bytes, ...]] = {}
        self._parameters_change = False
        self._whole, self._bytes_left = 0, _MOST_KEPT
        self._latest_pts, self._last_duration = -sys.maxsize, 0
        self._previous: Packet | None = None
        self._repeats = self._stamps_are_generated = False

    def add(self, number: int, packet: Packet) -> None:
        """Adds the next packet.

        Raises:
            EncryptedVideo: It is encrypted.
        """
        self._keep(packet)
        self._whole += not packet.is_corrupt  # a truncated one is decoded as far as possible
        self._stamps_are_generated |= packet.pos is None
        self._check_repeat(packet)
        frames = self._parser.parse(packet) if self._parser else "?"
        self._add_parameters(number)
        # Containers' flags may be wrong: where the codec's own header tells, it counts.
        is_key = frames[:1] in ("I", "i", "F") or (frames[:1] in ("", "?", "f") and packet.is_keyframe)
        if is_key:
            self._add_key(number, packet)
            if self._entry is None and frames:
                self._entry = number
        if packet.is_discard:
            frames = ""
        elif self._entry is not None:
            self._measure_end(packet)
        self._packets.append(PacketInfo(packet.pts, packet.dts, is_key, packet.size, frames))

    def _keep(self, packet: Packet) -> None:
        self._bytes_left -= packet.size
        if self._kept is None:
            return
        if self._bytes_left >= 0:
            self._kept.append(packet)
        else:
            self._kept.clear()

    def _check_repeat(self, packet: Packet) -> None:
        """Notes a packet equal to the one before, which a decoder may drop."""
        before, self._previous = self._previous, packet
        if not self._repeats and self._codec in ("h264", "hevc") and before is not None:
            self._repeats = before.size == packet.size and bytes(before) == bytes(packet)

    def _add_parameters(self, number: int) -> None:
        if self._parser and self._parser.parameters:
            self._parameters[number] = tuple(self._parser.parameters)
            self._parameters_change |= not self._parser.from_container.issuperset(self._parser.parameters)

    def _add_key(self, number: int, packet: Packet) -> None:
        if packet.has_sidedata("encryption_info"):
            raise EncryptedVideo(self._name)
        self._positions[number] = None if self._is_asf else packet.pos  # ASF: shared by many packets
        if packet.has_sidedata("new_extradata"):
            header = bytes(packet.get_sidedata("new_extradata"))
            self._parameters[number] = (header,)
            self._parameters_change |= header != self._stream.codec_context.extradata

    def _measure_end(self, packet: Packet) -> None:
        """Finds the duration of the frame displayed last."""
        if packet.pts is not None and packet.pts >= self._latest_pts:
            self._latest_pts, self._last_duration = packet.pts, packet.duration or 0
        elif self._is_mp4:  # its table holds the steps between packets in decoding order
            self._last_duration = 0

    def result(self, breaks_off: str) -> PacketList:
        """The list, after the last packet.

        Args:
            breaks_off: Why reading ended before the end of the file; "" where it did not.

        Raises:
            DamagedVideo: There are no frames, or no key frame.
        """
        entry, context = self._entry, self._stream.codec_context
        if not self._whole:
            raise DamagedVideo(self._name, breaks_off or "it holds no frames")
        if entry is None or not any(packet.frames for packet in self._packets[entry:]):
            raise DamagedVideo(self._name, breaks_off or "it holds no key frame to start from")
        size = (context.height, context.width)
        if not all(size):
            raise DamagedVideo(self._name, "its header does not tell the size of the frames")
        shown = self._packets[entry:]
        stamps = [packet.dts if packet.pts is None else packet.pts for packet in shown]
        return PacketList(
            self._packets,
            entry,
            self._positions,
            self._parameters if self._parameters_change else {},
            self._doubt() or _doubt(shown, self._container.format.name, self._codec),
            tick=tick_of(self._stream),
            declared=declared_rates(self._container, self._stream),
            is_raw=is_raw(self._container),
            size=size,
            last=self._last_duration if self._has_durations else 0,
            breaks_off=breaks_off or missing_end(self._container, self._stream, self._whole, stamps),
            in_fields=self._parser is not None and self._parser.in_fields,
            seekable=not self._stamps_are_generated and not is_raw(self._container),
        )

    def _doubt(self) -> str:
        """Why this stream's packets do not determine its frames, whatever their timestamps."""
        if self._parameters_change:
            return "its parameters change"
        if self._repeats:
            return "a packet is repeated, which a decoder may drop"
        return "" if self._parser else "only its decoder can parse its packets"


def _doubt(listed: list[PacketInfo], container: str, codec: str) -> str:
    """Why the packets from the first key packet on do not determine the frames; "" where they do."""
    shown = [packet for packet in listed if packet.frames]
    if any(len(packet.frames) > 1 or packet.frames in "fF" for packet in shown):
        return "packets and frames are not the same"
    if container in ("avi", "asf") and codec in ("h264", "hevc"):
        return "the container has no presentation times, and FFmpeg's guess is in decoding order"
    if codec == "mpeg4" and len(shown) < len(listed):
        return "a frame that is not coded may stand for one in another packet"
    if codec == "mpeg4" and any(packet.frames == "B" for packet in shown):
        return "the decoder drops B-frames by a clock of its own"
    if listed[0].frames == "i":
        return "the decoder may drop the first frames"
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
