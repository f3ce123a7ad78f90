"""Writing a video again in a form that trains fast: short GOPs, one reference, a small size."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from cvrl_lite.codec._stream.rates import repeats, rounding
from cvrl_lite.codec.deinterlace import deinterlaced_images
from cvrl_lite.codec.encode import CLOCK, encode, holds_times
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.turn import scaled
from cvrl_lite.codec.video import CompressedVideo
from cvrl_lite.errors import UnreadableFile, VideoError

_FORMAT = 3  # of what is written; a later one is made again

_MOST_TICKS = 10_000_000  # a second; Matroska may count nanoseconds, which MP4 has no room for
_FINE = 90_000  # ticks a second that tell a start well
_LARGEST = 16384  # pixels along a side: x264 writes no more


def transcode(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    gop: int = 12,
    short_side: int | None = None,
    *,
    square_pixels: bool = True,
    constant_rate: bool | float | Fraction = False,
    deinterlace: bool = False,
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
        constant_rate: Whether frames are shown at even steps: by the clock each step shows the frame that is
            due, so that some are repeated and some left out, and nothing drifts. True takes the source's
            nominal rate, a number that many frames a second. Otherwise each frame keeps its time, to a tick
            of the source's clock, where the file to be written has times: AVI, raw streams, MPEG-1 and
            MPEG-2 get a constant rate. AVI and raw streams begin at 0, as does what begins before.
        deinterlace: Whether frames of two fields, where the stream marks them as interlaced, become frames
            of one time (FFmpeg's bwdif, one frame for each).
        settings: Further keyword arguments of `encode` but `times`, `clock` and `comment`. `fps` shows each
            frame once, at even steps from 0 on, whatever its time.

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
    how: dict[str, Any] = {"gop": gop, "short_side": short_side, "square_pixels": square_pixels}
    how |= {"constant_rate": _rate(constant_rate), "deinterlace": deinterlace}
    made = _made(src, how | settings)
    if constant_rate and "fps" in settings:
        raise ValueError("constant_rate goes by the clock, fps does not: give one of them")
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
        frames = deinterlaced_images(video._stream, size) if deinterlace else video.frames(size=size)
        held = holds_times(dst, settings.get("codec", "h264"))
        timing = _timing(info, video.times, how["constant_rate"], held)
        if "fps" in settings:
            timing = _Timing(settings["fps"])
        if timing.counts is not None:
            frames = chain.from_iterable(map(repeat, frames, timing.counts))
        when: dict[str, Any] = {"fps": timing.rate, "times": timing.times, "clock": timing.clock}
        how = when | {"sample_aspect_ratio": ratio} | settings
        return encode(frames, dst, gop=gop, comment=made, **how)


def is_transcoded(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    gop: int = 12,
    short_side: int | None = None,
    *,
    square_pixels: bool = True,
    constant_rate: bool | float | Fraction = False,
    deinterlace: bool = False,
    **settings: Any,
) -> bool:
    """Whether `dst` is what `transcode` makes of the video as it is now, by its size and time of change.

    Args:
        src: The video.
        dst: A file that may have been made from it, or may not be there.
        gop: As in `transcode`.
        short_side: As in `transcode`.
        square_pixels: As in `transcode`.
        constant_rate: As in `transcode`.
        deinterlace: As in `transcode`.
        settings: As in `transcode`.

    Raises:
        UnreadableFile: The video is missing or may not be read.
    """
    how: dict[str, Any] = {"gop": gop, "short_side": short_side, "square_pixels": square_pixels}
    how |= {"constant_rate": _rate(constant_rate), "deinterlace": deinterlace}
    made = _made(src, how | settings)
    if not os.path.isfile(dst):
        return False
    try:
        with av.open(f"file:{os.fspath(dst)}", metadata_errors="replace") as container:
            remarks = [text for name, text in container.metadata.items() if name.lower() == "comment"]
            return remarks == [made]
    except (OSError, av.FFmpegError):
        return False


class _Timing(NamedTuple):
    """When frames are shown, as `encode` takes it, and how often each comes; None for once."""

    rate: Fraction
    counts: list[int] | None = None
    times: list[Fraction] | None = None
    clock: Fraction = CLOCK


def _timing(info: VideoInfo, times: np.ndarray, constant: bool | Fraction, held: bool) -> _Timing:
    """How a file is timed that holds a time for each frame, or counts frames where not `held`."""
    rate, counts, total = info.nominal_rate, None, info.frames
    start = max(0.0, float(times[0]))
    even = times[0] + np.arange(total) / float(rate)
    if constant or not held:
        rate = rate if isinstance(constant, bool) else constant
        counts = repeats(times, info.duration, rate)
        total = sum(counts)
    elif np.abs(times - even).max() > 1.001 * rounding(rate, info.time_base):
        ends = np.append(times, times[0] + info.duration) - times[0] + start
        clock = info.time_base if info.time_base.denominator <= _MOST_TICKS else CLOCK
        return _Timing(rate, None, [Fraction(end) for end in ends], clock)
    if not held or not start:
        return _Timing(rate, counts)
    clock = Fraction(1, rate.numerator * max(1, _FINE // rate.numerator))  # in which a step is a whole number
    first = round(start / clock) * clock
    return _Timing(rate, counts, [first + place / rate for place in range(total + 1)], clock)


def _rate(constant: bool | float | Fraction) -> bool | Fraction:
    """A rate asked for as a fraction; True and False stay."""
    if isinstance(constant, bool):
        return constant
    if not 0 < constant < float("inf"):
        raise ValueError(f"a constant rate is above 0, not {constant}")
    return Fraction(constant).limit_denominator(65535)


def _made(src: str | os.PathLike[str], how: dict[str, Any]) -> str:
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
    }
    return json.dumps(origin | how, sort_keys=True, default=str)
