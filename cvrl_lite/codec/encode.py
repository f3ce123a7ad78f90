"""Encodes video whose vectors are suited to learning.

Encoders for watching use several references, B-frames, and key frames at any distance. Here a clip has a key
frame every `gop` frames, and otherwise P-frames that refer to the frame before, so that a vector always spans
one frame. Arguments change every default.

Axes: T time, H W pixels.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.format import ContainerFormat, Flags
from av.packet import Packet
from av.video.reformatter import VideoReformatter

from cvrl_lite.errors import VideoError
from cvrl_lite.files import FULL, replacing

ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
"""The encoder for a codec's name; any other name is passed to FFmpeg (`mpeg4`, `mpeg2video`,
`mpeg1video`, `h263`, `flv`, `mjpeg` ...)."""

CLOCK = Fraction(1, 90000)
"""Default seconds per tick of a file's clock, as in MPEG systems."""

_MP4 = {"mp4", "mov", "ipod", "3gp", "3g2", "psp", "f4v", "ismv"}
_CONSTANT_RATE_FACTOR = {"libx264", "libx265", "libvpx-vp9", "libsvtav1"}


def encode(
    frames: np.ndarray | Iterable[np.ndarray],
    path: str | os.PathLike[str],
    *,
    fps: float | Fraction = 25,
    times: Iterable[float | Fraction] | None = None,
    clock: Fraction = CLOCK,
    codec: str = "h264",
    gop: int = 12,
    b_frames: int = 0,
    references: int = 1,
    crf: float = 20,
    quantizer: int | None = None,
    weighted: bool = False,
    scene_cuts: bool = False,
    deblock: bool = True,
    preset: str = "veryfast",
    pixel_format: str = "yuv420p",
    threads: int = 1,
    comment: str | None = None,
    sample_aspect_ratio: Fraction | None = None,
    options: Mapping[str, str] | None = None,
) -> int:
    """Encodes frames to a video file, with vectors that span one frame by default.

    The same frames and arguments give the same bytes on one machine (with one thread). The file appears
    complete or not at all.

    Args:
        frames: `(T, H, W, 3)` uint8 RGB, or any iterable of `(H, W, 3)` frames, which is read once.
        path: The file to write; its suffix chooses the container (`.mp4`, `.mkv`, `.avi`, `.264` ...).
        fps: Frames per second; with `times`, the nominal rate.
        times: Display time of each frame in seconds, increasing from 0 or later, for a variable rate. The end
            of the last frame may follow. None means a constant rate, from 0 on. AVI, raw streams, MPEG-1 and
            MPEG-2 cannot store times (see `holds_times`).
        clock: Seconds per tick of `times` in the file, where the container leaves the choice (MP4 and MOV do;
            Matroska, WebM and FLV count milliseconds). MPEG-4 allows 65535 ticks per second, and gets 60000
            where more are requested.
        codec: `"h264"`, `"mpeg4"`, `"mpeg2video"`, `"hevc"` ... (see `ENCODERS`).
        gop: Frames from one key frame to the next; 1 writes key frames only.
        b_frames: Largest number of consecutive B-frames.
        references: Number of reference frames of a P-frame (H.264, HEVC). With one, H.264's B-frames refer to
            no other B-frame.
        crf: Constant rate factor of the codecs that have one, 0 (best) to 51 (smallest file).
        quantizer: A fixed quantizer instead of `crf`: 0 to 51 for H.264, 1 to 31 for the older codecs,
            which take 3 where it is not given.
        weighted: Whether H.264 may use weighted prediction.
        scene_cuts: Whether the encoder may place further key frames at scene cuts.
        deblock: Whether H.264's deblocking filter is on. Without it, a skipped block is an exact copy.
        preset: Preset of x264, x265 and SVT-AV1. `"veryfast"` takes about 0.4 ms per frame at 112x112.
        pixel_format: `"yuv420p"` needs even sizes in H.264; `"yuv444p"` takes any.
        threads: Encoder threads; more than one may change the bytes.
        comment: A comment for the container's metadata, where it has any.
        sample_aspect_ratio: Width of a pixel by its height; None leaves it unspecified, which players take
            for 1.
        options: Further encoder options by FFmpeg's names; they override the arguments above.

    Returns:
        The number of frames written.

    Raises:
        ValueError: No frames, frames of another shape or type, a rate that is not positive, times that are
            too few, do not increase by a tick, or cannot be stored, `gop` or `crf` out of range, or a setting
            unknown to the encoder.
        VideoError: The encoder or the container rejects these frames.
        OSError: The disk is full; nothing of the file is left.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     encode(np.zeros((5, 32, 32, 3), np.uint8), folder + "/black.mp4")
        5
    """
    if gop < 1:
        raise ValueError(f"gop is at least 1, not {gop}")
    if not 0 <= crf <= 51:
        raise ValueError(f"crf is 0 to 51, not {crf:g}")
    if sample_aspect_ratio is not None and not sample_aspect_ratio > 0:
        raise ValueError(f"sample_aspect_ratio is above 0, not {sample_aspect_ratio}")
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise ValueError("no frames to encode")
    height, width = _checked(first, None)
    name = ENCODERS.get(codec, codec)
    if name == "libx264" and pixel_format == "yuv420p" and (height % 2 or width % 2):
        raise ValueError(
            f'H.264 in yuv420p needs even sizes, not {width}x{height}; pixel_format="yuv444p" takes any'
        )
    settings = _settings(
        name, gop, b_frames, references, crf, quantizer, weighted, scene_cuts, deblock, preset
    )
    rate = _rate(fps, name)
    stamps, tick = (None, 1 / rate) if times is None else _stamps(times, clock, path, name)
    options = settings | dict(options or {})
    try:
        with _own_priority(), replacing(path) as part:
            kind, written = _container(path), {"fflags": "+bitexact"}
            if stamps is not None and kind in _MP4:  # which else tells in milliseconds when it starts
                written["movie_timescale"] = f"{tick.denominator}"
            with av.open(f"file:{part}", "w", format=kind, options=written) as container:
                if comment is not None:
                    container.metadata["comment"] = comment
                stream: Any = container.add_stream(name, rate=rate, options=options)
                stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
                stream.codec_context.thread_count = threads
                stream.codec_context.time_base = tick
                if sample_aspect_ratio is not None:
                    stream.codec_context.sample_aspect_ratio = Fraction(sample_aspect_ratio)
                convert = VideoReformatter()
                for count, image in enumerate(chain([first], remaining)):
                    _checked(image, (height, width))
                    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                    frame = convert.reformat(frame, format=pixel_format, threads=1)
                    if stamps is not None and count == len(stamps):
                        raise ValueError(f"{count} times, and more frames")
                    frame.pts, frame.time_base = count if stamps is None else stamps[count], tick
                    container.mux(_timed(stream.encode(frame), stamps, rate))
                container.mux(_timed(stream.encode(None), stamps, rate))
                if stamps is not None and len(stamps) > count + 2:
                    raise ValueError(f"{len(stamps)} times for {count + 1} frames")
            if sample_aspect_ratio is not None and not _stores_ratio(part, sample_aspect_ratio):
                kind = f"{codec} in {Path(path).suffix or container.format.name}"
                raise VideoError(path, f"{kind} cannot hold a sample aspect ratio of {sample_aspect_ratio}")
            return count + 1
    except av.FFmpegError as error:
        if error.errno in FULL:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise VideoError(path, f"{codec} at {width}x{height} cannot be written: {error.strerror}") from None
    except ValueError as error:  # PyAV's words for an unknown encoder, container or pixel format, and our own
        raise ValueError(f"{os.fspath(path)}: {codec} cannot be written: {error}") from None


