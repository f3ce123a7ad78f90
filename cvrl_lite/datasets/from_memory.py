"""Batches of samples from a set in memory.

Axes: B batch, T time, S side of the decoded square, G vector cells a side, N other windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite.datasets.clip_sampling import Cut, Sampling, Timeline, clip_frames
from cvrl_lite.datasets.decoded import DecodedSet, DecodedVideo, Skipped


@dataclass(frozen=True)
class Batch:
    """Samples side by side.

    Attributes:
        clip: (B, T, S, S, 3) uint8 RGB.
        keyframe: (B, S, S, 3) uint8 RGB.
        motion: (B, 1 + N, W, 2, G, G) int16, in 1/16 pixel; window 0 is the near future.
        motion_mask: (B, 1 + N, W, G, G) bool.
        sources: (B,) int64; rows with the same number come from one video.
        seeds: (B,) int64; what the augmentation of each sample is drawn from.
        names: The files, B of them.
        replaced: How many files could not be read this time, and were replaced by others.
        residual: (B, 1 + N, W, 2, G, G) int16, mean residual and mean size of the same windows, in 1/16 gray
            level; None where residuals were not asked for.
        residual_mask: (B, 1 + N, W, G, G) bool, or None.
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    motion_mask: Tensor
    sources: Tensor
    seeds: Tensor
    names: tuple[str, ...] = ()
    replaced: int = 0
    residual: Tensor | None = None
    residual_mask: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on another device; the seeds stay."""
        moved = {
            name: values.to(device, non_blocking=True)
            for name, values in vars(self).items()
            if isinstance(values, Tensor) and name != "seeds"
        }
        return Batch(**(vars(self) | moved))


class Job(NamedTuple):
    """A video's turn: in which round, which one (its number), and which of its copies."""

    round: int
    number: int
    copy: int

    def seed(self, seed: int) -> tuple[int, ...]:
        """What every choice about this sample is drawn from."""
        return (seed, self.round, self.number, *([self.copy] if self.copy else []))


def schedule(usable: Sequence[int], seed: int, copies: int, first: int, count: int) -> list[Job]:
    """The jobs `first` to `first + count` of an endless series: each video once a round, in random order.

    It depends on nothing but the seed, so that a training may go on anywhere, and any number of
    processes may share it.

    Args:
        usable: The numbers of the videos.
        seed: Of the order.
        copies: Samples of a video in a row.
        first: Where to begin.
        count: How many.
    """
    jobs: list[Job] = []
    order, known = np.zeros(0, np.int64), -1
    for place in range(first, first + count):
        turn, copy = divmod(place, copies)
        round_, at = divmod(turn, len(usable))
        if round_ != known:
            order, known = np.random.default_rng((seed, round_)).permutation(usable), round_
        jobs.append(Job(round_, int(order[at]), copy))
    return jobs


class Sampler:
    """Draws training batches from a decoded set, the same ones for the same seed.

    Args:
        data: A decoded set.
        sampling: How a sample is cut.
        seed: Of every choice.

    Attributes:
        usable: Indices of the videos long enough for a sample.
        entries: Their files, in that order.
        skipped: The others, with the reason, after those that could not be read.

    Raises:
        ValueError: No video is usable.
    """

    def __init__(self, data: DecodedSet, sampling: Sampling, seed: int) -> None:
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
            share: Which process this is, and of how many; each gets its part of every batch.
        """
        mine, part = share[0] * (size // share[1]), size // share[1]
        for step in range(first, steps):
            jobs = schedule(self.usable, self.seed, self.sampling.copies, step * size + mine, part)
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
        )
        if not len(videos[0].residuals):
            return batch
        return replace(batch, residual=in_windows("residuals"), residual_mask=in_windows("residual_mask"))


def windows_of(cut: Cut, length: int) -> NDArray[np.int64]:
    """(1 + N, W) frame indices of a cut's windows."""
    return np.array(cut.windows)[:, None] + np.arange(length)


def check_usable(usable: Sequence[int], skipped: Sequence[Skipped]) -> None:
    """Raises ValueError where no video is usable."""
    if not usable:
        reasons = "; ".join(f"{s.path.name}: {s.reason}" for s in skipped[:3])
        raise ValueError(f"no video is usable ({reasons})")


def evaluation_clips(video: DecodedVideo, how: Sampling, clips: int) -> NDArray[np.uint8]:
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


def evaluation_frames(times: NDArray[np.float64], how: Sampling, clips: int) -> NDArray[np.int64]:
    """Which frames those clips are made of.

    Args:
        times: (frames of the video,) seconds, rising.
        how: Gives the number of frames and the step.
        clips: How many.

    Returns:
        (clips, T) int64 frame numbers.

    Raises:
        ValueError: The video is shorter than a clip.
    """
    clock = np.arange(len(times), dtype=np.float64) if how.in_frames else times
    span = how.step * (how.frames - 1)
    last = int(np.searchsorted(clock, clock[-1] - span + 1e-6, side="right")) - 1
    if last < 0:
        raise ValueError(f"shorter than a clip of {span:.2f} {'frames' if how.in_frames else 's'}")
    starts = np.linspace(0, last, clips + 2)[1:-1].round().astype(int)
    return np.stack([clip_frames(clock, int(start), how) for start in starts])
