"""Distinguishes encrypted files from broken ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import BinaryIO

_BLOCK = 1 << 20
# MP4's sample description box: version, count and size, then a sample entry of a type that ISO/IEC 14496-12,
# 8.12 or FairPlay give to encrypted video.
_SAMPLES = re.compile(rb"stsd.{12}(?:encv|drmi)", re.DOTALL)
_MP4 = (b"ftyp", b"moov", b"mdat", b"styp")  # boxes at the start of a file
_TS = {188: 0, 192: 4, 204: 0}  # packet size of a transport stream, and offset of the sync byte
_SYNC, _NULL_PID = 0x47, 0x1FFF


def is_encrypted(file: str | BinaryIO) -> bool:
    """Whether an unreadable file is an encrypted MP4 or a scrambled transport stream."""
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
    held = [packet for packet in packets if int.from_bytes(packet[1:3], "big") & _NULL_PID != _NULL_PID]
    return 2 * sum(packet[3] >> 7 for packet in held) > len(held)


def _overlapping(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The blocks of a file, each preceded by the last bytes of the block before."""
    block = first
    while block:
        yield block
        more = file.read(_BLOCK)
        block = block[-32:] + more if more else b""
