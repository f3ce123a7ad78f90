"""Telling a file that is encrypted from one that is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import BinaryIO

_BLOCK = 1 << 20
# The description of MP4's samples, with the types that ISO/IEC 14496-12, 8.12 and FairPlay give to encrypted
# video: behind version, count and size.
_SAMPLES = re.compile(rb"stsd.{12}(?:encv|drmi)", re.DOTALL)
_MP4 = (b"ftyp", b"moov", b"mdat", b"styp")  # boxes that a file may begin with
_TS = {188: 0, 192: 4, 204: 0}  # bytes of a transport stream's packets, and where in them they begin
_SYNC, _NOTHING = 0x47, 0x1FFF


def is_encrypted(file: str | BinaryIO) -> bool:
    """Whether a file that cannot be read is an encrypted MP4 or a scrambled transport stream."""
    with open(file, "rb") if isinstance(file, str) else nullcontext(file) as opened:
        opened.seek(0)
        first = opened.read(_BLOCK)
        if any(box in first[:64] for box in _MP4):
            return any(_SAMPLES.search(part) for part in _overlapping(first, opened))
        return any(_is_scrambled(first[start:], size) for size, start in _TS.items())


def _is_scrambled(data: bytes, size: int) -> bool:
    """Whether most packets of a transport stream are scrambled (ISO/IEC 13818-1, 2.4.3.2)."""
    packets = [data[at : at + 4] for at in range(0, len(data) - size + 1, size)]
    if not packets or any(packet[0] != _SYNC for packet in packets):
        return False
    held = [packet for packet in packets if int.from_bytes(packet[1:3], "big") & _NOTHING != _NOTHING]
    return 2 * sum(packet[3] >> 7 for packet in held) > len(held)


def _overlapping(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The blocks of a file, each behind the last bytes of the one before."""
    block = first
    while block:
        yield block
        more = file.read(_BLOCK)
        block = block[-32:] + more if more else b""
