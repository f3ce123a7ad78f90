"""Which frames a packet holds, by a look at its headers; nothing is decoded.

As a rule one packet is one frame, and its time stamp says when it is shown. What breaks the rule is told
here: packets that hold parameter sets alone, pictures that are never shown, fields, and AVI files of the DivX
and XviD kind, UCF101 among them, that "pack" a B-frame into the packet of the frame before it, fill the gap
with an empty packet, and mark frames that repeat the last one as "not coded".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.nal import NalTeller

_PICTURE = b"\0\0\1\xb6"  # MPEG-4's start code of a picture
_LAYERS = range(0x20, 0x30)  # and those of a video object layer, which says how long time stamps are
_START = b"\0\0\1"
# User data by which FFmpeg's decoder knows whose stream it is: its faults, and whether it is packed.
_ENCODERS = tuple(b"\xb2" + name for name in (b"DivX", b"XviD", b"Lavc", b"FFmp", b"ffmp"))
_IS_PACKED = re.compile(rb"\x00\x00\x01\xb2DivX\d+(?:b|Build)\d+p")  # else it reads one frame a packet
_LONGEST = 160  # bytes of an MPEG-4 header with both of its tables
_MPEG12_SLICE = re.compile(rb"\x00\x00\x01[\x01-\xaf]")
_AV1_FRAMES = (3, 6)  # a frame's header, and a frame

# Each packet of these is a frame, as far as is known; an intra-only codec's is, too.
_PLAIN = frozenset({"wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "rv10", "rv20", "ffv1"})


class Teller(Protocol):
    """Tells the frames of a packet that will be shown, packets given in decoding order.

    Attributes:
        parameters: What the packet looked at last says of the stream: parameter sets, sequence headers.
        known: What of this the decoder knows from the start.
        may_hide: Whether a packet of which nothing is shown may hold a frame nevertheless.
        in_fields: Whether blocks of the packets seen so far may be predicted field by field: the headers do
            not tell which are.
    """

    parameters: list[bytes]
    known: frozenset[bytes]
    may_hide: bool
    in_fields: bool

    def __call__(self, packet: Packet) -> str:
        """A letter for each frame: "I", "P", "B", or "?" where its type was not looked at.

        "I" is a key frame. "i" is a frame of H.264 that decoding can start at, and that the decoder does not
        flag as a key frame. "f" is a field, or a frame of two, "F" one that decoding can start at.
        "" means that nothing of the packet is shown.
        """


def teller(stream: VideoStream) -> Teller | None:
    """What tells the frames of a stream's packets; None for a codec whose packets only its decoder knows."""
    codec, header = stream.codec.canonical_name, stream.codec_context.extradata or b""
    if codec in ("h264", "hevc"):
        return NalTeller(codec, header)
    if codec == "mpeg4":
        return Mpeg4Teller(header)
    if codec in ("mpeg1video", "mpeg2video"):
        return _Mpeg12Teller(header)
    if codec in _LOOKS:
        return _Simple(_LOOKS[codec])
    if codec in ("h261", "h263", "flv1"):
        return _Simple(lambda packet: "I" if is_intra(codec, bytes(packet)) else "P")
    if codec in _PLAIN or stream.codec.intra_only:
        return _Simple(lambda packet: "?")
    return None


class _Simple:
    """Tells frames without anything to remember."""

    may_hide = True
    in_fields = False

    def __init__(self, look: Callable[[Packet], str]) -> None:
        self._look = look
        self.parameters: list[bytes] = []
        self.known: frozenset[bytes] = frozenset()

    def __call__(self, packet: Packet) -> str:
        return self._look(packet)


def _vp8(packet: Packet) -> str:
    """VP8: bit 4 tells an alt-ref frame, which is never shown (RFC 6386, 9.1)."""
    first = memoryview(packet)[0]
    return "IP"[first & 1] * (first >> 4 & 1)


def _vp9(packet: Packet) -> str:
    """VP9: a frame that is not shown comes alone, or in a superframe with one that is (its Annex B)."""
    view = memoryview(packet)
    first = view[0]
    bits = first << (first >> 4 & 3 == 3)  # behind profile 3 a bit is reserved
    shows_existing, is_inter, shown = bits >> 3 & 1, bits >> 2 & 1, bits >> 1 & 1
    if first >> 6 != 2 or shows_existing:
        return "?"
    return "IP"[is_inter] if shown or view[-1] & 0xE0 == 0xC0 else ""


