"""What data sets with official lists share: reading the lists, and finding on disk the clips they name."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from cvrl_lite.datasets.base import Entry
from cvrl_lite.files import read_text
from cvrl_lite.folders import videos_below


def read_table(file: Path) -> tuple[tuple[str, ...], Iterator[tuple[str, dict[str, str]]]]:
    """A CSV file's columns, and its rows, each with its file and line for a message.

    Raises:
        OSError: The file is missing or may not be read.
        ValueError: It is in another encoding than UTF-8, or no table; also while the rows are read.
    """
    table = csv.DictReader(io.StringIO(read_text(file), newline=""))

    def rows() -> Iterator[tuple[str, dict[str, str]]]:
        try:
            for row in table:
                yield f"{file}, line {table.line_num}", row
        except csv.Error as error:
            raise ValueError(f"{file}, line {table.line_num}: no table: {error}") from None

    try:
        return tuple(table.fieldnames or ()), rows()
    except csv.Error as error:
        raise ValueError(f"{file}, line {table.line_num}: no table: {error}") from None


def read_lines(file: Path) -> Iterator[tuple[str, str]]:
    """The lines of a list that hold something, each with its file and number for a message.

    Raises:
        OSError: The file is missing or may not be read.
        ValueError: It is in another encoding than UTF-8.
    """
    for number, line in enumerate(io.StringIO(read_text(file), newline=None), 1):
        if line.strip():
            yield f"{file}, line {number}", line.strip()


class Found(NamedTuple):
    """The clips of a split: where they lie, those on disk, those that are not, and videos in no list."""

    home: Path
    entries: list[Entry]
    missing: list[Path]
    extra: list[Path]


def any_case(path: PurePath) -> tuple[str, str]:
    """Class folder and name of a clip, in lower case."""
    return path.parent.name.casefold(), path.stem.casefold()


def collect_clips(
    home: Path,
    videos: Sequence[PurePath],
    in_split: Sequence[str],
    *,
    listed: dict[str, str],
    classes: Sequence[str],
    source: Callable[[str, str], str],
    key: Callable[[PurePath], tuple[str, str]] = any_case,
) -> Found:
    """Looks for clips on disk; says which are missing, and what is left over.

    `videos` are the paths below `home`, and clips are named like them. `in_split` are the clips of the split,
    `listed` those of every split with their class, `key` what of a path tells clips apart.
    """
    on_disk: dict[tuple[str, str], PurePath] = {}
    left = []
    named = {key(PurePosixPath(clip)) for clip in listed}
    for path in videos:
        if key(path) in named and key(path) not in on_disk:  # .avi comes before .mp4, and is taken
            on_disk[key(path)] = path
        else:
            left.append(home / path)
    numbers = {name: number for number, name in enumerate(classes)}
    entries, missing = [], []
    for clip in dict.fromkeys(in_split):
        name, listed_path = listed[clip], PurePosixPath(clip)
        if key(listed_path) in on_disk:
            file = home / on_disk[key(listed_path)]
            entries.append(Entry(file, source(listed_path.stem, name), {"class": numbers[name]}))
        else:
            missing.append(home / clip)
    if not entries:
        looked = f"{in_split[0]} and {len(in_split) - 1} more" if in_split else "class folders with videos"
        raise FileNotFoundError(f"{home}: holds no clip of this split; looked for {looked}")
    return Found(home, entries, missing, left)


def videos_in(home: Path) -> list[PurePath]:
    """Videos in a folder and in its folders, relative to it, sorted."""
    return [path.relative_to(home) for path in videos_below(home, depth=2, twice=True)]


def visible(folder: Path, pattern: str) -> list[Path]:
    """What of a folder fits a pattern, sorted; without hidden files, which other systems leave behind."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def first_folder(root: Path, names: Sequence[str]) -> Path:
    """The first of these folders in `root` that exists; the last name where none does."""
    return next((root / name for name in names if (root / name).is_dir()), root / names[-1])


def find_lists(
    root: str | os.PathLike[str],
    annotations: str | os.PathLike[str] | None,
    names: Sequence[str],
    pattern: str,
) -> Path:
    """The folder with the official lists, found by a file in it."""
    home = Path(root)
    places = (
        [Path(annotations)]
        if annotations is not None
        else [f / n for f in (home, home.parent) for n in names]
    )
    for place in places:
        if visible(place, pattern):
            return place
    raise FileNotFoundError(f"{pattern}: in none of {', '.join(map(str, places))}; give annotations=")


def check_split(split: str, fold: int) -> None:
    """Raises ValueError if there is no such split, or no such fold."""
    if split not in ("train", "test"):
        raise ValueError(f"split is train or test, not {split!r}")
    if fold not in (1, 2, 3):
        raise ValueError(f"fold is 1, 2 or 3, not {fold!r}")
