"""What compiling the inner loops costs: the first fields and residuals of a new process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median

from timing import table

_PROGRAM = """
import time
began = time.process_time()
from cvrl_lite import CompressedVideo, data_path
with CompressedVideo(data_path("sample.mp4")) as video:
    video.keyframes()
    opened = time.process_time()
    video.motion(0, 2)
    moved = time.process_time()
    video.residuals(0, 2)
    print(opened - began, moved - opened, time.process_time() - moved)
"""


def _run(cache: str) -> list[float]:
    environment = os.environ | {"CVRL_CACHE": cache, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


def tables(rounds: int) -> list[str]:
    """One table: CPU seconds with an empty cache, and with the compiled code in it."""
    first, later = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            first.append(_run(cache))
            later.append(_run(cache))
    rows: list[list[object]] = [
        [name, *(median(column) for column in zip(*runs, strict=True))]
        for name, runs in (("nothing compiled yet", first), ("compiled code cached", later))
    ]
    return table(["cache", "import and key frames, s", "first vectors, s", "first residuals, s"], rows)