def _av1(packet: Packet) -> str:
    """AV1: a temporal unit holds one frame that is shown, unless it holds no frame (AV1, 5.3 and 7.5)."""
    view, at = memoryview(packet), 0
    while at < len(view):  # an open bitstream unit after the other
        first, at = view[at], at + 1
        if first >> 3 & 15 in _AV1_FRAMES or not first & 2:
            return "?"
        at += first >> 2 & 1
        size = shift = 0
        while at < len(view):
            byte, at = view[at], at + 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        at += size
    return "" if at == len(view) else "?"


_LOOKS: dict[str, Callable[[Packet], str]] = {"vp8": _vp8, "vp9": _vp9, "av1": _av1}


def is_intra(codec: str, data: bytes) -> bool:
    """Whether a packet of H.261, H.263 or FLV1 holds a key frame; FFmpeg's parsers flag every packet as one.

    H.261 knows no types of pictures: the bit that releases a frozen picture says that it needs no other
    (Rec. ITU-T H.261, 4.2.1.3). H.263 has a bit, or three where the source format is 7 (H.263, 5.1.3).
    """
    if codec == "h261":
        return _field(data, 0, 20) == 1 << 4 and _field(data, 27, 1) == 1
    if codec == "flv1":
        return _flv1_type(data) == 0
    if _field(data, 0, 22) != 1 << 5:
        return False
    if _field(data, 35, 3) != 7:
        return _field(data, 38, 1) == 0
    return _field(data, 41 + 18 * (_field(data, 38, 3) == 1), 3) == 0


def is_disposable(data: bytes) -> bool:
    """Whether a packet of FLV1 (Sorenson H.263) holds a picture that no other refers to; its type is 2."""
    return _flv1_type(data) >= 2


def _flv1_type(data: bytes) -> int:
    size = {0: 16, 1: 32}.get(_field(data, 30, 3), 0)  # of its own, in bits
    return _field(data, 33 + size, 2)


def first_alone(packet: Packet) -> Packet:
    """The first of the frames that are packed into a packet of MPEG-4."""
    data = bytes(packet)
    at = data.find(_PICTURE, data.find(_PICTURE) + 4)
    if at < 0:
        return packet
    alone = Packet(data[:at])
    alone.pts = packet.pts
    return alone


def _field(data: bytes, at: int, count: int) -> int:
    """So many bits from near the front of some bytes; past their end come zeros."""
    bits = int.from_bytes(data[:12].ljust(12, b"\0"), "big")
    return bits >> (96 - at - count) & ((1 << count) - 1)


class _Mpeg12Teller:
    """Tells the pictures of MPEG-1 and MPEG-2 packets (ISO/IEC 13818-2, 6.2.3)."""

    may_hide = False

    def __init__(self, header: bytes) -> None:
        self.in_fields = False
        self.parameters: list[bytes] = []
        self._read_sequence(header, len(header))
        self.known = frozenset(self.parameters)

    def __call__(self, packet: Packet) -> str:
        data, self.parameters = bytes(packet), []
        at = data.find(b"\0\0\1\0")
        self._read_sequence(data, at if at >= 0 else len(data))
        if at < 0:
            return "" if data[:3] == _START and not _MPEG12_SLICE.search(data) else "?"
        types = ""
        while 0 <= at < len(data) - 5:
            extension = data.find(b"\0\0\1\xb5", at, at + 64)
            is_field = 0 <= extension < len(data) - 6 and data[extension + 6] & 3 != 3
            if 0 <= extension < len(data) - 7:
                self.in_fields |= is_field or not data[extension + 7] & 0x40  # frame_pred_frame_dct
            kind = "?IPB????"[data[at + 5] >> 3 & 7]
            types += ("F" if kind == "I" else "f") if is_field else kind
            at = data.find(b"\0\0\1\0", at + 4)
        return types or "?"

    def _read_sequence(self, data: bytes, end: int) -> None:
        at = data.find(b"\0\0\1\xb3", 0, end)
        if at >= 0:
            group = data.find(b"\0\0\1\xb8", at, end)
            self.parameters.append(data[at : group if group >= 0 else end])


