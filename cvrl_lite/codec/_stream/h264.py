"""What H.264's headers tell of a stream's references and prediction, without decoding.

FFmpeg exports vectors without the frame that they refer to. Where each slice has a single active reference,
and no command reorders or drops references, that is the nearest I- or P-frame, and its distance is known. The
headers do not tell whether blocks are split below 8x8, of which FFmpeg exports a single vector; x264 writes
its settings into the stream as text, where this can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cvrl_lite.codec._stream.bits import EndOfData, InvalidHeader
from cvrl_lite.codec._stream.h264_headers import (
    Pps,
    SliceHeader,
    Sps,
    parse_pps,
    parse_slice_header,
    parse_sps,
    split_nal_units,
)

_USUAL, _LARGEST = 48, 4096  # bytes of a slice header: nearly always, and with all its tables
_X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")  # UUID before x264's settings
_ANALYSE = re.compile(rb" analyse=0x[0-9a-f]+:0x([0-9a-f]+)")
_SPLIT_BELOW_8X8 = 0x20  # X264_ANALYSE_PSUB8x8


@dataclass(frozen=True)
class H264Facts:
    """What the headers of a stream tell; by default nothing.

    None means unknown: headers are missing or broken, or parsing stopped at the first slice whose reference
    is ambiguous.

    Attributes:
        bit_depth: Bits of a luma sample.
        cropped: Whether frames are displayed without some of their coded border.
        b_frames: Whether there are any.
        weighted: Whether any prediction is weighted.
        deblocked: Whether the loop filter is on in any slice.
        sub_8x8_partitions: Whether blocks of P-frames may be split below 8x8.
        reference_distance_known: Whether each vector refers to the nearest I- or P-frame before (or after)
            its own.
    """

    bit_depth: int | None = None
    cropped: bool | None = None
    b_frames: bool | None = None
    weighted: bool | None = None
    deblocked: bool | None = None
    sub_8x8_partitions: bool | None = None
    reference_distance_known: bool = False

    @property
    def single_reference_p_only(self) -> bool:
        """Whether each frame refers to the one before it alone, so that vectors span one frame."""
        return self.reference_distance_known and self.b_frames is False

    @property
    def residual_exact(self) -> bool:
        """Whether decoded frames and vectors determine the residual exactly.

        The frame before must be the reference as decoded: not cropped, deblocked or weighted, and every
        vector into it exported.
        """
        switched_off = (self.cropped, self.weighted, self.deblocked, self.sub_8x8_partitions)
        return self.single_reference_p_only and self.bit_depth == 8 and switched_off == (False,) * 4


def read_facts(extradata: bytes | None, packets: Iterable[bytes]) -> H264Facts:
    """Parses the headers of a stream.

    Args:
        extradata: The decoder configuration of the container: "avcC", parameter sets behind start codes, or
            nothing.
        packets: The packets' data in decoding order; parsing stops where a reference is ambiguous.

    Returns:
        The facts; broken data leave them unknown.

    Example:
        >>> read_facts(None, [b"no video"]).reference_distance_known
        False
    """
    parser = _Parser()
    try:
        length_size = parser.take_extradata(extradata or b"")
        for data in packets:
            for nal in split_nal_units(data, length_size):
                parser.take(nal)
        return parser.facts(whole=True)
    except (InvalidHeader, _AmbiguousReference):
        return parser.facts(whole=False)


def most_references(extradata: bytes | None) -> int | None:
    """The largest number of reference frames by the container's configuration; None if it has none."""
    parser = _Parser()
    try:
        parser.take_extradata(extradata or b"")
    except (InvalidHeader, _AmbiguousReference):
        return None
    return parser.most_references


class _AmbiguousReference(Exception):
    """A vector may refer to another frame than the nearest."""


