"""Frame types of H.264 and HEVC packets, by the first bytes of their NAL units.

Syntax elements are those of Rec. ITU-T H.264 and H.265, clauses 7.3 and 7.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from av.packet import Packet

from cvrl_lite.codec._stream.bits import InvalidHeader
from cvrl_lite.codec._stream.h264_headers import (
    Sps,
    is_field_slice,
    is_intra,
    parse_sps,
    payload_reader,
    split_nal_units,
)

_LONG_CODE = b"\0\0\0\1"  # in packets of some AVI files whose header announces sizes
_HEADER = 24  # bytes of a slice that hold its field_pic_flag
_RECOVERY_POINT = 6  # type of an SEI message
_OTHER = 63  # NAL units of HEVC's enhancement layers, which FFmpeg's decoder ignores


class _Syntax(NamedTuple):
    """The NAL unit types of a codec."""

    slices: frozenset[int]
    keys: frozenset[int]
    parameters: frozenset[int]
    first_slice: re.Pattern[bytes]  # in a stream with start codes
    any_parameters: re.Pattern[bytes]


_H264 = _Syntax(
    frozenset({1, 2, 3, 4, 5}),
    frozenset({5}),
    frozenset({7, 8}),
    re.compile(rb"\x00\x00\x01[\x01-\x05\x21-\x25\x41-\x45\x61-\x65]"),
    re.compile(rb"\x00\x00\x01[\x07\x08\x27\x28\x47\x48\x67\x68]"),
)
_HEVC = _Syntax(
    frozenset(range(32)),
    frozenset(range(16, 24)),
    frozenset({32, 33, 34}),
    re.compile(rb"\x00\x00\x01[\x00-\x3f][\x01-\x07]"),
    re.compile(rb"\x00\x00\x01[\x40-\x45][\x01-\x07]"),
)


class NalFrameTypeParser:
    """Parses the packets of H.264 or HEVC; see `FrameTypeParser`.

    Args:
        codec: "h264" or "hevc".
        header: The codec's extradata: "avcC" or "hvcC", NAL units behind start codes, or nothing.

    Attributes:
        parameters: The parameter sets in the last packet.
        from_container: Those of the header.
        in_fields: As in `FrameTypeParser`.
    """

    may_hide_frames = False

    def __init__(self, codec: str, header: bytes) -> None:
        self._avc = codec == "h264"
        self._syntax = _H264 if self._avc else _HEVC
        self._sps: Sps | None = None  # one that allows fields
        self._fields = self.in_fields = False
        self._length, sets = _configuration(header, avc=self._avc)
        self.parameters: list[bytes] = []
        for nal in sets:
            self._take(nal)
        self.from_container = frozenset(self.parameters)

    def parse(self, packet: Packet) -> str:
        """The type of the frame in a packet; "" for an intact packet without a slice."""
        if self._length:
            if not self._fields and not packet.is_keyframe:
                kind = self._kind(memoryview(packet)[self._length : self._length + 2])
                if kind in self._syntax.slices:  # nearly all packets
                    self.parameters = []
                    return "I" if kind in self._syntax.keys else "?"
            data = bytes(packet)
            return self._parse_all(data, 0 if data[:4] == _LONG_CODE else self._length)
        if not self._fields and not packet.is_keyframe:
            found = self._syntax.first_slice.search(packet)
            if found and not self._syntax.any_parameters.search(packet, 0, found.start()):
                self.parameters = []
                kind = self._kind(memoryview(packet)[found.start() + 3 : found.start() + 5])
                return "I" if kind in self._syntax.keys else "?"
        return self._parse_all(bytes(packet), 0)

    def _kind(self, nal: bytes | memoryview) -> int:
        if len(nal) < 2:
            return _OTHER
        if self._avc:
            return nal[0] & 31
        return nal[0] >> 1 & 63 if nal[0] < 128 and not nal[0] & 1 and nal[1] < 8 else _OTHER

    def _parse_all(self, data: bytes, length: int) -> str:
        self.parameters = []
        letter, recovers = "", None
        try:
            for nal in _checked_units(data, length):
                kind = self._kind(nal)
                if kind in self._syntax.slices and not letter:
                    letter = self._letter(nal, kind, recovers)
                elif kind in self._syntax.parameters:
                    self._take(nal)
                elif self._avc and kind == 6 and recovers is None:
                    recovers = _recovery_frames(nal)
        except InvalidHeader:
            return letter or "?"  # broken: only the decoder knows
        return letter

    def _letter(self, nal: bytes, kind: int, recovers: int | None) -> str:
        is_key = kind in self._syntax.keys
        if self._fields and (self._sps is None or is_field_slice(nal[:_HEADER], self._sps)):
            self.in_fields |= self._sps is not None
            return "F" if is_key or recovers is not None else "f"
        if is_key or recovers == 0:
            return "I"
        if self._avc and (recovers is not None or is_intra(nal[:_HEADER])):
            return "i"
        return "P"

    def _take(self, nal: bytes) -> None:
        self.parameters.append(nal)
        if self._avc and self._kind(nal) == 7:
            try:
                sps = parse_sps(nal)[1]
            except InvalidHeader:
                self._fields, self._sps = True, None
                return
            if not sps.frames_only:
                self._fields, self._sps = True, sps
                self.in_fields |= sps.adaptive_fields


def _checked_units(data: bytes, length: int) -> Iterator[bytes]:
    """The NAL units of a packet.

    Raises:
        InvalidHeader: The packet holds anything else.
    """
    if length:
        at = 0
        while at + length < len(data):
            size = int.from_bytes(data[at : at + length], "big")
            at += length + size
            if not size or at > len(data) or data[at - size] & 0x80:
                raise InvalidHeader("not a sequence of NAL units")
            yield data[at - size : at]
        if at != len(data):
            raise InvalidHeader("not a sequence of NAL units")
        return
    if data.lstrip(b"\0")[:1] != b"\1":
        raise InvalidHeader("not a sequence of NAL units")
    for nal in split_nal_units(data, 0):
        if not nal or nal[0] & 0x80:
            raise InvalidHeader("not a sequence of NAL units")
        yield nal.rstrip(b"\0")  # zeros before the next start code belong to no unit


def _recovery_frames(nal: bytes) -> int | None:
    """The frame count of an SEI unit's recovery point (H.264, D.1.8); None if it has none."""
    at = 1
    while at + 2 < len(nal):
        sizes = []
        for _ in range(2):  # the message's type, then its size
            total = 0
            while at < len(nal) and nal[at] == 255:
                total, at = total + 255, at + 1
            total += nal[at] if at < len(nal) else 0
            at += 1
            sizes.append(total)
        if sizes[0] == _RECOVERY_POINT:
            return payload_reader(b"\0" + nal[at : at + 6]).ue()
        at += sizes[1]
    return None


