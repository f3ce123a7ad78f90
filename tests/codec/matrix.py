"""Small files of every kind that a reader meets: container x codec x GOPs x B-frames x time stamps.

Streams are made by our encoder, and their packets put into containers by FFmpeg's muxers, some with other
time stamps. For the differential test (see differential.py):

    python tests/codec/matrix.py FOLDER                  all of them
    python tests/codec/matrix.py FOLDER --only mpeg4b    those with this in their name
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from material import pan
from oddities import ODDITIES
from rewrite import STAMPS, Pieces, join, moved, read, write

from cvrl_lite.codec import encode

FRAMES, HEIGHT, WIDTH = 30, 96, 128


_AV1 = {"svtav1-params": "lp=1"}
_FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof"

# A stream's name: the suffix it is first written with, and how it is encoded.
STREAMS: dict[str, tuple[str, dict[str, object]]] = {
    "h264": (".mp4", {}),
    "h264b": (".mp4", {"b_frames": 2}),
    "h264pyramid": (".mp4", {"b_frames": 3, "references": 3, "options": {"b-pyramid": "normal"}}),
    "h264open": (".mp4", {"b_frames": 2, "options": {"x264-params": "open-gop=1"}}),
    "h264refresh": (".mp4", {"options": {"intra-refresh": "1"}}),
    "h264one": (".mp4", {"gop": 999, "b_frames": 2}),
    "h264all": (".mp4", {"gop": 1}),
    "h264slices": (".mp4", {"b_frames": 1, "options": {"slices": "3"}}),
    "h264mbaff": (".mp4", {"b_frames": 1, "options": {"flags": "+ildct+ilme"}}),
    "h264main": (".mp4", {"references": 2, "pixel_format": "yuv420p", "options": {"coder": "0",
        "x264-params": "8x8dct=0:aq-mode=0:qpmin=14", "profile": "main"}}),
    "mpeg4": (".mp4", {"codec": "mpeg4"}),
    "mpeg4b": (".mp4", {"codec": "mpeg4", "b_frames": 2}),
    "mpeg4one": (".mp4", {"codec": "mpeg4", "b_frames": 1, "gop": 600}),
    "mpeg4qpel": (".mp4", {"codec": "mpeg4", "fps": 30, "options": {"flags": "+qpel"}}),
    "mpeg4all": (".mp4", {"codec": "mpeg4", "gop": 1}),
    "mpeg2": (".mpg", {"codec": "mpeg2video"}),
    "mpeg2b": (".mpg", {"codec": "mpeg2video", "b_frames": 2}),
    "mpeg2closed": (".mpg", {"codec": "mpeg2video", "b_frames": 2, "options": {"flags": "+cgop"}}),
    "mpeg2other": (".mpg", {"codec": "mpeg2video", "b_frames": 1, "quantizer": 6, "options":
        {"non_linear_quant": "1", "intra_vlc": "1", "alternate_scan": "1", "dc": "2"}}),
    "mpeg2all": (".mpg", {"codec": "mpeg2video", "gop": 1}),
    "mpeg1b": (".mpg", {"codec": "mpeg1video", "b_frames": 2}),
    "mpeg1": (".mpg", {"codec": "mpeg1video"}),
    "h263": (".avi", {"codec": "h263"}),
    "h263p": (".avi", {"codec": "h263p", "gop": 10}),
    "flv1": (".flv", {"codec": "flv"}),
    "flv1one": (".flv", {"codec": "flv", "gop": 600}),
    "wmv2": (".avi", {"codec": "wmv2"}),
    "msmpeg4": (".avi", {"codec": "msmpeg4"}),
    "mjpeg": (".avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "vp8": (".webm", {"codec": "vp8", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
    "vp9": (".webm", {"codec": "vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
    "av1": (".mp4", {"codec": "av1", "options": _AV1}),
    "hevc": (".mp4", {"codec": "hevc"}),
    "hevcb": (".mp4", {"codec": "hevc", "b_frames": 3}),
    "hevcctu": (".mp4", {"codec": "hevc", "options": {"x265-params":
        "ctu=16:keyint=12:bframes=0:no-sao=1:pools=none:frame-threads=1:log-level=none"}}),
    "hevcopen": (".mp4", {"codec": "hevc", "b_frames": 3, "options": {"x265-params":
        "keyint=12:min-keyint=12:bframes=3:open-gop=1:scenecut=0:pools=none:frame-threads=1:log-level=none"}}),
}  # fmt: skip
H264 = [name for name in STREAMS if name.startswith("h264")]
MPEG4 = [name for name in STREAMS if name.startswith("mpeg4")]
MPEG2 = [name for name in STREAMS if name.startswith("mpeg2")]
HEVC = [name for name in STREAMS if name.startswith("hevc")]

# A container's name: the suffix, FFmpeg's format and options, and the streams that go into it: families,
# and others by name.
CONTAINERS: dict[str, tuple[str, dict[str, str], list[str], str]] = {
    "mp4": (".mp4", {}, [*H264, *MPEG4, *HEVC], "mpeg2b mpeg1b vp9 av1 mjpeg"),
    "fragmented": (
        ".mp4",
        {"movflags": _FRAGMENTS},
        H264,
        "mpeg4b hevcb vp9",
    ),
    "every": (".mp4", {"movflags": "frag_every_frame+empty_moov+delay_moov"}, [], "h264b hevcb"),
    "mov": (".mov", {}, [], "h264b h264open mpeg4b hevcb h263 mjpeg mpeg2b"),
    "mkv": (".mkv", {}, [*H264, *MPEG4, *MPEG2, *HEVC], "mpeg1 mpeg1b mjpeg vp8 vp9 av1"),
    "live": (".mkv", {"live": "1"}, [], "h264b"),
    "webm": (".webm", {}, [], "vp8 vp9 av1"),
    "avi": (".avi", {}, [*H264, *MPEG4], "mpeg2b mpeg1b h263 h263p flv1 wmv2 msmpeg4 mjpeg vp8 vp9"),
    "flv": (".flv", {}, H264, "flv1 flv1one hevcb vp9 av1"),
    "ts": (".ts", {}, [*H264, *MPEG4, *MPEG2, *HEVC], "mpeg1 mpeg1b"),
    "ps": (".mpg", {"format": "vob"}, MPEG2, "mpeg1 mpeg1b h264b h264open mpeg4b"),
    "3gp": (".3gp", {}, [], "h263 h264 mpeg4"),
    "nut": (".nut", {}, [], "h264b mpeg4b mpeg2b"),
    "asf": (".asf", {}, [], "wmv2 msmpeg4 mpeg4b h264b"),
    "raw264": (".264", {}, H264, ""),
    "rawm4v": (".m4v", {"format": "m4v"}, MPEG4, ""),
    "rawm2v": (".m2v", {}, MPEG2, ""),
    "rawm1v": (".m1v", {}, [], "mpeg1 mpeg1b"),
    "rawhevc": (".hevc", {}, HEVC, ""),
    "raw263": (".h263", {}, [], "h263 h263p"),
    "rawmjpeg": (".mjpeg", {}, [], "mjpeg"),
    "rawobu": (".obu", {}, [], "av1"),
    "ivf": (".ivf", {}, [], "vp8 vp9 av1"),
}

_JOINS = "twice thrice goeson overlaps between before later back backone backmid cutboth"
_REPEATS = "repeated repeatedkey repeatedtwice"
# Which streams have other stamps in which containers.
STAMPED: dict[str, tuple[str, str]] = {
    "mp4": (f"{_REPEATS} hole holemid negative late odd cutstart cutend",
            "h264b h264open h264pyramid h264refresh mpeg4b h264 hevcb hevcopen mpeg2b"),
    "mov": ("negative hole late", "h264b h264pyramid h264open mpeg4b hevcb"),
    "fragmented": (f"repeated hole negative late {_JOINS}", "h264b h264open hevcb"),
    "mkv": (f"{_REPEATS} hole holemid late odd cutstart cutend",
            "h264b h264 h264open h264one h264refresh mpeg4b mpeg2b hevcb vp8 vp9"),
    "live": (_JOINS, "h264b h264 mpeg4b vp9"),
    "webm": ("repeated hole late", "vp8 vp9"),
    "flv": (f"repeated repeatedkey hole late cutstart {_JOINS}", "h264b h264 h264pyramid flv1 h264one"),
    "ts": (" ".join(STAMPS), "h264b h264 h264open h264one h264refresh mpeg2b mpeg1b mpeg4b hevcb"),
    "ps": (f"hole late wrapped wrappedmid repeated {_JOINS}", "mpeg2b mpeg1b h264b"),
    "avi": ("hole holemid late cutstart cutend", "h264b h264 mpeg4b mpeg4 h263 mpeg2b vp8"),
    "raw264": ("twice cutstart cutend cutboth", "h264 h264b h264open h264pyramid h264refresh"),
    "rawm4v": ("twice cutstart cutend", "mpeg4 mpeg4b"),
    "rawm2v": ("twice cutstart cutend cutboth", "mpeg2b mpeg2closed"),
    "rawhevc": ("twice cutstart cutboth", "hevc hevcb hevcopen"),
    "raw263": ("twice cutstart", "h263"),
}  # fmt: skip


@cache
def _encoded(name: str, suffix: str = "") -> tuple[bytes, Pieces]:
    """The bytes of a stream's first container, and its packets, the first one shown at 0."""
    first, how = STREAMS[name]
    suffix = suffix or first
    frames = np.concatenate([pan(17, 3, 1, HEIGHT, WIDTH), pan(FRAMES - 17, -2, 2, HEIGHT, WIDTH, seed=1)])
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        encode(frames, path, **how)
        pieces = tuple(read(path))
        return path.read_bytes(), moved(pieces, -min(piece.pts for piece in pieces))


