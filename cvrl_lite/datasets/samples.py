"""One training sample: frames and motion of one place in a video file, and how to read it.

Axes: T frames of a clip, N further windows, W vector maps of a window, S side of the decoded square, G vector
cells per side, H W pixels.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data._utils.collate import default_collate_fn_map  # documented at default_collate

from cvrl_lite.datasets.clip_sampling import ClipSampling, Cut, Timeline
from cvrl_lite.errors import VideoError
from cvrl_lite.files import cache_dir
from cvrl_lite.reprs import short_repr

if TYPE_CHECKING:  # a training on batches made elsewhere needs no PyAV
    from cvrl_lite.codec import CompressedVideo

VECTOR_STEPS = 16  # a stored vector is in 1/16 of a pixel of the decoded square
RESIDUAL_STEPS = 16  # a stored residual is in 1/16 of a gray level


@dataclass(frozen=True)
class SampleConfig:
    """How a sample is read from a file.

    Attributes:
        sampling: Which frames make a sample.
        size: S, the side in pixels that the central square is scaled to.
        cells: G, the number of vector cells along that side.
        residuals: Whether residuals are read, too.
        vectors: Whether motion vectors are read; else the motion of a sample is blank, and files need none.
        cache: A folder for the files' indexes, so that each file is scanned once; one in the cache folder
            if None.

    Example:
        >>> config = SampleConfig(ClipSampling(frames=4, in_frames=True, stride=1, gap=1), size=48)
        >>> config.sampling.frames, config.size, config.vectors
        (4, 48, True)
    """

    sampling: ClipSampling = field(default_factory=ClipSampling)
    size: int = 72
    cells: int = 14
    residuals: bool = False
    vectors: bool = True
    cache: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Sample:
    """Frames and motion of one place in a video.

    Attributes:
        clip: (T, S, S, 3) uint8 RGB.
        keyframe: (S, S, 3) uint8 RGB.
        motion: (1 + N, W, 2, G, G) int16, in 1/16 pixel, pointing back; window 0 is the near future.
        motion_mask: (1 + N, W, G, G) bool; cells that hold a vector.
        residual: (1 + N, W, 2, G, G) int16, mean residual and mean size of the same windows, in 1/16 gray
            level; None if residuals were not requested.
        residual_mask: (1 + N, W, G, G) bool; cells that were predicted; or None.
        labels: Class numbers by the name of the label.
        source: The video that the file was cut from; samples of one source are never negatives of each other.
        name: The file.
        seed: Seed of the augmentation.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry, VideoDataset
        >>> videos = VideoDataset([Entry(data_path("sample.mp4"), "sample", {"class": 1})])
        >>> sample = videos[0]
        >>> sample.clip.shape, sample.motion.shape, sample.labels, sample.source
        (torch.Size([8, 72, 72, 3]), torch.Size([2, 8, 2, 14, 14]), {'class': 1}, 'sample')
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    motion_mask: Tensor
    residual: Tensor | None = None
    residual_mask: Tensor | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    name: str = ""
    seed: int = 0

    def __repr__(self) -> str:
        return short_repr(self)


