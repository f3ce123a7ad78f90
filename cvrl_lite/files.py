"""Where files are: what ships with the package, the cache outside git, checks and safe writes."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import re
import secrets
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import NamedTuple

from cvrl_lite.errors import UnreadableFile, shown

_PACKAGE = Path(__file__).resolve().parent

_NAME_BYTES = 255  # what a name may have nearly everywhere
_PORTS = frozenset(f"{kind}{number}" for kind in ("COM", "LPT") for number in "123456789\u00b9\u00b2\u00b3")
_DEVICES = _PORTS | {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
_FORBIDDEN = re.compile(r'[<>:"|?*\0-\x1f]')  # in a name, on Windows
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"} | {
    codecs.BOM_UTF16_LE: "utf-16",  # behind UTF-32's mark, which begins like it
    codecs.BOM_UTF16_BE: "utf-16",
}

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""What the system says where it writes nothing more, whichever file comes next."""

READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""What the system says where this user may not write."""

NO_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})
"""What the system says where it opens nothing more: no fault of the file that was to be opened."""

_PARTIAL = ".partial"  # how the name of a file ends that is not whole yet
_PATIENCE = 5.0  # seconds of waiting for another process before it is told


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
    """The folder for what is made or downloaded: `$CVRL_CACHE`, or the user's cache folder.

    It may be one that cannot be written. Where there is none and none can be made, as for a user without a
    home, it is a folder of the system's temporary files, and a warning says so.

    Raises:
        OSError: Nor can one be made there.
    """
    folder = None
    try:
        folder = _wanted_cache()
        folder.mkdir(parents=True, exist_ok=True)
    except RuntimeError:  # the system knows no such user
        return _temporary_cache("this user has no home folder")
    except OSError as error:
        return _temporary_cache(f"{error.filename if folder is None else folder}: {error.strerror}")
    return folder


def _wanted_cache() -> Path:
    if chosen := os.environ.get("CVRL_CACHE"):
        return Path(chosen)
    elsewhere = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    if chosen := os.environ.get(elsewhere):
        return Path(chosen) / "cvrl_lite"
    home = Path.home()
    if not home.is_dir():  # and is not made: the home of `nobody` is /nonexistent
        raise FileNotFoundError(errno.ENOENT, "no such home folder", str(home))
    usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return home / usual / "cvrl_lite"


def _temporary_cache(reason: str) -> Path:
    """A folder of this user's alone among the temporary files."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir(), f"cvrl_lite-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != user:
        raise PermissionError(errno.EACCES, "belongs to another user; set CVRL_CACHE", str(folder))
    warnings.warn(f"{shown(reason)}; {shown(folder)} is the cache (CVRL_CACHE names another)", stacklevel=1)
    return folder


def kept_in_cache(name: str, make: Callable[[Path], object]) -> Path:
    """Makes something in the cache, or among the temporary files where it lacks there and cannot be made.

    Args:
        name: Of the folder.
        make: Makes what is not there yet, in the folder that it is given.

    Returns:
        The folder.

    Raises:
        OSError: It cannot be made for another reason: the disk is full, say.
    """
    folder = cache_dir() / name
    try:
        make(folder)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        folder = _temporary_cache(f"{folder.parent}: {error.strerror}") / name
        make(folder)
    return folder


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a list or table that a person may have made, in UTF-8 or with a byte order mark.

    Raises:
        OSError: The file is missing or may not be read.
        ValueError: It is in another encoding.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "list.txt"
        >>> _ = file.write_bytes("café".encode("utf-16"))
        >>> read_text(file)
        'café'
        >>> _ = file.write_bytes("café".encode("latin-1"))
        >>> read_text(file)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: ...list.txt, line 1: byte 0xe9 is no UTF-8; save the file as UTF-8
    """
    data = Path(path).read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        what = f"byte 0x{data[error.start]:02x} is no {encoding.upper().removesuffix('-SIG')}"
        raise ValueError(f"{shown(path)}, line {line}: {what}; save the file as UTF-8") from None
    if "\0" in text:
        raise ValueError(f"{shown(path)}: holds zero bytes, as UTF-16 does; save the file as UTF-8")
    return text


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raises UnreadableFile unless a path leads to a file that can be read in any order.

    To open a pipe waits for a writer, and a device may have no end; so neither is opened.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        nowhere = os.path.islink(path) and not os.path.exists(path)
        reason = f"a link that leads nowhere, to {shown(os.readlink(path))}" if nowhere else error.strerror
        raise UnreadableFile(path, reason or "cannot be read") from None
    if not stat.S_ISREG(mode):
        raise UnreadableFile(path, _no_file(mode))


def _no_file(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file"


def is_reserved_on_windows(path: PurePath) -> bool:
    """Whether Windows would take a path for something else than a file of that name, or refuse it.

    It keeps names such as `nul` for devices, with any ending, takes what follows a colon for a stream inside
    another file, and drops dots and spaces at the end of a name.

    Example:
        >>> names = ("clip.mp4", "aux.mp4", "10:30.mp4", "what?.mp4", "clip.", "console.mp4")
        >>> [name for name in names if is_reserved_on_windows(PurePath(name))]
        ['aux.mp4', '10:30.mp4', 'what?.mp4', 'clip.']
    """
    names = [name for name in path.parts if name not in (path.anchor, ".", "..")]
    return any(
        _FORBIDDEN.search(name) or name[-1] in ". " or name.split(".")[0].rstrip(" ").upper() in _DEVICES
        for name in names
    )


def _check_replaceable(path: Path) -> None:
    """Raises OSError where no file may take a name: too long a one, or a pipe's, a socket's or a device's."""
    if sys.platform == "win32" and is_reserved_on_windows(path):
        raise OSError(errno.EINVAL, "no name for a file on Windows", str(path))
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, _no_file(mode), str(path))
    if path.is_symlink() and os.readlink(path).startswith("/proc/"):  # /dev/stdout, whatever lies behind it
        raise OSError(errno.EINVAL, "is an open file of a process, not a name to write to", str(path))


