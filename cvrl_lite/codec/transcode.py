"""Re-encodes a video for training: short GOPs, a single reference, a small size."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from itertools import chain, repeat
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
from cvrl_lite.files import file_stamp

_FORMAT = 3  # of the files written; others are made again

_MOST_TICKS = 10_000_000  # per second; Matroska may count nanoseconds, too fine for MP4
_FINE = 90_000  # ticks per second, enough for the start time
_LARGEST = 16384  # pixels per side that x264 supports


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
    """Re-encodes a video frame by frame, in constant memory.

    Random access decodes from the key frame before, so a GOP of 12 instead of 250 doubles the clips per
    second that can be read, and vectors that span one frame are easier to learn from. Frames are written in
    the orientation of display and, where their pixels are not square, scaled; sound and subtitles are left
    out. The container's comment records source and settings, where it can (MP4, AVI and Matroska; see
    `is_transcoded`).

    Args:
        src: The video to read.
        dst: The file to write; its suffix chooses the container.
        gop: Frames from one key frame to the next.
        short_side: The shorter side in pixels, rounded to even sizes; smaller videos keep their size.
        square_pixels: Whether frames get their display size (`info.display_width` and `display_height`, made
            even). Otherwise they keep the stored size, and the new file has the sample aspect ratio.
        constant_rate: Whether frames are resampled to a constant rate, by which some are repeated and some
            dropped, without drift: True for the source's nominal rate, or a number of frames per second.
            Otherwise each frame keeps its time, to a tick of the source's clock, where the new file stores
            times: AVI, raw streams, MPEG-1 and MPEG-2 get a constant rate. AVI and raw streams begin at 0, as
            does a source that begins before.
        deinterlace: Whether frames marked as interlaced are deinterlaced (FFmpeg's bwdif, one frame each).
        settings: Further keyword arguments of `encode` except `times`, `clock` and `comment`. `fps` displays
            each frame once, at even steps from 0 on, whatever its time.

    Returns:
        The number of frames written.

    Raises:
        ValueError: As `encode`.
        VideoError: The source cannot be read (nothing is written), the encoder rejects it, or the new codec
            and container cannot store the sample aspect ratio.

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
    comment = _comment(src, how | settings)
    if constant_rate and "fps" in settings:
        raise ValueError("constant_rate follows the clock, fps does not: give one of them")
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
        return encode(frames, dst, gop=gop, comment=comment, **how)


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
    """Whether `dst` was made by `transcode` from the video as it is now, by its size and modification time.

    Args:
        src: The video.
        dst: A file that may have been made from it, or may be missing.
        gop: As in `transcode`.
        short_side: As in `transcode`.
        square_pixels: As in `transcode`.
        constant_rate: As in `transcode`.
        deinterlace: As in `transcode`.
        settings: As in `transcode`.

    Raises:
        UnreadableFile: The video is missing or may not be read.

    Example:
        >>> import numpy as np, tempfile
        >>> src, dst = (f"{tempfile.mkdtemp()}/{name}.mp4" for name in "ab")
        >>> _ = encode(np.zeros((6, 96, 128, 3), np.uint8), src)
        >>> _ = transcode(src, dst, gop=3)
        >>> is_transcoded(src, dst, gop=3), is_transcoded(src, dst, gop=12)
        (True, False)
    """
    how: dict[str, Any] = {"gop": gop, "short_side": short_side, "square_pixels": square_pixels}
    how |= {"constant_rate": _rate(constant_rate), "deinterlace": deinterlace}
    comment = _comment(src, how | settings)
    if not os.path.isfile(dst):
        return False
    try:
        with av.open(f"file:{os.fspath(dst)}", metadata_errors="replace") as container:
            remarks = [text for name, text in container.metadata.items() if name.lower() == "comment"]
            return remarks == [comment]
    except (OSError, av.FFmpegError):
        return False


class _Timing(NamedTuple):
    """Arguments of `encode` about time, and how often each frame is repeated; None for once."""

    rate: Fraction
    counts: list[int] | None = None
    times: list[Fraction] | None = None
    clock: Fraction = CLOCK


def _timing(info: VideoInfo, times: np.ndarray, constant: bool | Fraction, held: bool) -> _Timing:
    """Timing of a file that stores a time per frame; where not `held`, it has a constant rate."""
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
    clock = Fraction(
        1, rate.numerator * max(1, _FINE // rate.numerator)
    )  # that a frame lasts a whole number of ticks of
    first = round(start / clock) * clock
    return _Timing(rate, counts, [first + place / rate for place in range(total + 1)], clock)


def _rate(constant: bool | float | Fraction) -> bool | Fraction:
    """The requested rate as a fraction; True and False stay."""
    if isinstance(constant, bool):
        return constant
    if not 0 < constant < float("inf"):
        raise ValueError(f"a constant rate is above 0, not {constant}")
    return Fraction(constant).limit_denominator(65535)


def _comment(src: str | os.PathLike[str], how: dict[str, Any]) -> str:
    """Source and settings of a file, as a line of JSON."""
    try:
        origin = file_stamp(src).origin()
    except OSError as error:
        raise UnreadableFile(src, error.strerror or "cannot be read") from None
    return json.dumps({"format": _FORMAT} | origin | how, sort_keys=True, default=str)
