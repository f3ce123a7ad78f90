"""Decoding chosen frames of a stream, exactly and with one thread.

FFmpeg's frame threads export wrong vectors, different in each run (they are read from a picture that
another thread may still be filling), so a decoder here has one thread and never more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Literal

import av
import numpy as np
from av.codec.context import Flags2
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from cvrl_lite.codec.headers import teller
from cvrl_lite.codec.index import Index, Key
from cvrl_lite.codec.packets import Kept, packets, stamped
from cvrl_lite.codec.source import Source
from cvrl_lite.errors import DamagedVideo

VECTOR_CODECS = frozenset(
    {"h264", "mpeg4", "mpeg1video", "mpeg2video", "h261", "h263", "flv1"}
    | {"wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "rv10", "rv20"}
)
"""The codecs whose FFmpeg decoder exports motion vectors that can be used."""

Pixels = Literal["all", "keys", "none"]

MOST_HELD = 64  # pictures that may wait for an earlier one; H.264 allows 16


class Decoder:
    """One open container with its decoder, which delivers frames by index.

    Args:
        source: What to open.
        vectors: Whether to export motion vectors.
        pixels: Which pictures are to be looked at: "all", "keys" or "none". In the others H.264's loop
            filter is left out: it changes no vector and takes up to a quarter of the time.
        tolerant: Whether to go on behind packets that cannot be decoded, and deliver pictures that the
            decoder marks as corrupt, where they lie behind the stream's first fault.

    Attributes:
        started: Whether it has decoded anything.
        refused: The stamps of packets that could not be decoded and were passed over.
    """

    def __init__(
        self,
        source: Source,
        *,
        vectors: bool = False,
        pixels: Pixels = "all",
        tolerant: bool = False,
    ) -> None:
        self.name, self._source, self._vectors = source.name, source, vectors
        self.pixels, self.tolerant = pixels, tolerant
        self.kept: Kept | None = None
        self.refused: list[int | None] = []
        self._lenient = False  # in the present run
        self._converters: dict[tuple[int, int], VideoReformatter] = {}
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
        self.used = self.started = False

    def _set_up(self) -> None:
        if self._vectors:
            self.context.flags2 |= Flags2.export_mvs
        if self.pixels != "all":
            self.context.options = {"skip_loop_filter": "nointra" if self.pixels == "keys" else "all"}

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

    def pictures(self, index: Index, wanted: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes frames, in ascending order.

        Args:
            index: The stream's index.
            wanted: Frame indices, ascending.

        Returns:
            An iterator of (frame index, picture), one for every wanted index.

        Raises:
            DamagedVideo: A wanted picture, or one it refers to, cannot be decoded.
        """
        if not wanted:
            return
        near = index.key_before(wanted[0])
        # A key picture may turn out not to be a place to start from; the file's start always is.
        runs = [(key, False) for key in sorted({near, 0}, reverse=True)]
        if self.tolerant:  # behind a fault, only a decoder that went through it delivers what it can
            runs = [(near, False)] * (wanted[-1] < index.sound) + [(0, True)]
        done = 0
        for number, (key, lenient) in enumerate(runs, 1):
            try:
                for place, frame in self._run(index, wanted[done:], key, lenient=lenient):
                    done += 1
                    if place == 0 and not self._source.seen:
                        self._source.see(frame)
                    yield place, frame
                return
            except DamagedVideo:
                if number == len(runs) or (done and not self.tolerant):
                    raise

    def straight(self, entry: int, setups: tuple[int, ...]) -> Iterator[tuple[int, bool]]:
        """Decodes all from a packet on, past what cannot be decoded.

        Args:
            entry: The packet's number.
            setups: The numbers of packets to be read before it (see `Key`).

        Returns:
            An iterator of (number of the frame's packet, whether it is flagged as a key frame).
        """
        self._lenient = True
        self.rewind()
        held = self._packets() if self.kept is None else iter(self.kept.packets)
        self._read_setups(packet for number, packet in enumerate(islice(held, entry)) if number in setups)
        for number, packet in enumerate(chain(held, (None,)), entry):
            if packet is not None:
                packet.pts = number
            for frame in self._decode(packet):
                if frame.pts is not None:
                    yield frame.pts, bool(frame.key_frame)

    def everything(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Whatever a tolerant decoder can deliver, from the start: (frame index, frame), in its order."""
        self._lenient = True
        for packet in self._packets_until(index, 0, range(0)):
            for frame in self._decode(packet, index):
                place = index.places.get(frame.pts, -1)
                if self._sound(frame, place, index) and place >= 0:
                    yield place, frame

    def see_first(self, index: Index) -> None:
        """Shows the source its first frame; if that cannot be decoded, the first one that can."""
        try:
            for _, frame in self.pictures(index, range(1)):
                self._source.see(frame)
        except DamagedVideo:
            other = Decoder(self._source, tolerant=True)
            for _, frame in islice(other.everything(index), 1):
                self._source.see(frame)
            other.close()
            self._source.seen = True

    def key_images(self, index: Index) -> tuple[list[int], np.ndarray]:
        """The pictures flagged as key pictures: their frame indices, and (K, H, W, 3) uint8 RGB.

        Raises:
            DamagedVideo: One of them cannot be decoded.
        """
        images = np.empty((len(index.keys), *index.size, 3), np.uint8)
        found: list[int] = []
        if all(key.is_sure for key in index.keys) and index.keys[-1].frame < index.sound:
            alone = self._key_pictures_one_by_one if index.numbered else self._key_pictures
            try:
                for place, frame in alone(index):
                    if len(found) < len(images) and frame.key_frame:
                        self.rgb(frame, images[len(found)])
                        found.append(place)
            except DamagedVideo:
                found = []  # alone they do not come out: the whole stream may still be sound
        if found and found == [key.frame for key in index.keys if key.is_flagged]:
            return found, images[: len(found)]
        # The container and the decoder do not agree on what is a key picture: ask the decoder alone.
        flagged = [(i, self.rgb(f)) for i, f in self.pictures(index, range(index.frames)) if f.key_frame]
        if not flagged:
            raise DamagedVideo(self.name, "no key picture could be decoded")
        return [i for i, _ in flagged], np.stack([image for _, image in flagged])

    def rgb(self, frame: VideoFrame, out: np.ndarray | None = None) -> np.ndarray:
        """A picture as (H, W, 3) uint8 RGB, scaled to the size of `out` if that is given, and put there."""
        height, width = out.shape[:2] if out is not None else (frame.height, frame.width)
        how = (
            Interpolation.BILINEAR if height >= frame.height and width >= frame.width else Interpolation.AREA
        )
        converter = self._converters.setdefault((height, width), VideoReformatter())
        plane = converter.reformat(frame, width, height, "rgb24", interpolation=how, threads=1).planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        out = np.empty((height, width, 3), np.uint8) if out is None else out
        out.reshape(height, 3 * width)[:] = rows[:, : 3 * width]
        return out

    def again(self, index: Index, place: int) -> VideoFrame:
        """One picture with all its pixels, whatever this decoder leaves out."""
        other = Decoder(self._source, tolerant=self.tolerant)
        try:
            return next(frame for _, frame in other.pictures(index, [place]))
        finally:
            other.close()

    def _key_pictures(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        self._lenient = False
        if self._skips:
            self.context.skip_frame = "NONKEY"
        try:
            keys = (packet for packet in self._packets_from(index, 0) if packet.is_keyframe)
            for packet in chain(keys, (None,)):
                for frame in self._decode(packet, index):
                    place = index.places.get(frame.pts, -1)
                    if self._sound(frame, place, index):
                        if place == 0 and not self._source.seen:
                            self._source.see(frame)
                        yield place, frame
        finally:
            if self._skips:
                self.context.skip_frame = "DEFAULT"

    def _key_pictures_one_by_one(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Where the packet of a key frame does not hold all of it, or more than it."""
        for key in index.keys:
            yield from self.pictures(index, [key.frame])

    def _run(
        self, index: Index, wanted: Sequence[int], key: int, *, lenient: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        places, left, self._lenient = index.places, len(wanted), lenient
        chosen = wanted if isinstance(wanted, range) else frozenset(wanted)
        waiting: dict[int, VideoFrame] = {}
        order = iter(wanted)
        due = next(order, None)
        # Frames that nothing refers to need no decoding unless they are wanted.
        choosy = self._skips and not lenient and not index.numbered
        skipping = False
        try:
            for packet in self._packets_until(index, key, chosen):
                place = places.get(packet.pts) if choosy and packet is not None else None
                if place is not None and (place not in chosen) != skipping:
                    skipping = not skipping
                    self.context.skip_frame = "NONREF" if skipping else "DEFAULT"
                for frame in self._decode(packet, index):
                    place = places.get(frame.pts, -1)
                    if place not in chosen or (due is not None and place < due):
                        continue
                    if self._sound(frame, place, index):
                        waiting.setdefault(place, frame)
                    while due is not None and due in waiting:
                        yield due, waiting.pop(due)
                        left -= 1
                        due = next(order, None)
                if not left or len(waiting) > MOST_HELD:
                    break
        finally:
            if choosy:
                self.context.skip_frame = "DEFAULT"
        if left:
            raise DamagedVideo(
                self.name, f"{left} of {len(wanted)} frames could not be decoded, first frame {due}"
            )

    def _packets_until(
        self, index: Index, key: int, wanted: range | frozenset[int]
    ) -> Iterator[Packet | None]:
        """The packets from a key packet to the last wanted one, then None: what is held comes out."""
        left, again = len(wanted), None
        # A packet may hold a part of a frame; behind a fault, others may have a wanted one's stamp.
        all_of_them = index.numbered or self._lenient
        for packet in self._packets_from(index, key):
            yield packet
            again = packet if packet.is_keyframe else again
            left -= index.places.get(packet.pts, -1) in wanted
            if not left and not all_of_them:
                break
        # Emptied at the end, the older decoders give their last frame without its vectors. A further key
        # frame, which has no stamp itself, makes it come out in the ordinary way. Behind a fault that may
        # change which frames come out, so there all readings do the same.
        if self._older and again is not None and (self._vectors or self._lenient):
            again = Packet(bytes(again))
            yield again
        yield None

    def _packets_from(self, index: Index, key: int) -> Iterator[Packet]:
        """The packets from a key packet on, in decoding order; if numbered, their stamp is their number."""
        entry = index.keys[key]
        renewed = self._lenient or entry.setups is not None  # what a stream said of itself outlasts a flush
        if self.kept is not None:
            if renewed:
                self.rewind()
            elif self.used:
                self.context.flush_buffers()
            self.used = True
            if entry.setups:
                self._read_setups(self.kept.packets[number] for number in entry.setups)
            yield from self.kept.since(entry.number if index.numbered else entry.pts)
            return
        stamp = entry.dts if entry.pts is None else entry.pts
        if not renewed and stamp is not None and (self.used or key):
            self.container.seek(stamp, stream=self.stream)
            self.used = True
            if (first := self._found(entry, index)) is not None:
                yield from stamped(chain((first,), self._packets()), entry.number, numbered=index.numbered)
                return
        self.rewind()
        held = self._packets()
        before = islice(held, entry.number)
        if entry.setups:
            self._read_setups(packet for number, packet in enumerate(before) if number in entry.setups)
        else:
            deque(before, 0)
        yield from stamped(held, entry.number, numbered=index.numbered)

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
            return self.context.decode(packet)
        except av.FFmpegError as error:
            if packet is not None and self._is_empty(packet):
                return []
            stamp = None if packet is None else packet.pts
            if self._lenient:
                self.refused.append(stamp)
                return []
            place = index.places.get(stamp) if index else None
            when = f" at {index.times[place]:.2f} s" if index and place is not None else ""
            raise DamagedVideo(self.name, f"the frame{when} cannot be decoded: {error.strerror}") from None

    def _is_empty(self, packet: Packet) -> bool:
        """Whether there is no frame in a packet, such as parameter sets alone, at which decoders complain."""
        tell = teller(self.stream)
        return tell is not None and not tell.may_hide and not tell(packet)

    def _sound(self, frame: VideoFrame, place: int, index: Index) -> bool:
        """Whether a picture can be handed on."""
        if (frame.height, frame.width) != index.size:
            if self._lenient:
                return False
            height, width = index.size
            reason = (
                f"the pictures change size at frame {place}: {width}x{height} to {frame.width}x{frame.height}"
            )
            raise DamagedVideo(self.name, reason)
        if frame.is_corrupt and not self._lenient:
            raise DamagedVideo(self.name, f"frame {place} is corrupt")
        return True
