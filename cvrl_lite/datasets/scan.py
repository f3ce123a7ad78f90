"""Checks, without decoding, whether samples can be read from files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cvrl_lite.datasets.clip_sampling import Timeline
from cvrl_lite.datasets.samples import SampleConfig, index_cache, key_frames
from cvrl_lite.errors import VideoError
from cvrl_lite.processes import map_in_processes, processors
from cvrl_lite.progress import track

_FILES_A_WORKER = 500  # are looked at in the time that a worker takes to start


@dataclass(frozen=True)
class Skipped:
    """A file that cannot be used, and why.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry, VideoDataset
        >>> videos = VideoDataset(Entry(data_path(name), name, {}) for name in ("sample.mp4", "README.md"))
        >>> for file in videos.usable().skipped:
        ...     print(f"{file.path.name}: {file.reason}")
        README.md: no video format was recognized in it
    """

    path: Path
    reason: str


def look_at(path: str | os.PathLike[str], config: SampleConfig) -> Timeline | str:
    """The timeline of a file, whose `lacks` tells where it is too short; or why the file cannot be read."""
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.codec.advice import check_vectors

    try:
        with CompressedVideo(path, cache=config.cache) as video:
            if config.vectors:
                check_vectors(video.info)
            return Timeline(video.times, key_frames(video.info.gop_lengths), config.sampling)
    except VideoError as error:
        return error.reason


def find_unusable(paths: Sequence[Path], config: SampleConfig, workers: int | None) -> dict[int, str]:
    """The indices of files that give no sample, with the reason.

    Args:
        paths: The files.
        config: How samples are read. The indexes of the files are cached where it says.
        workers: Processes; below 2, this one does it. If None, as many as are worth their start.

    Raises:
        ChildProcessError: A worker was killed.
    """
    if workers is None:
        workers = min(processors(), 1 + len(paths) // _FILES_A_WORKER)
    found: dict[int, str] = {}
    look = partial(_look, index_cache(config))
    with closing(map_in_processes(look, list(enumerate(paths)), workers)) as looks:
        for place, reason in track(looks, "looking at files", len(paths)):
            if reason:
                found[place] = reason
    return dict(sorted(found.items()))


def _look(config: SampleConfig, item: tuple[int, Path]) -> tuple[int, str]:
    seen = look_at(item[1], config)
    return item[0], seen.lacks if isinstance(seen, Timeline) else seen