def _configuration(header: bytes, *, avc: bool) -> tuple[int, list[bytes]]:
    """Parses extradata: bytes of a NAL unit's size in packets (0: start codes), and the parameter sets."""
    if header[:1] != b"\1":
        syntax = _H264 if avc else _HEVC
        nals = [nal.rstrip(b"\0") for nal in split_nal_units(header, 0)]
        found = ((nal[0] & 31 if avc else nal[0] >> 1 & 63) if nal else -1 for nal in nals)
        return 0, [nal for nal, kind in zip(nals, found) if kind in syntax.parameters]
    sets: list[bytes] = []
    if avc:
        at, counts = 5, (31, 255)
        for mask in counts:  # the number of SPS, then that of PPS
            number = header[at] & mask if at < len(header) else 0
            at = _take_sets(header, at + 1, number, sets)
        return (header[4] & 3) + 1 if len(header) > 4 else 4, sets
    at = 23
    for _ in range(header[22] if len(header) > 22 else 0):  # arrays, each of one type
        number = int.from_bytes(header[at + 1 : at + 3], "big")
        at = _take_sets(header, at + 3, number, sets)
    sets = [nal for nal in sets if nal[0] >> 1 & 63 in _HEVC.parameters]
    return (header[21] & 3) + 1 if len(header) > 21 else 4, sets


def _take_sets(header: bytes, at: int, number: int, sets: list[bytes]) -> int:
    for _ in range(number):
        size = int.from_bytes(header[at : at + 2], "big")
        if nal := header[at + 2 : at + 2 + size]:
            sets.append(nal)
        at += 2 + size
    return at
