"""Turns any input of `embed` into a list of items whose clips are read on demand.

Axes: C clips of an item, T frames of a clip, S side of the decoded square.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvrl_lite.datasets import (
    ClipSampling,
    DecodedSet,
    DecodedVideo,
    Entry,
    VideoDataset,
    VideoFolder,
    evaluation_frames,
)
from cvrl_lite.datasets.samples import read_square
from cvrl_lite.errors import VideoError
from cvrl_lite.files import check_regular
from cvrl_lite.folders import common_folder, name_below

Data = str | os.PathLike[str] | VideoDataset | DecodedSet | NDArray[np.uint8] | torch.Tensor
"""What can be embedded: a file, a folder, a data set on disk or in memory, or clips (N, T, S, S, 3) uint8."""


@dataclass(frozen=True)
class Clips:
    """The clips of one item.

    Attributes:
        frames: (C, T, S, S, 3) uint8 RGB.
        start: (C,) float64 seconds of the first frames; NaN where unknown.
        stop: (C,) float64 seconds of the last frames.
    """

    frames: NDArray[np.uint8]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """A file, a video in memory, or a single clip.

    Attributes:
        name: Name of its rows.
        source: The video that it was cut from.
        labels: Class numbers.
        content: The source of its clips.
    """

    name: str
    source: str
    labels: Mapping[str, int]
    content: Path | DecodedVideo | NDArray[np.uint8]


@dataclass(frozen=True)
class Listing:
    """All items.

    Attributes:
        items: The items, in order.
        classes: Class names by label.
        skipped: Name and reason of each input that is already known to be unreadable.
        folder: Absolute path of the folder that names are relative to; "" if there are no files.
    """

    items: tuple[Item, ...]
    classes: dict[str, tuple[str, ...]]
    skipped: tuple[tuple[str, str], ...] = ()
    folder: str = ""


def list_items(data: Data) -> Listing:
    """Lists the items of an input of `embed`.

    Raises:
        OSError: A path leads nowhere, or to a folder without videos.
        ValueError: An array is not of the shape (N, T, S, S, 3), or not uint8.
        TypeError: The input is of another type.
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if path.is_dir():
            return _listed(VideoFolder(path), path)
        check_regular(path)
        home = os.path.dirname(os.path.abspath(path))
        return Listing((Item(path.name, path.name, {}, path),), {}, folder=home)
    if isinstance(data, DecodedSet):
        home, names = _names([video.entry for video in data.videos])
        items = tuple(
            Item(name, video.entry.source, video.entry.labels, video)
            for name, video in zip(names, data.videos, strict=True)
        )
        skipped = tuple((str(file.path), file.reason) for file in data.skipped)
        return Listing(items, data.classes, skipped, home)
    if isinstance(data, VideoDataset):
        return _listed(data, None)
    if isinstance(data, np.ndarray | torch.Tensor):
        return Listing(tuple(_clips(np.asarray(data))), {})
    raise TypeError(f"a path, a data set or an array of clips can be embedded, not {type(data).__name__}")


def _listed(videos: VideoDataset, root: Path | None) -> Listing:
    home, names = _names(videos.entries, root)
    items = tuple(
        Item(name, entry.source, entry.labels, entry.path)
        for name, entry in zip(names, videos.entries, strict=True)
    )
    return Listing(items, dict(videos.classes), folder=home)


def _names(entries: Sequence[Entry], root: Path | None = None) -> tuple[str, list[str]]:
    """The folder, or if unknown the common folder of all paths; and the paths relative to it."""
    if not entries:
        return "", []
    paths = [os.path.abspath(entry.path) for entry in entries]
    home = os.path.abspath(root) if root else common_folder(paths)
    return home, [name_below(path, home) for path in paths]


def _clips(clips: NDArray[Any]) -> list[Item]:
    if clips.ndim != 5 or clips.shape[2] != clips.shape[3] or clips.shape[4] != 3 or clips.dtype != np.uint8:
        raise ValueError(
            f"clips in memory are (N, T, S, S, 3) uint8, RGB squares; got {clips.dtype} {clips.shape}"
        )
    return [Item(str(number), str(number), {}, clip) for number, clip in enumerate(clips)]


class ItemReader(Dataset[Clips | str]):
    """A map-style data set: item i gives its clips, or the reason why there are none.

    Args:
        items: What to read.
        sampling: Frames and step of a clip.
        decoded: S, for files.
        clips: C, spread evenly; an item that is a clip has one.
    """

    def __init__(self, items: Sequence[Item], sampling: ClipSampling, decoded: int, clips: int) -> None:
        self._items, self._sampling, self._decoded, self._clips = items, sampling, decoded, clips

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Clips | str:
        content = self._items[number].content
        try:
            if isinstance(content, Path):
                return self._from_file(content)
            if isinstance(content, DecodedVideo):
                places = evaluation_frames(content.times, self._sampling, self._clips)
                return _cut(content.frames, places, content.times[places])
        except VideoError as error:
            return error.reason
        except ValueError as error:  # too short
            return str(error)
        if len(content) != self._sampling.frames:
            return f"has {len(content)} frames, and the network reads clips of {self._sampling.frames}"
        return Clips(content[None], np.array([np.nan]), np.array([np.nan]))

    def _from_file(self, path: Path) -> Clips:
        from cvrl_lite.codec import CompressedVideo

        with CompressedVideo(path) as video:
            frames = evaluation_frames(video.times, self._sampling, self._clips)
            needed, places = np.unique(frames, return_inverse=True)
            squares = read_square(video, self._decoded, indices=needed.tolist())
            return _cut(squares, places.reshape(frames.shape), video.times[frames])


def _cut(frames: NDArray[np.uint8], places: NDArray[np.int64], times: NDArray[np.float64]) -> Clips:
    return Clips(frames[places], times[:, 0], times[:, -1])