class Mpeg4Teller:
    """Tells the coded pictures of MPEG-4 Part 2 packets (ISO/IEC 14496-2, 6.2.3 and 6.2.5).

    Args:
        header: The codec's extradata, where the container keeps it; else the first key packet holds it.
    """

    may_hide = False

    def __init__(self, header: bytes) -> None:
        self._time_bits, self._packed = 0, False
        self.in_fields = False
        self.parameters: list[bytes] = []
        self._read_headers(header)
        self.known = frozenset(self.parameters)

    def __call__(self, packet: Packet) -> str:
        """The types of the coded pictures in a packet: "I", "P", "B"; "" for a filler, "PB" if packed."""
        data, self.parameters = bytes(packet), []
        at = data.find(_PICTURE)
        if at:  # headers before it
            self._read_headers(data[:at] if at > 0 else data)
        if at < 0:  # the short header of H.263, a filler of a byte or two, or headers alone
            return "" if len(data) <= 8 or _headers_alone(data) else "?"
        types = self._coded(data, at + 4)
        while self._packed and (at := data.find(_PICTURE, at + 4)) >= 0:
            types += self._coded(data, at + 4)
        return types

    def _read_headers(self, data: bytes) -> None:
        parameters, time_bits, interlaced = _read_headers(data)
        self.parameters += parameters
        self._time_bits = time_bits or self._time_bits
        self.in_fields |= interlaced
        self._packed = self._packed or any(map(_IS_PACKED.match, parameters))

    def _coded(self, data: bytes, at: int) -> str:
        """The type of the picture whose header begins at a byte; "" if it is not coded."""
        try:
            kind, bit = "IPBP"[data[at] >> 6], 8 * at + 2  # the last is P with global motion
            while data[bit >> 3] >> (~bit & 7) & 1:  # a one for each whole second
                bit += 1
            bit += 3 + self._time_bits  # a zero, and the time within the second between two markers
            return kind if data[bit >> 3] >> (~bit & 7) & 1 else ""
        except IndexError:
            return ""


def _headers_alone(data: bytes) -> bool:
    """Whether an MPEG-4 packet holds headers of the stream and nothing else."""
    pieces = data.split(_START)
    if pieces[0].strip(b"\0") or len(pieces) < 2:
        return False
    user_data = 0xB2
    kinds = {*range(0x30), 0xB0, 0xB3, 0xB5, user_data}
    return all(
        piece and piece[0] in kinds and (len(piece) < _LONGEST or piece[0] == user_data)
        for piece in pieces[1:]
    )


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


@lru_cache(maxsize=8)  # in many files they stand before each key frame
def _read_headers(data: bytes) -> tuple[tuple[bytes, ...], int, bool]:
    """What headers say of the stream: its parameters, and what `_read_layer` finds (0 and False: nothing)."""
    parameters: list[bytes] = []
    time_bits, interlaced = 0, False
    at = data.find(_START)
    while 0 <= at < len(data) - 3 and data[at + 3] != _PICTURE[3]:
        after = data.find(_START, at + 3)
        if data[at + 3] in _LAYERS:
            time_bits, interlaced = _read_layer(_Bits(data[at + 4 : at + 40]))
        if data[at + 3] in _LAYERS or data.startswith(_ENCODERS, at + 3):
            parameters.append(data[at : after if after >= 0 else None])
        at = after
    return tuple(parameters), time_bits, interlaced


def _read_layer(bits: _Bits) -> tuple[int, bool]:
    """The length of the time within a second, and whether blocks may be fields, from the layer's header."""
    bits.take(1 + 8)
    if bits.take(1):  # a version of its own
        bits.take(4 + 3)
    if bits.take(4) == 15:  # a pixel shape of its own
        bits.take(8 + 8)
    if bits.take(1):  # control parameters
        bits.take(2 + 1)
        if bits.take(1):  # of the buffer
            bits.take(79)
    shape = bits.take(2)
    bits.take(1)
    time_bits = max(1, (bits.take(16) - 1).bit_length())
    bits.take(1)
    if bits.take(1):  # a fixed step
        bits.take(time_bits)
    if shape == 0:  # a rectangle, and its size
        bits.take(1 + 13 + 1 + 13 + 1)
    return time_bits, bool(bits.take(1))
