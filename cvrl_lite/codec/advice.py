"""Errors about unusable vectors, with the command that makes a usable file."""

from __future__ import annotations

import os
import shlex

from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.errors import NoMotionVectors


def no_vectors(file: str, codec: str) -> NoMotionVectors:
    """The error for a codec whose decoder exports no vectors.

    Example:
        >>> print(no_vectors("a b.mp4", "hevc"))
        a b.mp4: FFmpeg exports no motion vectors from hevc; run: cvrl-lite transcode 'a b.mp4' --out FOLDER
    """
    reason = f"FFmpeg exports no motion vectors from {codec}"
    if codec == "snow":
        reason = "FFmpeg exports snow's motion vectors one block out of place, so that they are not used"
    return NoMotionVectors(file, f"{reason}; run: {_transcode(file)}")


def fields(file: str) -> str:
    """Why vectors of interlaced video are unreliable, in one line."""
    reason = "it is interlaced, and FFmpeg does not tell which of its vectors count lines of a field"
    return f"{reason}; run: {_transcode(file)} --deinterlace"


def check_vectors(info: VideoInfo) -> None:
    """Raises NoMotionVectors unless a file has reliable vectors."""
    if not info.has_vectors:
        raise no_vectors(info.file, info.codec)
    if info.vectors_in_fields:
        raise NoMotionVectors(info.file, fields(info.file))


def _transcode(file: str) -> str:
    name = shlex.quote(file) if os.path.exists(file) or not file.startswith("<") else "FILE"
    return f"cvrl-lite transcode {name} --out FOLDER"
