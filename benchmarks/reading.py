"""How fast key frames and dense vectors are read, beside plain decoding and a C program.

    python benchmarks/reading.py [--fast] [--videos DIR] [--limit PROGRAM] [--out FILE]

For each clip three things are timed in turn, again and again, and the medians compared:

- plain: PyAV decodes every picture and does nothing with it;
- ours: `CompressedVideo(path)`, `keyframes()` and `motion()`;
- C: a C program on the same FFmpeg libraries decodes every picture, paints the past vectors on a grid and
  converts the I-pictures to RGB. Without gcc or the program this is left out.

The rates include opening the file, but the C program's, which does not time it; it is compared with ours
less the time of the first opening. Indexing, and opening again for the vectors, count in both.

All with one decoder thread, in CPU time (user + system): other work on the machine counts less that way.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median

import av

from cvrl_lite import CompressedVideo

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
FAST = ("imageio_realshort.mp4", "skv_bikes.mp4", "tc_h264_10bits.mp4")


Timing = tuple[int, float, float]
"""Frames, CPU seconds, and CPU seconds after the file was opened."""


def plain(path: Path) -> Timing:
    began = time.process_time()
    with av.open(str(path)) as container:
        opened = time.process_time()
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = sum(1 for _ in container.decode(stream))
    ended = time.process_time()
    return frames, ended - began, ended - opened


def ours(path: Path) -> Timing:
    began = time.process_time()
    with CompressedVideo(path) as video:
        opened = time.process_time()
        video.keyframes()
        frames = len(video.motion().picture_types)
    ended = time.process_time()
    return frames, ended - began, ended - opened


def c_limit(program: Path) -> Callable[[Path], Timing]:
    def run(path: Path) -> Timing:
        command = [str(program), sys.executable, str(path), "iras", "threads=1", "flags2=+export_mvs"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        frames, _, seconds, _ = done.stdout.split()
        return int(frames), float(seconds), float(seconds)

    return run


def measure(path: Path, readers: dict[str, Callable[[Path], Timing]], rounds: int) -> dict[str, float]:
    """Medians of interleaved rounds: frames a second by reader, and the ratios."""
    timings: dict[str, list[Timing]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            timings[name].append(read(path))
    frames = timings["ours"][0][0]
    # The C program reads the stream FFmpeg calls the best, which may be another one.
    seconds = {name: median(t[1] for t in times) for name, times in timings.items() if times[0][0] == frames}
    found = {name: frames / value for name, value in seconds.items()}
    found["ours / plain"] = found["ours"] / found["plain"]
    if "C" in found:
        found["ours / C"] = seconds["C"] / median(t[2] for t in timings["ours"])
    return found


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    ratios = ("ours / plain", "ours / C")
    lines = [
        f"| clip | plain, fps | ours, fps | C, fps | {' | '.join(ratios)} |",
        "|---|---|---|---|---|---|",
    ]
    for clip, found in rows.items():
        rates = [f"{found[name]:.0f}" if name in found else "-" for name in ("plain", "ours", "C")]
        lines.append(
            f"| {clip} | {' | '.join(rates + [f'{found[r]:.2f}' if r in found else '-' for r in ratios])} |"
        )
    means = [[found[r] for found in rows.values() if r in found] for r in ratios]
    cells = [f"{geometric_mean(values):.2f}" if values else "-" for values in means]
    return [*lines, f"| geometric mean | | | | {' | '.join(cells)} |"]


def processor() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor() or platform.machine()}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Times reading key frames and vectors; prints a Markdown table."
    )
    videos = Path(os.environ.get("CVRL_VIDEOS") or SHARED / "videos")
    parser.add_argument(
        "--videos", type=Path, default=videos, help="a folder of clips (default: %(default)s)"
    )
    parser.add_argument("--limit", type=Path, default=SHARED / "tools" / "codec_limit", help="the C program")
    parser.add_argument("--fast", action="store_true", help="three small clips, three rounds")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    options = parser.parse_args()

    files = [
        p for p in sorted(options.videos.glob("*")) if p.suffix in (".mp4", ".mkv", ".avi", ".webm", ".264")
    ]
    if options.fast:
        files = [p for p in files if p.name in FAST] or files[:3]
    if not files:
        print(f"{options.videos}: no clips there, nothing is measured", file=sys.stderr)
        return 0
    readers: dict[str, Callable[[Path], Timing]] = {"plain": plain, "ours": ours}
    try:
        readers["C"] = c_limit(options.limit)
        readers["C"](files[0])
    except (OSError, subprocess.CalledProcessError) as error:
        del readers["C"]
        print(f"the C limit is left out: {error}", file=sys.stderr)

    rounds = 3 if options.fast else 7
    rows = {}
    for path in files:
        with CompressedVideo(path) as video:
            if video.info.has_vectors:
                rows[path.name] = measure(path, readers, rounds)
    versions = f"PyAV {av.__version__}, Python {platform.python_version()}"
    heading = f"{datetime.date.today()}, {processor()}, {versions}; one thread, CPU time, median of {rounds}."
    text = "\n".join([heading, "", *table(rows), ""])
    print(text)
    if options.out:
        options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
