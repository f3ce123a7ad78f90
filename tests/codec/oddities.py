"""The stranger files of the matrix: packed B-frames, parameter sets alone in a packet, fields, edit lists ...

Each function takes the path to write and a folder for its parts. `ODDITIES` lists them by name.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
from material import pack_b_pictures, pan
from rewrite import STEP, Piece, Pieces, moved, parameter_sets, read, write

from cvrl_lite.codec import encode

FRAMES, HEIGHT, WIDTH = 30, 96, 128
PLACES = {"start": [0], "middle": [9], "key": [12], "end": [FRAMES], "often": [0, 5, 12, 13, 24, FRAMES]}
_USER_DATA = b"\x05\x10" + bytes(range(16)) + b"\x80"  # an SEI message of 16 bytes
_USER_DATA = b"\x05\x10" + bytes(range(16)) + b"\x80"  # an SEI message of 16 bytes
Maker = Callable[[Path, Path], object]


def encoded(path: Path, **how: object) -> Path:
    """A small film."""
    frames = np.concatenate([pan(17, 3, 1, HEIGHT, WIDTH), pan(FRAMES - 17, -2, 2, HEIGHT, WIDTH, seed=1)])
    encode(frames, path, **how)
    return path


def packed(ends_packed: bool = False, lost: int | None = None, cut: int = 0, **how: object) -> Maker:
    """B-frames packed as DivX and XviD do it, in AVI or whatever the path says."""

    def make(path: Path, folder: Path) -> None:
        encoded(folder / "a.m4v", codec="mpeg4", **how)
        whole = pack_b_pictures(folder / "a.m4v", folder / "packed.avi")
        pieces = list(read(whole))
        fillers = [i for i, piece in enumerate(pieces) if len(piece.data) < 20]
        if ends_packed:
            pieces = pieces[: fillers[-1]]
        if lost is not None:
            del pieces[fillers[lost]]
        pieces = pieces[cut:]
        bare = [dataclasses.replace(piece, header=b"") for piece in pieces]
        write(whole, bare, path)

    return make


def lone_sets(codec: str, places: str, units: str = "sets", **how: object) -> Maker:
    """Packets that hold parameter sets, or another unit that is no frame, alone."""

    def make(path: Path, folder: Path) -> None:
        source = encoded(folder / "a.mp4", codec=codec, **how)
        pieces = tuple(read(source))
        header = pieces[0].header
        data = {
            "sets": _sets(codec, header),
            "sei": _unit(
                codec, b"\x06\x05\x10" + bytes(range(16)) + b"\x80", b"\x4e\x01\x05\x10" + bytes(16) + b"\x80"
            ),
            "delimiter": _unit(codec, b"\x09\xf0", b"\x46\x01\x50"),
        }[units]
        held: list[Piece] = []
        for i, piece in enumerate(pieces):
            if i in PLACES[places]:
                held.append(Piece(data, piece.pts - STEP // 3, piece.dts - STEP // 3, units == "sets", b""))
            held.append(piece)
        if FRAMES in PLACES[places]:
            last = max(piece.pts for piece in pieces)
            held.append(Piece(data, last + STEP, last + STEP, False, b""))
        write(source, moved(_in_turn(held) if path.suffix == ".avi" else tuple(held), STEP), path)

    return make


def _unit(codec: str, h264: bytes, hevc: bytes) -> bytes:
    unit = h264 if codec == "h264" else hevc
    return struct.pack(">I", len(unit)) + unit


def _sets(codec: str, header: bytes) -> bytes:
    """A packet of parameter sets from an extradata."""
    if codec == "mpeg4":
        return header
    sets = parameter_sets(header) if codec == "h264" else _hevc_sets(header)
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in sets)


def _hevc_sets(header: bytes) -> list[bytes]:
    sets, at = [], 23
    for _ in range(header[22]):
        count = int.from_bytes(header[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(header[at : at + 2], "big")
            sets.append(header[at + 2 : at + 2 + size])
            at += 2 + size
    return sets


def new_header(before: dict[str, object], after: dict[str, object], how: str = "inband") -> Maker:
    """Two encoders' H.264 in one stream: sets in the key packets, or told beside them as a new header."""

    def make(path: Path, folder: Path) -> None:
        parts = [tuple(read(encoded(folder / f"{i}.mp4", **kind))) for i, kind in enumerate((before, after))]
        pieces = (*parts[0], *moved(parts[1], (FRAMES + 4) * STEP))
        if how == "inband":
            pieces = tuple(
                dataclasses.replace(piece, data=_sets("h264", piece.header) + piece.data)
                if piece.header
                else piece
                for piece in pieces
            )
        new = {FRAMES: parts[1][0].header} if how == "told" else {}
        write(folder / "0.mp4", pieces, path, headers=new)

    return make


