"""Any folder of videos, labeled by its sub-folders or by a CSV file."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cvrl_lite.datasets.base import Entry, VideoDataset, warn_of_gaps
from cvrl_lite.datasets.lists import read_table
from cvrl_lite.datasets.samples import SampleConfig
from cvrl_lite.errors import shown
from cvrl_lite.folders import first_names, videos_below


class VideoFolder(VideoDataset):
    r"""Any folder of videos. Where they lie in sub-folders, the first sub-folder's name is the class.

    Without `labels`, the label is `class` where all files lie in sub-folders. `split` holds some sources back
    for judging. A folder of its own for that has to show the same classes, as each folder numbers those it
    holds.

    Args:
        root: The folder, searched to its depths for files with a video's suffix; those whose name, or
            whose folder's, begins with a dot are left out.
        source: A regular expression; files in whose name its first match reads the same were cut from
            one video (`"mvx_vid"`, or `"v_.+_g[0-9]+"` for UCF101, whose groups are counted anew in each
            class). If None, each file is a video.
        labels: A CSV file with the columns `file` (relative to `root`) and one for each label, whatever
            their names. It replaces the folders' names as labels. A label's classes are its distinct
            texts, sorted; whole numbers sort by value. Videos it does not name are left out, and listed
            in `extra`.
        samples: How `dataset[i]` reads a sample, as in `VideoDataset`.

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

    def __init__(
        self,
        root: str | os.PathLike[str],
        source: str | None = None,
        labels: str | os.PathLike[str] | None = None,
        *,
        samples: SampleConfig | None = None,
    ) -> None:
        folder = Path(root)
        if folder.is_file():
            raise NotADirectoryError(f"{folder}: is a file; a folder of videos is expected")
        paths = videos_below(folder, twice=labels is not None)  # which may name a file by any of its links
        if not paths:
            raise FileNotFoundError(f"{folder}: no such folder, or no file in it has a video's suffix")

        try:
            pattern = re.compile(source) if source else None
        except re.error as error:
            raise ValueError(f"source: {source!r} is not a valid regular expression: {error}") from None

        def source_of(path: Path) -> str:
            found = pattern.search(path.name) if pattern else None
            return found.group() if found else path.relative_to(folder).as_posix()

        if pattern and not any(pattern.search(path.name) for path in paths):
            raise ValueError(f"source: {source!r} matches no file's name, such as {shown(paths[0].name)}")

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
        extra = [path for path in paths if path not in texts]
        super().__init__(entries, classes, extra=extra, samples=samples)
        warn_of_gaps(self, folder)


def _by_value(text: str) -> tuple[bool, int, str]:
    """Sorts whole numbers by value, so that 10 comes behind 9, and before all other texts."""
    number = text.isdecimal()
    return not number, int(text) if number else 0, text


def _read_labels(file: Path, folder: Path) -> dict[Path, dict[str, str]]:
    """The rows of a CSV of labels by the file they name, which need not exist."""
    columns, rows = read_table(file)
    if "file" not in columns or len(columns) < 2 or len(set(columns)) < len(columns):
        named = ", ".join(columns) or "none"
        raise ValueError(f"{file}: expected the columns file and at least one label, found {named}")
    labels: dict[Path, dict[str, str]] = {}
    for where, row in rows:
        if None in row or not all(row.values()):
            raise ValueError(f"{where}: expected {len(columns)} values, none empty")
        path = folder / row.pop("file")
        if path in labels:
            raise ValueError(f"{where}: names {path.name} a second time")
        labels[path] = row
    if not labels:
        raise ValueError(f"{file}: holds no row")
    return labels