@dataclass(frozen=True)
class Case:
    """A file of the matrix.

    Attributes:
        name: Its name.
        container: One of CONTAINERS, or "odd" (see oddities.py).
        make: Writes it to a path, with a folder for what it is made of.
    """

    name: str
    container: str
    make: Callable[[Path, Path], object]


def _put(container: str, stream: str, stamps: str) -> Case:
    """A stream in a container, with its stamps changed."""
    suffix, options = CONTAINERS[container][:2]

    def make(path: Path, folder: Path) -> None:
        if stream == "av1":  # FFmpeg's decoder of it has no encoder of its name, as a template must
            path.write_bytes(_encoded(stream, suffix)[0])
            return
        parts = STAMPS[stamps](_encoded(stream)[1])
        made = [write(template(stream, folder), part, folder / f"part{i}{suffix}", options)
                for i, part in enumerate(parts)]  # fmt: skip
        join(made, path, container)

    return Case(f"{container}-{stream}-{stamps}{suffix}", container, make)


def _changed(container: str, before: str, after: str, stamps: str = "goeson") -> Case:
    """Two streams of one codec and size joined: the parameters change on the way."""
    suffix, options = CONTAINERS[container][:2]

    def make(path: Path, folder: Path) -> None:
        parts = [STAMPS[stamps](_encoded(stream)[1])[i] for i, stream in enumerate((before, after))]
        made = [write(template(stream, folder), part, folder / f"part{i}{suffix}", options)
                for i, (stream, part) in enumerate(zip((before, after), parts))]  # fmt: skip
        join(made, path, container)

    return Case(f"{container}-{before}-then-{after}-{stamps}{suffix}", container, make)


