"""An open container with its decoder, and the packets fed to it.

FFmpeg's frame threads export wrong vectors, different in each run (they are read from a frame that another
thread may still be filling), so a decoder here always has a single thread.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, dropwhile, islice
from typing import Literal, NamedTuple

import av
from av.codec.context import Flags2
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.headers import frame_type_parser, unpack_first
from cvrl_lite.codec._stream.index import Index, Key
from cvrl_lite.codec._stream.packets import PacketMemory, packets, stamped
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo

VECTOR_CODECS = frozenset(
    {"h264", "mpeg4", "mpeg1video", "mpeg2video", "h261", "h263", "flv1"}
    | {"wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "rv10", "rv20"}
)
"""The codecs whose FFmpeg decoder exports motion vectors that can be used."""

Pixels = Literal["all", "keys", "none"]

_LAST = 32
"""Decoded frames that are kept alive after a fault, whoever else holds them.

FFmpeg conceals missing blocks with whatever lies in the buffer that it takes, and takes one that nobody
holds. If the caller decided how long a frame lives, the same frame would look different each time.
"""


@dataclass(frozen=True)
class DecodeOptions:
    """What a decoder delivers.

    Attributes:
        vectors: Whether to export motion vectors.
        pixels: Which frames have valid pixels: "all", "keys" or "none". For the others H.264's loop filter
            and the older codecs' inverse transform are skipped, which changes no vector and saves up to a
            quarter of the time.
        tolerant: Whether to continue after packets that cannot be decoded, and to deliver frames marked as
            corrupt, where they lie behind the stream's first fault.
    """

    vectors: bool = False
    pixels: Pixels = "all"
    tolerant: bool = False


class Opened(NamedTuple):
    """An open container whose decoder was not used.

    Attributes:
        container: The container.
        stream: The stream in it.
        used: Whether it no longer stands at its start.
    """

    container: InputContainer
    stream: VideoStream
    used: bool


class Feed:
    """Feeds packets to a decoder from any key packet on, from the container or from memory.

    Args:
        source: What to open.
        options: What to deliver.
        memory: The stream's packets, where they are in memory.
        opened: A container to take over; None opens one.

    Attributes:
        options: The decoding options.
        started: Whether it has decoded anything.
        refused: The stamps of packets that could not be decoded and were skipped.
    """

    def __init__(
        self, source: Source, options: DecodeOptions, memory: PacketMemory, opened: Opened | None = None
    ) -> None:
        self.name, self.options, self._source, self._memory = source.name, options, source, memory
        self.refused: list[int | None] = []
        self._begin(numbered=False, lenient=False)
        self._attach(opened or self._open())

    def _open(self) -> Opened:
        return Opened(*self._source.open(), used=False)

    def _attach(self, opened: Opened) -> None:
        self.container, self.stream, self._used = opened
        self.started = False
        self.context = self.stream.codec_context
        self.context.thread_type = "SLICE"
        self.context.thread_count = 1
        codec, pixels = self.stream.codec.canonical_name, self.options.pixels
        if self.options.vectors:
            self.context.flags2 |= Flags2.export_mvs
        if pixels == "none":
            self.context.options = {"skip_loop_filter": "all", "skip_idct": "all"}
        elif pixels == "keys":
            self.context.options = {"skip_loop_filter": "nointra"}
            if codec != "mpeg2video":  # whose key frames may have a P-field
                self.context.options |= {"skip_idct": "nokey"}
        self._skips = codec in VECTOR_CODECS  # heeds skip_frame packet by packet (dav1d does not)
        self._older = self._skips and codec != "h264"
        is_avi = self.container.format.name == "avi"
        if self._older and codec != "mpeg2video" and is_avi and self._source.first_frame is None:
            # No such file has a display matrix, or is marked as interlaced by more than its header.
            self._source.record_first_frame(None)

    @property
    def can_be_taken_over(self) -> bool:
        """Whether `release` is allowed: nothing was decoded, and nothing set that cannot be undone."""
        return not self.started and self.options.pixels == "all"

    def release(self) -> Opened:
        """Hands the container over to another decoder; this one must not be used again."""
        return Opened(self.container, self.stream, self._used)

    def close(self) -> None:
        """Closes the container."""
        self.container.close()

    def rewind(self) -> None:
        """Returns to the start of the container, for a caller that reads it by itself."""
        if self._used:
            self.close()
            self._attach(self._open())
        self._used = True

    def _renew(self) -> None:
        """Resets the decoder, and a container that is read to its start."""
        if self.started or self._memory.packets is None:
            self.rewind()

    def _begin(self, *, numbered: bool, lenient: bool) -> None:
        """Begins a run: with packet numbers for stamps or not, past faults or not."""
        self._numbered, self._lenient = numbered, lenient
        self._delivered: Counter[int | None] = Counter()
        self._last: deque[VideoFrame] = deque(maxlen=_LAST)

    def _packets_from(self, index: Index, key: int, *, lenient: bool) -> Iterator[Packet]:
        """The packets from a key packet on, in decoding order, with the stamps of the index."""
        self._begin(numbered=index.numbered, lenient=lenient)
        entry = index.keys[key]
        held = stamped(self._from(entry, index), entry.number, numbered=index.numbered)
        codec = self.stream.codec.canonical_name
        if codec == "mpeg4" and index.numbered and entry.number > index.keys[0].number:
            # Frames packed with the key frame or right behind it are displayed before it, and lack their
            # references. Decoding them would leave state that disturbs the next frames.
            frames = index.frame_by_stamp
            yield unpack_first(next(held))
            held = dropwhile(lambda packet: frames.get(packet.pts, entry.first) < entry.first, held)
        yield from held

    def _from(self, entry: Key, index: Index) -> Iterator[Packet]:
        renewed = self._lenient or entry.setups is not None  # parameters outlast a flush
        kept = self._memory.packets
        if kept is not None:
            if renewed:
                self._renew()
            elif self._used:
                self.context.flush_buffers()
            self._used = True
            if entry.setups:
                self._read_setups(kept[number] for number in entry.setups)
            return islice(kept, entry.number, None)
        stamp = entry.dts if entry.pts is None else entry.pts
        can_seek = index.seekable and not (index.numbered and entry.position is None)
        if not renewed and can_seek and stamp is not None and (self._used or entry.number):
            self._used = True
            with suppress(av.FFmpegError):  # no seeking in this container
                self.container.seek(stamp, stream=self.stream)
                if (first := self._found(entry, index)) is not None:
                    return chain((first,), self._packets())
        self.rewind()
        held = self._packets()
        before = islice(held, entry.number)
        if entry.setups:
            self._read_setups(packet for number, packet in enumerate(before) if number in entry.setups)
        else:
            deque(before, 0)
        return held

    def _found(self, entry: Key, index: Index) -> Packet | None:
        """Reads on to a key packet; None if it does not come."""
        for packet in self._packets():
            same = not index.numbered or (packet.dts, packet.pos) == (entry.dts, entry.position)
            if packet.pts == entry.pts and same:
                return packet
            where = (packet.pos, entry.position) if index.numbered else (packet.dts, entry.dts)
            if where[0] is not None and where[1] is not None and where[0] > where[1]:
                break
        return None

    def _read_setups(self, setups: Iterable[Packet]) -> None:
        """Decodes packets for their parameters alone."""
        for packet in setups:
            with suppress(av.FFmpegError):  # their frames may lack references
                self.context.decode(packet)
        self.context.flush_buffers()

    def _packets(self) -> Iterator[Packet]:
        try:
            yield from packets(self.name, self.container, self.stream)
        except DamagedVideo:
            if not self._lenient:
                raise

    def _decode(self, packet: Packet | None, index: Index | None = None) -> list[VideoFrame]:
        self.started = True
        try:
            frames = self.context.decode(packet)
        except av.FFmpegError as error:
            if packet is not None and (packet.pts is None or self._is_empty(packet)):
                return []  # sent to flush others out, or empty
            stamp = None if packet is None else packet.pts
            if self._lenient:
                self.refused.append(stamp)
                return []
            frame = index.frame_by_stamp.get(stamp) if index else None
            when = f" at {index.times[frame]:.2f} s" if index and frame is not None else ""
            raise DamagedVideo(self.name, f"the frame{when} cannot be decoded: {error.strerror}") from None
        if self._numbered:
            for delivered in frames:  # a packet may be delivered twice
                stamp = delivered.pts
                if stamp is not None:
                    delivered.pts = stamp + self._delivered[stamp]
                    self._delivered[stamp] += 1
        if self._lenient:
            self._last.extend(frames)
        return frames

    def _is_empty(self, packet: Packet) -> bool:
        """Whether a packet holds no frame, such as parameter sets alone, which decoders complain about."""
        parser = frame_type_parser(self.stream)
        return parser is not None and not parser.may_hide_frames and not parser.parse(packet)
