"""Decodes every file once: its central square as `uint8` pixels, `int16` vectors and residuals.

Axes: T time, S side of the decoded square, G vector cells per side.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets.base import Entry, VideoDataset
from cvrl_lite.datasets.clip_sampling import ClipSampling, evaluation_frames
from cvrl_lite.datasets.eviction import make_room, mark_used, uses_of
from cvrl_lite.datasets.kept import keep, kept
from cvrl_lite.datasets.samples import key_frames, read_residuals, read_square, read_vectors
from cvrl_lite.datasets.scan import Skipped
from cvrl_lite.datasets.sizing import decoded_bytes
from cvrl_lite.errors import VideoError
from cvrl_lite.files import READ_ONLY, alone, cache_dir, file_stamp
from cvrl_lite.limits import cache_limit
from cvrl_lite.processes import map_in_processes, processors
from cvrl_lite.progress import track
from cvrl_lite.reprs import short_repr

_FORMAT = 3  # of the cached arrays; other formats are decoded again
_CHUNK = 64  # frames decoded at a time, so that a long file needs little memory beside its result


@dataclass(frozen=True)
class DecodedVideo:
    """One decoded file.

    Attributes:
        entry: The file's entry in the data set.
        frames: (T, S, S, 3) uint8 RGB.
        vectors: (T, 2, G, G) int16, in 1/16 of a pixel of the S x S square, pointing back.
        mask: (T, G, G) bool; cells that hold a vector.
        times: (T,) float64 seconds, rising.
        keys: (K,) int64 indices of the key frames.
        residuals: (T, 2, G, G) int16, of each cell the mean residual and its mean size, in 1/16 of a gray
            level; T is 0 if they were not requested.
        residual_mask: (T, G, G) bool; cells that were predicted, and so have a residual.

    Example:
        >>> from cvrl_lite import data_path
        >>> files = VideoDataset([Entry(data_path("sample.mp4"), "sample", {})])
        >>> video = decode(files, size=32, cells=4, cache=False).videos[0]
        >>> video.frames.shape, video.vectors.shape, video.keys.tolist()
        ((72, 32, 32, 3), (72, 2, 4, 4), [0, 12, 24, 36, 48, 60])
    """

    entry: Entry
    frames: NDArray[np.uint8]
    vectors: NDArray[np.int16]
    mask: NDArray[np.bool_]
    times: NDArray[np.float64]
    keys: NDArray[np.int64]
    residuals: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 2, 0, 0), np.int16))
    residual_mask: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0, 0), bool))

    def __repr__(self) -> str:
        return short_repr(self)


@dataclass(frozen=True)
class DecodedSet:
    """A data set in memory.

    Attributes:
        videos: The files that were read.
        skipped: The files that could not be read, with the reason.
        classes: As in `VideoDataset`.

    Example:
        >>> from cvrl_lite import data_path
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> entries = [Entry(data_path(name), name, {"name": number}) for number, name in enumerate(names)]
        >>> data = decode(VideoDataset(entries, {"name": names}), size=32, cells=4, cache=False)
        >>> data.labels("name").tolist(), data.source_numbers.tolist(), len(data.subset([1]).videos)
        ([0, 1], [0, 1], 1)
    """

    videos: tuple[DecodedVideo, ...]
    skipped: tuple[Skipped, ...]
    classes: dict[str, tuple[str, ...]]

    def __repr__(self) -> str:
        return short_repr(self)

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
    cache: str | os.PathLike[str] | Literal[False] | None = None,
    workers: int | None = None,
) -> DecodedSet:
    """Reads every file once, in several processes, and caches the result.

    The arrays are cached, 0.7 MB per 40 frames at the standard size, and memory-mapped from there, so a set
    is decoded once for many trainings and may be larger than memory. A file is identified by path, size and
    modification time; damaged arrays are decoded again. If the cache is not writable, missing arrays are held
    in memory instead, with a warning.

    Args:
        videos: The files to read.
        size: S, the side in pixels that the central square is scaled to.
        cells: G, the number of vector cells along that side.
        vectors: Whether motion vectors are needed; a file without them is then left out.
        residuals: Whether residuals are needed, too.
        cache: A folder for the arrays. If None, `decoded` in the cache folder: it skips videos in the
            system's temporary folder and holds at most `$CVRL_CACHE_LIMIT` bytes (default 20G), evicting the
            least recently used arrays; a set that does not fit is held in memory. If False, everything is
            held in memory.
        workers: Processes that read; below 2, the calling process does. If None, one per processor, or fewer
            for a set too small to be worth starting them.

    Returns:
        The decoded set; files that could not be read are in its `skipped`.

    Raises:
        OSError: The disk of a folder passed as `cache` is full. Arrays written so far are used the next time.
        ChildProcessError: A worker was killed.

    Example:
        >>> from cvrl_lite import data_path
        >>> entries = [Entry(data_path(name), name, {}) for name in ("sample.mp4", "README.md")]
        >>> data = decode(VideoDataset(entries), size=32, cells=4, cache=False)
        >>> data.videos[0].frames.shape, data.skipped[0].reason
        ((72, 32, 32, 3), 'no video format was recognized in it')
    """
    how = _How(size, cells, vectors, residuals)
    jobs: list[_Job] = []
    found: dict[int, DecodedVideo] = {}
    folder = _default_cache() if cache is None else Path(cache) if cache is not False else None
    damaged = False
    files = [_file_of(entry, how, folder, is_default=cache is None) for entry in videos.entries]
    limited = cache is None and folder is not None
    if limited:
        _list_as_used(files)
    for number, (entry, file) in enumerate(zip(videos.entries, files, strict=True)):
        if file is not None and (arrays := kept(file, _ARRAYS)) is not None:
            found[number] = DecodedVideo(entry, **arrays)
            mark_used(file)
        else:
            damaged |= file is not None and file.exists()
            jobs.append(_Job(number, entry, file))
    if damaged:
        warnings.warn(f"{folder}: files in it are damaged, and are made again", stacklevel=2)
    if limited:
        jobs = _where_there_is_room(jobs, how)
    skipped: dict[int, Skipped] = {}
    lost: set[str] = set()
    with closing(map_in_processes(partial(_made, how), jobs, _workers(jobs, workers))) as made:
        for result in track(made, "decoding", len(jobs)):
            number, file = result.job.number, result.job.file
            if result.unreadable:
                skipped[number] = Skipped(result.job.entry.path, result.unreadable)
            elif result.video is not None:
                found[number] = result.video
            elif file is not None and (arrays := kept(file, _ARRAYS)) is not None:
                found[number] = DecodedVideo(result.job.entry, **arrays)
            else:  # removed in the meantime
                found[number] = _decode_one(result.job.entry, how)
            if result.not_kept is not None:
                if cache is not None and result.not_kept.errno not in _NOT_OURS:
                    raise result.not_kept
                lost.add(f"{folder}: nothing is kept there: {result.not_kept.strerror}")
    for line in sorted(lost):
        warnings.warn(line, stacklevel=2)
    in_order = [found[number] for number in sorted(found)]
    return DecodedSet(tuple(in_order), tuple(skipped[n] for n in sorted(skipped)), videos.classes)


def evaluation_clips(video: DecodedVideo, how: ClipSampling, clips: int) -> NDArray[np.uint8]:
    """Clips spread evenly over a video.

    Args:
        video: A decoded video.
        how: Gives the number of frames and the stride.
        clips: How many.

    Returns:
        (clips, T, S, S, 3) uint8.

    Raises:
        ValueError: The video is shorter than a clip.

    Example:
        >>> from cvrl_lite import data_path
        >>> files = VideoDataset([Entry(data_path("sample.mp4"), "sample", {})])
        >>> video = decode(files, size=32, cells=4, cache=False).videos[0]
        >>> evaluation_clips(video, ClipSampling(frames=8), clips=3).shape
        (3, 8, 32, 32, 3)
    """
    try:
        return video.frames[evaluation_frames(video.times, how, clips)]
    except ValueError as error:
        raise ValueError(f"{video.entry.path}: {error}") from None


_NOT_OURS = READ_ONLY | {errno.EISDIR}  # the folder is not writable
_ARRAYS = ("frames", "vectors", "mask", "times", "keys", "residuals", "residual_mask")
_WORTH_WORKERS = 10_000_000  # bytes of video that take longer to read than workers to start
_Maps = tuple[NDArray[np.int16], NDArray[np.bool_]]


class _How(NamedTuple):
    """The arguments of `decode`."""

    size: int
    cells: int
    vectors: bool
    residuals: bool


class _Job(NamedTuple):
    """A file to decode: its number in the set, and the cache file for its arrays, if any."""

    number: int
    entry: Entry
    file: Path | None


class _Result(NamedTuple):
    """A video that was not cached, the reason it cannot be read, or the reason it could not be cached."""

    job: _Job
    video: DecodedVideo | None = None
    unreadable: str = ""
    not_kept: OSError | None = None


def _default_cache() -> Path | None:
    try:
        return cache_dir() / "decoded"
    except OSError:  # there is no place at all
        return None


def _file_of(entry: Entry, how: _How, folder: Path | None, *, is_default: bool) -> Path | None:
    """The cache file of a video's arrays; None if they are not cached."""
    if folder is None or (is_default and _is_temporary(entry.path)):
        return None
    try:
        stamp = file_stamp(entry.path)
    except OSError:  # reading it will report the fault
        return None
    facts = [_FORMAT, *stamp, *how]
    return folder / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}.safetensors"