def template(stream: str, folder: Path) -> Path:
    """The file in which a stream was written first."""
    path = folder / f"{stream}{STREAMS[stream][0]}"
    if not path.exists():
        path.write_bytes(_encoded(stream)[0])
    return path


CHANGES = [("h264", "h264main"), ("h264main", "h264b"), ("h264b", "h264pyramid"), ("h264pyramid", "h264"),
           ("h264open", "h264main"), ("h264mbaff", "h264main")]  # fmt: skip
OLD_CHANGES = [("mpeg2b", "mpeg2other"), ("mpeg2other", "mpeg2b")]
MPEG4_CHANGES = [("mpeg4", "mpeg4qpel"), ("mpeg4qpel", "mpeg4b"), ("mpeg4b", "mpeg4")]
HEVC_CHANGES = [("hevc", "hevcb"), ("hevcb", "hevcctu")]


def _cases() -> dict[str, Case]:
    cases = [
        _put(container, stream, "present")
        for container, (_, _, families, others) in CONTAINERS.items()
        for stream in (*families, *others.split())
    ]
    cases += [
        _put(container, stream, stamps)
        for container, (kinds, streams) in STAMPED.items()
        for stamps in kinds.split()
        for stream in streams.split()
        if stamps != "present"
    ]
    cases += [
        _changed(container, before, after, stamps)
        for container, changes in {
            "ts": CHANGES + OLD_CHANGES + MPEG4_CHANGES + HEVC_CHANGES,
            "flv": CHANGES,
            "ps": OLD_CHANGES,
            "raw264": CHANGES,
            "rawm4v": MPEG4_CHANGES,
            "rawm2v": OLD_CHANGES,
            "rawhevc": HEVC_CHANGES,
        }.items()
        for before, after in changes
        for stamps in (("goeson", "twice") if container in ("ts", "flv") else ("goeson",))
    ]
    cases += [Case(name, "odd", make) for name, make in ODDITIES.items()]
    return {case.name: case for case in cases}


CASES = _cases()


def make(folder: Path, names: Iterable[str]) -> list[Path]:
    """Writes some files of the matrix into a folder."""
    made = []
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        with TemporaryDirectory() as parts:
            CASES[name].make(folder / name, Path(parts))
        made.append(folder / name)
    return made


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of the names")
    arguments = parser.parse_args()
    made = make(arguments.folder, [name for name in CASES if arguments.only in name])
    print(f"{len(made)} files in {arguments.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
