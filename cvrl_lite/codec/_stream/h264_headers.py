"""The headers of H.264: of a stream (SPS), of pictures (PPS) and of slices, as far as references go.

Names are those of Rec. ITU-T H.264, chapter 7.3; Exp-Golomb codes: chapter 9.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SCALED_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class Unknown(Exception):
    """The references are not known, or the data are broken."""


class TooShort(Unknown):
    """A header goes on behind the bytes looked at."""


class Bits:
    """Takes numbers from the front of a piece of the stream (its first byte tells what it is)."""

    def __init__(self, nal: bytes, most: int | None = None) -> None:
        data = nal[1:most].replace(b"\0\0\3", b"\0\0")  # the 3 keeps apart what would be a start code
        self._bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
        self._at = 0

    def take(self, count: int) -> int:
        """A number of so many bits."""
        end = self._at + count
        if end > len(self._bits):
            raise TooShort
        value = int(self._bits[self._at : end], 2) if count else 0
        self._at = end
        return value

    def flag(self) -> bool:
        """One bit."""
        return self.take(1) == 1

    def unsigned(self, most: int = 1 << 32) -> int:
        """An Exp-Golomb code, which must not exceed `most`."""
        one = self._bits.find("1", self._at)
        if one < 0:
            raise TooShort
        zeros, self._at = one - self._at, one
        if zeros > 32 or (value := self.take(zeros + 1) - 1) > most:
            raise Unknown
        return value

    def signed(self) -> int:
        """An Exp-Golomb code for 0, 1, -1, 2, -2 ..."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


class Sps(NamedTuple):
    """What a stream's header says."""

    chroma_format: int
    planes_apart: bool
    bit_depth: int
    frame_num_bits: int
    order_type: int
    order_bits: int
    references: int
    frames_only: bool
    adaptive_fields: bool
    cropped: bool


class Pps(NamedTuple):
    """What a header of pictures says; `active`: references in the two lists, where a slice says nothing."""

    sps: int
    arithmetic: bool
    orders_fields: bool
    active: tuple[int, int]
    weighted: bool
    weighted_both: int
    controls_deblocking: bool
    counts_redundant: bool


class Slice(NamedTuple):
    """What a slice's header says."""

    sps: Sps
    first_block: int
    kind: str  # "P", "B", "I"
    frame_num: int
    is_idr: bool
    idr_id: int
    is_reference: bool
    order: tuple[int, int]  # pic_order_cnt_lsb and delta_pic_order_cnt_bottom
    is_field: bool
    active: tuple[int, int]
    moves_references: bool  # a changed list, or marks that change what is in it
    weighted: bool
    deblocked: bool

    @property
    def picture(self) -> tuple[object, ...]:
        """What all slices of a picture have in common."""
        return self.frame_num, self.is_idr, self.idr_id, self.is_reference, self.order, self.is_field


def split(data: bytes, length_size: int) -> Iterator[bytes]:
    """The pieces of a packet (NAL units): each behind its size, or with length_size 0 behind a start code."""
    if not length_size:
        at = data.find(b"\0\0\1")
        while at >= 0:
            end = data.find(b"\0\0\1", at + 3)
            yield data[at + 3 : end if end >= 0 else None]
            at = end
        return
    at = 0
    while at + length_size < len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size + size
        if at > len(data):
            raise Unknown
        yield data[at - size : at]


def read_sps(nal: bytes) -> tuple[int, Sps]:
    """A stream's header: its number, and what it says."""
    bits = Bits(nal)
    profile = bits.take(8)
    bits.take(16)
    number = bits.unsigned(31)
    chroma_format, planes_apart, bit_depth = 1, False, 8
    if profile in _SCALED_PROFILES:
        chroma_format = bits.unsigned(3)
        planes_apart = chroma_format == 3 and bits.flag()
        bit_depth = 8 + bits.unsigned(6)
        bits.unsigned(6)
        bits.flag()
        if bits.flag():
            for i in range(8 if chroma_format != 3 else 12):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if i < 6 else 64)
    frame_num_bits = 4 + bits.unsigned(12)
    order_type, order_bits = bits.unsigned(2), 0
    if order_type == 0:
        order_bits = 4 + bits.unsigned(12)
    elif order_type == 1:  # an order by rules of its own, which hardly anybody uses
        bits.flag()
        for _ in range(2):
            bits.signed()
        for _ in range(bits.unsigned(255)):
            bits.signed()
    references = bits.unsigned(16)
    bits.flag()
    bits.unsigned()
    bits.unsigned()
    frames_only = bits.flag()
    adaptive_fields = not frames_only and bits.flag()
    bits.flag()
    cropped = bits.flag() and any([bits.unsigned() for _ in range(4)])
    return number, Sps(
        chroma_format,
        planes_apart,
        bit_depth,
        frame_num_bits,
        order_type,
        order_bits,
        references,
        frames_only,
        adaptive_fields,
        cropped,
    )


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = scale = 8
    for _ in range(size):
        if scale:
            scale = (last + bits.signed()) % 256
        last = scale or last