class FileStamp(NamedTuple):
    """What identifies a version of a file without reading it.

    Attributes:
        path: Its absolute path.
        size: Bytes.
        mtime_ns: Modification time, in nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int

    def origin(self) -> dict[str, str | int]:
        """Name, size and time, for the header of a file made from this one, wherever that one lies."""
        return {"file": os.path.basename(self.path), "bytes": self.size, "changed_ns": self.mtime_ns}


def file_stamp(path: str | os.PathLike[str]) -> FileStamp:
    """The stamp of a file as it is now.

    Raises:
        OSError: The file is missing or may not be read.

    Example:
        >>> file_stamp(data_path("README.md")).origin()["file"]
        'README.md'
    """
    state = os.stat(path)
    return FileStamp(os.path.abspath(path), state.st_size, state.st_mtime_ns)


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Has what the system refuses in the block name the file that was to be written.

    A write to a full disk fails without a name, and one of a temporary file with the name of that.

    Raises:
        OSError: As the system says, with `path`; errors of other kinds pass as they are.

    Example:
        >>> with writing("notes.txt"):
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        OSError: [Errno 28] No space left on device: 'notes.txt'
    """
    try:
        yield
    except OSError as error:
        if type(error).__module__ != "builtins" or error.errno is None:  # a library's own, which says more
            raise
        of_another = error.filename is not None and not str(error.filename).endswith(_PARTIAL)
        name = error.filename if of_another else os.fspath(path)
        raise OSError(error.errno, error.strerror, name) from None


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[Path]:
    """Gives a temporary path beside `path`; renames it over `path` if the block succeeds.

    So a file is there whole or not at all, whenever the writer is interrupted; with `durable` also when the
    machine loses power, as the file is on the disk before it gets its name. A writer that is killed leaves
    the temporary file, whose name begins with a dot and ends in `.partial`, so that nothing takes it for
    the kind of file that `path` is.

    Raises:
        OSError: The file cannot be written: the disk is full, say, or the folder takes no file, or no name of
            that length, or a pipe or a device has the name; nothing was begun then. It names `path`.
    """
    final = Path(path)
    with writing(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        _check_replaceable(final)  # now, and not after the work
        part = final.with_name(_unfinished(final.name))
        try:
            yield part
            if durable:
                with open(part, "rb+") as file:
                    os.fsync(file.fileno())
            with suppress(OSError):  # an empty folder in its place gives way; nothing else does
                final.rmdir()
            os.replace(part, final)
        finally:
            part.unlink(missing_ok=True)


def _unfinished(name: str) -> str:
    """A temporary name beside `name`, of this writer alone, that is no longer than file systems take."""
    # Processes of two machines, or of two containers, may have the same number.
    end = f".{secrets.token_hex(4)}{_PARTIAL}"
    while len(os.fsencode(f".{name}{end}")) > _NAME_BYTES:
        name = name[:-1]
    return f".{name}{end}"


@contextmanager
def alone(lock: Path, what: Path, *, wait: bool = True) -> Iterator[None]:
    """Runs a block in one process at a time: the one that holds a lock file, which is gone afterwards.

    The system frees a lock whose holder dies, however that comes. Where none can be had, as in a folder that
    cannot be written or on a file system without locks, the block runs without.

    Args:
        lock: The file; it is made, and so is its folder.
        what: The file or folder that is written in the block, which messages name.
        wait: Whether to wait for another process that has it, with a warning after some seconds.

    Raises:
        BlockingIOError: Another process has it, and there is no waiting.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, fallback_to_soft=False)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=_PATIENCE if wait else 0)
        except Timeout:
            if not wait:
                raise BlockingIOError(errno.EWOULDBLOCK, "another process is writing it", str(what)) from None
            warnings.warn(f"{shown(what)}: waiting for another process that is writing it", stacklevel=3)
            held.acquire()
    except BlockingIOError:
        raise
    except (OSError, NotImplementedError):  # no such folder, no right to write, no locks
        pass
    try:
        yield
    finally:
        if held.is_locked:
            with suppress(OSError):  # Windows removes it when it is released
                lock.unlink()
            held.release()
