"""Decoding chosen frames of a stream, exactly and with one thread.

FFmpeg's frame threads export wrong vectors, different in each run (they are read from a picture that
another thread may still be filling), so a decoder here has one thread and never more.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import chain, islice

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from cvrl_lite.codec._stream.feed import Feed, Pixels
from cvrl_lite.codec._stream.index import Index, Listing
from cvrl_lite.codec._stream.packets import stamped
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo

MOST_HELD = 64  # pictures that may wait for an earlier one; H.264 allows 16


class Decoder(Feed):
    """A decoder that delivers frames by index.

    Args:
        source: What to open.
        vectors: Whether to export motion vectors.
        pixels: Which frames are to be looked at: "all", "keys" or "none". In the others H.264's loop filter
            and the older codecs' inverse transform are left out: they change no vector and take up to a
            quarter of the time.
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
        self.tolerant = tolerant
        self._converters: dict[tuple[int, int], VideoReformatter] = {}
        super().__init__(source, vectors=vectors, pixels=pixels)

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

    def straight(self, listing: Listing, setups: tuple[int, ...]) -> Iterator[tuple[int, bool]]:
        """Decodes all from a stream's first key packet on, past what cannot be decoded.

        Args:
            listing: What is known of the packets.
            setups: The numbers of packets to be read before (see `Key`).

        Returns:
            An iterator of (the frame's stamp, which is its packet's number spread out, whether it is flagged
            as a key frame).
        """
        self._begin(numbered=True, lenient=True)
        self._renew()
        held = self._packets() if self.kept is None else iter(self.kept)
        before = islice(held, listing.entry)
        self._read_setups(packet for number, packet in enumerate(before) if number in setups)
        for packet in self._ended(stamped(held, listing.entry, numbered=True), listing.key_stamps):
            for frame in self._decode(packet):
                if frame.pts is not None:
                    yield frame.pts, bool(frame.key_frame)

    def everything(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Whatever a tolerant decoder can deliver, from the start: (frame index, frame), in its order."""
        for packet in self._packets_until(index, 0, range(0), lenient=True):
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
        listed = [key.frame for key in index.keys if key.is_flagged]
        if found and found == listed:
            return found, images[: len(found)]
        # The container and the decoder do not agree on what is a key picture: ask the decoder alone.
        flagged = [(i, self.rgb(f)) for i, f in self.pictures(index, range(index.frames)) if f.key_frame]
        if not flagged and listed:
            raise DamagedVideo(self.name, "no key frame could be decoded")
        made = [image for _, image in flagged]
        return [i for i, _ in flagged], np.stack(made) if made else images[:0]

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
        try:
            keys = (
                packet
                for packet in self._packets_from(index, 0, lenient=False)
                if packet.pts in index.key_stamps
            )
            if self._skips:
                self.context.skip_frame = "NONKEY"
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
            if key.is_flagged:
                yield from self.pictures(index, [key.frame])

    def _run(
        self, index: Index, wanted: Sequence[int], key: int, *, lenient: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        places, left = index.places, len(wanted)
        chosen = wanted if isinstance(wanted, range) else frozenset(wanted)
        waiting: dict[int, VideoFrame] = {}
        order = iter(wanted)
        due = next(order, None)
        # Frames that nothing refers to need no decoding unless they are wanted.
        choosy = self._skips and not lenient and not index.numbered
        skipping = False
        # Behind the last frame may lie packets that should have given more: it is handed on after them.
        final = wanted[-1] if index.numbered and not lenient and wanted[-1] == index.frames - 1 else -1
        try:
            for packet in self._packets_until(index, key, chosen, lenient=lenient):
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
                    while due is not None and due != final and due in waiting:
                        yield due, waiting.pop(due)
                        left -= 1
                        due = next(order, None)
                if not left or len(waiting) > MOST_HELD:
                    break
        finally:
            if choosy:
                self.context.skip_frame = "DEFAULT"
        if left == 1 and final in waiting:
            yield final, waiting[final]
        elif left:
            raise DamagedVideo(
                self.name, f"{left} of {len(wanted)} frames could not be decoded, first frame {due}"
            )

    def _packets_until(
        self, index: Index, key: int, wanted: range | frozenset[int], *, lenient: bool
    ) -> Iterator[Packet | None]:
        """The packets from a key packet to the last wanted one, then None: what is held comes out."""
        held = self._packets_from(index, key, lenient=lenient)
        # A packet may hold a part of a frame; behind a fault, others may have a wanted one's stamp.
        if not index.numbered and not lenient:
            held = _until(held, index, wanted)
        return self._ended(held, index.key_stamps)

    def _ended(self, held: Iterator[Packet], keys: Container[int | None]) -> Iterator[Packet | None]:
        """Packets, and what makes the decoder give all frames; `keys` has the stamps of key packets."""
        again: list[Packet] = []
        for packet in held:
            yield packet
            if packet.pts in keys:
                again = [packet]
            elif len(again) == 1:
                again.append(packet)  # it may hold the second field
        # Emptied at the end, the older decoders give their last frame without its vectors. A further key
        # frame, which has no stamp itself, makes it come out in the ordinary way; the first one may only make
        # room for it. Behind a fault that may change which frames come out: there all readings do the same.
        if self._older and (self._vectors or self._lenient or self._numbered):
            for packet in again * 2 if self._numbered else again[:1]:
                yield Packet(bytes(packet))
        yield None

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


def _until(held: Iterator[Packet], index: Index, wanted: range | frozenset[int]) -> Iterator[Packet]:
    """Packets up to that of the last wanted frame."""
    left = len(wanted)
    for packet in held:
        yield packet
        left -= index.places.get(packet.pts, -1) in wanted
        if not left:
            return
