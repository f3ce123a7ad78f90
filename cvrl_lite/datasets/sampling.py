"""Training samples: choices of times in a decoded video, and batches of them.

Times are the file's own timestamps, so that a clip covers the same fraction of a second whatever the
frame rate.

Axes: B batch, T time, S side of the decoded square, G vector cells a side, N other windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite.datasets.decoded import DecodedSet, DecodedVideo, Skipped


@dataclass(frozen=True)
class Sampling:
    """How a sample is cut from a video, in seconds, so that it fits any frame rate.

    Attributes:
        frames: Frames of a clip.
        step: Seconds from one frame of a clip to the next.
        gap: Seconds from the clip's last frame to the first vector map of the near future.
        window: Vector maps of a motion window, one a frame.
        others: Further windows of the same video, none overlapping the near future.
        reach: A clip's key frame lies at most this many seconds outside it; where none does, the nearest.
    """

    frames: int = 8
    step: float = 0.08
    gap: float = 0.12
    window: int = 8
    others: int = 1
    reach: float = 0.2


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
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    motion_mask: Tensor
    sources: Tensor
    seeds: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device; the seeds stay."""
        tensors = {name: getattr(self, name).to(device) for name in self.__dataclass_fields__}
        return Batch(**tensors | {"seeds": self.seeds})


class Sampler:
    """Draws training batches from a decoded set, the same ones for the same seed.

    Args:
        data: A decoded set.
        sampling: How a sample is cut.
        seed: Of every choice.

    Attributes:
        usable: Indices of the videos long enough for a sample.
        skipped: The others, with the reason, after those that could not be read.

    Raises:
        ValueError: No video is usable.
    """

    def __init__(self, data: DecodedSet, sampling: Sampling, seed: int) -> None:
        self.data, self.sampling, self.seed = data, sampling, seed
        self._starts: dict[int, NDArray[np.int64]] = {}
        skipped = list(data.skipped)
        for number, video in enumerate(data.videos):
            starts = _starts(video, sampling)
            if len(starts):
                self._starts[number] = starts
            else:
                skipped.append(Skipped(video.entry.path, _why_unusable(video, sampling)))
        self.usable = tuple(self._starts)
        self.skipped = tuple(skipped)
        self._sources = data.source_numbers if data.videos else np.zeros(0, np.int64)
        if not self.usable:
            reasons = "; ".join(f"{s.path.name}: {s.reason}" for s in self.skipped[:3])
            raise ValueError(f"no video is usable ({reasons})")

    def batches(self, size: int, steps: int) -> Iterator[Batch]:
        """Yields `steps` batches of `size` samples: each video once a round, rounds in random order.

        In a set smaller than a batch, rounds follow one another within a batch.
        """
        queue: list[tuple[int, int]] = []
        round_ = 0
        for _ in range(steps):
            while len(queue) < size:
                order = np.random.default_rng((self.seed, round_)).permutation(self.usable)
                queue.extend((round_, int(number)) for number in order)
                round_ += 1
            chosen, queue = queue[:size], queue[size:]
            yield self._collate(chosen)

    def _collate(self, chosen: Sequence[tuple[int, int]]) -> Batch:
        cuts = [self._cut(round_, number) for round_, number in chosen]
        videos = [self.data.videos[number] for _, number in chosen]
        return Batch(
            torch.from_numpy(np.stack([v.frames[c.clip] for v, c in zip(videos, cuts, strict=True)])),
            torch.from_numpy(np.stack([v.frames[c.key] for v, c in zip(videos, cuts, strict=True)])),
            torch.from_numpy(np.stack([v.vectors[c.windows] for v, c in zip(videos, cuts, strict=True)])),
            torch.from_numpy(np.stack([v.mask[c.windows] for v, c in zip(videos, cuts, strict=True)])),
            torch.from_numpy(self._sources[[number for _, number in chosen]]),
            torch.tensor([cut.seed for cut in cuts]),
        )

    def _cut(self, round_: int, number: int) -> _Cut:
        random = np.random.default_rng((self.seed, round_, number))
        video, how = self.data.videos[number], self.sampling
        start = int(random.choice(self._starts[number]))
        clip = _clip_indices(video.times, start, how)
        future = _future(video.times, clip[-1], how)
        last = len(video.times) - how.window
        apart = [w for w in range(last + 1) if abs(w - future) >= how.window]
        others: list[int] = []
        if how.others:
            others = random.choice(apart, how.others, replace=len(apart) < how.others).tolist()
        windows = np.array([future, *others])[:, None] + np.arange(how.window)
        first, final = video.times[clip[0]] - how.reach, video.times[clip[-1]] + how.reach
        key_times = video.times[video.keys]
        near = video.keys[(key_times >= first) & (key_times <= final)]
        if not len(near):
            near = video.keys[[np.argmin(np.abs(key_times - (first + final) / 2))]]
        return _Cut(clip, windows, int(random.choice(near)), int(random.integers(2**62)))


@dataclass(frozen=True)
class _Cut:
    clip: NDArray[np.int64]
    windows: NDArray[np.int64]
    key: int
    seed: int


def _clip_indices(times: NDArray[np.float64], start: int, how: Sampling) -> NDArray[np.int64]:
    """The frames nearest to the wanted times."""
    wanted = times[start] + how.step * np.arange(how.frames)
    right = np.searchsorted(times, wanted).clip(1, len(times) - 1)
    return np.where(wanted - times[right - 1] <= times[right] - wanted, right - 1, right)


def _future(times: NDArray[np.float64], last: int, how: Sampling) -> int:
    """Index of the first vector map of the near future; a tenth of a frame absorbs rounding."""
    frame = (times[-1] - times[0]) / max(len(times) - 1, 1)
    return int(np.searchsorted(times, times[last] + how.gap - 0.1 * frame))


def _starts(video: DecodedVideo, how: Sampling) -> NDArray[np.int64]:
    """First frames from which clip, near future and other windows all fit."""
    times = video.times
    if not len(video.keys) or len(times) < 2 or len(video.vectors) != len(times):
        return np.zeros(0, np.int64)
    span = how.step * (how.frames - 1)
    fits = []
    for start in np.flatnonzero(times + span <= times[-1]):
        future = _future(times, int(_clip_indices(times, int(start), how)[-1]), how)
        last = len(times) - how.window
        if future <= last and (not how.others or future >= how.window or future + how.window <= last):
            fits.append(start)
    return np.array(fits, np.int64)


def _why_unusable(video: DecodedVideo, how: Sampling) -> str:
    if not len(video.keys):
        return "holds no key frame"
    if len(video.vectors) != len(video.times):
        return "was read without its motion vectors"
    return (
        f"too short: {len(video.times)} frames in {video.times[-1] - video.times[0]:.2f} s, and a clip takes "
        f"{how.step * (how.frames - 1):.2f} s, then {how.gap:.2f} s and {how.window} vector maps"
    )


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
    span = how.step * (how.frames - 1)
    last = int(np.searchsorted(video.times, video.times[-1] - span + 1e-6, side="right")) - 1
    if last < 0:
        raise ValueError(f"{video.entry.path}: shorter than a clip of {span:.2f} s")
    starts = np.linspace(0, last, clips + 2)[1:-1].round().astype(int)
    return np.stack([video.frames[_clip_indices(video.times, int(s), how)] for s in starts])
