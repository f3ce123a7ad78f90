"""`cvrl-lite extract` over many files: does memory stay flat, and does time grow with the files alone?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import Missing, table

from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes import ACTIONS, SCENES, draw

CLIPS = 16  # different ones; the rest are further names of them
FRAMES, SIDE = 40, 112


def extract(folder: Path, out: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs the command and watches it: files done, CPU seconds and bytes of resident memory, over time."""
    try:
        import psutil
    except ImportError:
        raise Missing("psutil is not installed") from None
    command = [sys.executable, "-m", "cvrl_lite.cli", "extract", str(folder), "--out", str(out)]
    command += ["--what", "keyframes,motion", "--workers", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    seen: list[tuple[int, float, int]] = []
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            times = [member.cpu_times() for member in family]
            memory = sum(member.memory_info().rss for member in family)
        except psutil.Error:
            continue
        done = sum(1 for path in out.rglob("*.npz") if not path.name.startswith(".")) if out.exists() else 0
        seen.append((done, sum(t.user + t.system for t in times), memory))
        time.sleep(0.1)
    if process.returncode:
        said = process.stderr.read().decode(errors="replace").strip().splitlines()
        raise Missing(f"extract ended with code {process.returncode}: {said[-1] if said else ''}")
    done, seconds, memory = (np.array(column) for column in zip(*seen, strict=True))
    return done, seconds, memory


def tables(fast: bool) -> list[str]:
    """One table: time and memory by quarters of the files."""
    count = 200 if fast else 2000
    with tempfile.TemporaryDirectory() as folder:
        videos, out = Path(folder) / "videos", Path(folder) / "out"
        videos.mkdir()
        for number in range(count):
            path = videos / f"{number:04d}.mp4"
            if number < CLIPS:
                scene, action = SCENES[number % len(SCENES)], ACTIONS[number % len(ACTIONS)]
                encode(draw(scene, action, number, frames=FRAMES, size=SIDE), path)
                continue
            try:
                os.link(videos / f"{number % CLIPS:04d}.mp4", path)
            except OSError:
                shutil.copyfile(videos / f"{number % CLIPS:04d}.mp4", path)
        done, seconds, memory = extract(videos, out)
        written = sum(1 for path in out.rglob("*.npz"))
    if written != count:
        raise Missing(f"extract wrote {written} of {count} files")
    rows: list[list[object]] = []
    marks = [count * quarter // 4 for quarter in range(1, 5)]
    started = float(np.interp(1, done, seconds))
    for before, mark in zip([1, *marks], marks, strict=False):
        spent = float(np.interp(mark, done, seconds) - np.interp(before, done, seconds))
        here = memory[np.searchsorted(done, before, "right") : np.searchsorted(done, mark, "right")]
        peak = float(here.max()) / 1e6 if len(here) else float("nan")
        rows.append([f"{before} to {mark}", spent, 1000 * spent / (mark - before), peak])
    growth = rows[-1][3] - rows[0][3]
    slower = rows[-1][2] / rows[0][2]
    head = ["files", "CPU seconds", "ms a file", "peak memory, MB"]
    return [
        *table(head, rows),
        "",
        f"{count} clips of {FRAMES} pictures {SIDE}x{SIDE}; one worker, {started:.1f} s to the first file."
        f" From the first quarter to the last, memory grows by {growth:.1f} MB and a file takes"
        f" {slower:.2f} times as long.",
    ]
