"""Long films cut into pieces that training can use: every so many seconds, or where the scene changes.

Pieces are copied, packet by packet, where key frames lie where the cuts should be; otherwise the film is
encoded again. Axes: T frames of the film, K pieces.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from cvrl_lite.codec.encode import CLOCK, encode
from cvrl_lite.codec.video import CompressedVideo
from cvrl_lite.errors import UnreadableFile, VideoError
from cvrl_lite.files import file_stamp, replacing

_FORMAT = 1  # of the table
_SMALL = (36, 64)  # pixels, H W, in which scenes are compared
_CHANGE = 30.0  # mean difference of two frames, in gray levels, that may be a change of scene
_CONTRAST = 4.0  # and how many times that of the frames around it
_AROUND = 12  # frames before and behind
_SHORTEST = 1.0  # seconds of a scene


@dataclass(frozen=True)
class Piece:
    """A part of a film.

    Attributes:
        file: Its name, beside the table.
        start: Of its first frame in the film, s.
        frames: How many.
        copied: Whether its packets are the film's own; else it was encoded again.

    Example:
        >>> row = '{"file": "film_0001.mp4", "start": 10.0, "frames": 250, "copied": true}'  # of a table
        >>> piece = Piece(**json.loads(row))
        >>> piece.start, piece.copied
        (10.0, True)
    """

    file: str
    start: float
    frames: int
    copied: bool


def cut(
    src: str | os.PathLike[str],
    table: str | os.PathLike[str],
    seconds: float | None = 10.0,
    *,
    tolerance: float = 0.5,
    gop: int = 12,
) -> list[Piece]:
    r"""Cuts a film into pieces, and writes a table of them.

    The pieces hold the frames alone: sound and subtitles are left out. They lie beside the table and are
    named after it, with a number: `film.json` lists `film_0000.mp4` and so on.
    `VideoFolder(folder, source=r"^.+(?=_[0-9]{4}\.)")` makes all pieces of a film one source.

    Args:
        src: The film.
        table: The table, a JSON file, which is written last.
        seconds: Length of a piece; a rest shorter than half of it stays with the last one. None cuts where
            the scene changes instead.
        tolerance: Pieces are copied where each can begin at a key frame at most so many seconds from where it
            should; at a scene's first frame there has to be one.
        gop: Frames from key frame to key frame where the film has to be encoded again.

    Returns:
        The pieces, in the film's order.

    Raises:
        ValueError: A number is out of range.
        VideoError: The film cannot be read.
        OSError: The disk is full.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = encode(np.zeros((40, 32, 32, 3), np.uint8), folder + "/film.mp4", fps=10, gop=10)
        >>> [(piece.file, piece.start, piece.copied) for piece in cut(
        ...     folder + "/film.mp4", folder + "/pieces/film.json", seconds=2)]
        [('film_0000.mp4', 0.0, True), ('film_0001.mp4', 2.0, True)]
    """
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds is above 0, not {seconds:g}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance is at least 0, not {tolerance:g}")
    made_from = _origin(src, seconds, tolerance, gop)
    with CompressedVideo(src) as video:
        times = video.times
        keys = np.cumsum([0, *video.info.gop_lengths[:-1]])
        starts = _scenes(video) if seconds is None else _every(times, seconds)
        nearest = keys[np.abs(times[keys][None] - times[starts][:, None]).argmin(1)]
        apart = np.abs(times[nearest] - times[starts]).max()
        pieces: list[Piece] = []
        if apart <= (0 if seconds is None else tolerance) and len(np.unique(nearest)) == len(nearest):
            pieces = _copied(video, src, Path(table), nearest)
        if not pieces:
            pieces = _encoded(video, Path(table), starts, gop)
    with replacing(table) as part:
        text = json.dumps(made_from | {"pieces": [asdict(piece) for piece in pieces]}, indent=1)
        part.write_text(text + "\n", encoding="utf-8")
    return pieces


def is_cut(
    src: str | os.PathLike[str],
    table: str | os.PathLike[str],
    seconds: float | None = 10.0,
    *,
    tolerance: float = 0.5,
    gop: int = 12,
) -> bool:
    """Whether `cut` made this table and its pieces from the film as it is now; arguments as there.

    Example:
        >>> import tempfile
        >>> film, table = (f"{tempfile.mkdtemp()}/{name}" for name in ("film.mp4", "film.json"))
        >>> _ = encode(np.zeros((40, 32, 32, 3), np.uint8), film, fps=10)
        >>> _ = cut(film, table, seconds=2)
        >>> is_cut(film, table, seconds=2), is_cut(film, table, seconds=1)
        (True, False)
    """
    try:
        found = json.loads(Path(table).read_text(encoding="utf-8"))
        files = [piece["file"] for piece in found.pop("pieces")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    there = all(Path(table).with_name(file).is_file() for file in files)
    return there and found == _origin(src, seconds, tolerance, gop)


def _origin(src: str | os.PathLike[str], seconds: float | None, tolerance: float, gop: int) -> dict[str, Any]:
    how = {"seconds": seconds, "tolerance": tolerance, "gop": gop}
    try:
        return {"format": _FORMAT} | file_stamp(src).origin() | how
    except OSError as error:
        raise UnreadableFile(src, error.strerror or "cannot be read") from None


def _every(times: NDArray[np.float64], seconds: float) -> NDArray[np.int64]:
    """First frames (K,) of pieces of equal length."""
    length = times[-1] - times[0]
    count = max(1, int(length / seconds + 0.5))
    return np.unique(np.searchsorted(times, times[0] + seconds * np.arange(count) - 1e-6))


def _scenes(video: CompressedVideo) -> NDArray[np.int64]:
    """First frames (K,) of scenes: where a frame differs from the last one as no frames around it do."""
    changes: list[float] = [0.0]
    before: NDArray[np.int16] | None = None
    for frame in video.frames(size=_SMALL):
        small = frame.astype(np.int16)
        if before is not None:
            changes.append(float(np.abs(small - before).mean()))
        before = small
    starts, times = [0], video.times
    for place in np.flatnonzero(np.array(changes) > _CHANGE).tolist():
        around = changes[max(1, place - _AROUND) : place] + changes[place + 1 : place + 1 + _AROUND]
        is_change = not around or changes[place] > _CONTRAST * np.median(around)
        if is_change and times[place] - times[starts[-1]] >= _SHORTEST:
            starts.append(place)
    return np.array(starts)


def _spans(starts: Sequence[int] | NDArray[np.int64], end: int) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(starts, [*starts[1:], end], strict=True)]


def _name(table: Path, number: int, suffix: str) -> Path:
    return table.with_name(f"{table.stem}_{number:04d}{suffix}")


def _copied(
    video: CompressedVideo, src: str | os.PathLike[str], table: Path, starts: NDArray[np.int64]
) -> list[Piece]:
    """The pieces by stream copy; none if one of them, read again, is not what the film shows there."""
    spans, pieces = _spans(starts, video.info.frames), []
    keys = np.cumsum([0, *video.info.gop_lengths[:-1]])
    firsts = set(np.searchsorted(keys, starts).tolist())
    suffix = Path(src).suffix.lower()
    try:
        groups = _packets(src, firsts)
        for number, ((start, stop), packets) in enumerate(zip(spans, groups, strict=True)):
            path = _name(table, number, suffix)
            with replacing(path) as part:
                _mux(src, packets, part, path)
                if not _shows(part, video, start, stop):
                    raise VideoError(src, "its packets cannot be cut there")
            pieces.append(Piece(path.name, float(video.times[start]), stop - start, True))
    except (av.FFmpegError, VideoError, ValueError, TypeError):  # no times, or a container that takes no copy
        for piece in pieces:
            table.with_name(piece.file).unlink()
        return []
    return pieces


def _packets(src: str | os.PathLike[str], firsts: set[int]) -> Iterator[list[Any]]:
    """The film's packets in groups, each of which begins with a key frame whose number is among `firsts`."""
    group: list[Any] = []
    key = -1
    with av.open(f"file:{os.fspath(src)}") as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size == 0:
                continue
            key += packet.is_keyframe
            if packet.is_keyframe and key in firsts and group:
                yield group
                group = []
            group.append(packet)
        yield group


