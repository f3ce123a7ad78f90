"""Batches of samples from a set in memory.

Axes: B batch, T time, S side of the decoded square, G vector cells per side, N other windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite.datasets.clip_sampling import ClipSampling, Cut, Timeline
from cvrl_lite.datasets.decoded import DecodedSet
from cvrl_lite.datasets.loaders.schedule import Job, batch_labels, check_usable, schedule
from cvrl_lite.datasets.samples import Batch
from cvrl_lite.datasets.scan import Skipped


class MemoryLoader:
    """Draws training batches from a decoded set, the same ones for the same seed.

    Args:
        data: A decoded set.
        sampling: How a sample is cut.
        seed: Seeds all random choices.

    Attributes:
        usable: Indices of the videos long enough for a sample.
        entries: Their files, in that order.
        skipped: The others, with the reason, after those that could not be read.

    Raises:
        ValueError: No video is usable.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry, VideoDataset, decode
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> videos = VideoDataset(Entry(data_path(name), name, {}) for name in names)
        >>> loader = MemoryLoader(decode(videos, size=32, cells=4, cache=False), ClipSampling(), seed=0)
        >>> [tuple(batch.motion.shape) for batch in loader.batches(2, steps=2)]
        [(2, 2, 8, 2, 4, 4), (2, 2, 8, 2, 4, 4)]
    """

    def __init__(self, data: DecodedSet, sampling: ClipSampling, seed: int) -> None:
        self.data, self.sampling, self.seed = data, sampling, seed
        skipped = list(data.skipped)
        self._timelines: dict[int, Timeline] = {}
        for number, video in enumerate(data.videos):
            timeline = Timeline(video.times, video.keys, sampling)
            reason = timeline.lacks
            if len(video.vectors) != len(video.times):
                reason = "was read without its motion vectors"
            if reason:
                skipped.append(Skipped(video.entry.path, reason))
            else:
                self._timelines[number] = timeline
        self.usable, self.skipped = tuple(self._timelines), tuple(skipped)
        self._sources = data.source_numbers if data.videos else np.zeros(0, np.int64)
        check_usable(self.usable, self.skipped)
        self.entries = tuple(data.videos[number].entry for number in self.usable)

    def batches(
        self, size: int, steps: int, *, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """Yields batches of `size` samples: each video once a round, rounds in random order.

        In a set smaller than a batch, rounds follow one another within a batch.

        Args:
            size: B, of all processes together.
            steps: How many batches a whole training has.
            first: The batch to begin with.
            share: Rank and number of processes; each gets its part of every batch.
        """
        part = size // share[1]
        offset = share[0] * part
        for step in range(first, steps):
            jobs = schedule(self.usable, self.seed, self.sampling.clips_per_video, step * size + offset, part)
            yield self._collate(jobs)

    def _collate(self, jobs: Sequence[Job]) -> Batch:
        cuts = [self._timelines[job.number].cut(job.seed(self.seed)) for job in jobs]
        videos = [self.data.videos[job.number] for job in jobs]
        pairs = list(zip(videos, cuts, strict=True))
        windows = [windows_of(cut, self.sampling.window) for cut in cuts]

        def in_windows(name: str) -> Tensor:
            return torch.from_numpy(
                np.stack([getattr(v, name)[w] for v, w in zip(videos, windows, strict=True)])
            )

        batch = Batch(
            torch.from_numpy(np.stack([video.frames[cut.clip] for video, cut in pairs])),
            torch.from_numpy(np.stack([video.frames[cut.key] for video, cut in pairs])),
            in_windows("vectors"),
            in_windows("mask"),
            torch.from_numpy(self._sources[[job.number for job in jobs]]),
            torch.tensor([cut.seed for cut in cuts]),
            tuple(str(video.entry.path) for video in videos),
            labels=batch_labels([video.entry for video in videos]),
        )
        if not len(videos[0].residuals):
            return batch
        return replace(batch, residual=in_windows("residuals"), residual_mask=in_windows("residual_mask"))


def windows_of(cut: Cut, length: int) -> NDArray[np.int64]:
    """(1 + N, W) frame indices of a cut's windows."""
    return np.array(cut.windows)[:, None] + np.arange(length)
