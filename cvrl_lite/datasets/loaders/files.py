"""Batches of samples read from their files each time, by workers: for sets that memory does not hold."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cvrl_lite.datasets.base import Entry, VideoDataset
from cvrl_lite.datasets.clip_sampling import ClipSampling, Timeline
from cvrl_lite.datasets.loaders.schedule import Job, batch_labels, check_usable, schedule
from cvrl_lite.datasets.samples import Batch, SampleConfig, read_cuts
from cvrl_lite.datasets.scan import Skipped, look_at
from cvrl_lite.errors import VideoError
from cvrl_lite.processes import begin_worker, check_handles, report_killed_workers
from cvrl_lite.progress import track

_Sample = tuple[int, int, dict[str, NDArray[Any]]]  # number of the file, seed, arrays of a `Sample`
_Broken = list[tuple[str, str]]  # files, and why they could not be read
_TRIES = 20  # broken files in a row before a data set counts as broken


class FileLoader:
    """Draws training batches from files: the same ones for the same seed, however many workers read.

    A worker reads what a sample needs with one decoder thread. A file that cannot be read costs a
    warning, and another one, drawn from the same seed, takes its place.

    Files that cannot be read do not count, so that batches are those of `MemoryLoader` over the decoded set.

    Args:
        videos: The files to read.
        sampling: How a sample is cut.
        seed: Seeds all random choices.
        size: S, the side in pixels that the central square is scaled to.
        cells: G, the number of vector cells along that side.
        residuals: Whether residuals are needed, too.
        vectors: Whether motion vectors are needed; else the batches' motion is blank, and files need none.
        workers: Processes that read; 0 reads in this one.
        cache: A folder for the files' indexes, so that the set is looked through once.

    Attributes:
        usable: Numbers, among the files that can be read, of those long enough for a sample.
        entries: They, in that order.
        skipped: The others, with the reason; first those that cannot be read.

    Raises:
        ValueError: No video is usable.
        ChildProcessError: A worker was killed.
        OSError: The system allows too few open files for so many workers.

    Example:
        >>> from cvrl_lite import data_path
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> videos = VideoDataset(Entry(data_path(name), name, {}) for name in names)
        >>> loader = FileLoader(videos, ClipSampling(), seed=0, size=32, cells=4)
        >>> [tuple(batch.clip.shape) for batch in loader.batches(2, steps=2)]
        [(2, 8, 32, 32, 3), (2, 8, 32, 32, 3)]
    """

    def __init__(
        self,
        videos: VideoDataset,
        sampling: ClipSampling,
        seed: int,
        *,
        size: int,
        cells: int = 14,
        residuals: bool = False,
        vectors: bool = True,
        workers: int = 0,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.sampling, self.seed, self._workers = sampling, seed, workers
        check_handles(workers)
        how = SampleConfig(sampling, size, cells, residuals=residuals, vectors=vectors, cache=cache)
        looking = _Looking(videos.entries, how)
        found = DataLoader(
            looking, batch_size=None, num_workers=workers, generator=_still(), worker_init_fn=begin_worker
        )
        readable: list[Entry] = []
        timelines: dict[int, Timeline] = {}
        broken: list[Skipped] = []
        short: list[Skipped] = []
        with report_killed_workers():
            looks = track(found, "looking at files", len(videos.entries))
            for entry, seen in zip(videos.entries, looks, strict=True):
                if not isinstance(seen, Timeline):
                    broken.append(Skipped(entry.path, seen))
                    continue
                if seen.lacks:
                    short.append(Skipped(entry.path, seen.lacks))
                else:
                    timelines[len(readable)] = seen
                readable.append(entry)
        self.usable, self.skipped = tuple(timelines), (*broken, *short)
        check_usable(self.usable, self.skipped)
        self.entries = tuple(readable[number] for number in self.usable)
        self._readable = readable
        self._sources = np.unique([entry.source for entry in readable], return_inverse=True)[1]
        self._reading = _Reading(readable, timelines, seed, how)
        self._warned: set[str] = set()

    def batches(
        self, size: int, steps: int, *, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """Yields batches; arguments and order are those of `MemoryLoader.batches`."""
        part, copies = size // share[1], self.sampling.clips_per_video
        jobs = _Jobs(self.usable, self.seed, copies, size, (first, steps), share[0] * part, part)
        loader = DataLoader(
            self._reading,
            batch_sampler=jobs,
            num_workers=self._workers,
            collate_fn=_collate,
            generator=_still(),
            worker_init_fn=begin_worker,
            pin_memory=torch.cuda.is_available(),
        )
        with report_killed_workers():
            for packed, numbers, broken in loader:
                for name, reason in broken:
                    if name not in self._warned:
                        self._warned.add(name)
                        warnings.warn(f"{name}: replaced by another file: {reason}", stacklevel=2)
                entries = [self._readable[number] for number in numbers]
                yield Batch(
                    **_unpacked(*packed),
                    sources=torch.from_numpy(self._sources[numbers]),
                    names=tuple(str(entry.path) for entry in entries),
                    labels=batch_labels(entries),
                    replaced=len(broken),
                )


def _still() -> torch.Generator:
    """A generator for the loader, which would else draw from the one that dropout uses."""
    return torch.Generator().manual_seed(0)


@dataclass(frozen=True)
class _Jobs:
    """For each batch its jobs; the copies of a video lie together, and are read together."""

    usable: Sequence[int]
    seed: int
    copies: int
    size: int
    steps: tuple[int, int]
    offset: int
    part: int

    def __len__(self) -> int:
        return self.steps[1] - self.steps[0]

    def __iter__(self) -> Iterator[list[tuple[Job, ...]]]:
        for step in range(*self.steps):
            first = step * self.size + self.offset
            groups: list[list[Job]] = []
            for job in schedule(self.usable, self.seed, self.copies, first, self.part):
                if groups and groups[-1][0][:2] == job[:2]:
                    groups[-1].append(job)
                else:
                    groups.append([job])
            yield [tuple(group) for group in groups]


class _Looking(Dataset[Any]):
    """Item: a file's timeline, or why it cannot be read."""

    def __init__(self, entries: Sequence[Entry], how: SampleConfig) -> None:
        self._entries, self._how = entries, how

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> Timeline | str:
        return look_at(self._entries[number].path, self._how)


