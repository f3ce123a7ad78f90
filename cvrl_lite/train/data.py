"""The data of a recipe."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from cvrl_lite.datasets import (
    HMDB51,
    UCF101,
    DecodedSet,
    Entry,
    FileLoader,
    Kinetics,
    MemoryLoader,
    MovingScenes,
    VideoDataset,
    VideoFolder,
    decode,
    fits_in_memory,
)
from cvrl_lite.files import cache_dir
from cvrl_lite.folders import common_folder, name_below
from cvrl_lite.train.config import Recipe

NAMED_SETS = ("moving_scenes", "hard_scenes", "ucf101", "hmdb51", "kinetics")
"""Data sets with splits; any other `Recipe.data` is the path of a folder."""


def videos_of(recipe: Recipe, split: str = "train") -> VideoDataset:
    """The training files of a recipe, or the files of another split of the same data set.

    Args:
        recipe: Names the data set and its folder.
        split: Name of the split; a folder of videos has none.

    Raises:
        ValueError: A named data set without its folder.
        FileNotFoundError: The folder is not there, or holds none of the set.
    """
    if recipe.data == "moving_scenes":
        return MovingScenes(split, recipe.root)
    if recipe.data == "hard_scenes":
        from cvrl_lite.datasets.moving_scenes import hard_set  # needs PyAV, which a training does not

        return MovingScenes(split, recipe.root or hard_set())
    if recipe.data in NAMED_SETS and recipe.root is None:
        raise ValueError(f"{recipe.data} needs root, the folder where its videos lie")
    if recipe.root is not None and recipe.data in ("ucf101", "hmdb51"):
        named = UCF101 if recipe.data == "ucf101" else HMDB51
        return named(recipe.root, split, fold=recipe.fold)
    if recipe.root is not None and recipe.data == "kinetics":
        return Kinetics(recipe.root, split)
    return VideoFolder(recipe.data, recipe.source)


def load_data(recipe: Recipe, videos: VideoDataset | None = None) -> DecodedSet:
    """Reads the recipe's training data, or other files for it, into memory.

    Example:
        >>> import shutil, tempfile
        >>> from cvrl_lite import data_path
        >>> folder = tempfile.mkdtemp()
        >>> _ = shutil.copy(data_path("sample.mp4"), folder)
        >>> data = load_data(Recipe(data=folder, decoded_size=32, decoded_cells=4))
        >>> [video.frames.shape for video in data.videos]
        [(72, 32, 32, 3)]
    """
    return decode(
        videos_of(recipe) if videos is None else videos,
        size=recipe.decoded_size,
        cells=recipe.decoded_cells,
        residuals=recipe.needs_residuals,
    )


def sampler_for(recipe: Recipe, data: DecodedSet | VideoDataset, workers: int) -> MemoryLoader | FileLoader:
    """The loader of a recipe's batches.

    Args:
        recipe: Its `in_memory` says whether files are decoded into memory; if None, they are if they fit.
        data: The decoded data, or the files.
        workers: Processes that read files, if they are not decoded into memory.
    """
    if isinstance(data, DecodedSet):
        return MemoryLoader(data, recipe.sampling, recipe.seed)
    in_memory = recipe.in_memory
    if in_memory is None:
        in_memory = fits_in_memory(
            data, size=recipe.decoded_size, cells=recipe.decoded_cells, residuals=recipe.needs_residuals
        )
    if not in_memory:
        return FileLoader(
            data,
            recipe.sampling,
            recipe.seed,
            size=recipe.decoded_size,
            cells=recipe.decoded_cells,
            residuals=recipe.needs_residuals,
            workers=workers,
            cache=cache_dir() / "indexes",
        )
    return MemoryLoader(load_data(recipe, data), recipe.sampling, recipe.seed)


def check_sources(recipe: Recipe, sources: int) -> None:
    """Raises ValueError if a task of the recipe needs clips of more videos than there are."""
    for name, task in recipe.tasks.items():
        if sources < task.min_sources:
            need = f"{name} needs clips of {task.min_sources} videos"
            raise ValueError(f"{recipe.data}: {need}, and all are of {sources}")


def fingerprint(entries: Sequence[Entry]) -> str:
    """Identifies a data set regardless of its location: the number of files, and a hash of their names.

    Args:
        entries: The files, at least one; names are relative to their common folder.

    Example:
        >>> from pathlib import Path
        >>> def lying(folder):
        ...     return [Entry(Path(folder, name), name, {}) for name in ("a/1.mp4", "b/1.mp4")]
        >>> fingerprint(lying("here"))
        '2 files, names edc284e4a6fb'
        >>> fingerprint(lying("here")) == fingerprint(lying("/there/now"))
        True
    """
    paths = [os.path.abspath(entry.path) for entry in entries]
    home = common_folder(paths)
    names = "\n".join(name_below(path, home) for path in paths)
    return f"{len(paths)} files, names {hashlib.sha256(os.fsencode(names)).hexdigest()[:12]}"
