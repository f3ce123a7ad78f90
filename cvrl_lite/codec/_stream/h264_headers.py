"""Parses H.264's headers, as far as references and fields are concerned: SPS, PPS and slice headers.

Syntax elements are those of Rec. ITU-T H.264, clause 7.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cvrl_lite.codec._stream.bits import BitReader, InvalidHeader

_SCALED_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class Sps(NamedTuple):
    """A sequence parameter set."""

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
    """A picture parameter set; `active`: default numbers of references in the two lists."""

    sps: int
    arithmetic: bool
    orders_fields: bool
    active: tuple[int, int]
    weighted: bool
    weighted_both: int
    controls_deblocking: bool
    counts_redundant: bool


class SliceHeader(NamedTuple):
    """The header of a slice."""

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
    changes_references: bool  # reorders a reference list, or marks frames as unused
    weighted: bool
    deblocked: bool

    @property
    def picture(self) -> tuple[object, ...]:
        """What all slices of a picture share."""
        return self.frame_num, self.is_idr, self.idr_id, self.is_reference, self.order, self.is_field


def split_nal_units(data: bytes, length_size: int) -> Iterator[bytes]:
    """Splits a packet into NAL units.

    Args:
        data: The packet.
        length_size: Bytes of the size before each unit; 0 for start codes.

    Raises:
        InvalidHeader: A unit continues past the end.
    """
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
            raise InvalidHeader("a NAL unit longer than its packet")
        yield data[at - size : at]


def payload_reader(nal: bytes, size: int | None = None) -> BitReader:
    """A reader of a NAL unit's payload.

    Args:
        nal: The unit, with its first byte, which holds its type.
        size: How many bytes to look at; None for all.
    """
    return BitReader(nal[1:size].replace(b"\0\0\3", b"\0\0"))  # without emulation prevention bytes


def parse_sps(nal: bytes) -> tuple[int, Sps]:
    """Parses a sequence parameter set.

    Returns:
        Its number and its contents.

    Raises:
        InvalidHeader: It is broken.
    """
    bits = payload_reader(nal)
    profile = bits.read(8)
    bits.read(16)
    number = bits.ue(31)
    chroma_format, planes_apart, bit_depth = 1, False, 8
    if profile in _SCALED_PROFILES:
        chroma_format = bits.ue(3)
        planes_apart = chroma_format == 3 and bits.flag()
        bit_depth = 8 + bits.ue(6)
        bits.ue(6)
        bits.flag()
        if bits.flag():
            for i in range(8 if chroma_format != 3 else 12):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if i < 6 else 64)
    frame_num_bits = 4 + bits.ue(12)
    order_type, order_bits = bits.ue(2), 0
    if order_type == 0:
        order_bits = 4 + bits.ue(12)
    elif order_type == 1:
        bits.flag()
        for _ in range(2):
            bits.se()
        for _ in range(bits.ue(255)):
            bits.se()
    references = bits.ue(16)
    bits.flag()
    bits.ue()
    bits.ue()
    frames_only = bits.flag()
    adaptive_fields = not frames_only and bits.flag()
    bits.flag()
    cropped = bits.flag() and any([bits.ue() for _ in range(4)])
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


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = scale = 8
    for _ in range(size):
        if scale:
            scale = (last + bits.se()) % 256
        last = scale or last


def parse_pps(nal: bytes) -> tuple[int, Pps]:
    """Parses a picture parameter set; as `parse_sps`."""
    bits = payload_reader(nal)
    number, sps = bits.ue(255), bits.ue(31)
    arithmetic, orders_fields = bits.flag(), bits.flag()
    if bits.ue(7):
        raise InvalidHeader("flexible macroblock ordering")
    active = (1 + bits.ue(31), 1 + bits.ue(31))
    weighted, weighted_both = bits.flag(), bits.read(2)
    for _ in range(3):
        bits.se()
    controls_deblocking = bits.flag()
    bits.flag()
    return number, Pps(
        sps, arithmetic, orders_fields, active, weighted, weighted_both, controls_deblocking, bits.flag()
    )


def parse_slice_header(
    nal: bytes, size: int, sps_by_number: dict[int, Sps], pps_by_number: dict[int, Pps]
) -> SliceHeader | None:
    """Parses the header of a slice.

    Args:
        nal: The slice's NAL unit.
        size: How many bytes to look at.
        sps_by_number: Sequence parameter sets.
        pps_by_number: Picture parameter sets.

    Returns:
        The header; None for a redundant slice.

    Raises:
        EndOfData: The header takes more bytes.
        InvalidHeader: It cannot be parsed.
    """
    bits = payload_reader(nal, size)
    is_idr, is_reference = nal[0] & 31 == 5, nal[0] & 0x60 != 0
    first_block, kind = bits.ue(), "PBI??"[bits.ue(9) % 5]
    pps = pps_by_number.get(bits.ue(255))
    sps = sps_by_number.get(pps.sps) if pps else None
    if pps is None or sps is None or kind == "?" or sps.planes_apart or sps.order_type == 1:
        raise InvalidHeader("a slice of unknown parameters")
    frame_num = bits.read(sps.frame_num_bits)
    is_field = not sps.frames_only and bits.flag()
    if is_field:
        bits.flag()
    idr_id = bits.ue(65535) if is_idr else 0
    order = (0, 0)
    if sps.order_type == 0:
        order = (bits.read(sps.order_bits), bits.se() if pps.orders_fields and not is_field else 0)
    if pps.counts_redundant and bits.ue(127):
        return None
    if kind == "B":
        bits.flag()
    active = pps.active
    if kind != "I" and bits.flag():
        active = (1 + bits.ue(31), 1 + bits.ue(31) if kind == "B" else 0)
    active = {"P": (active[0], 0), "B": active, "I": (0, 0)}[kind]
    changes = False
    for _ in filter(None, active):
        if bits.flag():
            commands = []
            while (command := bits.ue(3)) != 3:
                commands.append((command, bits.ue()))
            # (0, 0) moves the reference decoded last to the front, where a P-slice has it anyway.
            changes = changes or kind == "B" or commands[:1] != [(0, 0)]
    weighted = kind == "B" and pps.weighted_both == 2
    if (kind == "P" and pps.weighted) or (kind == "B" and pps.weighted_both == 1):
        weighted = _skip_weights(bits, sum(active), color=sps.chroma_format != 0)
    if is_reference and is_idr:
        bits.flag()
        changes = bits.flag() or changes
    elif is_reference and bits.flag():
        while command := bits.ue(6):
            picture = 0 if command == 5 else bits.ue()
            if command == 3:
                bits.ue()
            changes = changes or command != 1 or picture == 0  # command 1 drops an older reference
    deblocked = True
    if pps.controls_deblocking:
        if pps.arithmetic and kind != "I":
            bits.ue(2)
        bits.se()
        deblocked = bits.ue(2) != 1
    return SliceHeader(
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
        changes,
        weighted,
        deblocked,
    )


def is_intra(nal: bytes) -> bool:
    """Whether a slice is an I- or SI-slice, by its first bytes; broken ones are not."""
    try:
        bits = payload_reader(nal)
        bits.ue()
        return bits.ue() % 5 in (2, 4)
    except InvalidHeader:
        return False


def is_field_slice(nal: bytes, sps: Sps) -> bool:
    """Whether a slice belongs to a field, by its first bytes; broken ones count as fields.

    Args:
        nal: The first bytes of the slice.
        sps: A sequence parameter set that allows fields.
    """
    try:
        bits = payload_reader(nal)
        for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
            bits.ue()
        bits.read(sps.frame_num_bits + 2 * sps.planes_apart)
        return bits.flag()
    except InvalidHeader:
        return True


def _skip_weights(bits: BitReader, references: int, *, color: bool) -> bool:
    """Reads a table of prediction weights; whether it changes any."""
    bits.ue(7)
    if color:
        bits.ue(7)
    changes = False
    for _ in range(references):
        for numbers in (2, 4) if color else (2,):
            if bits.flag():
                changes = True
                for _ in range(numbers):
                    bits.se()
    return changes
