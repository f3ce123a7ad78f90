"""From videos to vectors.

Axes: N videos, D features, T frames of a clip, S side of the decoded square.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cvrl_lite.datasets import (
    ClipSampling,
    DecodedSet,
    Entry,
    Skipped,
    VideoDataset,
    evaluation_clips,
    evaluation_frames,
)
from cvrl_lite.datasets.samples import read_square
from cvrl_lite.errors import VideoError
from cvrl_lite.models import VideoBackbone
from cvrl_lite.processes import begin_worker, check_handles, killed_workers_told
from cvrl_lite.progress import track
from cvrl_lite.transforms import eval_transform

_VIDEOS = 32  # at a time


def features(
    backbone: VideoBackbone,
    data: DecodedSet,
    sampling: ClipSampling,
    *,
    size: int = 64,
    clips: int = 3,
    normalize: Literal["plain", "imagenet"] = "plain",
) -> NDArray[np.float32]:
    """One vector a video: the mean over `clips` clips spread evenly over it.

    Args:
        backbone: It is put into evaluation mode.
        data: A decoded set of N videos.
        sampling: Frames and step of a clip.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalize: Which mean and deviation pixels get, as in the training's augmentation.

    Returns:
        (N, D) float32.
    """
    cut = (evaluation_clips(video, sampling, clips) for video in data.videos)
    return _pooled(backbone, cut, size, normalize)


def features_of_files(
    backbone: VideoBackbone,
    videos: VideoDataset,
    sampling: ClipSampling,
    *,
    decoded: int = 72,
    size: int = 64,
    clips: int = 3,
    normalize: Literal["plain", "imagenet"] = "plain",
    workers: int = 0,
) -> tuple[NDArray[np.float32], VideoDataset, tuple[Skipped, ...]]:
    """The same straight from the files, of which nothing but the clips is decoded and nothing is kept.

    For sets of any size: neither memory nor disk grows with their pictures.

    Args:
        backbone: It is put into evaluation mode.
        videos: The files.
        sampling: Frames and step of a clip.
        decoded: S, the side in pixels that the central square is scaled to first.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalize: As in `features`.
        workers: Processes that read; 0 reads in this one.

    Returns:
        (N, D) float32; the N files that could be read, in their order, and those that could not.

    Raises:
        ChildProcessError: A worker was killed.
        OSError: The system allows too few open files for so many workers.
    """
    check_handles(workers)
    reading = DataLoader(
        _Clips(videos.entries, sampling, decoded, clips),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        worker_init_fn=begin_worker,
    )
    kept: list[int] = []
    skipped: list[Skipped] = []

    def readable() -> Iterable[NDArray[np.uint8]]:
        cut = track(reading, "reading clips", len(videos.entries))
        for number, found in enumerate(cut):
            if isinstance(found, str):
                skipped.append(Skipped(videos.entries[number].path, found))
            else:
                kept.append(number)
                yield found

    with killed_workers_told():
        rows = _pooled(backbone, readable(), size, normalize)
    return rows, videos.subset(kept), tuple(skipped)


def _as_it_is(item: Any) -> Any:
    """Keeps an array one: a tensor that a worker sends needs a file handle on both sides."""
    return item


class _Clips(Dataset[NDArray[np.uint8] | str]):
    """Item: a file's clips (clips, T, S, S, 3), or why there are none."""

    def __init__(self, entries: tuple[Entry, ...], sampling: ClipSampling, decoded: int, clips: int) -> None:
        self._entries, self._sampling, self._decoded, self._clips = entries, sampling, decoded, clips

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> NDArray[np.uint8] | str:
        from cvrl_lite.codec import CompressedVideo

        try:
            with CompressedVideo(self._entries[number].path) as video:
                frames = evaluation_frames(video.times, self._sampling, self._clips)
                wanted, places = np.unique(frames, return_inverse=True)
                pictures = read_square(video, self._decoded, indices=wanted.tolist())
        except VideoError as error:
            return error.reason
        except ValueError as error:  # too short
            return str(error)
        return pictures[places.reshape(frames.shape)]


@torch.no_grad()
def _pooled(
    backbone: VideoBackbone,
    cut: Iterable[NDArray[np.uint8]],
    size: int,
    normalize: Literal["plain", "imagenet"],
) -> NDArray[np.float32]:
    """(N, D) means over each video's clips (clips, T, S, S, 3)."""
    backbone.eval()
    device = next(backbone.parameters()).device
    rows: list[Tensor] = []
    waiting: list[NDArray[np.uint8]] = []

    def pool() -> None:
        stacked = torch.from_numpy(np.concatenate(waiting)).to(device)
        pooled = backbone(eval_transform(stacked, size, normalize))
        rows.append(pooled.float().unflatten(0, (len(waiting), -1)).mean(1).cpu())
        waiting.clear()

    for clips in cut:
        waiting.append(clips)
        if len(waiting) == _VIDEOS:
            pool()
    if waiting:
        pool()
    return torch.cat(rows).numpy() if rows else np.zeros((0, backbone.width), np.float32)
