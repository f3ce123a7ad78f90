"""Counting the pictures in MPEG-4 Part 2 packets (ISO/IEC 14496-2, 6.2.3 and 6.2.5).

AVI files of the DivX and XviD kind, UCF101 among them, "pack" a B-picture into the packet of the picture
before it, fill the gap with an empty packet, and mark pictures that repeat the last one as "not coded".
So packets and pictures are not the same, and only a look at the headers tells how many will come out.
"""

from __future__ import annotations

_LAYERS = range(0x20, 0x30)  # start codes of a video object layer, which says how long time stamps are
_PICTURE = b"\0\0\1\xb6"


class PictureCounter:
    """Counts the coded pictures of each packet.

    Args:
        header: The codec's extradata, where the container keeps it; else the first key packet holds it.
    """

    def __init__(self, header: bytes | None) -> None:
        self._time_bits = 0
        self._read_layer(header or b"")

    def __call__(self, data: bytes) -> int:
        """How many coded pictures the packet holds: 1 as a rule, 0 for a filler, 2 in a packed one."""
        self._read_layer(data)
        count, at = 0, data.find(_PICTURE)
        if at < 0:  # the short header of H.263, or a filler of a byte or two
            return int(len(data) > 8)
        while at >= 0:
            count += self._is_coded(data[at + 4 : at + 20])
            at = data.find(_PICTURE, at + 4)
        return count

    def _read_layer(self, data: bytes) -> None:
        at = data.find(b"\0\0\1")
        while 0 <= at < len(data) - 3 and data[at + 3] != _PICTURE[3]:
            if data[at + 3] in _LAYERS:
                self._time_bits = _time_bits(_Bits(data[at + 4 : at + 40]))
                return
            at = data.find(b"\0\0\1", at + 3)

    def _is_coded(self, header: bytes) -> bool:
        bits = _Bits(header)
        bits.take(2)  # the picture's type
        while bits.take(1):  # whole seconds
            pass
        bits.take(1 + self._time_bits + 1)  # the time within the second, between two markers
        return bool(bits.take(1))


class _Bits:
    """Takes bits from the front of some bytes; past their end come zeros."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        value = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return value & ((1 << count) - 1)


def _time_bits(bits: _Bits) -> int:
    """The length of the time within a second, from the layer's header."""
    bits.take(1 + 8)
    if bits.take(1):  # a version of its own
        bits.take(4 + 3)
    if bits.take(4) == 15:  # a pixel shape of its own
        bits.take(8 + 8)
    if bits.take(1):  # control parameters
        bits.take(2 + 1)
        if bits.take(1):  # of the buffer
            bits.take(79)
    bits.take(2 + 1)
    resolution = bits.take(16)
    return max(1, (resolution - 1).bit_length())
