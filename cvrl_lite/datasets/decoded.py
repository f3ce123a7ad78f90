"""Every file read once: its central square as `uint8` pixels and `int16` vectors and residuals, in memory.

Axes: T time, S side of the decoded square, G vector cells a side.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets.base import Entry, VideoDataset
from cvrl_lite.datasets.clip_sampling import ClipSampling, evaluation_frames
from cvrl_lite.datasets.kept import keep, kept
from cvrl_lite.datasets.samples import key_frames, read_residuals, read_square, read_vectors
from cvrl_lite.errors import VideoError
from cvrl_lite.files import READ_ONLY, alone
from cvrl_lite.progress import track

_FORMAT = 3  # of the arrays kept in a folder; others are made again
_CHUNK = 64  # frames decoded at a time, so that a long file needs little memory beside its result


@dataclass(frozen=True)
class DecodedVideo:
    """What one file gives.

    Attributes:
        entry: Which file.
        frames: (T, S, S, 3) uint8 RGB.
        vectors: (T, 2, G, G) int16, in 1/16 of a pixel of the S x S square, pointing back.
        mask: (T, G, G) bool; cells that hold a vector.
        times: (T,) float64 seconds, rising.
        keys: (K,) int64 indices of the key frames.
        residuals: (T, 2, G, G) int16, of each cell the mean residual and its mean size, in 1/16 of a gray
            level; T is 0 where they were not asked for.
        residual_mask: (T, G, G) bool; cells that were predicted, and so have a residual.
    """

    entry: Entry
    frames: NDArray[np.uint8]
    vectors: NDArray[np.int16]
    mask: NDArray[np.bool_]
    times: NDArray[np.float64]
    keys: NDArray[np.int64]
    residuals: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 2, 0, 0), np.int16))
    residual_mask: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0, 0), bool))


@dataclass(frozen=True)
class Skipped:
    """A file that cannot be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class DecodedSet:
    """A data set in memory.

    Attributes:
        videos: What could be read.
        skipped: What could not, with the reason.
        classes: As in `VideoDataset`.
    """

    videos: tuple[DecodedVideo, ...]
    skipped: tuple[Skipped, ...]
    classes: dict[str, tuple[str, ...]]

    def labels(self, name: str) -> NDArray[np.int64]:
        """(number of videos,) int64: the label called `name` of each video."""
        return np.array([video.entry.labels[name] for video in self.videos], np.int64)

    def subset(self, indices: Iterable[int]) -> DecodedSet:
        """Some of the videos, in the order of their indices; classes keep their numbers."""
        return replace(self, videos=tuple(self.videos[int(index)] for index in indices))

    @property
    def source_numbers(self) -> NDArray[np.int64]:
        """(number of videos,) int64: equal where two files come from one video."""
        return np.unique([video.entry.source for video in self.videos], return_inverse=True)[1]


def decode(
    videos: VideoDataset,
    *,
    size: int = 72,
    cells: int = 14,
    vectors: bool = True,
    residuals: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> DecodedSet:
    """Reads every file once.

    Args:
        videos: What to read.
        size: S, the side in pixels that the central square is scaled to.
        cells: G, the number of vector cells along that side.
        vectors: Whether motion vectors are needed; a file without them is then left out.
        residuals: Whether residuals are needed, too.
        cache: A folder in which the arrays are kept, and from which they are mapped into memory: for sets
            that do not fit, and to read a set once for many trainings. A file is known by its path, size and
            time of change; arrays that are damaged are made again. Where the folder may not be written, what
            it lacks is kept in memory instead, with a warning.

    Returns:
        The decoded set; files that could not be read are in its `skipped`.

    Raises:
        OSError: The disk of `cache` is full. What it holds already is used the next time.
    """
    how = (size, cells, vectors, residuals)
    found: list[DecodedVideo] = []
    skipped: list[Skipped] = []
    for entry in track(videos.entries, "decoding", len(videos.entries)):
        try:
            if cache is None:
                found.append(_decode_one(entry, *how))
            else:
                found.append(_mapped(entry, how, Path(cache)))
        except VideoError as error:
            skipped.append(Skipped(entry.path, error.reason))
    return DecodedSet(tuple(found), tuple(skipped), videos.classes)


def evaluation_clips(video: DecodedVideo, how: ClipSampling, clips: int) -> NDArray[np.uint8]:
    """Clips spread evenly over a video.

    Args:
        video: A decoded video.
        how: Gives the number of frames and the step.
        clips: How many.

    Returns:
        (clips, T, S, S, 3) uint8.

    Raises:
        ValueError: The video is shorter than a clip.
    """
    try:
        return video.frames[evaluation_frames(video.times, how, clips)]
    except ValueError as error:
        raise ValueError(f"{video.entry.path}: {error}") from None


_NOT_OURS = READ_ONLY | {errno.EISDIR}  # a folder that may not be written
_How = tuple[int, int, bool, bool]  # size, cells, whether vectors, whether residuals
_Maps = tuple[NDArray[np.int16], NDArray[np.bool_]]


def _decode_one(entry: Entry, size: int, cells: int, vectors: bool, residuals: bool) -> DecodedVideo:
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.codec.advice import check_vectors

    empty = np.zeros((0, 2, cells, cells), np.int16), np.zeros((0, cells, cells), bool)
    frames: list[NDArray[np.uint8]] = []
    moved: list[_Maps] = [] if vectors else [empty]
    left: list[_Maps] = [] if residuals else [empty]
    with CompressedVideo(entry.path) as video:
        if vectors or residuals:
            check_vectors(video.info)
        count = video.info.frames
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            frames.append(read_square(video, size, start=start, frames=stop - start))
            if vectors:
                moved.append(read_vectors(video, start, stop, size, cells))
            if residuals:
                left.append(read_residuals(video, start, stop, cells))
        field, mask = (np.concatenate(part) for part in zip(*moved, strict=True))
        rest, predicted = (np.concatenate(part) for part in zip(*left, strict=True))
        pictures, keys = np.concatenate(frames), key_frames(video.info.gop_lengths)
        return DecodedVideo(entry, pictures, field, mask, video.times, keys, rest, predicted)


_ARRAYS = ("frames", "vectors", "mask", "times", "keys", "residuals", "residual_mask")


def _mapped(entry: Entry, how: _How, folder: Path) -> DecodedVideo:
    """The video from the folder, decoded into it where it is not there."""
    try:
        state = entry.path.stat()
    except OSError:
        return _decode_one(entry, *how)  # which says what is wrong with it
    facts = [_FORMAT, str(entry.path.absolute()), state.st_size, state.st_mtime_ns, *how]
    place = folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    file = place.with_suffix(".safetensors")
    if (arrays := kept(file, _ARRAYS)) is not None:
        return DecodedVideo(entry, **arrays)
    with alone(place.with_suffix(".lock"), file):
        if (arrays := kept(file, _ARRAYS)) is not None:  # another process has made it meanwhile
            return DecodedVideo(entry, **arrays)
        if file.exists():
            warnings.warn(f"{folder}: files in it are damaged, and are made again", stacklevel=3)
        made = _decode_one(entry, *how)
        try:
            keep(file, {name: getattr(made, name) for name in _ARRAYS})
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            warnings.warn(f"{folder}: nothing is kept there: {error.strerror}", stacklevel=3)
    return DecodedVideo(entry, **(kept(file, _ARRAYS) or {name: getattr(made, name) for name in _ARRAYS}))
