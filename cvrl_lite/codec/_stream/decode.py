"""Decodes selected frames of a stream, exactly and with one thread."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from cvrl_lite.codec._stream.feed import DecodeOptions, Feed, Opened
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec._stream.listing import PacketList
from cvrl_lite.codec._stream.packets import PacketMemory, stamped
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo

MOST_HELD = 64  # frames that may wait for an earlier one; H.264 allows 16


class Decoder(Feed):
    """Delivers frames by index; arguments as of `Feed`."""

    def __init__(
        self, source: Source, options: DecodeOptions, memory: PacketMemory, opened: Opened | None = None
    ) -> None:
        self._converters: dict[tuple[int, int], VideoReformatter] = {}
        super().__init__(source, options, memory, opened)

    def frames(self, index: Index, indices: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes frames.

        Args:
            index: The stream's index.
            indices: Frame indices, ascending.

        Returns:
            An iterator of (frame index, frame), one for each index.

        Raises:
            DamagedVideo: A frame, or one it refers to, cannot be decoded.
        """
        if not indices:
            return
        near = index.key_before(indices[0])
        # A key frame may turn out not to be a starting point; the start of the file always is.
        runs = [(key, False) for key in sorted({near, 0}, reverse=True)]
        if self.options.tolerant:  # what a decoder delivers behind a fault depends on passing through it
            runs = [(near, False)] * (indices[-1] < index.sound) + [(0, True)]
        done = 0
        for number, (key, lenient) in enumerate(runs, 1):
            try:
                for i, frame in self._run(index, indices[done:], key, lenient=lenient):
                    done += 1
                    self._record_first(i, frame)
                    yield i, frame
                return
            except DamagedVideo:
                if number == len(runs) or (done and not self.options.tolerant):
                    raise

    def decode_straight(self, listing: PacketList, setups: tuple[int, ...]) -> Iterator[tuple[int, bool]]:
        """Decodes everything from the first key packet on, skipping what cannot be decoded.

        Args:
            listing: The packets.
            setups: Numbers of packets to read before (see `Key`).

        Returns:
            An iterator of (the frame's stamp, made of its packet's number, whether it is flagged as a key
            frame).
        """
        self._begin(numbered=True, lenient=True)
        self._renew()
        kept = self._memory.packets
        held = self._packets() if kept is None else iter(kept)
        before = islice(held, listing.entry)
        self._read_setups(packet for number, packet in enumerate(before) if number in setups)
        for packet in self._flushed(stamped(held, listing.entry, numbered=True), listing.key_stamps):
            for frame in self._decode(packet):
                if frame.pts is not None:
                    yield frame.pts, bool(frame.key_frame)

    def everything(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes all that a tolerant decoder can deliver: (frame index, frame), in its order."""
        for packet in self._packets_until(index, 0, range(0), lenient=True):
            for frame in self._decode(packet, index):
                i = index.frame_by_stamp.get(frame.pts, -1)
                if self._is_usable(frame, i, index) and i >= 0:
                    yield i, frame

    def see_first_frame(self, index: Index) -> None:
        """Has the source record its first frame; if that cannot be decoded, the first one that can."""
        try:
            for _, frame in self.frames(index, range(1)):
                self._source.record_first_frame(frame)
        except DamagedVideo:
            with self._another(tolerant=True) as other:
                frames = islice(other.everything(index), 1)
                self._source.record_first_frame(next((frame for _, frame in frames), None))

    def key_images(self, index: Index) -> tuple[list[int], np.ndarray]:
        """Decodes the frames flagged as key frames: their indices, and (K, H, W, 3) uint8 RGB.

        Raises:
            DamagedVideo: One of them cannot be decoded.
        """
        images = np.empty((len(index.keys), *index.size, 3), np.uint8)
        found: list[int] = []
        if all(key.is_sure for key in index.keys) and index.keys[-1].frame < index.sound:
            key_frames = self._key_frames_one_by_one if index.numbered else self._key_frames
            try:
                for i, frame in key_frames(index):
                    if len(found) < len(images) and frame.key_frame:
                        self.rgb(frame, images[len(found)])
                        found.append(i)
            except DamagedVideo:
                found = []  # not decodable alone: the whole stream may still be sound
        listed = [key.frame for key in index.keys if key.is_flagged]
        if found and found == listed:
            return found, images[: len(found)]
        # The container and the decoder disagree on the key frames: the decoder counts.
        flagged = [(i, self.rgb(f)) for i, f in self.frames(index, range(index.frames)) if f.key_frame]
        if not flagged and listed:
            raise DamagedVideo(self.name, "no key frame could be decoded")
        decoded = [image for _, image in flagged]
        return [i for i, _ in flagged], np.stack(decoded) if decoded else images[:0]

    def rgb(self, frame: VideoFrame, out: np.ndarray | None = None) -> np.ndarray:
        """Converts a frame to (H, W, 3) uint8 RGB, scaled to the size of `out` and written there if given."""
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

    def with_all_pixels(self, index: Index, i: int) -> VideoFrame:
        """Decodes a frame with all its pixels, whatever this decoder skips."""
        with self._another(tolerant=self.options.tolerant) as other:
            return next(frame for _, frame in other.frames(index, [i]))

    @contextmanager
    def _another(self, *, tolerant: bool) -> Iterator[Decoder]:
        """A further decoder of the same file, which reads the packets from there."""
        other = Decoder(self._source, DecodeOptions(tolerant=tolerant), PacketMemory())
        try:
            yield other
        finally:
            other.close()

    def _record_first(self, i: int, frame: VideoFrame) -> None:
        if i == 0 and self._source.first_frame is None:
            self._source.record_first_frame(frame)

    def _key_frames(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes the key packets alone."""
        stamps = index.key_stamps
        try:
            keys = (packet for packet in self._packets_from(index, 0, lenient=False) if packet.pts in stamps)
            if self._skips:
                self.context.skip_frame = "NONKEY"
            for packet in chain(keys, (None,)):
                for frame in self._decode(packet, index):
                    i = index.frame_by_stamp.get(frame.pts, -1)
                    if self._is_usable(frame, i, index):
                        self._record_first(i, frame)
                        yield i, frame
        finally:
            if self._skips:
                self.context.skip_frame = "DEFAULT"

    def _key_frames_one_by_one(self, index: Index) -> Iterator[tuple[int, VideoFrame]]:
        """Decodes each key frame by itself, where its packet holds less or more than the frame."""
        for key in index.keys:
            if key.is_flagged:
                yield from self.frames(index, [key.frame])

    def _run(
        self, index: Index, indices: Sequence[int], key: int, *, lenient: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        frame_by_stamp, left = index.frame_by_stamp, len(indices)
        chosen = indices if isinstance(indices, range) else frozenset(indices)
        waiting: dict[int, VideoFrame] = {}
        order = iter(indices)
        due = next(order, None)
        # Frames that no other refers to need no decoding unless requested.
        skips = self._skips and not lenient and not index.numbered
        skipping = False
        # Packets behind the last frame may complete it: it is delivered after they were decoded.
        final = indices[-1] if index.numbered and not lenient and indices[-1] == index.frames - 1 else -1
        try:
            for packet in self._packets_until(index, key, chosen, lenient=lenient):
                i = frame_by_stamp.get(packet.pts) if skips and packet is not None else None
                if i is not None and (i not in chosen) != skipping:
                    skipping = not skipping
                    self.context.skip_frame = "NONREF" if skipping else "DEFAULT"
                for frame in self._decode(packet, index):
                    i = frame_by_stamp.get(frame.pts, -1)
                    if i not in chosen or (due is not None and i < due):
                        continue
                    if self._is_usable(frame, i, index):
                        waiting.setdefault(i, frame)
                    while due is not None and due != final and due in waiting:
                        yield due, waiting.pop(due)
                        left -= 1
                        due = next(order, None)
                if not left or len(waiting) > MOST_HELD:
                    break
        finally:
            if skips:
                self.context.skip_frame = "DEFAULT"
        if left == 1 and final in waiting:
            yield final, waiting[final]
        elif left:
            raise DamagedVideo(
                self.name, f"{left} of {len(indices)} frames could not be decoded, first frame {due}"
            )

    def _packets_until(
        self, index: Index, key: int, indices: range | frozenset[int], *, lenient: bool
    ) -> Iterator[Packet | None]:
        """The packets from a key packet to the last requested frame, then None, which flushes the decoder."""
        held = self._packets_from(index, key, lenient=lenient)
        # Otherwise a packet may hold a part of a frame, or packets behind a fault repeat its stamp.
        if not index.numbered and not lenient:
            held = _until(held, index, indices)
        return self._flushed(held, index.key_stamps)

    def _flushed(self, held: Iterator[Packet], keys: Container[int | None]) -> Iterator[Packet | None]:
        """Packets, followed by what flushes all frames out; `keys` are the stamps of key packets."""
        again: list[Packet] = []
        for packet in held:
            yield packet
            if packet.pts in keys:
                again = [packet]
            elif len(again) == 1:
                again.append(packet)  # perhaps its second field
        # Flushed in the ordinary way, the older decoders deliver their last frame without its vectors.
        # Another key frame, without a stamp, pushes it out instead; a first one may only make room for it.
        # Behind a fault that may change which frames are delivered, so there all readings do the same.
        if self._older and (self.options.vectors or self._lenient or self._numbered):
            for packet in again * 2 if self._numbered else again[:1]:
                yield Packet(bytes(packet))
        yield None

    def _is_usable(self, frame: VideoFrame, i: int, index: Index) -> bool:
        """Whether a frame can be delivered.

        Raises:
            DamagedVideo: It cannot, and this run is not lenient.
        """
        if (frame.height, frame.width) != index.size:
            if self._lenient:
                return False
            height, width = index.size
            sizes = f"{width}x{height} to {frame.width}x{frame.height}"
            raise DamagedVideo(self.name, f"the frames change size at frame {i}: {sizes}")
        if frame.is_corrupt and not self._lenient:
            raise DamagedVideo(self.name, f"frame {i} is corrupt")
        return True


def _until(held: Iterator[Packet], index: Index, indices: range | frozenset[int]) -> Iterator[Packet]:
    """Packets up to the one of the last requested frame."""
    left = len(indices)
    for packet in held:
        yield packet
        left -= index.frame_by_stamp.get(packet.pts, -1) in indices
        if not left:
            return
