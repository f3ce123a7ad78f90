"""Where files are: what ships with the package, the cache outside git, checks and safe writes."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".flv", ".mpg", ".mpeg", ".ts"}
    | {".264", ".h264", ".h261", ".h263", ".m2v", ".3gp", ".3g2", ".m2ts", ".mts", ".vob"}
    | {".wmv", ".asf", ".rm", ".rmvb", ".ogv"}
)
"""Endings by which a folder's videos are known, in lower case."""


def data_path(name: str) -> Path:
    """A file of `data/`: in a clone from the repository, in an installed wheel from the package.

    Args:
        name: The file's name inside `data/`, such as `"README.md"`.

    Returns:
        The path of an existing file.

    Raises:
        FileNotFoundError: There is no such file.

    Example:
        >>> data_path("README.md").name
        'README.md'
    """
    for folder in (_PACKAGE / "data", _PACKAGE.parent / "data"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name}: not among the files of data/")


def cache_dir() -> Path:
    """The folder for what is made or downloaded: `$CVRL_CACHE`, or the user's cache folder."""
    if chosen := os.environ.get("CVRL_CACHE"):
        folder = Path(chosen)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "cvrl_lite"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library/Caches/cvrl_lite"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cvrl_lite"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def videos_below(folder: Path, without: Path | None = None) -> list[Path]:
    """The videos in a folder and in its folders, by their suffixes, sorted.

    What begins with a dot is left out: files that a stopped writer or another system left beside a video,
    and folders of programs.

    Args:
        folder: Where to look.
        without: A folder whose videos are left out where it lies below `folder`.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.MP4", "._a.mp4", "notes.txt"):
        ...     (folder / name).touch()
        >>> [path.name for path in videos_below(folder)]
        ['a.MP4']
    """
    home, left_out = folder.resolve(), None
    if without is not None and home in without.resolve().parents:
        left_out = without.resolve().relative_to(home)

    def wanted(path: Path) -> bool:
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        return not hidden and not (left_out and inside.is_relative_to(left_out)) and not path.is_dir()

    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and wanted(p))


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[Path]:
    """Gives a temporary path beside `path`; renames it over `path` if the block succeeds.

    So a file is there whole or not at all, whenever the writer is interrupted; with `durable` also when the
    machine loses power, as the file is on the disk before it gets its name. A writer that is killed leaves
    the temporary file, whose name begins with a dot and ends in `.partial`, so that nothing takes it for
    the kind of file that `path` is.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    part = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        yield part
        if durable:
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, final)
    finally:
        part.unlink(missing_ok=True)