def patched(make: Maker, change: Callable[[bytes], bytes]) -> Maker:
    """A file whose bytes are changed."""

    def both(path: Path, folder: Path) -> None:
        make(path, folder)
        path.write_bytes(change(path.read_bytes()))

    return both


def plain(
    muxer: dict[str, str] | None = None, written: dict[str, object] | None = None, **how: object
) -> Maker:
    """A film put into a container, by FFmpeg's options and those of `write`."""

    def make(path: Path, folder: Path) -> None:
        suffix = ".mpg" if str(how.get("codec", "")).startswith("mpeg2") else ".mp4"
        source = encoded(folder / f"a{suffix}", **how)
        pieces = tuple(read(source))
        write(source, moved(pieces, -min(piece.pts for piece in pieces)), path, muxer, **(written or {}))

    return make


def changed(
    change: Callable[[Pieces], Iterable[Piece]], written: dict[str, object] | None = None, **how: object
) -> Maker:
    """A film whose packets are changed."""

    def make(path: Path, folder: Path) -> None:
        source = encoded(folder / "a.mp4", **how)
        pieces = change(tuple(read(source)))
        write(source, _in_turn(pieces) if path.suffix == ".avi" else pieces, path, **(written or {}))

    return make


def _in_turn(pieces: Iterable[Piece]) -> Pieces:
    """Packets stamped one by one, as AVI does it."""
    return tuple(dataclasses.replace(p, pts=i * STEP, dts=i * STEP) for i, p in enumerate(pieces))


def without_stamps(keep: Callable[[int], bool]) -> Callable[[bytes], bytes]:
    """Takes the time stamps out of the PES headers of a transport or program stream, but of those to keep."""

    def change(data: bytes) -> bytes:
        held, at, number = bytearray(data), 0, 0
        while (at := held.find(b"\0\0\1\xe0", at)) >= 0:
            if held[at + 6] & 0xC0 == 0x80 and held[at + 7] & 0xC0:
                if not keep(number):
                    length = held[at + 8]
                    held[at + 7] &= 0x3F
                    held[at + 9 : at + 9 + length] = b"\xff" * length
                number += 1
            at += 4
        return bytes(held)

    return change


def fields(together: bool) -> Maker:
    """MPEG-2 field pictures: two films of half the height, key frames alone, woven."""

    def make(path: Path, folder: Path) -> None:
        encoded(folder / "a.m2v", codec="mpeg2video", gop=1)
        with av.open(str(folder / "a.m2v")) as container:
            packets = [bytearray(bytes(packet)) for packet in container.demux(video=0) if packet.size]
        chunks = []
        for i, data in enumerate(packets):
            size = data.find(b"\0\0\1\xb3")
            if size >= 0:  # 12 bits each of width and height
                value = int.from_bytes(data[size + 4 : size + 7], "big")
                data[size + 4 : size + 7] = (value & ~0xFFF | 2 * (value & 0xFFF)).to_bytes(3, "big")
                extension = data.find(b"\0\0\1\xb5")
                data[extension + 5] &= ~8  # not progressive
            at = data.find(b"\0\0\1\0")
            value = int.from_bytes(data[at + 4 : at + 6], "big")  # the frame's number in its group
            data[at + 4 : at + 6] = (value & 0x3F).to_bytes(2, "big")
            extension = data.find(b"\0\0\1\xb5", at)
            data[extension + 6] = data[extension + 6] & ~3 | (2 if i % 2 else 1)  # bottom, top
            data[extension + 7] &= ~0xC0  # neither top first nor frames alone
            data[extension + 8] &= ~0x80
            chunks.append(bytes(data[at:] if i % 2 else data))
        if together:
            chunks = [a + b for a, b in zip(chunks[::2], chunks[1::2])]
        step = STEP if together else STEP // 2
        pieces = [
            Piece(data, i * step, i * step, together or not i % 2, b"") for i, data in enumerate(chunks)
        ]
        (folder / "woven.m2v").write_bytes(b"".join(chunks))
        write(folder / "woven.m2v", pieces, path)

    return make


