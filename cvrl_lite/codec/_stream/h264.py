"""What the headers of an H.264 stream say about its references and its prediction; nothing is decoded.

FFmpeg exports vectors without the picture they lead to. Where each slice has a single reference, and no
command moves it to another place, it is the nearest I- or P-picture, and the distance is known. One thing
that the headers do not tell is whether blocks are split below 8x8, of which FFmpeg exports one vector
only; x264 writes its settings into the stream as text, and there it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cvrl_lite.codec._stream.h264_headers import (
    Pps,
    Slice,
    Sps,
    TooShort,
    Unknown,
    read_pps,
    read_slice,
    read_sps,
    split,
)

_NEAR, _FAR = 48, 4096  # bytes of a slice in which its header ends, as a rule and with all its tables
_X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")  # stands before x264's text in the stream
_ANALYSE = re.compile(rb" analyse=0x[0-9a-f]+:0x([0-9a-f]+)")
_SPLIT_BELOW_8X8 = 0x20  # X264_ANALYSE_PSUB8x8


@dataclass(frozen=True)
class H264Facts:
    """What is known of a stream; by default nothing is.

    A value of None is not known: its headers are missing or broken, or reading ended before, at the first
    slice that leaves the references open.

    Attributes:
        bit_depth: Bits of a luma sample.
        cropped: Whether pictures are shown without some of their coded edge.
        b_pictures: Whether there are any.
        weighted: Whether any prediction is scaled in brightness.
        deblocked: Whether the loop filter is on in any slice.
        sub_8x8_partitions: Whether blocks of P-pictures may be split below 8x8.
        reference_distance_known: Whether each vector leads to the nearest picture before (or behind) it
            that is not B.
    """

    bit_depth: int | None = None
    cropped: bool | None = None
    b_pictures: bool | None = None
    weighted: bool | None = None
    deblocked: bool | None = None
    sub_8x8_partitions: bool | None = None
    reference_distance_known: bool = False

    @property
    def single_reference_p_only(self) -> bool:
        """Whether each picture refers to the one before and no other, so that each vector is one step."""
        return self.reference_distance_known and self.b_pictures is False

    @property
    def residual_exact(self) -> bool:
        """Whether decoded pictures and vectors tell the residual bit by bit.

        The picture before must be the reference as it is: nothing of it cropped, its block edges not
        smoothed, its brightness not scaled, and each vector into it told.
        """
        switched_off = (self.cropped, self.weighted, self.deblocked, self.sub_8x8_partitions)
        return self.single_reference_p_only and self.bit_depth == 8 and switched_off == (False,) * 4


def read_facts(extradata: bytes | None, packets: Iterable[bytes]) -> H264Facts:
    """Reads the headers of a stream.

    Args:
        extradata: What the container keeps for the decoder: "avcC" (its packets hold sizes), or headers
            behind start codes, or nothing.
        packets: The data of the packets in decoding order. Reading ends where the references turn out not
            to be known.

    Returns:
        The facts. Broken data makes them unknown and raises nothing.

    Example:
        >>> read_facts(None, [b"no video"]).reference_distance_known
        False
    """
    reader = _Reader()
    try:
        length_size = reader.take_extradata(extradata or b"")
        for data in packets:
            for nal in split(data, length_size):
                reader.take(nal)
        return reader.facts(whole=True)
    except Unknown:
        return reader.facts(whole=False)


def most_references(extradata: bytes | None) -> int | None:
    """How many pictures may be referred to at all, by what the container keeps; None if it is silent."""
    reader = _Reader()
    try:
        reader.take_extradata(extradata or b"")
    except Unknown:
        return None
    return reader.most_references


class _Reader:
    """Follows a stream piece by piece, as long as each reference is the one that it seems to be."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}
        self._used: set[Sps] = set()
        self._order = _Order()
        self._last: Slice | None = None
        self._fields = self._weighted = self._deblocked = self._twofold = False
        self._splits: bool | None = None  # below 8x8, by the text before the picture at hand
        self._ever_splits: bool | None = False

    def take_extradata(self, data: bytes) -> int:
        """Reads what the container keeps; returns the bytes of a packet's sizes, 0 for start codes."""
        if data[:1] != b"\1":
            for nal in split(data, 0):
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
        """The largest number that a header of the stream allows, where there is one."""
        return max((sps.references for sps in self._sps.values()), default=None)

    def take(self, nal: bytes) -> None:
        """Reads a piece of the stream.

        Raises:
            Unknown: From here on, the references are not known.
        """
        kind = nal[0] & 31 if nal else 0
        if kind in (1, 5):
            self._take_slice(nal)
        elif kind == 6:
            self._take_text(nal)
        elif kind == 7:
            number, sps = read_sps(nal)
            if self._sps.get(number, sps) != sps:
                self._splits = None  # another encoder's, perhaps
            self._sps[number] = sps
        elif kind == 8:
            number, pps = read_pps(nal)
            self._pps[number] = pps
        elif kind in (2, 3, 4):  # a slice in parts
            raise Unknown

    def facts(self, *, whole: bool) -> H264Facts:
        """What was found; `whole`: up to the end of the stream."""
        whole = whole and self._last is not None

        def ever(seen: bool) -> bool | None:
            return seen if seen or whole else None

        depths = {sps.bit_depth for sps in self._used}
        return H264Facts(
            bit_depth=depths.pop() if len(depths) == 1 else None,
            cropped=ever(any(sps.cropped for sps in self._used)),
            b_pictures=ever(self._twofold),
            weighted=ever(self._weighted),
            deblocked=ever(self._deblocked),
            sub_8x8_partitions=self._ever_splits if whole or self._ever_splits else None,
            reference_distance_known=whole,
        )

    def _take_text(self, nal: bytes) -> None:
        at = nal.find(_X264)
        if at >= 0:
            found = _ANALYSE.search(nal, at)
            self._splits = int(found[1], 16) & _SPLIT_BELOW_8X8 > 0 if found else None

    def _take_slice(self, nal: bytes) -> None:
        try:
            part = read_slice(nal, _NEAR, self._sps, self._pps)
        except TooShort:
            part = read_slice(nal, _FAR, self._sps, self._pps)
        if part is None:
            return
        before, self._last = self._last, part
        self._used.add(part.sps)
        self._fields |= part.is_field or part.sps.adaptive_fields
        self._twofold |= part.kind == "B"
        self._weighted |= part.weighted
        self._deblocked |= part.deblocked
        if part.kind == "P" and not self._ever_splits:
            self._ever_splits = self._splits if self._splits is not False else self._ever_splits
        if self._fields or part.moves_references or max(part.active) > 1:
            raise Unknown
        if before is None or part.first_block == 0 or part.picture != before.picture:
            self._order.take(part)
        elif "B" in (part.kind, before.kind) and part.kind != before.kind:
            raise Unknown  # the references of one are not those of the other


