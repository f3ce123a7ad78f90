"""Kinetics, read from its usual folder layout."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from cvrl_lite.datasets.base import VideoDataset, warn_of_gaps
from cvrl_lite.datasets.lists import collect_clips, first_folder, read_table, videos_in, visible
from cvrl_lite.datasets.samples import SampleConfig

_FOLDERS = {"train": ("train",), "val": ("validate", "val"), "test": ("test",)}
_NAME = re.compile(r"(.+)_\d{6}_\d{6}")


class Kinetics(VideoDataset):
    """Kinetics-400, or another Kinetics with the same layout.

    The label is `class`: the class names of all splits' lists sorted, or those of their folders, so that
    `"train"` and `"val"` number them alike. A source is a YouTube id. Many clips are no longer on YouTube; if
    there is a list, `missing` names them. Clips on disk are matched by class folder, ignoring case, and file
    name without the suffix.

    Args:
        root: Holds a folder for each split with class folders, whose names have blanks or underscores, and
            in them `<YouTube id>_<start>_<end>.mp4`, the seconds in six digits. With a list the clips may
            also lie in the split's folder directly.
        split: `"train"`, `"val"` or `"test"`; the folder of `"val"` may also be called `validate`.
        annotations: The official list, a CSV file with the columns `label`, `youtube_id`, `time_start`,
            `time_end` and `split`, or a folder with `<split>.csv`. If None, `<split>.csv` in `root` or
            in its `annotations`; without a list, the class folders name the classes.
        samples: How `dataset[i]` reads a sample, as in `VideoDataset`.

    Raises:
        FileNotFoundError: The list given is missing, or no clip of the split is there.
        ValueError: There is no such split, or a line of the list cannot be read.

    Source:
        Kay et al., The Kinetics Human Action Video Dataset, 2017, and the lists published with it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "val/air_drumming"
        >>> folder.mkdir(parents=True)
        >>> (folder / "_dbcJuKJQNs_000040_000050.mp4").touch()
        >>> videos = Kinetics(folder.parent.parent, "val")
        >>> videos.classes["class"], videos.entries[0].source
        (('air drumming',), '_dbcJuKJQNs')
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        *,
        annotations: str | os.PathLike[str] | None = None,
        samples: SampleConfig | None = None,
    ) -> None:
        if split not in _FOLDERS:
            raise ValueError(f"split is train, val or test, not {split!r}")
        homes = {name: first_folder(Path(root), names) for name, names in _FOLDERS.items()}
        videos = videos_in(homes[split])
        in_folders = [path for path in videos if len(path.parts) > 1]
        lists = _split_lists(Path(root), annotations)
        if annotations is not None and split not in lists:
            raise FileNotFoundError(f"{annotations}: no list of Kinetics, nor a folder with {split}.csv")
        classes = {name for file in lists.values() for name in _classes_in(file)}
        if split in lists:
            listed, in_split = _read_list(lists[split], _FOLDERS[split], bool(in_folders))
        else:
            listed = {path.as_posix(): _plain(path.parent.name) for path in in_folders}
            in_split = list(listed)
            classes |= {_plain(p.name) for home in homes.values() for p in visible(home, "*") if p.is_dir()}
        spelled = {name.casefold(): name for name in sorted(classes, reverse=True)}  # once, whatever the case
        found = collect_clips(
            homes[split],
            videos,
            in_split,
            listed={clip: spelled[name.casefold()] for clip, name in listed.items()},
            classes=sorted(spelled.values()),
            source=lambda stem, _: kinetics_source(stem),
            key=_exact,
        )
        super().__init__(
            found.entries,
            {"class": sorted(spelled.values())},
            missing=found.missing,
            extra=found.extra,
            samples=samples,
        )
        warn_of_gaps(self, found.home)


def kinetics_source(stem: str) -> str:
    """The YouTube id in the name of a Kinetics clip.

    Args:
        stem: The file's name without its suffix.

    Returns:
        The part before the two times, or the whole stem if it has no times.

    Example:
        >>> kinetics_source("-3B32lodo2M_000059_000069")
        '-3B32lodo2M'
    """
    found = _NAME.fullmatch(stem)
    return found[1] if found else stem


def _split_lists(root: Path, annotations: str | os.PathLike[str] | None) -> dict[str, Path]:
    """The CSV file of each split that has one; `root` comes before `root/annotations`."""
    if annotations is not None and Path(annotations).is_file():
        return dict.fromkeys(_FOLDERS, Path(annotations))
    places = (root / "annotations", root) if annotations is None else (Path(annotations),)
    return {n: f for place in places for n in _FOLDERS if (f := place / f"{n}.csv").is_file()}


def _classes_in(file: Path) -> set[str]:
    """The classes that a list names; the first release's list of the test split names none."""
    return {_plain(row["label"]) for _, row in read_table(file)[1] if row.get("label")}


def _read_list(file: Path, splits: Sequence[str], in_folders: bool) -> tuple[dict[str, str], list[str]]:
    """All clips of a list with their classes, and those of the split."""
    listed: dict[str, str] = {}
    in_split: list[str] = []
    columns, rows = read_table(file)
    needed = ("label", "youtube_id", "time_start", "time_end", "split")
    if lacks := [name for name in needed if name not in columns]:
        raise ValueError(f"{file}, line 1: lacks the columns {', '.join(lacks)}")
    for where, row in rows:
        try:
            start, end = int(row["time_start"]), int(row["time_end"])
        except (TypeError, ValueError):
            start = end = -1
        if end < 0 or not row["label"] or not row["youtube_id"] or not row["split"]:
            raise ValueError(f"{where}: expected {', '.join(needed)}")
        clip = f"{row['youtube_id']}_{start:06}_{end:06}.mp4"
        clip = f"{row['label']}/{clip}" if in_folders else clip
        listed[clip] = _plain(row["label"])
        if row["split"] in splits:
            in_split.append(clip)
    return listed, in_split


def _plain(name: str) -> str:
    """The name of a class of Kinetics from that of its folder."""
    return name.replace("_", " ")


def _exact(path: PurePath) -> tuple[str, str]:
    return _plain(path.parent.name).casefold(), path.stem  # YouTube ids differ by case
