"""Downloads UCF101 and HMDB51 with their official lists: resumable, checked where a hash is known, unpacked.

Kinetics is not downloaded: its clips are cut from YouTube videos, and many of them are gone.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import subprocess
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cvrl_lite.files import alone, writing
from cvrl_lite.progress import note, track

_CHUNK = 1 << 16  # bytes; a connection that breaks loses the part of one that has come
_SPARE = 1 << 20  # bytes; a disk with fewer is full
_CHECKSUMS_DIFFER = 3  # what unrar says of a damaged archive; the other tools fail in one way
_WAITS = (1.0, 4.0, 16.0)  # seconds before each further attempt
_DAMAGED = (shutil.ReadError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_LATER = (429, 500, 502, 503, 504)  # answers of a server that may do better a moment later


class _Damaged(OSError):
    """An archive is not what its own checksums say."""


@dataclass(frozen=True)
class _Archive:
    """A file to fetch, its hash where known, and the folder below the root in which it is unpacked.

    `nested` says that it holds an archive for each class, which is unpacked and deleted.
    """

    url: str
    sha256: str | None = None
    folder: str = "."
    nested: bool = False


@dataclass(frozen=True)
class _Published:
    """A data set as its authors serve it: the videos first, then the lists."""

    archives: tuple[_Archive, ...]
    terms: str


_UCF = "https://www.crcv.ucf.edu/data/UCF101"
_SERRE = "http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
_PUBLISHED = {
    "ucf101": _Published(
        (
            _Archive(f"{_UCF}/UCF101.rar"),
            _Archive(
                f"{_UCF}/UCF101TrainTestSplits-RecognitionTask.zip",
                # as TensorFlow Datasets records it in url_checksums/ucf101.txt, for 113,943 bytes
                sha256="5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27",
            ),
        ),
        "UCF101 is for research use only. Terms: https://www.crcv.ucf.edu/research/data-sets/ucf101/",
    ),
    "hmdb51": _Published(
        (
            _Archive(f"{_SERRE}/hmdb51_org.rar", folder="hmdb51_org", nested=True),
            _Archive(f"{_SERRE}/test_train_splits.rar"),
        ),
        "HMDB51 is under the license CC BY 4.0; name its authors, Kuehne, Jhuang, Garrote, Poggio and Serre. "
        "Terms: https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
    ),
}


def download(
    name: str,
    root: str | os.PathLike[str],
    *,
    url: str | None = None,
    sha256: str | None = None,
) -> Path:
    """Fetches a data set and unpacks it so that `UCF101(root)` or `HMDB51(root)` reads it.

    The archives stay in `root/downloads`; delete them when you like. A second call fetches only what is not
    there, or is damaged, and unpacks again. What an interrupted call fetched stays in a `.part` file
    beside them, and the next call goes on from there. Of two calls at once the second waits. Needs pooch:
    `pip install "cvrl-lite[download]"`.

    Args:
        name: `"ucf101"` (6.5 GB) or `"hmdb51"` (2 GB).
        root: The data set's folder; made if it is missing.
        url: Another address, of one archive (rar, zip or tar), fetched instead of the official ones and
            unpacked in `root`; call again for the lists. An archive with an official one's file name is
            treated and checked as that. HMDB51's addresses have moved at times, and were reported dead
            in 2025.
        sha256: What the file at `url`, or the official archive of videos, must hash to, in 64 hexadecimal
            digits. Of the official archives, only that of UCF101's lists has a hash that we know; the
            others are fetched unchecked if None, which is said.

    Returns:
        `root`.

    Raises:
        ValueError: There is no such data set, or a file has another hash; it is then not kept.
        ConnectionError: A file is not at its address, or four attempts failed.
        ModuleNotFoundError: pooch is not installed.
        OSError: No tool unpacks the archive, which stays; or the disk is full.

    Source:
        Addresses and terms: the data sets' pages, named in the notice that is printed to stderr.

    Example:
        >>> download("ucf102", "data")
        Traceback (most recent call last):
        ValueError: ucf102: can be downloaded are ucf101, hmdb51
    """
    if name not in _PUBLISHED:
        raise ValueError(f"{name}: can be downloaded are {', '.join(_PUBLISHED)}")
    published = _PUBLISHED[name]
    videos, *lists = published.archives
    if url is not None:
        known_archives = {_file_name(archive.url): archive for archive in published.archives}
        archives = [replace(known_archives.get(_file_name(url), _Archive(url)), url=url)]
    else:
        archives = [videos, *lists]
    if sha256 is not None:
        archives[0] = replace(archives[0], sha256=sha256)
    note(published.terms)
    downloads = Path(root) / "downloads"
    with alone(downloads / ".lock", downloads):
        there = [(downloads / _file_name(archive.url)).exists() for archive in archives]
        files = [_fetch(archive, downloads) for archive in archives]
        for archive, file, is_old in zip(archives, files, there, strict=True):
            folder = Path(root) / archive.folder
            try:
                _unpack(file, folder)
            except _Damaged as error:
                if not is_old:
                    raise
                note(f"{error.args[0].partition('; delete')[0]}, and is fetched again")
                file.unlink()
                _unpack(_fetch(archive, downloads), folder)
            for inner in track(sorted(folder.glob("*.rar")) if archive.nested else [], "unpacking"):
                _unpack(inner, folder)
                inner.unlink()
    return Path(root)


def _file_name(url: str) -> str:
    return Path(unquote(urlsplit(url).path)).name or "archive"


def _fetch(archive: _Archive, folder: Path) -> Path:
    """The archive's file in `folder`, fetched where it is not there, its hash checked where known."""
    try:
        import pooch
    except ModuleNotFoundError:
        raise ModuleNotFoundError('downloading needs pooch: pip install "cvrl-lite[download]"') from None
    name = _file_name(archive.url)
    if archive.sha256 is None:
        note(f"{name}: no SHA-256 is known for it, so its content is not checked")
    fetched = pooch.retrieve(
        archive.url, archive.sha256, fname=name, path=folder, downloader=_Resuming(folder / f"{name}.part")
    )
    return Path(fetched)


