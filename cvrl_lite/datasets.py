"""From compressed files to training samples: a decoded set in memory, and batches drawn from it.

Axes: B batch, T time, C channel, S side of the decoded square, G vector cells a side, N other windows.

Each video is read once, cut to its central square and kept as `uint8` pixels and `int16` vectors; every
sample is then a choice of times. Times are the file's own timestamps, so that a clip covers the same
fraction of a second whatever the frame rate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite import scenes
from cvrl_lite.codec import CompressedVideo
from cvrl_lite.errors import VideoError
from cvrl_lite.progress import track

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".flv", ".mpg", ".mpeg", ".ts"}
    | {".264", ".h264", ".3gp", ".wmv", ".ogv"}
)
VECTOR_STEPS = 16  # a kept vector is in 1/16 of a pixel of the decoded square
_CHUNK = 64  # frames decoded at a time, so that a long file needs little memory beside its result


@dataclass(frozen=True)
class Entry:
    """One file of a data set.

    Attributes:
        path: The file.
        source: Name of the video it was cut from; files with one source are never each other's negatives.
        labels: Numbers by the name of what they label; may be empty.
    """

    path: Path
    source: str
    labels: dict[str, int]


@dataclass(frozen=True)
class VideoSet:
    """The files of a data set, and the names behind the numbers of its labels.

    Attributes:
        entries: The files.
        classes: For each label its class names, in the order of their numbers.
    """

    entries: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]]


def MovingScenes(split: str, root: str | os.PathLike[str] | None = None) -> VideoSet:
    """The embedded data set: clips whose scene and action are independent labels.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        root: A folder made by `scenes.make`; the course's own set, made when it is missing, where None.

    Returns:
        Entries with the labels `scene` and `action`.

    Raises:
        ValueError: The set has no such split.
    """
    folder = scenes.course_set() if root is None else Path(root)
    clips = [clip for clip in scenes.read_index(folder) if clip.split == split]
    if not clips:
        raise ValueError(f"{folder}: holds no split named {split!r}")
    return VideoSet(
        tuple(
            Entry(
                folder / clip.file,
                clip.file,
                {"scene": scenes.SCENES.index(clip.scene), "action": scenes.ACTIONS.index(clip.action)},
            )
            for clip in clips
        ),
        {"scene": tuple(scenes.SCENES), "action": tuple(scenes.ACTIONS)},
    )


def VideoFolder(root: str | os.PathLike[str], source: str | None = None) -> VideoSet:
    """Any folder of videos. Where they lie in sub-folders, the first sub-folder's name is the class.

    Args:
        root: The folder, searched to its depths for files with a video's suffix.
        source: A regular expression; files in whose name its first match reads the same were cut from
            one video (`"mvx_vid"`, or `"_g[0-9]+"` for UCF101). Where None, each file is a video.

    Returns:
        Entries, with the label `class` where all files lie in sub-folders.

    Raises:
        FileNotFoundError: The folder is missing or holds no video.
    """
    folder = Path(root)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: no such folder, or no file in it has a video's suffix")

    def source_of(path: Path) -> str:
        found = re.search(source, path.name) if source else None
        return found.group() if found else str(path.relative_to(folder))

    names = [p.relative_to(folder).parts[0] for p in paths]
    labelled = all(len(p.relative_to(folder).parts) > 1 for p in paths)
    classes = tuple(sorted(set(names))) if labelled else ()
    return VideoSet(
        tuple(
            Entry(path, source_of(path), {"class": classes.index(name)} if labelled else {})
            for path, name in zip(paths, names, strict=True)
        ),
        {"class": classes} if labelled else {},
    )


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
class DecodedVideo:
    """What one file gives.

    Attributes:
        entry: Which file.
        frames: (T, S, S, 3) uint8 RGB.
        vectors: (T, 2, G, G) int16, in 1/16 of a pixel of the S x S square, pointing back.
        mask: (T, G, G) bool; cells that hold a vector.
        times: (T,) float64 seconds, rising.
        keys: (K,) int64 indices of the key frames.
    """

    entry: Entry
    frames: NDArray[np.uint8]
    vectors: NDArray[np.int16]
    mask: NDArray[np.bool_]
    times: NDArray[np.float64]
    keys: NDArray[np.int64]


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
        classes: As in `VideoSet`.
    """

    videos: tuple[DecodedVideo, ...]
    skipped: tuple[Skipped, ...]
    classes: dict[str, tuple[str, ...]]

    def labels(self, name: str) -> NDArray[np.int64]:
        """(number of videos,) int64: the label called `name` of each video."""
        return np.array([video.entry.labels[name] for video in self.videos], np.int64)

    @property
    def source_numbers(self) -> NDArray[np.int64]:
        """(number of videos,) int64: equal where two files come from one video."""
        return np.unique([video.entry.source for video in self.videos], return_inverse=True)[1]


