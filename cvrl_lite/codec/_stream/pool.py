"""The open decoders of a video, kept for the next read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.feed import DecodeOptions, Pixels
from cvrl_lite.codec._stream.packets import PacketMemory
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import UnreadableFile


class Decoders:
    """Lends decoders, opening a further one where all are in use.

    After a fork the child opens its own, as a file position shared with the parent would move in both.

    Args:
        source: What to open.
        tolerant: As in `DecodeOptions`.

    Attributes:
        memory: The stream's packets, where they are in memory, for all decoders.
    """

    def __init__(self, source: Source, *, tolerant: bool = False) -> None:
        self._source, self._tolerant = source, tolerant
        self._idle: dict[DecodeOptions, list[Decoder]] = {}
        self._process = os.getpid()
        self._decode_all_pixels = self._closed = False
        self.memory = PacketMemory()

    def require_all_pixels(self) -> None:
        """Has every decoder compute all pixels from now on: error concealment may read them."""
        self._decode_all_pixels = True

    @contextmanager
    def borrow(self, *, vectors: bool = False, pixels: Pixels = "all") -> Iterator[Decoder]:
        """Lends a decoder for the duration of a `with` block; arguments as of `DecodeOptions`.

        Raises:
            ValueError: The video is closed.
            VideoError: The file cannot be opened any more.
        """
        if self._closed:
            raise ValueError(f"{self._source.name}: the video is closed")
        if self._process != os.getpid():
            self._idle, self._process = {}, os.getpid()
        options = DecodeOptions(vectors, "all" if self._decode_all_pixels else pixels, self._tolerant)
        idle = self._idle.setdefault(options, [])
        decoder = idle.pop() if idle else self._make(options)
        failed = False
        try:
            yield decoder
        except UnreadableFile:  # the next read opens the file again
            failed = True
            raise
        finally:
            if self._closed or failed:
                decoder.close()
            else:
                idle.append(decoder)

    @contextmanager
    def borrow_any(self) -> Iterator[Decoder]:
        """Lends any decoder that is idle, to look at its container."""
        kinds = (options for options, idle in self._idle.items() if idle)
        options = next(kinds, DecodeOptions())
        with self.borrow(vectors=options.vectors, pixels=options.pixels) as decoder:
            yield decoder

    def close(self) -> None:
        """Closes all decoders and frees the packets; a second time does nothing."""
        self._closed = True
        self.memory.clear()
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _make(self, options: DecodeOptions) -> Decoder:
        """A new decoder, which takes over the container of one that only served to list packets."""
        for idle in self._idle.values():
            for decoder in idle:
                if decoder.can_be_taken_over:
                    idle.remove(decoder)
                    return Decoder(self._source, options, self.memory, decoder.release())
        return Decoder(self._source, options, self.memory)