def _mux(src: str | os.PathLike[str], packets: list[Any], part: Path, path: Path) -> None:
    name = path.name.replace("\0", "")
    with av.open(f"file:{os.fspath(src)}") as source:
        stored = source.format.name.split(",")
        kind = "mp4" if "mp4" in stored and name.endswith((".mp4", ".m4v")) else stored[0]
        with av.open(f"file:{part}", "w", format=kind, options={"fflags": "+bitexact"}) as container:
            stream = container.add_stream_from_template(source.streams.video[0])
            first = packets[0].pts
            for packet in packets:
                packet.pts -= first
                if packet.dts is not None:  # Matroska's first ones have none
                    packet.dts -= first
                packet.stream = stream
                container.mux(packet)


def _shows(part: Path, video: CompressedVideo, start: int, stop: int) -> bool:
    """Whether a piece has the frames of the film, at their distances, and begins and ends with the same."""
    with CompressedVideo(part) as piece:
        if piece.info.frames != stop - start:
            return False
        times = video.times[start:stop]
        even = np.abs((piece.times - piece.times[0]) - (times - times[0])).max() < 2e-3
        places = sorted({0, min(1, stop - start - 1), stop - start - 1})
        return bool(even) and all(
            np.array_equal(piece.clip(place, 1), video.clip(start + place, 1)) for place in places
        )


def _encoded(video: CompressedVideo, table: Path, starts: NDArray[np.int64], gop: int) -> list[Piece]:
    """The pieces encoded again, in one pass over the film."""
    info, pieces = video.info, []
    height, width = info.display_height, info.display_width
    size = (max(2, height - height % 2), max(2, width - width % 2))
    for number, (start, stop) in enumerate(_spans(starts, info.frames)):
        path = _name(table, number, ".mp4")
        times = [Fraction(time) for time in video.times[start:stop] - video.times[start]]
        encode(
            video.frames(start, stop, size=size),
            path,
            gop=gop,
            fps=info.nominal_rate,
            times=times,
            clock=CLOCK,
        )
        pieces.append(Piece(path.name, float(video.times[start]), stop - start, False))
    return pieces
