"""The data of a recipe."""

from __future__ import annotations

from cvrl_lite.datasets import (
    HMDB51,
    UCF101,
    DecodedSet,
    FileSampler,
    Kinetics,
    MovingScenes,
    Sampler,
    VideoFolder,
    VideoSet,
    decode,
)
from cvrl_lite.files import cache_dir
from cvrl_lite.pretrain.recipe import Recipe

NAMED_SETS = ("moving_scenes", "hard_scenes", "ucf101", "hmdb51", "kinetics")
"""Data sets with splits; any other `Recipe.data` is the path of a folder."""


def videos_of(recipe: Recipe, split: str = "train") -> VideoSet:
    """The files that a recipe trains on, or those of another split of the same data set.

    Args:
        recipe: Names the data set and its folder.
        split: As the data set names it; a folder of videos of one's own has none.

    Raises:
        ValueError: A named data set without its folder.
        FileNotFoundError: The folder is not there, or holds none of the set.
    """
    if recipe.data == "moving_scenes":
        return MovingScenes(split, recipe.root)
    if recipe.data == "hard_scenes":
        from cvrl_lite.scenes import hard_set  # needs PyAV, which a training does not

        return MovingScenes(split, recipe.root or hard_set())
    named = {"ucf101": UCF101, "hmdb51": HMDB51, "kinetics": Kinetics}
    if recipe.data in named:
        if recipe.root is None:
            raise ValueError(f"{recipe.data} needs root, the folder where its videos lie")
        return named[recipe.data](recipe.root, split)
    return VideoFolder(recipe.data, recipe.source)


def load_data(recipe: Recipe) -> DecodedSet:
    """Reads the recipe's training data into memory."""
    return decode(
        videos_of(recipe),
        size=recipe.decoded,
        cells=recipe.decoded_cells,
        residuals="residual" in recipe.tasks,
    )


def sampler_for(recipe: Recipe, data: DecodedSet | None, workers: int) -> Sampler | FileSampler:
    """What draws the recipe's batches.

    Args:
        recipe: Says whether the data are kept in memory.
        data: The decoded data, where they are at hand already.
        workers: Processes that read files, where they are not kept in memory.
    """
    if data is None and not recipe.in_memory:
        return FileSampler(
            videos_of(recipe),
            recipe.sampling,
            recipe.seed,
            size=recipe.decoded,
            cells=recipe.decoded_cells,
            residuals="residual" in recipe.tasks,
            workers=workers,
            cache=cache_dir() / "indexes",
        )
    return Sampler(load_data(recipe) if data is None else data, recipe.sampling, recipe.seed)
