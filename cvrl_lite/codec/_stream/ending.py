"""Whether a file ends before its own header says that it does."""

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
    """What is missing where the container announces more frames than its packets hold; else "".

    Args:
        container: The file.
        stream: Its video stream.
        held: How many packets were read.
        stamps: When they are shown.
    """
    formats = container.format.name.split(",")
    if "mp4" in formats:  # the sample table, after edit lists
        listed = len(stream.index_entries)
        return f"it breaks off after {held} of {listed} frames" if held < listed else ""
    known = [stamp for stamp in stamps if stamp is not None]
    announced = _announced_seconds(container, stream, formats)
    if not announced or not known or stream.time_base is None:
        return ""
    lasts = float((max(known) - min(stream.start_time or 0, 0)) * stream.time_base)  # announced from 0 on
    last = 1 / float(stream.average_rate or 25)  # from the last frame's start to its end
    short = announced - lasts - last > max(0.5, 0.05 * announced)
    return f"it breaks off after {lasts:.1f} of {announced:.1f} s" if short else ""


def _announced_seconds(container: InputContainer, stream: VideoStream, formats: list[str]) -> float:
    """How long the stream is by the file's own header; 0 where it does not say."""
    if "avi" in formats and stream.frames and stream.time_base:  # its duration is guessed from what is there
        return float(stream.frames * stream.time_base)
    if "matroska" in formats:
        if tag := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if len(container.streams) == 1 and container.duration:
            return container.duration / av.time_base
    return 0.0
