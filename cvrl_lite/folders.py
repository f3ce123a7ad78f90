"""Which videos a folder holds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from cvrl_lite.errors import shown

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".flv", ".mpg", ".mpeg", ".ts"}
    | {".264", ".h264", ".h261", ".h263", ".m2v", ".3gp", ".3g2", ".m2ts", ".mts", ".vob"}
    | {".wmv", ".asf", ".rm", ".rmvb", ".ogv", ".divx", ".f4v", ".mxf", ".dv"}
    | {".265", ".h265", ".hevc", ".m1v", ".ivf"}
)
"""Endings by which a folder's videos are known, in lower case."""


def videos_below(
    folder: Path, without: Path | None = None, *, depth: int | None = None, twice: bool = False
) -> list[Path]:
    """The videos in a folder and in its folders, by their suffixes, sorted.

    Links are followed, but never back to where they lie, and no folder is entered twice. What begins with a
    dot is left out: files that a stopped writer or another system left beside a video, and folders of
    programs. A warning names folders that cannot be read and links that lead nowhere.

    Args:
        folder: Where to look.
        without: A folder whose videos are left out where it lies below `folder`.
        depth: How many levels of folders to enter, `folder` being the first; all where None.
        twice: Whether a file counts under each of its names where links lead to it; else once, under the
            name of its own or that of its first link.

    Raises:
        OSError: `folder` may not be read. Where it is no folder, there are no videos.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.MP4", "._a.mp4", "notes.txt"):
        ...     (folder / name).touch()
        >>> [path.name for path in videos_below(folder)]
        ['a.MP4']
    """
    if not folder.is_dir():
        return []
    home, left_out = os.path.realpath(folder), None if without is None else os.path.realpath(without)
    if left_out is not None and _is_in(home, left_out):
        left_out = None
    found: dict[str, Path] = {}
    links: list[Path] = []
    lost: list[tuple[Path, str]] = []
    for path, place, is_link in _entries(folder, home, left_out, depth, lost):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            if is_link:
                links.append(path)
            else:
                found[os.path.join(place, path.name)] = path
        elif is_link and not path.exists():
            lost.append((path, "a link that leads nowhere"))
    for path in sorted(links):
        real = os.path.realpath(path)
        if left_out is None or not _is_in(real, left_out):
            found.setdefault(str(path) if twice else real, path)
    for path, reason in lost:
        warnings.warn(f"{shown(path)}: not looked into: {reason}", stacklevel=2)
    return sorted(found.values())


def _entries(
    folder: Path, home: str, left_out: str | None, depth: int | None, lost: list[tuple[Path, str]]
) -> Iterator[tuple[Path, str, bool]]:
    """What is no folder below a folder, where that really lies, and whether it is a link.

    Each folder is entered once: under its own name where it has one here, else by the first link to it.
    Those that cannot be read are added to `lost`.
    """
    entered: set[str] = set()
    linked = [folder]
    while linked:
        linked.sort(reverse=True)
        waiting = [linked.pop()]
        while waiting:
            place = waiting.pop()
            real = os.path.realpath(place)
            leads_back = real in entered or (real != home and _is_in(home, real))
            if leads_back or (left_out is not None and _is_in(real, left_out)):
                continue
            entered.add(real)
            try:
                with os.scandir(place) as listed:
                    entries = [entry for entry in listed if not entry.name.startswith(".")]
            except OSError as error:
                if place == folder:
                    raise
                lost.append((place, error.strerror or "cannot be read"))
                continue
            is_deepest = depth is not None and len(place.relative_to(folder).parts) + 1 >= depth
            for entry in entries:
                path, is_link = place / entry.name, entry.is_symlink()
                if not (os.path.isdir(path) if is_link else entry.is_dir()):
                    yield path, real, is_link
                elif not is_deepest:
                    (linked if is_link else waiting).append(path)


def _is_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it; both without links."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def first_names(paths: Sequence[Path], folder: Path) -> str:
    """The first ten paths in one line, relative to `folder`.

    Example:
        >>> first_names([Path(f"v/{i}.avi") for i in range(11)], Path("v"))
        '0.avi, 1.avi, 2.avi, 3.avi, 4.avi, 5.avi, 6.avi, 7.avi, 8.avi, 9.avi, ...'
    """
    names = [shown(os.path.relpath(path, folder)) for path in paths[:10]]
    return ", ".join(names + ["..."] * (len(paths) > 10))


def name_below(path: str, folder: str) -> str:
    """A path as seen from a folder, with `/` on every system.

    Args:
        path: An absolute path.
        folder: Another, or "". Where no way leads from it to the path, as between two drives of Windows, the
            name is the whole path.

    Example:
        >>> name_below(os.path.abspath("videos/a/1.mp4"), os.path.abspath("videos"))
        'a/1.mp4'
    """
    try:
        name = os.path.relpath(path, folder) if folder else path
    except ValueError:  # another drive
        name = path
    return name.replace(os.sep, "/")


def common_folder(paths: Sequence[str]) -> str:
    """The lowest folder that all files lie in; "" where there is none, as between two drives of Windows.

    Args:
        paths: Absolute paths of files, at least one.

    Example:
        >>> files = [os.path.abspath(f"videos/{name}") for name in ("a/1.mp4", "b.mp4")]
        >>> common_folder(files) == os.path.abspath("videos")
        True
    """
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # several drives
        return ""