@dataclass(frozen=True)
class _Resuming:
    """A downloader for pooch that resumes an interrupted attempt or call.

    It does not check whether the file on the server has changed: archives contain checksums, so a mixture of
    two files is detected when it is unpacked.
    """

    part: Path

    def __call__(self, url: str, output_file: str | os.PathLike[str], _: object) -> None:
        from requests import RequestException

        for wait in (*_WAITS, None):
            try:
                if not (trouble := self._attempt(url)):
                    os.replace(self.part, output_file)
                    return
            except RequestException as error:
                trouble = " ".join(str(error).split())
            if wait is not None:
                time.sleep(wait)
        kept = self.part.stat().st_size if self.part.exists() else 0
        raise ConnectionError(
            f"{url}: gave up after {len(_WAITS) + 1} attempts: {trouble}; "
            f"{kept} bytes are kept in {self.part}, and the next call goes on from there"
        )

    def _attempt(self, url: str) -> str:
        """Fetches what is not there yet; "" where all is, else what may be better a moment later."""
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # else positions would count compressed bytes
        if have:
            headers["Range"] = f"bytes={have}-"
        with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as answer:
            code, span = answer.status_code, answer.headers.get("Content-Range", "")
            if code in _LATER:
                return f"the server answers {code} {answer.reason}"
            if code == 416:  # nothing behind what is there: it is all, or of another file
                if span == f"bytes */{have}":
                    return ""
                self.part.unlink()
                return "the server's file is shorter than what is kept, so it is fetched anew"
            if code not in (200, 206):
                raise ConnectionError(
                    f"{url}: the server answers {code} {answer.reason}; the file may have moved: give url="
                )
            on = code == 206 and span.startswith(f"bytes {have}-")
            have = have if on else 0  # a server without Range sends all of it
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with writing(self.part), open(self.part, "ab" if on else "wb") as file:
                for chunk in _tracked(answer, self.part.stem, (total - have) if total else None):
                    file.write(chunk)
            have = self.part.stat().st_size
            return "" if total in (None, have) else f"the connection broke off at {have} of {total} bytes"


def _tracked(answer: Any, name: str, length: int | None) -> Iterator[bytes]:
    chunks = answer.iter_content(_CHUNK)
    return track(chunks, f"{name}, pieces of 64 KiB", None if length is None else -(-length // _CHUNK))


def _unpack(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if file.suffix.lower() == ".rar":
        _unrar(file, folder)
        return
    safely: Any = {}
    try:
        if file.suffix.lower() != ".zip" and tarfile.is_tarfile(file):
            with tarfile.open(file) as archive:
                if archive.next() is None:  # as of a file of zeros
                    raise tarfile.ReadError("it holds nothing")
            # a tar file may name any place on the disk, which this refuses; zip files are always confined
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        shutil.unpack_archive(file, folder, **safely)
    except _DAMAGED as error:
        raise _Damaged(_broken(file, str(error))) from error
    except OSError as error:
        if error.errno is None:  # of gzip and bz2
            raise _Damaged(_broken(file, str(error))) from error
        raise OSError(error.errno, error.strerror, error.filename or str(folder)) from None


def _unrar(file: Path, folder: Path) -> None:
    """Python has no reader of rar files; so one of the tools that people have."""
    commands = {
        "unrar": ["x", "-o+", "-idq", str(file), f"{folder}{os.sep}"],
        "7z": ["x", "-y", "-bd", f"-o{folder}", str(file)],
        "7zz": ["x", "-y", "-bd", f"-o{folder}", str(file)],
        "bsdtar": ["-xf", str(file), "-C", str(folder)],
    }
    said = []
    for tool, arguments in commands.items():
        if program := shutil.which(tool):
            # the next tool is tried where one fails: some builds of 7z and bsdtar lack parts of the format
            run = subprocess.run(
                [program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
            if run.returncode == 0:
                return
            if shutil.disk_usage(folder).free < _SPARE:
                raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, unpacking {file}", str(folder))
            said.append(f"{tool}: {' '.join((run.stderr or run.stdout).split())[-200:]}")
            if tool == "unrar" and run.returncode == _CHECKSUMS_DIFFER:
                raise _Damaged(_broken(file, said[-1]))
    if said:
        raise OSError(_broken(file, "; ".join(said)))
    raise OSError(
        f"{file}: is there, but unpacking it needs unrar, 7z (or 7zz) or bsdtar; install one and call again"
    )


def _broken(file: Path, said: str) -> str:
    return f"{file}: cannot be unpacked ({said}); delete it to fetch it again"