def _list_as_used(files: Sequence[Path | None]) -> None:
    """Protects cache files, existing or future, from eviction while this process lives."""
    names = [file.name for file in files if file is not None]
    if names:
        with suppress(OSError):  # a read-only cache evicts nothing
            uses_of(next(file for file in files if file is not None).parent).add(names)


def _where_there_is_room(jobs: list[_Job], how: _How) -> list[_Job]:
    """The jobs, with cache files if the cache's limit leaves room for all of them."""
    kept_jobs = [job for job in jobs if job.file is not None]
    if not kept_jobs or (file := kept_jobs[0].file) is None:
        return jobs
    limit = cache_limit()
    if make_room(file.parent, decoded_bytes([job.entry for job in kept_jobs], **how._asdict()), limit):
        return jobs
    warnings.warn(
        f"{file.parent}: {len(kept_jobs)} videos are held in memory: there is no room for them below "
        f"{limit / 1e9:g} GB (CVRL_CACHE_LIMIT)",
        stacklevel=3,
    )
    return [job._replace(file=None) for job in jobs]


def _is_temporary(path: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(tempfile.gettempdir()), ""))


def _workers(jobs: Sequence[_Job], workers: int | None) -> int:
    """The number of worker processes: at most one per file; if None, as many as are worth starting."""
    if workers is not None:
        return min(workers, len(jobs))
    size = 0
    for job in jobs:
        with suppress(OSError):
            size += job.entry.path.stat().st_size
    return min(processors(), len(jobs), 1 + size // _WORTH_WORKERS)


def _made(how: _How, job: _Job) -> _Result:
    """Decodes one file, into the cache if it has a cache file; runs in a worker."""
    try:
        if job.file is None:
            return _Result(job, _decode_one(job.entry, how))
        with alone(job.file.with_suffix(".lock"), job.file):
            if kept(job.file, _ARRAYS) is not None:  # another process has decoded it in the meantime
                return _Result(job)
            video = _decode_one(job.entry, how)
            try:
                keep(job.file, {name: getattr(video, name) for name in _ARRAYS})
            except OSError as error:
                return _Result(job, video, not_kept=error)
            return _Result(job)
    except VideoError as error:
        return _Result(job, unreadable=error.reason)


def _decode_one(entry: Entry, how: _How) -> DecodedVideo:
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.codec.advice import check_vectors

    size, cells = how.size, how.cells
    empty = np.zeros((0, 2, cells, cells), np.int16), np.zeros((0, cells, cells), bool)
    frames: list[NDArray[np.uint8]] = []
    moved: list[_Maps] = [] if how.vectors else [empty]
    left: list[_Maps] = [] if how.residuals else [empty]
    with CompressedVideo(entry.path) as video:
        if how.vectors or how.residuals:
            check_vectors(video.info)
        count = video.info.frames
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            frames.append(read_square(video, size, start=start, frames=stop - start))
            if how.vectors:
                moved.append(read_vectors(video, start, stop, size, cells))
            if how.residuals:
                left.append(read_residuals(video, start, stop, cells))
        field, mask = (np.concatenate(part) for part in zip(*moved, strict=True))
        rest, predicted = (np.concatenate(part) for part in zip(*left, strict=True))
        pixels, keys = np.concatenate(frames), key_frames(video.info.gop_lengths)
        return DecodedVideo(entry, pixels, field, mask, video.times, keys, rest, predicted)
