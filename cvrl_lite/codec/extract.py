"""Extracts what a video file holds to an `.npz` file of arrays, and reads it back.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, K key frames.
"""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from cvrl_lite.codec._stream.raster import Motion
from cvrl_lite.codec.chunks import KeyFrames, What
from cvrl_lite.codec.residual import Residual
from cvrl_lite.codec.video import CompressedVideo
from cvrl_lite.errors import DamagedVideo, NotAVideo, UnreadableFile, shown
from cvrl_lite.files import check_regular, file_stamp, replacing
from cvrl_lite.folders import videos_below

WHAT: tuple[What, ...] = ("keyframes", "motion", "residuals")
"""What can be extracted."""

_FORMAT = 3  # of the files written
_SCALE = 16  # stored vectors are in 1/16 pixel
_CHUNK = 64  # frames per chunk
_ZIP = b"PK\3\4"  # signature of an archive
_ARRAYS: dict[What, set[str]] = {
    "keyframes": {"keyframe_indices", "keyframe_times", "keyframes"},
    "motion": {"vectors", "mask"},
    "residuals": {"residuals", "residual_mask"},
}


@dataclass(frozen=True)
class Extracted:
    """The contents of an extracted file; parts that were not extracted are None.

    Attributes:
        header: About the video: name, bytes, format, codec, frames, picture types, units ...
        times: (T,) float64 seconds.
        keyframes: The key frames.
        motion: The motion field, float32 pixels.
        residuals: Luma residuals.
    """

    header: dict[str, Any]
    times: np.ndarray
    keyframes: KeyFrames | None
    motion: Motion | None
    residuals: Residual | None


def extract(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    what: Collection[What] = ("keyframes", "motion"),
    *,
    direction: Literal["past", "future"] = "past",
) -> bool:
    """Extracts key frames, motion or residuals of a video to an `.npz` file, in constant memory.

    The file appears complete or not at all. Frames and vectors are in the orientation of display (see
    `CompressedVideo`). Vectors are int16 in 1/16 pixel: those of all codecs fit without loss, and vectors
    divided by a reference's distance are rounded by at most 1/32. Mask and key frames are uint8, residuals
    int16.

    Args:
        src: The video.
        dst: The file to write. If it holds the same parts of the same video (by name, size and modification
            time) already, and is intact, it is kept.
        what: Any of "keyframes", "motion", "residuals".
        direction: Of the vectors.

    Returns:
        Whether anything was written.

    Raises:
        VideoError: The video cannot be read; nothing is written.
        OSError: The file cannot be written, or the disk is full; temporary files lie beside it until then.
        ValueError: `what` is empty or holds another word.

    Example:
        >>> from cvrl_lite import data_path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     extract(data_path("sample.mp4"), folder + "/a.npz")
        ...     load(folder + "/a.npz").motion.vectors.shape
        True
        (72, 2, 28, 28)
    """
    if not what or set(what) - set(WHAT):
        raise ValueError(f"extract some of {', '.join(WHAT)}; not {', '.join(what) or 'nothing'}")
    if direction not in ("past", "future"):
        raise ValueError(f"a file holds the vectors of one direction, past or future; got {direction}")
    with CompressedVideo(src) as video:
        origin: dict[str, Any] = {"format": _FORMAT, "what": sorted(what), "direction": direction}
        origin |= file_stamp(src).origin()
        if _holds(dst, origin):
            return False
        types: list[str] = []
        exact = False
        with ExitStack() as stack:
            part = stack.enter_context(replacing(dst))
            columns: dict[str, _Column] = {}

            def put(name: str, values: np.ndarray) -> None:
                if name not in columns:  # on the target's disk, as /tmp may be in memory
                    file = stack.enter_context(tempfile.TemporaryFile(dir=part.parent))
                    columns[name] = _Column(file, values)
                columns[name].add(values)

            for chunk in video.chunks(_CHUNK, what, direction=direction):
                if chunk.keyframes is not None:
                    put("keyframe_indices", chunk.keyframes.indices)
                    put("keyframe_times", chunk.keyframes.times)
                    put("keyframes", chunk.keyframes.images)
                if chunk.motion is not None:
                    put(
                        "vectors", np.rint(chunk.motion.vectors * _SCALE).clip(-32768, 32767).astype(np.int16)
                    )
                    put("mask", chunk.motion.mask.astype(np.uint8))
                    types += chunk.motion.picture_types.tolist()
                if chunk.residuals is not None:
                    put("residuals", chunk.residuals.values)
                    put("residual_mask", chunk.residuals.mask.astype(np.uint8))
                    exact = chunk.residuals.exact
            info = video.info
            header = origin | {
                "codec": info.codec,
                "height": info.height,
                "width": info.width,
                "frames": info.frames,
                "has_timestamps": info.has_timestamps,
                "vector_parts_of_a_pixel": _SCALE,
                "picture_types": "".join(types),
                "residual_exact": exact,
                "vectors_in_fields": info.vectors_in_fields,
            }
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                _write(archive, "header", np.array(json.dumps(header)))
                _write(archive, "times", video.times)
                for name, column in columns.items():
                    column.write(archive, name)
    return True