class _Order:
    """The order in which pictures are shown; finds where the one referred to is not the nearest.

    With one active reference and no command, a P-picture refers to the reference decoded last, and a
    B-picture to the nearest one shown before it and the nearest shown behind it (8.2.4.2).
    """

    def __init__(self) -> None:
        self._shown: list[int] = []  # when the last I- and P-pictures since the last IDR picture are
        self._from_idr = False
        self._frame_num: int | None = None  # due next
        self._before = 0  # when the first line of the last reference is shown

    def take(self, part: Slice) -> None:
        """Takes the first slice of each picture, in decoding order.

        Raises:
            Unknown: It may refer to another picture than the nearest.
        """
        if part.is_idr:
            self._shown, self._from_idr, self._frame_num, self._before = [], True, 0, 0
        if self._frame_num not in (None, part.frame_num):
            raise Unknown  # a picture is missing
        self._frame_num = (part.frame_num + part.is_reference) % (1 << part.sps.frame_num_bits)
        order = self._when(part)
        if part.kind == "B":
            # Shown before all others, it lacks a reference, and is left out of the video.
            left_out = len(self._shown) == 1 and not self._from_idr and order < self._shown[0]
            between = len(self._shown) == 2 and self._shown[0] < order < self._shown[1]
            if part.is_reference or part.sps.references < 2 or not (between or left_out):
                raise Unknown
            return
        if not part.is_reference or (self._shown and order <= self._shown[-1]):
            raise Unknown
        if part.kind == "P" and not self._shown:
            raise Unknown
        self._shown = [*self._shown[-1:], order]

    def _when(self, part: Slice) -> int:
        """The picture order count (8.2.1)."""
        if part.sps.order_type == 2:  # as decoded
            self._before += 1
            return self._before
        lowest, further = part.order
        size = 1 << part.sps.order_bits
        high, low = divmod(self._before, size)
        if low - lowest >= size // 2:
            high += 1
        elif lowest - low > size // 2:
            high -= 1
        order = high * size + lowest
        if part.is_reference:
            self._before = order
        return order + min(0, further)
