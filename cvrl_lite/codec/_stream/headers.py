"""Frame types of packets, from their headers alone.

As a rule a packet is a frame, and its timestamp says when it is displayed. The exceptions are recognized
here: packets of parameter sets alone, frames that are never displayed, fields, and AVI files of the DivX and
XviD kind, UCF101 among them, that "pack" a B-frame into the packet of the frame before it, fill the gap with
an empty packet, and mark frames that repeat the last one as "not coded".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec._stream.bits import BitReader, EndOfData
from cvrl_lite.codec._stream.nal import NalFrameTypeParser

_VOP = b"\0\0\1\xb6"  # MPEG-4's start code of a video object plane: a frame
_VOL = range(0x20, 0x30)  # and of a video object layer, whose header gives the length of timestamps
_START = b"\0\0\1"
# User data by which FFmpeg's decoder recognizes the encoder: its bugs, and whether its stream is packed.
_ENCODERS = tuple(b"\xb2" + name for name in (b"DivX", b"XviD", b"Lavc", b"FFmp", b"ffmp"))
_IS_PACKED = re.compile(rb"\x00\x00\x01\xb2DivX\d+(?:b|Build)\d+p")  # else one frame is read per packet
_VOP_BYTES = 128  # of a frame's header, up to vop_coded: room for a gap of a thousand seconds
_LONGEST = 160  # bytes of an MPEG-4 header with both quantizer tables
_MPEG12_SLICE = re.compile(rb"\x00\x00\x01[\x01-\xaf]")
_AV1_FRAMES = (3, 6)  # a frame's header, and a frame

# Codecs without packets of other kinds, as far as is known; intra-only codecs are, too.
_ONE_FRAME_PER_PACKET = frozenset(
    {"wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "rv10", "rv20", "ffv1"}
)


class FrameTypeParser(Protocol):
    """Parses the types of the displayed frames of each packet, in decoding order.

    Attributes:
        parameters: Parameter sets and sequence headers in the last packet.
        from_container: Those in the container's header, which the decoder already has.
        may_hide_frames: Whether a packet without displayed frames may hold a frame nevertheless.
        in_fields: Whether blocks of the packets so far may be predicted field by field; the headers do not
            tell which ones are.
    """

    parameters: list[bytes]
    from_container: frozenset[bytes]
    may_hide_frames: bool
    in_fields: bool

    def parse(self, packet: Packet) -> str:
        """A letter per frame: "I", "P", "B", or "?" where the type was not parsed.

        "I" is a key frame. "i" is a frame of H.264 that decoding can start at although the decoder does not
        flag it as a key frame. "f" is a field, or a frame of two; "F" one that decoding can start at. ""
        means that nothing of the packet is displayed.
        """


def frame_type_parser(stream: VideoStream) -> FrameTypeParser | None:
    """The parser of a stream's packets; None for a codec that only its decoder can tell about."""
    codec, header = stream.codec.canonical_name, stream.codec_context.extradata or b""
    if codec in ("h264", "hevc"):
        return NalFrameTypeParser(codec, header)
    if codec == "mpeg4":
        return Mpeg4FrameTypeParser(header)
    if codec in ("mpeg1video", "mpeg2video"):
        return _Mpeg12FrameTypeParser(header)
    if codec in _STATELESS:
        return _StatelessParser(_STATELESS[codec])
    if codec in ("h261", "h263", "flv1"):
        return _StatelessParser(lambda packet: "I" if is_intra(codec, bytes(packet)) else "P")
    if codec in _ONE_FRAME_PER_PACKET or stream.codec.intra_only:
        return _StatelessParser(lambda packet: "?")
    return None


class _StatelessParser:
    """Parses each packet by itself."""

    may_hide_frames = True
    in_fields = False

    def __init__(self, frame_types: Callable[[Packet], str]) -> None:
        self._frame_types = frame_types
        self.parameters: list[bytes] = []
        self.from_container: frozenset[bytes] = frozenset()

    def parse(self, packet: Packet) -> str:
        return self._frame_types(packet)


def _vp8(packet: Packet) -> str:
    """VP8: bit 4 is show_frame; alt-ref frames are never displayed (RFC 6386, 9.1)."""
    first = memoryview(packet)[0]
    return "IP"[first & 1] * (first >> 4 & 1)


def _vp9(packet: Packet) -> str:
    """VP9: a hidden frame is a packet of its own, or in a superframe with a displayed one (Annex B)."""
    view = memoryview(packet)
    first = view[0]
    bits = first << (first >> 4 & 3 == 3)  # profile 3 is followed by a reserved bit
    shows_existing, is_inter, shown = bits >> 3 & 1, bits >> 2 & 1, bits >> 1 & 1
    if first >> 6 != 2 or shows_existing:
        return "?"
    return "IP"[is_inter] if shown or view[-1] & 0xE0 == 0xC0 else ""


def _av1(packet: Packet) -> str:
    """AV1: a temporal unit holds one displayed frame, or no frame at all (AV1, 5.3 and 7.5)."""
    view, at = memoryview(packet), 0
    while at < len(view):  # open bitstream units
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


_STATELESS: dict[str, Callable[[Packet], str]] = {"vp8": _vp8, "vp9": _vp9, "av1": _av1}