def decode(videos: VideoSet, *, size: int = 72, cells: int = 14, vectors: bool = True) -> DecodedSet:
    """Reads every file once.

    Args:
        videos: What to read.
        size: S, the side in pixels that the central square is scaled to.
        cells: G, the number of vector cells along that side.
        vectors: Whether motion vectors are needed; a file without them is then left out.

    Returns:
        The decoded set; files that could not be read are in its `skipped`.
    """
    kept: list[DecodedVideo] = []
    skipped: list[Skipped] = []
    for entry in track(videos.entries, "decoding", len(videos.entries)):
        try:
            kept.append(_decode_one(entry, size, cells, vectors))
        except VideoError as error:
            skipped.append(Skipped(entry.path, error.reason))
    return DecodedSet(tuple(kept), tuple(skipped), videos.classes)


def _decode_one(entry: Entry, size: int, cells: int, vectors: bool) -> DecodedVideo:
    with CompressedVideo(entry.path) as video:
        info = video.info
        side = min(info.width, info.height)
        scale = size / side
        frames, fields, masks = [], [], []
        target = (round(info.height * scale), round(info.width * scale))
        for start in range(0, info.frames, _CHUNK):
            count = min(_CHUNK, info.frames - start)
            pictures = video.clip(start, count, size=target)
            top, left = (pictures.shape[1] - size) // 2, (pictures.shape[2] - size) // 2
            frames.append(pictures[:, top : top + size, left : left + size])
            if vectors:
                motion = video.motion(start, start + count)
                field, mask = _square(motion.vectors, motion.mask, (info.height, info.width), cells)
                fields.append(np.rint(field * (scale * VECTOR_STEPS)).clip(-32768, 32767).astype(np.int16))
                masks.append(mask)
        empty = np.zeros((0, cells, cells), bool)
        return DecodedVideo(
            entry,
            np.concatenate(frames),
            np.concatenate(fields) if vectors else np.zeros((0, 2, cells, cells), np.int16),
            np.concatenate(masks) if vectors else empty,
            video.times,
            np.cumsum([0, *info.gop_lengths[:-1]], dtype=np.int64),  # a video begins with a key frame
        )


def _square(
    vectors: NDArray[np.float32], mask: NDArray[np.bool_], shape: tuple[int, int], cells: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means of the valid vectors over `cells` x `cells` cells of the central square."""
    height, width = shape
    side = min(height, width)
    top, left = (height - side) // 2 // 8, (width - side) // 2 // 8
    span = -(-side // 8)
    mask = mask[:, top : top + span, left : left + span]
    vectors = vectors[:, :, top : top + span, left : left + span]
    if span == cells:
        return vectors, mask
    weight = torch.from_numpy(mask[:, None].astype(np.float32))
    share = F.adaptive_avg_pool2d(weight, cells)
    mean = F.adaptive_avg_pool2d(torch.from_numpy(vectors) * weight, cells) / share.clamp(min=1e-6)
    return mean.numpy(), (share[:, 0] >= 0.5).numpy()


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
        moved = (
            t.to(device) for t in (self.clip, self.keyframe, self.motion, self.motion_mask, self.sources)
        )
        return Batch(*moved, self.seeds)


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
        others = random.choice(apart, how.others, replace=len(apart) < how.others) if how.others else []
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