@contextmanager
def _own_priority() -> Iterator[None]:
    """Restores the thread's scheduling policy: SVT-AV1 makes root's real-time, for all its children too.

    They would preempt everything else on the machine and, where threads spin while waiting, block it.
    """
    if not hasattr(os, "sched_getscheduler"):  # not Linux
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != before[0]:
            os.sched_setscheduler(0, *before)


def _stores_ratio(path: str | os.PathLike[str], ratio: Fraction) -> bool:
    """Whether a file stores this sample aspect ratio, which not all codecs and containers can."""
    with av.open(f"file:{os.fspath(path)}") as container:
        stored = container.streams.video[0].sample_aspect_ratio or 1
    return abs(stored / ratio - 1) < 1e-3


def _container(path: str | os.PathLike[str]) -> str:
    """FFmpeg's name of the container for a file's suffix, by FFmpeg's own rules."""
    nowhere = io.BytesIO()
    nowhere.name = f"x{Path(path).suffix}"
    with av.open(nowhere, "w") as container:
        return container.format.name


def _checked(image: np.ndarray, size: tuple[int, int] | None) -> tuple[int, int]:
    """Checks a uint8 RGB frame, and that it has `size` if given; returns its size (H, W)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"a frame must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if size is not None and image.shape[:2] != size:
        raise ValueError(f"the frames change size from {size} to {image.shape[:2]}")
    return image.shape[:2]


def _rate(fps: float | Fraction, encoder: str) -> Fraction:
    """Frames per second as a fraction that the encoder supports."""
    if not 0 < fps < float("inf"):
        raise ValueError(f"fps is a positive number, not {fps}")
    rate = Fraction(fps).limit_denominator(65535)
    if encoder == "mpeg4" and rate.numerator > 65535:  # whose time resolution has 16 bits
        rate = 1 / max(Fraction(1, 65535), (1 / Fraction(fps)).limit_denominator(65535))
    if not rate:
        raise ValueError(f"fps is at least 1/65535, not {fps}")
    return rate


def holds_times(path: str | os.PathLike[str], codec: str) -> bool:
    """Whether a file of this suffix and codec can store a variable frame rate.

    Raw streams store no times at all; AVI, MPEG-1 and MPEG-2 have a constant rate.

    Example:
        >>> holds_times("a.mp4", "h264"), holds_times("a.avi", "mpeg4"), holds_times("a.264", "h264")
        (True, False, False)
    """
    container = ContainerFormat(_container(path), "w")
    raw = bool(Flags(container.flags) & Flags.no_timestamps)
    return not raw and container.name != "avi" and codec not in ("mpeg1video", "mpeg2video")


def _stamps(
    times: Iterable[float | Fraction], clock: Fraction, path: str | os.PathLike[str], encoder: str
) -> tuple[list[int], Fraction]:
    """Converts times to ticks; returns them and the seconds per tick."""
    if not holds_times(path, encoder):
        raise ValueError(f"{os.fspath(path)}: {encoder} there cannot hold times; give fps alone")
    tick = Fraction(1, 60000) if encoder == "mpeg4" and clock.denominator > 65535 else Fraction(clock)
    stamps = [round(Fraction(time) / tick) for time in times]
    if min(stamps, default=0) < 0 or any(after <= before for before, after in pairwise(stamps)):
        raise ValueError(f"times increase from 0 or later, by at least {float(tick):g} s")
    return stamps, tick


def _timed(packets: list[Packet], stamps: list[int] | None, rate: Fraction) -> list[Packet]:
    """Sets the durations of packets, which an encoder leaves open."""
    if stamps is not None:
        for packet in packets:
            assert packet.pts is not None and packet.time_base is not None
            place = bisect_right(stamps, packet.pts)
            last = round(1 / rate / packet.time_base)
            packet.duration = stamps[place] - packet.pts if place < len(stamps) else max(1, last)
    return packets


def _settings(
    name: str,
    gop: int,
    b_frames: int,
    references: int,
    crf: float,
    quantizer: int | None,
    weighted: bool,
    scene_cuts: bool,
    deblock: bool,
    preset: str,
) -> dict[str, str]:
    """The encoder's options, by FFmpeg's names."""
    settings = {"g": f"{gop}"}
    if name == "libx264":
        settings |= {
            "bf": f"{b_frames}",
            "refs": f"{references}",
            "preset": preset,
            "weightp": "2" if weighted else "0",
            "weightb": f"{int(weighted)}",
            "sc_threshold": "40" if scene_cuts else "0",
            "x264-params": f"no-deblock={int(not deblock)}",
        }
        if references == 1:  # otherwise x264 refers to B-frames, too, and distances are unknown
            settings["b-pyramid"] = "none"
        # x264's macroblock tree gives other bytes from run to run on processors with AVX-512.
        settings["mbtree"] = "0"
    elif name == "libx265":
        settings |= {
            "preset": preset,
            "x265-params": f"keyint={gop}:bframes={b_frames}:ref={references}:scenecut={40 * scene_cuts}"
            f":weightp={int(weighted)}:pools=none:frame-threads=1:log-level=none",
        }
    elif name not in _CONSTANT_RATE_FACTOR and name not in ("libvpx", "mjpeg"):
        # FFmpeg's own encoders put a key frame where the score exceeds the threshold: 0 means "often".
        settings |= {"bf": f"{b_frames}", "sc_threshold": "0" if scene_cuts else "1000000000"}
    if name == "libvpx":
        settings |= dict.fromkeys(("crf", "qmin", "qmax"), f"{crf if quantizer is None else quantizer:g}")
    elif name in _CONSTANT_RATE_FACTOR and quantizer is None:
        settings["crf"] = f"{crf:g}"
    elif name in _CONSTANT_RATE_FACTOR:
        settings["qp"] = f"{quantizer}"
    else:
        settings |= {"qmin": f"{quantizer or 3}", "qmax": f"{quantizer or 3}"}
    return settings
