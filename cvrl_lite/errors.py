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
    """The file is missing, is a folder, or may not be read.

    Example:
        >>> from cvrl_lite import CompressedVideo
        >>> try:
        ...     CompressedVideo("missing.mp4")
        ... except UnreadableFile as error:  # or OSError
        ...     print(error)
        missing.mp4: No such file or directory
    """


class NotAVideo(VideoError):
    """The file was read, but no container or picture format was recognized in it.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> try:
        ...     CompressedVideo(data_path("README.md"))
        ... except NotAVideo as error:
        ...     print(error.reason)
        no video format was recognized in it
    """


class NoVideoStream(VideoError):
    """The container holds no video stream (audio only, say), or not the stream asked for.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> try:
        ...     CompressedVideo(data_path("sample.mp4"), stream=1)
        ... except NoVideoStream as error:
        ...     print(error.reason)
        stream 1 is no video stream (streams: 0 video)
    """


class NoMotionVectors(VideoError):
    """The codec's decoder does not export motion vectors (HEVC, VP8, VP9, AV1, still pictures).

    Example:
        >>> import numpy as np, tempfile
        >>> from cvrl_lite import codec
        >>> path = tempfile.mkdtemp() + "/stills.mkv"
        >>> _ = codec.encode(np.zeros((2, 32, 32, 3), np.uint8), path, codec="mjpeg", pixel_format="yuvj420p")
        >>> try:
        ...     codec.CompressedVideo(path).motion()
        ... except NoMotionVectors as error:
        ...     print(error.reason.split(";")[0])
        FFmpeg exports no motion vectors from mjpeg
    """


class DamagedVideo(VideoError):
    """The stream breaks off, holds no decodable picture, or changes size on the way.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> stream = bytearray(data_path("sample.mp4").read_bytes())
        >>> stream[50_000:51_000] = bytes(1000)
        >>> path = Path(tempfile.mkdtemp(), "damaged.mp4")
        >>> _ = path.write_bytes(stream)
        >>> try:
        ...     CompressedVideo(path).clip(0, 72)
        ... except DamagedVideo as error:  # on_damage="keep" reads what can be read
        ...     print(Path(error.file).name)
        damaged.mp4
    """


class EncryptedVideo(VideoError):
    """Its frames are encrypted, and nothing here has the key.

    Example:
        >>> str(EncryptedVideo("film.mp4"))
        'film.mp4: it is encrypted'
    """

    def __init__(self, file: str | os.PathLike[str], reason: str = "it is encrypted") -> None:
        super().__init__(file, reason)


class Diverged(RuntimeError):
    """A training cannot go on: a loss or the gradient is no number any more, or beyond all measure.

    Example:
        >>> from cvrl_lite import data_path, datasets, train
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> videos = datasets.VideoDataset(datasets.Entry(data_path(name), name, {}) for name in names)
        >>> data = datasets.decode(videos, size=32, cells=8, cache=False)
        >>> recipe = train.recipes.laptop_fast(("context",)).replace(
        ...     steps=9, batch=2, precision="float32", decoded_size=32, decoded_cells=8,
        ...     optimization={"learning_rate": 1e30, "clip_norm": None})
        >>> try:
        ...     train.pretrain(recipe, data=data)
        ... except Diverged:
        ...     print("a lower learning rate, please")
        a lower learning rate, please
    """


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
