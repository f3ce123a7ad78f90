"""Writing a video again in a form that trains fast: short GOPs, one reference, a small size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import av

from cvrl_lite.codec.encode import encode
from cvrl_lite.codec.turn import scaled
from cvrl_lite.codec.video import CompressedVideo
from cvrl_lite.errors import UnreadableFile, VideoError

_FORMAT = 2  # of what is written; a later one is made again

_LARGEST = 16384  # pixels along a side: x264 writes no more


def transcode(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    gop: int = 12,
    short_side: int | None = None,
    *,
    square_pixels: bool = True,
    **settings: Any,
) -> int:
    """Encodes a video anew, frame by frame, in flat memory.

    Random access decodes from the key picture before, so a GOP of 12 instead of 250 doubles the clips a
    second that can be read, and vectors of one step are easier to learn from. Frames are written as a
    player shows them: turned, mirrored and, where their pixels are not square, stretched. The container's
    comment says what the file was made from and how, where it has one (MP4, AVI and Matroska do; see
    `is_transcoded`).

    Args:
        src: The video to read.
        dst: The file to write; its suffix chooses the container.
        gop: Pictures from one key picture to the next.
        short_side: The shorter side in pixels, rounded to even sizes; a smaller video keeps its size.
        square_pixels: Whether frames get the size in which they are displayed (`info.display_width` and
            `display_height`, made even). Otherwise they keep the size that is stored, and the new file says
            the sample aspect ratio.
        settings: Further keyword arguments of `encode` but `comment`. `fps` is the source's average rate by
            default, so a video of variable rate keeps its frames and its length, not each frame's time.

    Returns:
        The number of frames written.

    Raises:
        ValueError: As `encode`.
        VideoError: The source cannot be read (nothing is written then), the encoder refuses it, or the codec
            and container to be written cannot hold the sample aspect ratio that is to be kept.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = encode(np.zeros((6, 96, 128, 3), np.uint8), folder + "/a.mp4", gop=250)
        ...     _ = transcode(folder + "/a.mp4", folder + "/b.mp4", gop=3, short_side=48)
        ...     with CompressedVideo(folder + "/b.mp4") as video:
        ...         print(video.info.width, video.info.height, video.info.gop_lengths)
        64 48 (3, 3)
    """
    made = _made(src, gop, short_side, square_pixels, settings)
    with CompressedVideo(src) as video:
        info, ratio = video.info, None
        height, width = info.display_height, info.display_width
        if not square_pixels:
            height, width, ratio = info.height, info.width, info.sample_aspect_ratio
        elif max(height, width) > _LARGEST:
            reason = f"a sample aspect ratio of {info.sample_aspect_ratio} makes frames of {width}x{height}"
            raise VideoError(src, f"{reason}: keep the stored shape (square_pixels=False)")
        if short_side is not None and short_side < min(height, width):
            height, width = scaled((height, width), short_side)
        size = (max(2, height - height % 2), max(2, width - width % 2))
        how = {"fps": info.average_rate, "sample_aspect_ratio": ratio} | settings
        return encode(video.frames(size=size), dst, gop=gop, comment=made, **how)


def is_transcoded(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    gop: int = 12,
    short_side: int | None = None,
    *,
    square_pixels: bool = True,
    **settings: Any,
) -> bool:
    """Whether `dst` is what `transcode` makes of the video as it is now, by its size and time of change.

    Args:
        src: The video.
        dst: A file that may have been made from it, or may not be there.
        gop: As in `transcode`.
        short_side: As in `transcode`.
        square_pixels: As in `transcode`.
        settings: As in `transcode`.

    Raises:
        UnreadableFile: The video is missing or may not be read.
    """
    made = _made(src, gop, short_side, square_pixels, settings)
    if not os.path.isfile(dst):
        return False
    try:
        with av.open(f"file:{os.fspath(dst)}", metadata_errors="replace") as container:
            remarks = [text for name, text in container.metadata.items() if name.lower() == "comment"]
            return remarks == [made]
    except (OSError, av.FFmpegError):
        return False


def _made(
    src: str | os.PathLike[str],
    gop: int,
    short_side: int | None,
    square_pixels: bool,
    settings: dict[str, Any],
) -> str:
    """From what, and how, a file is made, in a line of JSON."""
    try:
        state = os.stat(src)
    except OSError as error:
        raise UnreadableFile(src, error.strerror or "cannot be read") from None
    origin = {
        "format": _FORMAT,
        "file": Path(src).name,
        "bytes": state.st_size,
        "changed_ns": state.st_mtime_ns,
        "gop": gop,
        "short_side": short_side,
        "square_pixels": square_pixels,
    }
    return json.dumps(origin | settings, sort_keys=True, default=str)