class _Parser:
    """Parses a stream unit by unit, as long as each reference is the nearest frame."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}
        self._used: set[Sps] = set()
        self._order = _Order()
        self._last: SliceHeader | None = None
        self._fields = self._weighted = self._deblocked = self._b_frames = False
        self._splits: bool | None = None  # below 8x8, by the settings in force
        self._ever_splits: bool | None = False

    def take_extradata(self, data: bytes) -> int:
        """Parses the decoder configuration; returns the bytes of a NAL unit's size, 0 for start codes."""
        if data[:1] != b"\1":
            for nal in split_nal_units(data, 0):
                self.take(nal)
            return 0
        at = 5
        for mask in (31, 255):  # the number of SPS, then that of PPS
            for _ in range(data[at] & mask if at < len(data) else 0):
                size = int.from_bytes(data[at + 1 : at + 3], "big")
                self.take(data[at + 3 : at + 3 + size])
                at += 2 + size
            at += 1
        return (data[4] & 3) + 1 if len(data) > 4 else 4

    @property
    def most_references(self) -> int | None:
        """The largest number of reference frames in any SPS; None without one."""
        return max((sps.references for sps in self._sps.values()), default=None)

    def take(self, nal: bytes) -> None:
        """Parses a NAL unit.

        Raises:
            InvalidHeader: It is broken.
            _AmbiguousReference: From here on, references are unknown.
        """
        kind = nal[0] & 31 if nal else 0
        if kind in (1, 5):
            self._take_slice(nal)
        elif kind == 6:
            self._take_settings(nal)
        elif kind == 7:
            number, sps = parse_sps(nal)
            if self._sps.get(number, sps) != sps:
                self._splits = None  # perhaps by another encoder
            self._sps[number] = sps
        elif kind == 8:
            number, pps = parse_pps(nal)
            self._pps[number] = pps
        elif kind in (2, 3, 4):  # data partitioning
            raise _AmbiguousReference

    def facts(self, *, whole: bool) -> H264Facts:
        """The facts found so far; `whole`: the stream was parsed to its end."""
        whole = whole and self._last is not None

        def ever(seen: bool) -> bool | None:
            return seen if seen or whole else None

        depths = {sps.bit_depth for sps in self._used}
        return H264Facts(
            bit_depth=depths.pop() if len(depths) == 1 else None,
            cropped=ever(any(sps.cropped for sps in self._used)),
            b_frames=ever(self._b_frames),
            weighted=ever(self._weighted),
            deblocked=ever(self._deblocked),
            sub_8x8_partitions=self._ever_splits if whole or self._ever_splits else None,
            reference_distance_known=whole,
        )

    def _take_settings(self, nal: bytes) -> None:
        at = nal.find(_X264)
        if at >= 0:
            found = _ANALYSE.search(nal, at)
            self._splits = int(found[1], 16) & _SPLIT_BELOW_8X8 > 0 if found else None

    def _take_slice(self, nal: bytes) -> None:
        try:
            header = parse_slice_header(nal, _USUAL, self._sps, self._pps)
        except EndOfData:
            header = parse_slice_header(nal, _LARGEST, self._sps, self._pps)
        if header is None:
            return
        before, self._last = self._last, header
        self._used.add(header.sps)
        self._fields |= header.is_field or header.sps.adaptive_fields
        self._b_frames |= header.kind == "B"
        self._weighted |= header.weighted
        self._deblocked |= header.deblocked
        if header.kind == "P" and not self._ever_splits:
            self._ever_splits = self._splits if self._splits is not False else self._ever_splits
        if self._fields or header.changes_references or max(header.active) > 1:
            raise _AmbiguousReference
        if before is None or header.first_block == 0 or header.picture != before.picture:
            self._order.take(header)
        elif "B" in (header.kind, before.kind) and header.kind != before.kind:
            raise _AmbiguousReference  # B- and other slices have different references


class _Order:
    """Tracks the display order of frames, to find references that are not the nearest frame.

    With one active reference and no command, a P-frame refers to the reference decoded last, and a B-frame to
    the nearest one displayed before it and the nearest one after it (8.2.4.2).
    """

    def __init__(self) -> None:
        self._displayed: list[int] = []  # order counts of the last I- and P-frames since the last IDR frame
        self._from_idr = False
        self._next_frame_num: int | None = None
        self._previous = 0  # order count of the last reference's first field

    def take(self, header: SliceHeader) -> None:
        """Takes the first slice of each frame, in decoding order.

        Raises:
            _AmbiguousReference: It may refer to another frame than the nearest.
        """
        if header.is_idr:
            self._displayed, self._from_idr, self._next_frame_num, self._previous = [], True, 0, 0
        if self._next_frame_num not in (None, header.frame_num):
            raise _AmbiguousReference  # a frame is missing
        self._next_frame_num = (header.frame_num + header.is_reference) % (1 << header.sps.frame_num_bits)
        order, displayed = self._order_count(header), self._displayed
        if header.kind == "B":
            # A leading frame that lacks a reference is not delivered.
            is_leading = len(displayed) == 1 and not self._from_idr and order < displayed[0]
            is_between = len(displayed) == 2 and displayed[0] < order < displayed[1]
            if header.is_reference or header.sps.references < 2 or not (is_between or is_leading):
                raise _AmbiguousReference
            return
        if not header.is_reference or (displayed and order <= displayed[-1]):
            raise _AmbiguousReference
        if header.kind == "P" and not displayed:
            raise _AmbiguousReference
        self._displayed = [*displayed[-1:], order]

    def _order_count(self, header: SliceHeader) -> int:
        """The picture order count (8.2.1)."""
        if header.sps.order_type == 2:  # decoding order
            self._previous += 1
            return self._previous
        low_bits, bottom_offset = header.order
        size = 1 << header.sps.order_bits
        high, low = divmod(self._previous, size)
        if low - low_bits >= size // 2:
            high += 1
        elif low_bits - low > size // 2:
            high -= 1
        order = high * size + low_bits
        if header.is_reference:
            self._previous = order
        return order + min(0, bottom_offset)