@dataclass(frozen=True)
class Batch:
    """Samples side by side.

    Attributes:
        clip: (B, T, S, S, 3) uint8 RGB.
        keyframe: (B, S, S, 3) uint8 RGB.
        motion: (B, 1 + N, W, 2, G, G) int16, in 1/16 pixel; window 0 is the near future.
        motion_mask: (B, 1 + N, W, G, G) bool.
        sources: (B,) int64; rows with the same number come from one video.
        seeds: (B,) int64, seeds of each sample's augmentation.
        names: The files, B of them.
        replaced: How many files could not be read this time, and were replaced by others.
        residual: (B, 1 + N, W, 2, G, G) int16, mean residual and mean size of the same windows, in 1/16 gray
            level; None if residuals were not requested.
        residual_mask: (B, 1 + N, W, G, G) bool, or None.
        labels: By the name of the label (B,) int64 class numbers.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry, VideoDataset
        >>> videos = VideoDataset([Entry(data_path("sample.mp4"), "sample", {"class": 1})])
        >>> batch = collate([videos[0], videos[0]])
        >>> tuple(batch.clip.shape), tuple(batch.motion.shape), batch.labels["class"].tolist()
        ((2, 8, 72, 72, 3), (2, 2, 8, 2, 14, 14), [1, 1])
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
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)

    def to(self, device: torch.device) -> Batch:
        """A copy on another device; the seeds stay as they are."""
        moved = {
            name: values.to(device, non_blocking=True)
            for name, values in vars(self).items()
            if isinstance(values, Tensor) and name != "seeds"
        }
        labels = {name: numbers.to(device, non_blocking=True) for name, numbers in self.labels.items()}
        return Batch(**(vars(self) | moved | {"labels": labels}))


def collate(samples: Sequence[Sample]) -> Batch:
    """Puts samples side by side: the `collate_fn` of a `DataLoader` over a `VideoDataset`.

    Args:
        samples: At least one, all read in the same way. Labels that not all of them have are left out.

    Returns:
        A batch. Its source numbers are hashes of the sources' names, so they agree between batches, workers
        and processes.

    Example:
        >>> sample = Sample(torch.zeros(8, 72, 72, 3), *torch.zeros(3, 1), labels={"class": 4}, source="a")
        >>> batch = collate([sample, sample])
        >>> tuple(batch.clip.shape), batch.labels["class"].tolist(), len(batch.sources.unique())
        ((2, 8, 72, 72, 3), [4, 4], 1)
    """
    shared = set.intersection(*(set(sample.labels) for sample in samples))
    return Batch(
        torch.stack([sample.clip for sample in samples]),
        torch.stack([sample.keyframe for sample in samples]),
        torch.stack([sample.motion for sample in samples]),
        torch.stack([sample.motion_mask for sample in samples]),
        sources=torch.tensor([_source_number(sample.source) for sample in samples]),
        seeds=torch.tensor([sample.seed for sample in samples]),
        names=tuple(sample.name for sample in samples),
        labels={
            name: torch.tensor([sample.labels[name] for sample in samples])
            for name in samples[0].labels
            if name in shared
        },
        residual=_stacked([sample.residual for sample in samples]),
        residual_mask=_stacked([sample.residual_mask for sample in samples]),
    )


def _collate_by_default(samples: Sequence[Sample], *, collate_fn_map: object = None) -> Batch:
    """`collate` as `torch.utils.data.default_collate` calls it: for a `DataLoader` without `collate_fn`."""
    return collate(samples)


default_collate_fn_map[Sample] = _collate_by_default


def _stacked(columns: Sequence[Tensor | None]) -> Tensor | None:
    """Stacks a column; None unless all samples have it, as samples read with one config all do or do not."""
    present = [column for column in columns if column is not None]
    return torch.stack(present) if len(present) == len(columns) else None


def _source_number(source: str) -> int:
    """A 62-bit hash that is the same in every process, unlike Python's own."""
    digest = hashlib.sha256(source.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8]) >> 2


def draw_sample(
    path: Path, how: SampleConfig, seed: int, *, source: str = "", labels: Mapping[str, int] | None = None
) -> Sample:
    """Reads a sample of a file at a position drawn from the seed.

    Args:
        path: The file.
        how: What to read.
        seed: Seed of the position, at least 0.
        source: Source of the sample.
        labels: Labels of the sample.

    Raises:
        VideoError: The file cannot be read, has no motion vectors, or is too short for a sample.
    """
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.codec.advice import check_vectors

    with CompressedVideo(path, cache=index_cache(how).cache) as video:
        if how.vectors:
            check_vectors(video.info)
        timeline = Timeline(video.times, key_frames(video.info.gop_lengths), how.sampling)
        if timeline.lacks:
            raise VideoError(path, timeline.lacks)
        cut = timeline.cut((seed,))
        (arrays,) = read_cuts(video, [cut], how)
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    return Sample(**tensors, labels=labels or {}, source=source, name=str(path), seed=cut.seed)


def index_cache(how: SampleConfig) -> SampleConfig:
    """The same, with the folder of the files' indexes named."""
    return how if how.cache is not None else replace(how, cache=cache_dir() / "indexes")


