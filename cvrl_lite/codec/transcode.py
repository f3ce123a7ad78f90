"""Writing a video again in a form that trains fast: short GOPs, one reference, a small size."""

from __future__ import annotations

import os
from typing import Any

from cvrl_lite.codec.encode import encode
from cvrl_lite.codec.turn import scaled
from cvrl_lite.codec.video import CompressedVideo


def transcode(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    gop: int = 12,
    short_side: int | None = None,
    **settings: Any,
) -> int:
    """Encodes a video anew, frame by frame, in flat memory.

    Random access decodes from the key picture before, so a GOP of 12 instead of 250 doubles the clips a
    second that can be read, and vectors of one step are easier to learn from.

    Args:
        src: The video to read.
        dst: The file to write; its suffix chooses the container.
        gop: Pictures from one key picture to the next.
        short_side: The shorter side in pixels, rounded to even sizes; a smaller video keeps its size.
        settings: Further keyword arguments of `encode`. `fps` is the source's average rate by default, so
            a video of variable rate keeps its frames and its length, not each frame's time.

    Returns:
        The number of frames written.

    Raises:
        VideoError: The source cannot be read (nothing is written then), or the encoder refuses it.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = encode(np.zeros((6, 96, 128, 3), np.uint8), folder + "/a.mp4", gop=250)
        ...     _ = transcode(folder + "/a.mp4", folder + "/b.mp4", gop=3, short_side=48)
        ...     with CompressedVideo(folder + "/b.mp4") as video:
        ...         print(video.info.width, video.info.height, video.info.gop_lengths)
        64 48 (3, 3)
    """
    with CompressedVideo(src) as video:
        height, width = video.info.height, video.info.width
        if short_side is not None and short_side < min(height, width):
            height, width = scaled((height, width), short_side)
        size = (max(2, height - height % 2), max(2, width - width % 2))
        return encode(video.frames(size=size), dst, gop=gop, **{"fps": video.info.frame_rate} | settings)