def read_pps(nal: bytes) -> tuple[int, Pps]:
    """A header of pictures: its number, and what it says."""
    bits = Bits(nal)
    number, sps = bits.unsigned(255), bits.unsigned(31)
    arithmetic, orders_fields = bits.flag(), bits.flag()
    if bits.unsigned(7):
        raise Unknown  # blocks in an order of their own
    active = (1 + bits.unsigned(31), 1 + bits.unsigned(31))
    weighted, weighted_both = bits.flag(), bits.take(2)
    for _ in range(3):
        bits.signed()
    controls_deblocking = bits.flag()
    bits.flag()
    return number, Pps(
        sps, arithmetic, orders_fields, active, weighted, weighted_both, controls_deblocking, bits.flag()
    )


def read_slice(nal: bytes, most: int, spss: dict[int, Sps], ppss: dict[int, Pps]) -> Slice | None:
    """A slice's header, within so many bytes; None for a slice that repeats another one.

    Raises:
        TooShort: It takes more bytes.
        Unknown: It cannot be read.
    """
    bits = Bits(nal, most)
    is_idr, is_reference = nal[0] & 31 == 5, nal[0] & 0x60 != 0
    first_block, kind = bits.unsigned(), "PBI??"[bits.unsigned(9) % 5]
    pps = ppss.get(bits.unsigned(255))
    sps = spss.get(pps.sps) if pps else None
    if pps is None or sps is None or kind == "?" or sps.planes_apart or sps.order_type == 1:
        raise Unknown
    frame_num = bits.take(sps.frame_num_bits)
    is_field = not sps.frames_only and bits.flag()
    if is_field:
        bits.flag()
    idr_id = bits.unsigned(65535) if is_idr else 0
    order = (0, 0)
    if sps.order_type == 0:
        order = (bits.take(sps.order_bits), bits.signed() if pps.orders_fields and not is_field else 0)
    if pps.counts_redundant and bits.unsigned(127):
        return None
    if kind == "B":
        bits.flag()
    active = pps.active
    if kind != "I" and bits.flag():
        active = (1 + bits.unsigned(31), 1 + bits.unsigned(31) if kind == "B" else 0)
    active = {"P": (active[0], 0), "B": active, "I": (0, 0)}[kind]
    moves = False
    for _ in filter(None, active):
        if bits.flag():
            commands = []
            while (command := bits.unsigned(3)) != 3:
                commands.append((command, bits.unsigned()))
            # (0, 0) puts the reference decoded last in front, where a P-slice has it anyway.
            moves = moves or kind == "B" or commands[:1] != [(0, 0)]
    weighted = kind == "B" and pps.weighted_both == 2
    if (kind == "P" and pps.weighted) or (kind == "B" and pps.weighted_both == 1):
        weighted = _skip_weights(bits, sum(active), color=sps.chroma_format != 0)
    if is_reference and is_idr:
        bits.flag()
        moves = bits.flag() or moves
    elif is_reference and bits.flag():
        while command := bits.unsigned(6):
            picture = 0 if command == 5 else bits.unsigned()
            if command == 3:
                bits.unsigned()
            moves = moves or command != 1 or picture == 0  # else one before the last is given up
    deblocked = True
    if pps.controls_deblocking:
        if pps.arithmetic and kind != "I":
            bits.unsigned(2)
        bits.signed()
        deblocked = bits.unsigned(2) != 1
    return Slice(
        sps,
        first_block,
        kind,
        frame_num,
        is_idr,
        idr_id,
        is_reference,
        order,
        is_field,
        active,
        moves,
        weighted,
        deblocked,
    )


def is_intra(nal: bytes) -> bool:
    """Whether a slice refers to no other picture, by its first bytes."""
    try:
        bits = Bits(nal)
        bits.unsigned()
        return bits.unsigned() % 5 in (2, 4)
    except Unknown:
        return False


def field_of(nal: bytes, sps: Sps) -> bool:
    """Whether a slice is one of a field, by its first bytes; a broken one is taken for one.

    Args:
        nal: The front of the slice.
        sps: The header of a stream that may hold fields.
    """
    try:
        bits = Bits(nal)
        for _ in range(3):  # the first block, the kind, the PPS
            bits.unsigned()
        bits.take(sps.frame_num_bits + 2 * sps.planes_apart)
        return bits.flag()
    except Unknown:
        return True


def _skip_weights(bits: Bits, references: int, *, color: bool) -> bool:
    """Whether a table of weights changes anything."""
    bits.unsigned(7)
    if color:
        bits.unsigned(7)
    changes = False
    for _ in range(references):
        for numbers in (2, 4) if color else (2,):
            if bits.flag():
                changes = True
                for _ in range(numbers):
                    bits.signed()
    return changes
