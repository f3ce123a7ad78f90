"""The door to a compressed video file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import av
import numpy as np


class CompressedVideo:
    """A compressed video file, read with one decoder thread.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._container = av.open(os.fspath(path))
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1

    def __enter__(self) -> CompressedVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[np.ndarray]:
        """The pictures in display order: (H, W, 3) uint8 RGB."""
        for frame in self._container.decode(self._stream):
            yield frame.to_ndarray(format="rgb24")
