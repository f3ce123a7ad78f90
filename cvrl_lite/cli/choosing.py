"""Selects the videos to train and evaluate on: splits of a named data set, or sources of a folder."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cvrl_lite.errors import shown

if TYPE_CHECKING:
    from cvrl_lite.datasets import VideoDataset
    from cvrl_lite.train import Recipe

_OF_A_FOLDER = ("labels", "source", "holdout", "split_seed")
_OF_A_SET = ("root", "split", "fold")


def add_data(made: argparse.ArgumentParser) -> None:
    """Adds the options that say which videos."""
    data = made.add_mutually_exclusive_group()
    data.add_argument("--data", help="moving_scenes (default), hard_scenes, ucf101, hmdb51 or kinetics")
    data.add_argument(
        "--folder", type=Path, help="instead: any folder of videos; its sub-folders are the classes"
    )
    made.add_argument("--root", type=Path, help="--data: the folder of that data set")
    made.add_argument(
        "--split", help="--data: val (MovingScenes, Kinetics) or test, which is for reporting only"
    )
    made.add_argument(
        "--fold", type=int, choices=(1, 2, 3), help="--data ucf101, hmdb51: which of its splits (default: 1)"
    )
    made.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="--folder: a table with the columns file and labels",
    )
    made.add_argument(
        "--source",
        metavar="REGEX",
        help="--folder: files in whose name its first match reads the same were cut from one video, and stay "
        "on one side",
    )
    made.add_argument(
        "--holdout", type=share, help="--folder: share of the sources of each class that is held out"
    )
    made.add_argument("--split-seed", type=int, metavar="SEED", help="--folder: which sources (default: 0)")


def add_backend(made: argparse.ArgumentParser, default: str) -> None:
    """Adds the options that say where work goes, as `processes.spread` takes them."""
    made.add_argument("--backend", help=f"joblib's: loky, threading, dask, ray ... (default: {default})")
    made.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a dask cluster, such as tcp://10.0.0.1:8786, all of whose workers are used; they see the "
        "same files and have this package (default: a cluster of --workers processes on this machine)",
    )


def share(text: str) -> float:
    """An argument's type: above 0 and below 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share above 0 and below 1, got {text}")
    return value


def meant(word: str, names: Iterable[str], before: str = "") -> str:
    """A question to add to what an error says of a misspelled name; empty where no name is like it.

    Args:
        word: As it was typed.
        names: Those there are.
        before: What stands before a name where it is typed.

    Example:
        >>> meant("ucf", ("ucf101", "hmdb51"), "--data "), meant("cats", ("ucf101", "hmdb51"))
        ('; did you mean --data ucf101?', '')
    """
    nearest = difflib.get_close_matches(word, list(names), 2)
    return f"; did you mean {' or '.join(before + name for name in nearest)}?" if nearest else ""


def check_name(data: str) -> None:
    """Raises ValueError if there is no data set of this name."""
    from cvrl_lite.train.data import NAMED_SETS

    if data not in NAMED_SETS:
        there = ", ".join(NAMED_SETS)
        raise ValueError(
            f"--data is one of {there}; got {shown(data)} (for a folder: --folder){meant(data, NAMED_SETS)}"
        )


def chosen_data(
    arguments: argparse.Namespace, recipe: Recipe, *, holdout: float | None
) -> tuple[VideoDataset, VideoDataset | None]:
    """The videos to train on, or to search, and those to evaluate on.

    Args:
        arguments: With the options of `add_data`.
        recipe: Of the network; data sets that it does not name are put in its place.
        holdout: The default share of a folder to hold out; None holds out nothing, and there is nothing to
            evaluate on.

    Raises:
        ValueError: An option does not belong to the kind of data, or the folder has no labels.
        FileNotFoundError: The folder is not there.
    """
    from cvrl_lite.datasets import VideoFolder
    from cvrl_lite.train.data import videos_of

    kind, others = ("--data", _OF_A_FOLDER) if arguments.folder is None else ("--folder", _OF_A_SET)
    for name in others:
        if getattr(arguments, name) is not None:
            other = "--folder" if kind == "--data" else "--data"
            raise ValueError(f"--{name.replace('_', '-')} belongs to {other}")
    if arguments.folder is not None:
        videos = VideoFolder(arguments.folder, arguments.source, arguments.labels)
        if not videos.classes:
            raise ValueError(
                f"{arguments.folder}: has no labels: put each class into a sub-folder, or give --labels"
            )
        held_out = arguments.holdout or holdout
        if held_out is None:
            return videos, None
        return videos.split(held_out, arguments.split_seed or 0, label=arguments.label)
    data = arguments.data or "moving_scenes"
    check_name(data)
    if arguments.fold is not None and data not in ("ucf101", "hmdb51"):
        raise ValueError(f"--fold belongs to --data ucf101 or hmdb51; {data} has one split")
    if arguments.split == "train":
        raise ValueError("--split train is what is searched, or trained on; judge another split")
    root = None if arguments.root is None else str(arguments.root)
    named = recipe.replace(data=data, root=root, fold=arguments.fold or 1)
    split = arguments.split or ("test" if data in ("ucf101", "hmdb51") else "val")
    return videos_of(named), videos_of(named, split)
