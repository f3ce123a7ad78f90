"""Which pictures a packet holds, by a look at its headers; nothing is decoded.

As a rule one packet is one picture, and its time stamp says when it is shown. Raw streams have no stamps,
and AVI files of the DivX and XviD kind, UCF101 among them, "pack" a B-picture into the packet of the picture
before it, fill the gap with an empty packet, and mark pictures that repeat the last one as "not coded".
There, only the headers tell which pictures will come out, and in what order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from av.packet import Packet
from av.video.stream import VideoStream

# In a raw H.264 stream: an IDR picture. Nothing that follows it is shown before it.
_IDR = re.compile(rb"\x00\x00\x01[\x05\x25\x45\x65]")
_PICTURE = b"\0\0\1\xb6"  # MPEG-4's start code of a picture
_LAYERS = range(0x20, 0x30)  # and those of a video object layer, which says how long time stamps are


def picture_teller(stream: VideoStream) -> Callable[[Packet], str]:
    """Tells the pictures of a packet that will be shown.

    Args:
        stream: The stream its packets will come from, in order.

    Returns:
        A function from a packet to a letter for each picture: "I", "P", "B", or "?" where its type was not
        looked at; "" where the packet holds nothing to show. In H.264 "I" is an IDR picture.
    """
    codec = stream.codec.canonical_name
    if codec == "mpeg4":
        tell = PictureTeller(stream.codec_context.extradata)
        return lambda packet: tell(bytes(packet))
    if codec in ("mpeg1video", "mpeg2video"):
        return lambda packet: _mpeg12_type(bytes(packet))
    if codec == "h264":
        return lambda packet: "I" if packet.is_keyframe and _IDR.search(bytes(packet)) else "?"
    if codec == "vp8":  # bit 4 tells an alt-ref picture, which is never shown (RFC 6386, 9.1)
        return lambda packet: "?" * (memoryview(packet)[0] >> 4 & 1)
    return lambda packet: "?"


def is_intra(codec: str, data: bytes) -> bool:
    """Whether a packet of H.261 or H.263 holds a key picture; FFmpeg's parsers flag every packet as one.

    H.261 knows no types of pictures: the bit that releases a frozen picture says that it needs no other
    (Rec. ITU-T H.261, 4.2.1.3). H.263 has a bit, or three where the source format is 7 (H.263, 5.1.3).
    """
    if codec == "h261":
        return _field(data, 0, 20) == 1 << 4 and _field(data, 27, 1) == 1
    if _field(data, 0, 22) != 1 << 5:
        return False
    if _field(data, 35, 3) != 7:
        return _field(data, 38, 1) == 0
    return _field(data, 41 + 18 * (_field(data, 38, 3) == 1), 3) == 0


def is_disposable(data: bytes) -> bool:
    """Whether a packet of FLV1 (Sorenson H.263) holds a picture that no other refers to; its type is 2."""
    size = {0: 16, 1: 32}.get(_field(data, 30, 3), 0)  # of its own, in bits
    return _field(data, 33 + size, 2) >= 2


def _field(data: bytes, at: int, count: int) -> int:
    """So many bits from near the front of some bytes; past their end come zeros."""
    bits = int.from_bytes(data[:12].ljust(12, b"\0"), "big")
    return bits >> (96 - at - count) & ((1 << count) - 1)


def _mpeg12_type(data: bytes) -> str:
    """The type in an MPEG-1 or MPEG-2 picture header: start code 0, ten bits of order, three of type."""
    at = data.find(b"\0\0\1\0")
    return "?IPB????"[data[at + 5] >> 3 & 7] if 0 <= at < len(data) - 5 else "?"


class PictureTeller:
    """Tells the coded pictures of MPEG-4 Part 2 packets (ISO/IEC 14496-2, 6.2.3 and 6.2.5).

    Args:
        header: The codec's extradata, where the container keeps it; else the first key packet holds it.
    """

    def __init__(self, header: bytes | None) -> None:
        self._time_bits = 0
        self._read_layer(header or b"")

    def __call__(self, data: bytes) -> str:
        """The types of the coded pictures in a packet: "I", "P", "B"; "" for a filler, "PB" if packed."""
        at = data.find(_PICTURE)
        if at:  # headers before it
            self._read_layer(data)
        if at < 0:  # the short header of H.263, or a filler of a byte or two
            return "?" if len(data) > 8 else ""
        types = ""
        while at >= 0:
            types += self._coded(data[at + 4 : at + 20])
            at = data.find(_PICTURE, at + 4)
        return types

    def _read_layer(self, data: bytes) -> None:
        at = data.find(b"\0\0\1")
        while 0 <= at < len(data) - 3 and data[at + 3] != _PICTURE[3]:
            if data[at + 3] in _LAYERS:
                self._time_bits = _time_bits(_Bits(data[at + 4 : at + 40]))
                return
            at = data.find(b"\0\0\1", at + 3)

    def _coded(self, header: bytes) -> str:
        left = 8 * len(header) - 2
        if left <= 0:
            return ""
        kind = "IPBP"[header[0] >> 6]  # the last is P with global motion
        # Then a one for each whole second, a zero, the time within the second between two markers, the bit.
        bits = int.from_bytes(header, "big")
        zero = (~bits & ((1 << left) - 1)).bit_length() - 1
        at = zero - self._time_bits - 3
        return kind if at >= 0 and bits >> at & 1 else ""


class _Bits:
    """Takes bits from the front of some bytes; past their end come zeros.

    Unlike H.264's, MPEG-4's headers are not escaped, and here a guess is better than none.
    """

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
