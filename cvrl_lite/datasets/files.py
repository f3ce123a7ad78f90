"""Which files a data set holds, and what they are labelled."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cvrl_lite import scenes

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".flv", ".mpg", ".mpeg", ".ts"}
    | {".264", ".h264", ".3gp", ".wmv", ".ogv"}
)


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
    """

    entries: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]]


def MovingScenes(split: str, root: str | os.PathLike[str] | None = None) -> VideoSet:
    """The embedded data set: clips whose scene and action are independent labels.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        root: A folder made by `scenes.make`; the course's own set, made when it is missing, where None.

    Returns:
        Entries with the labels `scene` and `action`.

    Raises:
        ValueError: The set has no such split.
    """
    folder = scenes.course_set() if root is None else Path(root)
    clips = [clip for clip in scenes.read_index(folder) if clip.split == split]
    if not clips:
        raise ValueError(f"{folder}: holds no split named {split!r}")
    return VideoSet(
        tuple(
            Entry(
                folder / clip.file,
                clip.file,
                {"scene": scenes.SCENES.index(clip.scene), "action": scenes.ACTIONS.index(clip.action)},
            )
            for clip in clips
        ),
        {"scene": tuple(scenes.SCENES), "action": tuple(scenes.ACTIONS)},
    )


def VideoFolder(root: str | os.PathLike[str], source: str | None = None) -> VideoSet:
    """Any folder of videos. Where they lie in sub-folders, the first sub-folder's name is the class.

    Args:
        root: The folder, searched to its depths for files with a video's suffix.
        source: A regular expression; files in whose name its first match reads the same were cut from
            one video (`"mvx_vid"`, or `"_g[0-9]+"` for UCF101). Where None, each file is a video.

    Returns:
        Entries, with the label `class` where all files lie in sub-folders.

    Raises:
        FileNotFoundError: The folder is missing or holds no video.
    """
    folder = Path(root)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: no such folder, or no file in it has a video's suffix")

    def source_of(path: Path) -> str:
        found = re.search(source, path.name) if source else None
        return found.group() if found else str(path.relative_to(folder))

    names = [p.relative_to(folder).parts[0] for p in paths]
    labelled = all(len(p.relative_to(folder).parts) > 1 for p in paths)
    classes = tuple(sorted(set(names))) if labelled else ()
    return VideoSet(
        tuple(
            Entry(path, source_of(path), {"class": classes.index(name)} if labelled else {})
            for path, name in zip(paths, names, strict=True)
        ),
        {"class": classes} if labelled else {},
    )