class _Reading(Dataset[Any]):
    """Item: the samples of one video's turn, and the files that could not be read instead."""

    def __init__(
        self, entries: Sequence[Entry], timelines: dict[int, Timeline], seed: int, how: SampleConfig
    ) -> None:
        self._entries, self._timelines, self._seed, self._how = entries, timelines, seed, how
        self._usable = tuple(timelines)

    def __getitem__(self, jobs: tuple[Job, ...]) -> tuple[list[_Sample], _Broken]:
        broken: _Broken = []
        for attempt in range(_TRIES):
            try:
                return self._read(jobs), broken
            except VideoError as error:
                broken.append((error.file, error.reason))
                random = np.random.default_rng((*jobs[0].seed(self._seed), 0, attempt))
                other = int(random.choice(self._usable))
                jobs = tuple(job._replace(number=other) for job in jobs)
        raise OSError(f"{_TRIES} files in a row cannot be read, the last: {broken[-1][0]}: {broken[-1][1]}")

    def _read(self, jobs: Sequence[Job]) -> list[_Sample]:
        from cvrl_lite.codec import CompressedVideo

        number = jobs[0].number
        cuts = [self._timelines[number].cut(job.seed(self._seed)) for job in jobs]
        with CompressedVideo(self._entries[number].path, cache=self._how.cache) as video:
            samples = read_cuts(video, cuts, self._how)
        return [(number, cut.seed, arrays) for cut, arrays in zip(cuts, samples, strict=True)]


_Packed = tuple[Tensor, dict[str, tuple[torch.dtype, tuple[int, ...]]]]  # bytes; what they are, in order


def _collate(items: Sequence[tuple[list[_Sample], _Broken]]) -> tuple[_Packed, list[int], _Broken]:
    numbers, seeds, samples = zip(*(sample for samples, _ in items for sample in samples), strict=True)
    broken = [failure for _, failures in items for failure in failures]
    arrays = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
    return _packed(arrays | {"seeds": np.array(seeds, np.int64)}), list(numbers), broken


def _packed(arrays: dict[str, NDArray[Any]]) -> _Packed:
    """All in one: each tensor that a worker sends costs it and the receiver a file handle.

    Where one has none left, the loader loses the batch and waits for it forever.
    """
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    order = sorted(tensors, key=lambda name: -tensors[name].itemsize)  # so that each begins at its multiple
    flat = torch.cat([tensors[name].flatten().view(torch.uint8) for name in order])
    return flat, {name: (tensors[name].dtype, tuple(tensors[name].shape)) for name in order}


def _unpacked(flat: Tensor, kinds: dict[str, tuple[torch.dtype, tuple[int, ...]]]) -> dict[str, Tensor]:
    sizes = [math.prod(shape) * dtype.itemsize for dtype, shape in kinds.values()]
    parts = zip(kinds.items(), flat.split(sizes), strict=True)
    return {name: part.view(dtype).reshape(shape) for (name, (dtype, shape)), part in parts}