def edits(entries: list[tuple[int, int]], **how: object) -> Maker:
    """An MP4 or MOV file with an edit list: (frames shown, first frame); -1 shows nothing."""

    def change(data: bytes) -> bytes:
        moov = data.rindex(b"moov") - 4
        trak = data.index(b"trak", moov) - 4
        scale = int.from_bytes(data[(at := data.index(b"mdhd", trak) + 16) : at + 4], "big")
        whole = int.from_bytes(data[(at := data.index(b"mvhd", moov) + 16) : at + 4], "big")
        table = b"".join(
            struct.pack(">Iihh", n * whole // 25, first if first < 0 else first * scale // 25, 1, 0)
            for n, first in entries
        )
        box = (
            struct.pack(">I4sI4sII", 24 + len(table), b"edts", 16 + len(table), b"elst", 0, len(entries))
            + table
        )
        head = data[trak : trak + 8 + 92]
        rest = data[trak + 100 : trak + int.from_bytes(data[trak : trak + 4], "big")]
        if rest[4:8] == b"edts":
            rest = rest[int.from_bytes(rest[:4], "big") :]
        new = struct.pack(">I", len(head) + len(box) + len(rest)) + head[4:] + box + rest
        end = trak + int.from_bytes(data[trak : trak + 4], "big")
        size = int.from_bytes(data[moov : moov + 4], "big") + len(new) - (end - trak)
        return data[:moov] + struct.pack(">I", size) + data[moov + 4 : trak] + new + data[end:]

    return patched(plain(**how), change)


def flagged(keys: Callable[[int, Piece], bool]) -> Callable[[Pieces], Iterable[Piece]]:
    """Other key flags."""
    return lambda pieces: [dataclasses.replace(p, key=keys(i, p)) for i, p in enumerate(pieces)]


def doubled(*places: int) -> Callable[[Pieces], Iterable[Piece]]:
    """Some packets stand twice, with a time of their own."""

    def change(pieces: Pieces) -> Iterable[Piece]:
        for i, piece in enumerate(pieces):
            yield piece
            if i in places:
                yield piece.moved(STEP // 4)

    return change


def lost(*places: int) -> Callable[[Pieces], Iterable[Piece]]:
    """Some packets are gone."""
    return lambda pieces: [piece for i, piece in enumerate(pieces) if i not in places]


_B = {"b_frames": 2}
_PYRAMID = {"b_frames": 3, "references": 3, "options": {"b-pyramid": "normal"}}
_MAIN = {"references": 2, "options": {"coder": "0", "x264-params": "8x8dct=0:aq-mode=0", "profile": "main"}}
_OPEN = {"b_frames": 2, "options": {"x264-params": "open-gop=1"}}
_MUXERS = {"mpg": {"format": "vob"}}
_OPEN = {"b_frames": 2, "options": {"x264-params": "open-gop=1"}}
_MUXERS = {"mpg": {"format": "vob"}}
_VARIANTS = {
    "faststart.mp4": {"movflags": "faststart"},
    "negative.mp4": {"movflags": "negative_cts_offsets"},
    "negative-late.mp4": {"movflags": "negative_cts_offsets", "output_ts_offset": "3"},
    "no-edits.mp4": {"use_editlist": "0"},
    "dash.mp4": {"movflags": "dash+frag_keyframe"},
    "cmaf.mp4": {"movflags": "cmaf+frag_keyframe"},
    "separate.mp4": {"movflags": "frag_keyframe+separate_moof+omit_tfhd_offset"},
    "hybrid.mp4": {"movflags": "hybrid_fragmented+frag_keyframe"},
    "short.mp4": {"movflags": "empty_moov+default_base_moof", "frag_duration": "100000"},
    "clusters.mkv": {"cluster_size_limit": "3000"},
    "dash.mkv": {"dash": "1"},
    "front.mkv": {"cues_to_front": "1", "reserve_index_space": "10000"},
    "rate.ts": {"muxrate": "3000000"},
    "headers.ts": {"mpegts_flags": "resend_headers+pat_pmt_at_frames"},
    "lengths.ts": {"omit_video_pes_length": "0", "pes_payload_size": "100"},
    "program.mpg": {"format": "mpeg"},
    "dvd.vob": {"format": "dvd"},
    "svcd.mpg": {"format": "svcd"},
    "index.flv": {"flvflags": "add_keyframe_index"},
    "nothing.flv": {"flvflags": "no_metadata+no_sequence_end"},
    "plain.avi": {"reserve_index_space": "0"},
}  # FFmpeg's own ways to write a container
_MP4B = {"codec": "mpeg4", "b_frames": 2}


def _oddities() -> dict[str, Maker]:
    found: dict[str, Maker] = {
        "xvid-packed.avi": packed(b_frames=2),
        "xvid-packed-one.avi": packed(b_frames=1, gop=99),
        "xvid-ends-packed.avi": packed(ends_packed=True, b_frames=2, gop=99),
        "xvid-ends-packed-one.avi": packed(ends_packed=True, b_frames=1),
        "xvid-ends-packed-keys.avi": packed(ends_packed=True, b_frames=2, gop=4),
        "xvid-lost-filler.avi": packed(lost=2, b_frames=2),
        "xvid-lost-fillers-end.avi": packed(ends_packed=True, lost=1, b_frames=2),
        "xvid-cut.avi": packed(cut=3, b_frames=2),
        "xvid-cut-ends-packed.avi": packed(cut=3, ends_packed=True, b_frames=2),
        "xvid-packed.mkv": packed(b_frames=2),
        "xvid-ends-packed.mkv": packed(ends_packed=True, b_frames=2),
        "xvid-packed.mp4": packed(b_frames=2),
        "xvid-ends-packed.mp4": packed(ends_packed=True, b_frames=2),
        "fields-apart.ts": fields(False),
        "fields-together.ts": fields(True),
        "fields-apart.mpg": fields(False),
        "fields-apart.mkv": fields(False),
        "fields-together.mkv": fields(True),
        "fields-apart.mp4": fields(False),
        "fields-together.mp4": fields(True),
        "fields.m2v": fields(False),
        "wide-clock.avi": plain(written={"gaps": True}, **_B),
        "avcc.avi": plain(written={"avcc": True}, **_B),
    }
    for suffix in ("mp4", "mkv", "flv", "mov"):
        for places in PLACES:
            found[f"lone-sets-{places}.{suffix}"] = lone_sets("h264", places, **_B)
        found[f"lone-sei.{suffix}"] = lone_sets("h264", "often", "sei", **_B)
        found[f"lone-delimiter.{suffix}"] = lone_sets("h264", "often", "delimiter")
        found[f"lone-hevc-sets.{suffix}"] = lone_sets("hevc", "often", b_frames=2)
        found[f"lone-hevc-sets-start.{suffix}"] = lone_sets("hevc", "start")
        found[f"lone-hevc-sei.{suffix}"] = lone_sets("hevc", "often", "sei")
        for how in ("inband", "told"):
            found[f"new-{how}-main.{suffix}"] = new_header({}, _MAIN, how)
            found[f"new-{how}-b.{suffix}"] = new_header(_MAIN, _B, how)
            found[f"new-{how}-pyramid.{suffix}"] = new_header(_B, _PYRAMID, how)
            found[f"new-{how}-fewer.{suffix}"] = new_header(_PYRAMID, _MAIN, how)
        found[f"all-sync.{suffix}"] = changed(flagged(lambda i, p: True), **_B)
        found[f"no-sync.{suffix}"] = changed(flagged(lambda i, p: False), **_B)
        found[f"one-sync.{suffix}"] = changed(flagged(lambda i, p: not i), **_B)
        found[f"false-sync.{suffix}"] = changed(flagged(lambda i, p: i % 5 == 0), **_B)
        found[f"late-sync.{suffix}"] = changed(flagged(lambda i, p: i > 0 and p.key), **_B)
        found[f"doubled.{suffix}"] = changed(doubled(7, 12, 20), **_B)
        found[f"lost.{suffix}"] = changed(lost(7, 20), **_B)
        found[f"lost-key.{suffix}"] = changed(lost(12), **_B)
    for suffix in ("mp4", "mkv", "mov", "avi"):
        found[f"lone-mpeg4-sets.{suffix}"] = lone_sets("mpeg4", "often", **_B)
        found[f"mpeg4-doubled.{suffix}"] = changed(doubled(7, 12, 20), **_MP4B)
        found[f"mpeg4-lost.{suffix}"] = changed(lost(7, 20), **_MP4B)
        found[f"mpeg4-no-sync.{suffix}"] = changed(flagged(lambda i, p: False), **_MP4B)
        found[f"mpeg4-all-sync.{suffix}"] = changed(flagged(lambda i, p: True), **_MP4B)
    for kind, how in {
        "h264": _B,
        "open": _B | {"options": {"x264-params": "open-gop=1"}},
        "mpeg4": _MP4B,
    }.items():
        for name, entries in {
            "whole": [(30, 0)], "delayed": [(10, -1), (30, 0)], "cut": [(18, 7)], "cutend": [(12, 0)],
            "two": [(8, 3), (9, 16)], "back": [(10, 14), (10, 2)], "twice": [(12, 5), (12, 5)],
            "gap": [(8, 0), (5, -1), (10, 12)], "three": [(5, 1), (5, 10), (5, 20)],
        }.items():  # fmt: skip
            for suffix in ("mov", "mp4"):
                found[f"edit-{kind}-{name}.{suffix}"] = edits(entries, **how)
    for suffix in ("ts", "mpg"):
        old = {"codec": "mpeg2video", **_B}
        for kind, how in {"mpeg2": old, "h264": _B}.items():
            keep = {"none": lambda i: False, "some": lambda i: i % 4 == 0, "first": lambda i: i == 0,
                    "but": lambda i: i != 6, "keys": lambda i: i % 12 == 0}  # fmt: skip
            for name, which in keep.items():
                options = {"format": "vob"} if suffix == "mpg" else {}
                found[f"stamps-{kind}-{name}.{suffix}"] = patched(
                    plain(options, **how), without_stamps(which)
                )
    for suffix, sound in {
        "mp4": "aac",
        "ts": "mp2",
        "flv": "aac",
        "mkv": "mp2",
        "avi": "mp2",
        "mpg": "mp2",
    }.items():
        mux = {"format": "vob"} if suffix == "mpg" else {}
        found[f"sound.{suffix}"] = plain(mux, {"sound": sound}, **_B)
        found[f"sound-first.{suffix}"] = plain(mux, {"sound": f"first {sound}"}, **_B)
        found[f"sound-mpeg4.{suffix if suffix != 'flv' else 'mov'}"] = plain(mux, {"sound": sound}, **_MP4B)
    for name, muxer in _VARIANTS.items():
        found[f"variant-{name}"] = plain(muxer, **_B)
        found[f"variant-open-{name}"] = plain(muxer, **_OPEN)
    found["packets.m2ts"] = plain({"format": "mpegts", "mpegts_m2ts_mode": "1"}, **_B)
    return found


ODDITIES = _oddities()