def load(path: str | os.PathLike[str]) -> Extracted:
    """Reads a file written by `extract`.

    Raises:
        UnreadableFile: The file is missing, a folder or a pipe, or may not be read.
        NotAVideo: It is a file of another kind.
        DamagedVideo: It is broken.

    Example:
        >>> import tempfile
        >>> from cvrl_lite import data_path
        >>> path = tempfile.mkdtemp() + "/sample.npz"
        >>> _ = extract(data_path("sample.mp4"), path)
        >>> data = load(path)
        >>> data.header["what"], data.times.shape, data.keyframes.images.shape
        (['keyframes', 'motion'], (72,), (6, 224, 224, 3))
    """
    check_regular(path)
    try:
        with open(path, "rb") as file:
            if file.read(len(_ZIP)) != _ZIP:
                raise NotAVideo(path, "not a file written by extract")
            file.seek(0)
            with np.load(file, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
        header = json.loads(str(arrays["header"]))
        times = arrays["times"]
        keyframes = motion = residuals = None
        if "keyframes" in header["what"]:
            keyframes = KeyFrames(arrays["keyframe_indices"], arrays["keyframe_times"], arrays["keyframes"])
        if "motion" in header["what"]:
            vectors = arrays["vectors"].astype(np.float32) / header["vector_parts_of_a_pixel"]
            motion = Motion(vectors, arrays["mask"].astype(bool), np.array(list(header["picture_types"])))
        if "residuals" in header["what"]:
            residuals = Residual(
                arrays["residuals"], arrays["residual_mask"].astype(bool), header["residual_exact"]
            )
    except NotAVideo:
        raise
    except OSError as error:
        raise UnreadableFile(path, error.strerror or "cannot be read") from None
    except KeyError as error:
        raise NotAVideo(path, f"not a file written by extract: it lacks {error}") from None
    except Exception as error:  # NumPy and zipfile raise nearly anything
        raise DamagedVideo(path, f"a broken file of extract: {str(error)[:100]}") from None
    return Extracted(header, times, keyframes, motion, residuals)


def targets(sources: Sequence[Path], out: Path, name: Callable[[Path], str]) -> list[tuple[Path, Path]]:
    """Chooses the file to write for each video; videos in folders keep their sub-folders.

    Where two videos would be written to the same file, or to names that differ in case alone and are the same
    on many systems, the video with exactly that name gets it, or else the first by name; the others keep
    their suffix (`a.avi.mp4`), with a warning.

    Args:
        sources: Files and folders.
        out: Where to write. Inside one of the folders, it is not searched for videos.
        name: Gives the name of the file to write, from the video's path.

    Returns:
        Pairs (video, file to write), each video once.

    Raises:
        ValueError: Two videos of the same name, from two sources, would be written to the same file.

    Example:
        >>> videos = [Path("in/a.avi"), Path("in/a.mp4")]
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     [path.name for _, path in targets(videos, Path("out"), lambda path: f"{path.stem}.mp4")]
        ['a.avi.mp4', 'a.mp4']
        >>> print(caught[0].message)
        in/a.avi: becomes out/a.avi.mp4, as in/a.mp4 becomes out/a.mp4
    """
    pairs: dict[str, tuple[Path, Path]] = {}
    spelled: dict[str, str] = {}  # where a file lies, by a form that its other spellings share

    def add(path: Path, target: Path) -> None:
        place = os.path.realpath(path)
        known = spelled.setdefault(_normalized(Path(place)), place)
        if known != place and os.path.exists(path) and os.path.samefile(known, path):
            place = known  # on a system that does not tell A.mp4 from a.mp4
        pairs.setdefault(place, (path, target))

    for source in sources:
        if source.is_dir():
            for path in videos_below(source, without=out):
                add(path, out / path.relative_to(source).parent / name(path))
        else:
            add(source, out / name(source))
    chosen = dict(pairs.values())
    taken: dict[str, Path] = {}
    for source in sorted(chosen, key=lambda path: (path.name != chosen[path].name, path)):
        target = chosen[source]
        if other := taken.get(_normalized(target)):
            if chosen[other] == target and other.name == source.name:
                raise ValueError(f"{shown(source)} and {shown(other)} would both become {shown(target)}")
            numbers = ("", *(f".{number}" for number in range(2, len(chosen) + 2)))
            names = (target.with_name(f"{source.name}{number}{target.suffix}") for number in numbers)
            chosen[source] = next(path for path in names if _normalized(path) not in taken)
            first = f"{shown(other)} becomes {shown(chosen[other])}"
            warnings.warn(f"{shown(source)}: becomes {shown(chosen[source])}, as {first}", stacklevel=2)
        taken[_normalized(chosen[source])] = source
    return list(chosen.items())


def _normalized(path: Path) -> str:
    """A form in which two names are equal that are the same file on some system."""
    return unicodedata.normalize("NFC", str(path)).casefold()


class _Column:
    """An array that grows along its first axis, in a temporary file."""

    def __init__(self, file: IO[bytes], first: np.ndarray) -> None:
        self._file, self._rest, self._type, self._rows = file, first.shape[1:], first.dtype, 0

    def add(self, rows: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def write(self, archive: zipfile.ZipFile, name: str) -> None:
        self._file.seek(0)
        shape = (self._rows, *self._rest)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as target:
            about = {"descr": self._type.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(target, about)
            for block in _blocks(self._file):
                target.write(block)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def _write(archive: zipfile.ZipFile, name: str, values: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as target:
        np.lib.format.write_array(target, values, allow_pickle=False)


def _holds(path: str | os.PathLike[str], origin: dict[str, Any]) -> bool:
    """Whether an intact file was extracted from the same video in the same way."""
    if not os.path.isfile(path):  # missing, or a pipe, which must not be opened
        return False
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            header = json.loads(str(held["header"]))
            if any(header.get(name) != value for name, value in origin.items()):
                return False
            lacking = {"times"}.union(*(_ARRAYS[name] for name in origin["what"])) - set(held.files)
            return not lacking and held.zip.testzip() is None  # at most a tenth of the time of extraction
    except Exception:  # missing, or broken in any way
        return False
