"""An open container with its decoder, and the packets that it is fed with.

FFmpeg's frame threads export wrong vectors, different in each run (they are read from a picture that another
thread may still be filling), so a decoder here has one thread and never more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, dropwhile, islice
from typing import Literal

import av
from av.codec.context import Flags2
from av.packet import Packet
from av.video.frame import VideoFrame

from cvrl_lite.codec._stream.headers import first_alone, teller
from cvrl_lite.codec._stream.index import Index, Key
from cvrl_lite.codec._stream.packets import Kept, packets, stamped
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo

VECTOR_CODECS = frozenset(
    {"h264", "mpeg4", "mpeg1video", "mpeg2video", "h261", "h263", "flv1"}
    | {"wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "rv10", "rv20"}
)
"""The codecs whose FFmpeg decoder exports motion vectors that can be used."""

Pixels = Literal["all", "keys", "none"]


_LAST = 32
"""Frames that are held behind a fault, whoever else holds them.

FFmpeg conceals what is missing with whatever lies in the buffer that it takes, and takes one that nobody
holds: were it left to the caller how long a frame lives, the same frame would come out differently.
"""


class Feed:
    """Reads packets from any key packet on, from the container or from memory, and decodes them.

    Args:
        source: What to open.
        vectors: Whether to export motion vectors.
        pixels: Which frames are to be looked at.

    Attributes:
        kept: The stream's packets, where they are in memory.
        started: Whether it has decoded anything.
        refused: The stamps of packets that could not be decoded and were passed over.
    """

    def __init__(self, source: Source, *, vectors: bool, pixels: Pixels) -> None:
        self.name, self._source, self._vectors, self.pixels = source.name, source, vectors, pixels
        self.kept: Kept | None = None
        self.refused: list[int | None] = []
        self._begin(numbered=False, lenient=False)
        self._open()

    def _open(self) -> None:
        self.container, self.stream = self._source.open()
        self.context = self.stream.codec_context
        self.context.thread_type = "SLICE"
        self.context.thread_count = 1
        self._set_up()
        codec = self.stream.codec.canonical_name
        self._skips = codec in VECTOR_CODECS  # heeds skip_frame packet by packet (dav1d does not)
        self._older = self._skips and codec != "h264"
        if self._older and codec != "mpeg2video" and self.container.format.name == "avi":
            self._source.seen = True  # no such frame is turned, or marked as fields by more than its header
        self.used = self.started = False

    def _set_up(self) -> None:
        if self._vectors:
            self.context.flags2 |= Flags2.export_mvs
        if self.pixels == "none":
            self.context.options = {"skip_loop_filter": "all", "skip_idct": "all"}
        elif self.pixels == "keys":
            self.context.options = {"skip_loop_filter": "nointra"}
            if self.stream.codec.canonical_name != "mpeg2video":  # a key frame may have a P-field
                self.context.options |= {"skip_idct": "nokey"}

    def become(self, vectors: bool, pixels: Pixels) -> None:
        """Changes what a decoder will deliver that has not `started` to decode."""
        self._vectors, self.pixels = vectors, pixels
        self._set_up()

    def close(self) -> None:
        """Closes the container."""
        self.container.close()

    def rewind(self) -> None:
        """Makes the container stand at its start; what is read from it next is told nowhere else."""
        if self.used:
            self.close()
            self._open()
        self.used = True

    def _renew(self) -> None:
        """Makes the decoder know nothing of the stream, and a container that is read stand at its start."""
        if self.started or self.kept is None:
            self.rewind()

    def _begin(self, *, numbered: bool, lenient: bool) -> None:
        """Begins a run: with packets' numbers for their stamps or not, past faults or not."""
        self._numbered, self._lenient = numbered, lenient
        self._seen: Counter[int | None] = Counter()
        self._last: deque[VideoFrame] = deque(maxlen=_LAST)

    def _packets_from(self, index: Index, key: int, *, lenient: bool) -> Iterator[Packet]:
        """The packets from a key packet on, in decoding order, with the stamps that the index has."""
        self._begin(numbered=index.numbered, lenient=lenient)
        entry = index.keys[key]
        held = stamped(self._from(entry, index), entry.number, numbered=index.numbered)
        codec = self.stream.codec.canonical_name
        if codec == "mpeg4" and index.numbered and entry.number > index.keys[0].number:
            # What is packed with the key frame or comes right behind it is shown before it, and lacks what it
            # refers to. Passed over by the decoder, it would leave there what disturbs the next frames.
            yield first_alone(next(held))
            held = dropwhile(lambda packet: index.places.get(packet.pts, entry.first) < entry.first, held)
        yield from held

    def _from(self, entry: Key, index: Index) -> Iterator[Packet]:
        renewed = self._lenient or entry.setups is not None  # what a stream said of itself outlasts a flush
        if self.kept is not None:
            if renewed:
                self._renew()
            elif self.used:
                self.context.flush_buffers()
            self.used = True
            if entry.setups:
                self._read_setups(self.kept[number] for number in entry.setups)
            return islice(self.kept, entry.number, None)
        stamp = entry.dts if entry.pts is None else entry.pts
        is_told = index.seekable and not (index.numbered and entry.position is None)
        if not renewed and is_told and stamp is not None and (self.used or entry.number):
            self.used = True
            with suppress(av.FFmpegError):  # that cannot seek in this container
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
        """A key packet somewhere behind the place where the container stands."""
        for packet in self._packets():
            same = not index.numbered or (packet.dts, packet.pos) == (entry.dts, entry.position)
            if packet.pts == entry.pts and same:
                return packet
            where = (packet.pos, entry.position) if index.numbered else (packet.dts, entry.dts)
            if where[0] is not None and where[1] is not None and where[0] > where[1]:
                break
        return None

    def _read_setups(self, setups: Iterable[Packet]) -> None:
        """Lets the decoder know the parameters in some packets."""
        for packet in setups:
            with suppress(av.FFmpegError):  # of their frames, which may lack others
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
                return []  # only fed to make others come out, or nothing in it
            stamp = None if packet is None else packet.pts
            if self._lenient:
                self.refused.append(stamp)
                return []
            place = index.places.get(stamp) if index else None
            when = f" at {index.times[place]:.2f} s" if index and place is not None else ""
            raise DamagedVideo(self.name, f"the frame{when} cannot be decoded: {error.strerror}") from None
        if self._numbered:
            for frame in frames:  # a packet may come out twice
                stamp = frame.pts
                if stamp is not None:
                    frame.pts = stamp + self._seen[stamp]
                    self._seen[stamp] += 1
        if self._lenient:
            self._last.extend(frames)
        return frames

    def _is_empty(self, packet: Packet) -> bool:
        """Whether there is no frame in a packet, such as parameter sets alone, at which decoders complain."""
        tell = teller(self.stream)
        return tell is not None and not tell.may_hide and not tell(packet)
