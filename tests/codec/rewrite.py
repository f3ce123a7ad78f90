"""Packets taken out of a file and put into another, at other times.

The clock is MPEG's: 90,000 ticks a second. `STAMPS` names what may become of the times of a stream, among it
that it is written in several parts, whose files are joined.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import PacketSideData

_NEW_EXTRADATA = 1  # FFmpeg's number of this kind of side data
CLOCK = Fraction(1, 90000)
STEP = 3600  # of the clock, a frame at 25 frames a second
IN_BAND = (".ts", ".mpg", ".avi", ".m4v", ".264", ".nut")


@dataclass(frozen=True)
class Piece:
    """A packet: its bytes, stamps in ticks of CLOCK, and flag; a key packet knows the stream's extradata."""

    data: bytes
    pts: int
    dts: int
    key: bool
    header: bytes

    def moved(self, ticks: int) -> Piece:
        """The packet at another time."""
        return dataclasses.replace(self, pts=self.pts + ticks, dts=self.dts + ticks)


Pieces = tuple[Piece, ...]
Parts = tuple[Pieces, ...]  # written one by one, the files joined


def read(path: Path) -> Iterable[Piece]:
    """The packets of a file's first video stream."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        header = stream.codec_context.extradata or b""
        for packet in container.demux(stream):
            if packet.size:
                # An AVI file of a stream without B-frames has no pts.
                shown = packet.dts if packet.pts is None else packet.pts
                pts, dts = (int(stamp * stream.time_base / CLOCK) for stamp in (shown, packet.dts))
                yield Piece(
                    bytes(packet), pts, dts, packet.is_keyframe, header if packet.is_keyframe else b""
                )


def write(
    template: Path,
    pieces: Iterable[Piece],
    path: Path,
    options: dict[str, str] | None = None,
    *,
    gaps: bool = False,
    avcc: bool = False,
    headers: Mapping[int, bytes] | None = None,
    sound: str = "",
) -> Path:
    """Puts packets into a container, with the header of the template's stream.

    Args:
        template: A file.
        pieces: The packets.
        path: The file to write.
        options: The muxer's; "format" is its name.
        gaps: Whether an AVI file has empty chunks between its frames, as its clock ticks faster.
        avcc: Whether an AVI file of H.264 keeps the header of MP4, beside start codes in its packets.
        headers: A new extradata for the packets from a number on.
        sound: An audio codec: silence beside the frames. With "first " before it, it is the first stream.
    """
    pieces, options = tuple(pieces), dict(options or {})
    if path.suffix == ".avi" and pieces[0].header[:1] == b"\1" and not avcc:
        template = write(template, pieces, template.with_suffix(".264"))
    how = options.pop("format", None)
    with (
        av.open(str(template)) as old,
        av.open(str(path), "w", format=how, options={"fflags": "+bitexact"} | options) as new,
    ):
        packets = _silence(new, sound.removeprefix("first ")) if sound.startswith("first ") else []
        source = old.streams.video[0]
        stream = new.add_stream_from_template(source)
        if sound and not packets:
            packets = _silence(new, sound)
        if path.suffix == ".avi" and not gaps:
            stream.time_base = 1 / source.average_rate
        for number, piece in enumerate(pieces):
            if path.suffix in IN_BAND:
                piece = in_band(piece, source.codec.canonical_name)
            packet = av.Packet(piece.data)
            packet.pts, packet.dts, packet.time_base = piece.pts, piece.dts, CLOCK
            packet.stream, packet.is_keyframe = stream, piece.key
            packet.duration = STEP
            if headers and number in headers:
                side_data = PacketSideData(_NEW_EXTRADATA, len(headers[number]))
                side_data.update(headers[number])
                packet.set_sidedata(side_data)
            packets.append(packet)
        if sound:
            packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            new.mux(packet)
    return path


def _silence(container: av.container.OutputContainer, codec: str) -> list[av.Packet]:
    """A second and a quarter of sound, in a stream of its own."""
    stream = container.add_stream(codec, rate=44100, layout="mono")
    packets = []
    for i in range(0, 56448, 1152):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 44100, i
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def in_band(piece: Piece, codec: str) -> Piece:
    """A packet as it stands in a container without a header of its own: H.264 with start codes."""
    data = piece.data
    if codec == "h264" and data[:4] != b"\0\0\0\1":
        units = [*parameter_sets(piece.header), *nal_units(data)]
        data = b"".join(b"\0\0\0\1" + unit for unit in units)
    elif codec == "mpeg4":
        data = piece.header + data
    return dataclasses.replace(piece, data=data)


def nal_units(data: bytes) -> list[bytes]:
    """The NAL units of an H.264 or HEVC packet, each behind its length in four bytes."""
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


def parameter_sets(header: bytes) -> list[bytes]:
    """The SPS and PPS of an H.264 extradata as MP4 keeps it (avcC)."""
    sets, at = [], 5
    if not header:
        return []
    for mask in (0x1F, 0xFF):
        count, at = header[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(header[at : at + 2], "big")
            sets.append(header[at + 2 : at + 2 + size])
            at += 2 + size
    return sets


def join(files: Iterable[Path], path: Path, kind: str) -> None:
    """Joins files of one container as `cat` does; what a second header would spoil is left out."""
    first, *others = (file.read_bytes() for file in files)
    cuts = {"live": lambda data: data.index(b"\x1f\x43\xb6\x75"), "flv": lambda data: 13,
            "fragmented": lambda data: data.index(b"moof") - 4}  # fmt: skip
    cut = cuts.get(kind, lambda data: 0)
    path.write_bytes(first + b"".join(data[cut(data) :] for data in others))


# What becomes of the time stamps; each takes packets in decoding order.
def _from(pieces: Pieces, first: int, ticks: int) -> Pieces:
    return (*pieces[:first], *(piece.moved(ticks) for piece in pieces[first:]))


def moved(pieces: Pieces, ticks: int) -> Pieces:
    """All packets at another time."""
    return tuple(piece.moved(ticks) for piece in pieces)


def _second_key(pieces: Pieces) -> int:
    return next((i for i, piece in enumerate(pieces) if i > 3 and piece.key), len(pieces) // 2)


def _repeated(pieces: Pieces, *places: int) -> Pieces:
    """Some packets get the time of the one behind, which no muxer minds."""
    held = list(pieces)
    for i in places:
        held[i] = dataclasses.replace(held[i], pts=held[i + 1].pts)
    return tuple(held)


def _parted(pieces: Pieces, at: int, ticks: int) -> Parts:
    return pieces[:at], moved(pieces[at:], ticks)


STAMPS: dict[str, Callable[[Pieces], Parts]] = {
    "present": lambda pieces: (pieces,),
    "repeated": lambda pieces: (_repeated(pieces, 5),),
    "repeatedkey": lambda pieces: (_repeated(pieces, _second_key(pieces)),),
    "repeatedtwice": lambda pieces: (_repeated(pieces, 4, 9, 10, 20),),
    "hole": lambda pieces: (_from(pieces, _second_key(pieces), 5 * 90000),),
    "holemid": lambda pieces: (_from(pieces, 17, 7 * STEP),),
    "farhole": lambda pieces: (_from(pieces, _second_key(pieces), 30 * 3600 * 90000),),
    "negative": lambda pieces: (moved(pieces, -10 * STEP),),
    "late": lambda pieces: (moved(pieces, 2 * 90000),),
    "wrapped": lambda pieces: (moved(pieces, (1 << 33) - 9 * STEP),),
    "wrappedmid": lambda pieces: (moved(pieces, (1 << 33) - 20 * STEP - 1234),),
    "odd": lambda pieces: (tuple(piece.moved(37 * i * (i % 3)) for i, piece in enumerate(pieces)),),
    "twice": lambda pieces: (pieces, pieces),
    "thrice": lambda pieces: (pieces, moved(pieces, -4 * STEP), moved(pieces, 90 * STEP)),
    "goeson": lambda pieces: (pieces, moved(pieces, len(pieces) * STEP)),
    "overlaps": lambda pieces: (pieces, moved(pieces, (len(pieces) - 7) * STEP)),
    "between": lambda pieces: (pieces, moved(pieces, 10 * STEP + STEP // 3)),
    "before": lambda pieces: (moved(pieces, 90 * STEP), pieces),
    "later": lambda pieces: (pieces, moved(pieces, 8 * 90000)),
    "back": lambda pieces: _parted(pieces, _second_key(pieces), -10 * STEP - STEP // 3),
    "backone": lambda pieces: _parted(pieces, _second_key(pieces), -STEP),
    "backmid": lambda pieces: _parted(pieces, 17, -8 * STEP),
    "cutstart": lambda pieces: (pieces[5:],),
    "cutend": lambda pieces: (pieces[:-1],),
    "cutboth": lambda pieces: (pieces, pieces[5:]),
}
