"""The open decoders of one video, kept for the next reading."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.feed import Pixels
from cvrl_lite.codec._stream.packets import Kept
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import UnreadableFile

_Kind = tuple[bool, Pixels]  # with vectors, with which pixels


class Decoders:
    """Hands out decoders, a further one where all are in use, and takes them back.

    After a fork the child opens its own: a file position shared with the parent would move under both.

    Args:
        source: What to open.
        tolerant: As in `Decoder`.

    Attributes:
        kept: The stream's packets, where they are in memory; each decoder then reads them there.
        thorough: Whether all pixels are to be made anyhow: what conceals a fault may look at them.
    """

    def __init__(self, source: Source, *, tolerant: bool = False) -> None:
        self._source, self._tolerant = source, tolerant
        self._idle: dict[_Kind, list[Decoder]] = {}
        self._process = os.getpid()
        self.kept: Kept | None = None
        self.thorough = False
        self.closed = False

    @contextmanager
    def borrow(self, *, vectors: bool = False, pixels: Pixels = "all") -> Iterator[Decoder]:
        """A decoder of this kind, for the time of a `with` block.

        Raises:
            ValueError: The video is closed.
            VideoError: The file cannot be opened (any more).
        """
        if self.closed:
            raise ValueError(f"{self._source.name}: the video is closed")
        if self._process != os.getpid():
            self._idle, self._process = {}, os.getpid()
        pixels = "all" if self.thorough else pixels
        idle = self._idle.setdefault((vectors, pixels), [])
        decoder = idle.pop() if idle else self._unused(vectors, pixels)
        decoder.kept = self.kept
        failed = False
        try:
            yield decoder
        except UnreadableFile:  # another try begins anew
            failed = True
            raise
        finally:
            if self.closed or failed:
                decoder.close()
            else:
                idle.append(decoder)

    @contextmanager
    def borrow_any(self) -> Iterator[Decoder]:
        """A decoder of whatever kind is there, to ask its container about."""
        kinds = (kind for kind, idle in self._idle.items() if idle)
        vectors, pixels = next(kinds, (False, "all"))
        with self.borrow(vectors=vectors, pixels=pixels) as decoder:
            yield decoder

    def close(self) -> None:
        """Closes all and keeps nothing; a second time does nothing."""
        self.closed, self.kept = True, None
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _unused(self, vectors: bool, pixels: Pixels) -> Decoder:
        """A decoder that decoded nothing yet: one that only served to look at packets, or a new one."""
        for (_, had), idle in self._idle.items():
            for decoder in idle:
                if not decoder.started and had == "all":
                    idle.remove(decoder)
                    decoder.become(vectors, pixels)
                    return decoder
        return Decoder(self._source, vectors=vectors, pixels=pixels, tolerant=self._tolerant)