def read_cuts(
    video: CompressedVideo, cuts: Sequence[Cut], how: SampleConfig
) -> list[dict[str, NDArray[np.generic]]]:
    """The arrays of `Sample` for several cuts of one video, by name; shared frames are decoded once."""
    needed = sorted({frame for cut in cuts for frame in (cut.key, *cut.clip.tolist())})
    frames = read_square(video, how.size, indices=needed)
    found: list[dict[str, NDArray[np.generic]]] = []
    for cut in cuts:
        spans = [(first, first + how.sampling.window) for first in cut.windows]
        if how.vectors:
            motion = [read_vectors(video, *span, how.size, how.cells) for span in spans]
        else:
            grid = (how.sampling.window, how.cells, how.cells)
            blank = np.zeros((grid[0], 2, *grid[1:]), np.int16), np.zeros(grid, bool)
            motion = [blank] * len(spans)
        arrays: dict[str, NDArray[np.generic]] = {
            "clip": frames[np.searchsorted(needed, cut.clip)],
            "keyframe": frames[np.searchsorted(needed, cut.key)],
            "motion": np.stack([vectors for vectors, _ in motion]),
            "motion_mask": np.stack([mask for _, mask in motion]),
        }
        if how.residuals:
            residuals = [read_residuals(video, *span, how.cells) for span in spans]
            arrays["residual"] = np.stack([values for values, _ in residuals])
            arrays["residual_mask"] = np.stack([mask for _, mask in residuals])
        found.append(arrays)
    return found


def read_square(
    video: CompressedVideo,
    size: int,
    *,
    start: int | None = None,
    frames: int = 1,
    indices: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Frames of a video's central square, scaled to S x S: (frames, S, S, 3) uint8 RGB."""
    info = video.info
    scale = size / min(info.width, info.height)
    target = (round(info.height * scale), round(info.width * scale))
    if indices is not None:
        images = video.frames_at(indices, target)
    else:
        images = video.clip(start, frames, size=target)
    top, left = (images.shape[1] - size) // 2, (images.shape[2] - size) // 2
    return images[:, top : top + size, left : left + size]


def read_vectors(
    video: CompressedVideo, start: int, stop: int, size: int, cells: int
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """The vectors of that square: (T, 2, G, G) int16 in 1/16 of its pixels, and the mask (T, G, G)."""
    info, motion = video.info, video.motion(start, stop)
    field, mask = _square(motion.vectors, motion.mask, (info.height, info.width), cells)
    scale = size / min(info.width, info.height) * VECTOR_STEPS
    return np.rint(field * scale).clip(-32768, 32767).astype(np.int16), mask


def read_residuals(
    video: CompressedVideo, start: int, stop: int, cells: int
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Its residuals: (T, 2, G, G) int16 in 1/16 gray level, mean and mean size; and its mask."""
    found = video.residuals(start, stop)
    height, width = found.values.shape[1:]
    there = found.predicted()
    values = np.stack([found.values, np.abs(found.values)], 1).astype(np.float32)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = (..., slice(top, top + side), slice(left, left + side))
    field, mask = _means(values[middle], there[middle], cells)
    return np.rint(field * RESIDUAL_STEPS).astype(np.int16), mask


def key_frames(gop_lengths: Sequence[int]) -> NDArray[np.int64]:
    """Indices of the key frames; a video begins with one."""
    return np.cumsum([0, *gop_lengths[:-1]], dtype=np.int64)


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
    return (vectors, mask) if span == cells else _means(vectors, mask, cells)


def _means(
    values: NDArray[np.float32], mask: NDArray[np.bool_], cells: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means (T, 2, G, G) of what is valid of (T, 2, H, W), and where at least half of a cell is."""
    weight = torch.from_numpy(mask[:, None].astype(np.float32))
    share = F.adaptive_avg_pool2d(weight, cells)
    mean = F.adaptive_avg_pool2d(torch.from_numpy(values) * weight, cells) / share.clamp(min=1e-6)
    return mean.numpy(), (share[:, 0] >= 0.5).numpy()
