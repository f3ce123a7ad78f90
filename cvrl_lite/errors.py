"""The errors a caller can catch. Each names the file and the reason in one line."""

from __future__ import annotations

import os
import re
import unicodedata


def shown(name: str | os.PathLike[str]) -> str:
    r"""A file's name in one line of valid text, whatever bytes it is made of.

    Args:
        name: A path, or any text that holds one.

    Returns:
        The text with escapes, as Python writes them, for line ends, control characters and bytes that are no
        UTF-8 (which Python keeps as surrogates). `named` makes the name of it again.

    Example:
        >>> print(shown("two\nlines, café, caf\udce9.mp4"))
        two\nlines, café, caf\xe9.mp4
    """
    text = os.fspath(name)
    return text if text.isprintable() else "".join(map(_escaped, text))


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where there is not exactly one.

    Example:
        >>> counted(1, "file"), counted(2, "file"), counted(0, "class")
        ('1 file', '2 files', '0 classes')
    """
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def named(text: str) -> str:
    r"""The name behind what `shown` returned.

    Example:
        >>> named(shown("two\nlines, caf\udce9.mp4")) == "two\nlines, caf\udce9.mp4"
        True
    """
    return _ESCAPE.sub(lambda found: _character(found[0]), text)


_ESCAPE = re.compile(r"\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})")


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that cannot be decoded
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"):  # controls, surrogates, line ends
        return character
    ascii_escape = character.encode("unicode_escape").decode()
    return ascii_escape if character.isascii() else f"\\u{ord(character):04x}"


def _character(escape: str) -> str:
    if escape[1] == "x" and escape[2] >= "8":
        return chr(0xDC00 + int(escape[2:], 16))
    return escape.encode().decode("unicode_escape")


class VideoError(Exception):
    """Something is wrong with a video file.

    Args:
        file: The path, or a description of the file object.
        reason: What is wrong, in a few words.

    Example:
        >>> str(VideoError("holiday.mp4", "no picture could be decoded"))
        'holiday.mp4: no picture could be decoded'
    """

    def __init__(self, file: str | os.PathLike[str], reason: str) -> None:
        self.file = os.fspath(file)
        self.reason = " ".join(str(reason).split())  # one line, whatever a library said
        super().__init__(self.file, self.reason)

    def __str__(self) -> str:
        return f"{shown(self.file)}: {self.reason}"


class UnreadableFile(VideoError, OSError):
    """The file is missing, is a folder, or may not be read."""


class NotAVideo(VideoError):
    """The file was read, but no container or picture format was recognized in it."""


class NoVideoStream(VideoError):
    """The container holds no video stream (audio only, say), or not the stream asked for."""


class NoMotionVectors(VideoError):
    """The codec's decoder does not export motion vectors (HEVC, VP8, VP9, AV1, still pictures)."""


class DamagedVideo(VideoError):
    """The stream breaks off, holds no decodable picture, or changes size on the way."""


class EncryptedVideo(VideoError):
    """Its frames are encrypted, and nothing here has the key."""

    def __init__(self, file: str | os.PathLike[str], reason: str = "it is encrypted") -> None:
        super().__init__(file, reason)


class Diverged(RuntimeError):
    """A training cannot go on: a loss or the gradient is no number any more, or beyond all measure."""


def one_line(error: BaseException) -> str:
    """What an error says, in one line that begins with the file it is about, where it is about one.

    Example:
        >>> one_line(OSError(28, "No space left on device", "holiday.npz"))
        'holiday.npz: No space left on device'
    """
    if isinstance(error, OSError) and not isinstance(error, VideoError) and error.filename is not None:
        name = error.filename
        return f"{shown(os.fsdecode(name) if isinstance(name, bytes) else str(name))}: {error.strerror}"
    return shown(" ".join(str(error).split()))
