"""Which files a data set holds, and what they are labeled."""

from __future__ import annotations

import csv
import io
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.errors import shown
from cvrl_lite.files import read_text
from cvrl_lite.folders import first_names, videos_below


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
        missing: Files that the data set's lists name for this split, and that are not on disk.
        extra: Videos on disk that its lists name for no split; they are left out.
    """

    entries: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]]
    missing: tuple[Path, ...] = ()
    extra: tuple[Path, ...] = ()

    def labels(self, name: str) -> NDArray[np.int64]:
        """(number of files,) int64: the label called `name` of each file."""
        return np.array([entry.labels[name] for entry in self.entries], np.int64)


def warn_of_gaps(videos: VideoSet, folder: Path, *, stacklevel: int = 3) -> VideoSet:
    """Warns of files that are missing and of files left out, in one line each.

    Args:
        videos: What was found.
        folder: Where it was looked for; names in the warning are relative to it.
        stacklevel: Whose line the warning names, as in `warnings.warn`; 3 is the caller's caller.

    Returns:
        `videos`, unchanged.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     _ = warn_of_gaps(VideoSet((), {}, missing=(Path("v/a.avi"),)), Path("v"))
        >>> print(caught[0].message)
        v: 1 listed, but not on disk: a.avi
    """
    for paths, what in (
        (videos.missing, "listed, but not on disk"),
        (videos.extra, "on disk, but in no list, so left out"),
    ):
        if paths:
            text = f"{shown(folder)}: {len(paths)} {what}: {first_names(paths, folder)}"
            warnings.warn(text, stacklevel=stacklevel)
    return videos


def MovingScenes(split: str, root: str | os.PathLike[str] | None = None) -> VideoSet:
    """The built-in data set: clips whose scene, action and appearance are independent labels.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        root: Made by `moving_scenes.make`; the course's own set, made when it is missing, where None.

    Returns:
        Entries with the labels `scene` and `action`, and `appearance` where the set, in all its splits, has
        more than one.

    Raises:
        ValueError: The set has no such split.
    """
    from cvrl_lite.datasets import moving_scenes  # which encodes, and so needs PyAV

    folder = moving_scenes.course_set() if root is None else Path(root)
    index = moving_scenes.read_index(folder)
    clips = [clip for clip in index if clip.split == split]
    if not clips:
        raise ValueError(f"{folder}: holds no split named {split!r}")
    classes = {"scene": tuple(moving_scenes.SCENES), "action": tuple(moving_scenes.ACTIONS)}
    # Whether there are several is asked of all splits, so that each has the same labels.
    if any(clip.appearance != index[0].appearance for clip in index):
        classes["appearance"] = tuple(moving_scenes.APPEARANCES)
    return VideoSet(
        tuple(
            Entry(
                folder / clip.file,
                clip.file,
                {label: names.index(getattr(clip, label)) for label, names in classes.items()},
            )
            for clip in clips
        ),
        classes,
    )


def VideoFolder(
    root: str | os.PathLike[str],
    source: str | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> VideoSet:
    r"""Any folder of videos. Where they lie in sub-folders, the first sub-folder's name is the class.

    It has no splits: what is to be held back for judging goes to a folder of its own, which has to show the
    same classes, as each folder numbers those it holds.

    Args:
        root: The folder, searched to its depths for files with a video's suffix; those whose name, or
            whose folder's, begins with a dot are left out.
        source: A regular expression; files in whose name its first match reads the same were cut from
            one video (`"mvx_vid"`, or `"v_.+_g[0-9]+"` for UCF101, whose groups are counted anew in each
            class). Where None, each file is a video.
        labels: A CSV file with the columns `file` (relative to `root`) and one for each label, whatever
            their names. It replaces the folders' names as labels. A label's classes are its distinct
            texts, sorted; whole numbers sort by value. Videos it does not name are left out, and listed
            in `VideoSet.extra`.

    Returns:
        Entries; without `labels`, with the label `class` where all files lie in sub-folders.

    Raises:
        FileNotFoundError: The folder is missing or holds no video, or `labels` names files that are not
            there.
        ValueError: `labels` lacks a column or a value, or names a file twice; or `source` is no regular
            expression.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.mp4", "b.mp4"):
        ...     (folder / name).touch()
        >>> _ = (folder / "labels.csv").write_text("file,place\na.mp4,street\nb.mp4,beach\n")
        >>> videos = VideoFolder(folder, labels=folder / "labels.csv")
        >>> videos.classes, [entry.labels for entry in videos.entries]
        ({'place': ('beach', 'street')}, [{'place': 1}, {'place': 0}])
    """
    folder = Path(root)
    paths = videos_below(folder, twice=labels is not None)  # which may name a file by any of its links
    if not paths:
        raise FileNotFoundError(f"{folder}: no such folder, or no file in it has a video's suffix")

    try:
        pattern = re.compile(source) if source else None
    except re.error as error:
        raise ValueError(f"source: {source!r} is no regular expression: {error}") from None

    def source_of(path: Path) -> str:
        found = pattern.search(path.name) if pattern else None
        return found.group() if found else str(path.relative_to(folder))

    texts: dict[Path, dict[str, str]]
    if labels is not None:
        texts = _read_labels(Path(labels), folder)
        if absent := sorted(set(texts) - set(paths)):
            found = f"{len(absent)} of its files are no videos in {folder}: {first_names(absent, folder)}"
            raise FileNotFoundError(f"{labels}: {found}")
    elif all(len(p.relative_to(folder).parts) > 1 for p in paths):
        texts = {p: {"class": p.relative_to(folder).parts[0]} for p in paths}
    else:
        texts = {p: {} for p in paths}
    classes = {
        label: tuple(sorted({row[label] for row in texts.values()}, key=_by_value))
        for label in next(iter(texts.values()))
    }
    numbers = {label: {name: i for i, name in enumerate(names)} for label, names in classes.items()}
    entries = tuple(
        Entry(p, source_of(p), {label: numbers[label][text] for label, text in texts[p].items()})
        for p in paths
        if p in texts
    )
    return warn_of_gaps(VideoSet(entries, classes, extra=tuple(p for p in paths if p not in texts)), folder)


def _by_value(text: str) -> tuple[bool, int, str]:
    """Sorts whole numbers by value, so that 10 comes behind 9, and before all other texts."""
    number = text.isdecimal()
    return not number, int(text) if number else 0, text


def _read_labels(file: Path, folder: Path) -> dict[Path, dict[str, str]]:
    """The rows of a CSV of labels by the file they name, which need not exist."""
    columns, rows = read_table(file)
    if "file" not in columns or len(columns) < 2 or len(set(columns)) < len(columns):
        named = ", ".join(columns) or "none"
        raise ValueError(f"{file}: wanted the columns file and at least one label, found {named}")
    labels: dict[Path, dict[str, str]] = {}
    for where, row in rows:
        if None in row or not all(row.values()):
            raise ValueError(f"{where}: wanted {len(columns)} values, none empty")
        path = folder / row.pop("file")
        if path in labels:
            raise ValueError(f"{where}: names {path.name} a second time")
        labels[path] = row
    if not labels:
        raise ValueError(f"{file}: holds no row")
    return labels


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
