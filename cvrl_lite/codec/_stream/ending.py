"""Detects truncated files, by what their headers announce."""

from __future__ import annotations

import re
from collections.abc import Sequence

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_CLOCK = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d*)?)", re.ASCII)


def missing_end(
    container: InputContainer, stream: VideoStream, held: int, stamps: Sequence[int | None]
) -> str:
    """Describes what is missing where the container announces more than was read; else "".

    Args:
        container: The file.
        stream: Its video stream.
        held: Number of packets read.
        stamps: Their presentation timestamps.
    """
    formats = container.format.name.split(",")
    if "mp4" in formats:  # the sample table, after edit lists
        listed = len(stream.index_entries)
        return f"it breaks off after {held} of {listed} frames" if held < listed else ""
    present = [stamp for stamp in stamps if stamp is not None]
    announced = _announced_seconds(container, stream, formats)
    if not announced or not present or stream.time_base is None:
        return ""
    # The announced duration starts at 0.
    lasts = float((max(present) - min(stream.start_time or 0, 0)) * stream.time_base)
    last = 1 / float(stream.average_rate or 25)  # duration of the last frame
    short = announced - lasts - last > max(0.5, 0.05 * announced)
    return f"it breaks off after {lasts:.1f} of {announced:.1f} s" if short else ""


def _announced_seconds(container: InputContainer, stream: VideoStream, formats: list[str]) -> float:
    """The duration of the stream by the file's header; 0 without one."""
    if "avi" in formats and stream.frames and stream.time_base:  # FFmpeg guesses its duration from the data
        return float(stream.frames * stream.time_base)
    if "matroska" in formats:
        if tag := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if len(container.streams) == 1 and container.duration:
            return container.duration / av.time_base
    return 0.0