def is_intra(codec: str, data: bytes) -> bool:
    """Whether a packet of H.261, H.263 or FLV1 holds a key frame; FFmpeg's parsers flag every packet as one.

    H.261 has no frame types: the freeze picture release bit marks frames that need no other (Rec. ITU-T
    H.261, 4.2.1.3). H.263 has a bit, or three where the source format is 7 (H.263, 5.1.3).
    """
    bits = BitReader(data[:12], zero_padded=True)
    if codec == "flv1":
        return _flv1_type(bits) == 0
    if codec == "h261":
        is_frame = bits.read(20) == 1 << 4
        bits.skip(7)
        return is_frame and bits.flag()
    if bits.read(22) != 1 << 5:
        return False
    bits.skip(13)
    if bits.read(3) != 7:
        return not bits.flag()
    if bits.read(3) == 1:  # the extended header carries its optional part
        bits.skip(18)
    return bits.read(3) == 0


def is_disposable(data: bytes) -> bool:
    """Whether a packet of FLV1 (Sorenson H.263) holds a frame that no other refers to; its type is 2."""
    return _flv1_type(BitReader(data[:12], zero_padded=True)) >= 2


def _flv1_type(bits: BitReader) -> int:
    bits.skip(30)
    bits.skip({0: 16, 1: 32}.get(bits.read(3), 0))  # a custom frame size
    return bits.read(2)


def unpack_first(packet: Packet) -> Packet:
    """The first of the frames packed into a packet of MPEG-4."""
    data = bytes(packet)
    at = data.find(_VOP, data.find(_VOP) + 4)
    if at < 0:
        return packet
    alone = Packet(data[:at])
    alone.pts = packet.pts
    return alone


class _Mpeg12FrameTypeParser:
    """Parses the packets of MPEG-1 and MPEG-2 (ISO/IEC 13818-2, 6.2.3)."""

    may_hide_frames = False

    def __init__(self, header: bytes) -> None:
        self.in_fields = False
        self.parameters: list[bytes] = []
        self._read_sequence(header, len(header))
        self.from_container = frozenset(self.parameters)

    def parse(self, packet: Packet) -> str:
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


class Mpeg4FrameTypeParser:
    """Parses the packets of MPEG-4 Part 2 (ISO/IEC 14496-2, 6.2.3 and 6.2.5).

    Args:
        header: The codec's extradata where the container has it; otherwise the first key packet holds it.
    """

    may_hide_frames = False

    def __init__(self, header: bytes) -> None:
        self._time_bits, self._packed = 0, False
        self.in_fields = False
        self.parameters: list[bytes] = []
        self._read_headers(header)
        self.from_container = frozenset(self.parameters)

    def parse(self, packet: Packet) -> str:
        """The types of the coded frames in a packet: "I", "P", "B"; "" for a filler, "PB" if packed."""
        data, self.parameters = bytes(packet), []
        at = data.find(_VOP)
        if at:  # headers before it
            self._read_headers(data[:at] if at > 0 else data)
        if at < 0:  # the short header of H.263, a filler of a byte or two, or headers alone
            return "" if len(data) <= 8 or _is_headers_alone(data) else "?"
        types = self._coded(data, at + 4)
        while self._packed and (at := data.find(_VOP, at + 4)) >= 0:
            types += self._coded(data, at + 4)
        return types

    def _read_headers(self, data: bytes) -> None:
        parameters, time_bits, interlaced = _read_headers(data)
        self.parameters += parameters
        self._time_bits = time_bits or self._time_bits
        self.in_fields |= interlaced
        self._packed = self._packed or any(map(_IS_PACKED.match, parameters))

    def _coded(self, data: bytes, at: int) -> str:
        """The type of the frame whose header begins at a byte; "" if it is not coded."""
        bits = BitReader(data[at : at + _VOP_BYTES])
        try:
            kind = "IPBP"[bits.read(2)]  # S-frames, P with global motion, come last
            while bits.read(1):  # a one per whole second
                pass
            # The time within the second, between two markers, is followed by vop_coded.
            return kind if bits.read(3 + self._time_bits) & 1 else ""
        except EndOfData:
            return ""


def _is_headers_alone(data: bytes) -> bool:
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


@lru_cache(maxsize=8)  # many files repeat them before each key frame
def _read_headers(data: bytes) -> tuple[tuple[bytes, ...], int, bool]:
    """Parameters, bits of a timestamp (0: unknown) and whether blocks may be fields, from headers."""
    parameters: list[bytes] = []
    time_bits, interlaced = 0, False
    at = data.find(_START)
    while 0 <= at < len(data) - 3 and data[at + 3] != _VOP[3]:
        after = data.find(_START, at + 3)
        if data[at + 3] in _VOL:
            time_bits, interlaced = _read_layer(BitReader(data[at + 4 : at + 40], zero_padded=True))
        if data[at + 3] in _VOL or data.startswith(_ENCODERS, at + 3):
            parameters.append(data[at : after if after >= 0 else None])
        at = after
    return tuple(parameters), time_bits, interlaced


def _read_layer(bits: BitReader) -> tuple[int, bool]:
    """Bits of the time within a second, and whether blocks may be fields, from a VOL header."""
    bits.read(1 + 8)
    if bits.flag():  # is_object_layer_identifier
        bits.read(4 + 3)
    if bits.read(4) == 15:  # extended pixel aspect ratio
        bits.read(8 + 8)
    if bits.flag():  # control parameters
        bits.read(2 + 1)
        if bits.flag():  # of the buffer
            bits.read(79)
    shape = bits.read(2)
    bits.read(1)
    time_bits = max(1, (bits.read(16) - 1).bit_length())
    bits.read(1)
    if bits.flag():  # fixed_vop_rate
        bits.read(time_bits)
    if shape == 0:  # rectangular, with its size
        bits.read(1 + 13 + 1 + 13 + 1)
    return time_bits, bits.flag()
