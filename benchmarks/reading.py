"""How fast key frames and dense vectors are read, beside plain decoding and a C program.

    python benchmarks/reading.py [--fast] [--videos DIR] [--limit PROGRAM] [--out FILE]

For each clip three things are timed in turn, again and again, and the medians compared:

- plain: PyAV decodes every picture and does nothing with it;
- ours: `CompressedVideo(path)`, `keyframes()` and `motion()`, opening and indexing included;
- C: a C program on the same FFmpeg libraries decodes every picture, paints the past vectors on a grid and
  converts the I-pictures to RGB (opening not included). Without gcc or the program this is left out.

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


def plain(path: Path) -> tuple[int, float]:
    began = time.process_time()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = sum(1 for _ in container.decode(stream))
    return frames, time.process_time() - began


def ours(path: Path) -> tuple[int, float]:
    began = time.process_time()
    with CompressedVideo(path) as video:
        video.keyframes()
        frames = len(video.motion().picture_types)
    return frames, time.process_time() - began


def c_limit(program: Path) -> Callable[[Path], tuple[int, float]]:
    def run(path: Path) -> tuple[int, float]:
        command = [program, sys.executable, path, "iras", "threads=1", "flags2=+export_mvs"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        frames, _, seconds, _ = done.stdout.split()
        return int(frames), float(seconds)

    return run


def measure(
    path: Path, readers: dict[str, Callable[[Path], tuple[int, float]]], rounds: int
) -> dict[str, float]:
    """Frames a second by reader, medians of interleaved rounds; without those that read another stream."""
    rates: dict[str, list[float]] = {name: [] for name in readers}
    counts: dict[str, int] = {}
    for _ in range(rounds):
        for name, read in readers.items():
            counts[name], seconds = read(path)
            rates[name].append(counts[name] / seconds)
    return {name: median(values) for name, values in rates.items() if counts[name] == counts["ours"]}


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| clip | plain, fps | ours, fps | C, fps | ours / plain | ours / C |",
        "|---|---|---|---|---|---|",
    ]
    ratios: dict[str, list[float]] = {"plain": [], "C": []}
    for clip, rates in rows.items():
        cells = [f"{rates[name]:.0f}" if name in rates else "-" for name in ("plain", "ours", "C")]
        for name, values in ratios.items():
            cells.append(f"{rates['ours'] / rates[name]:.2f}" if name in rates else "-")
            if name in rates:
                values.append(rates["ours"] / rates[name])
        lines.append(f"| {clip} | {' | '.join(cells)} |")
    means = [f"{geometric_mean(values):.2f}" if values else "-" for values in ratios.values()]
    return [*lines, f"| geometric mean | | | | {' | '.join(means)} |"]


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
    readers: dict[str, Callable[[Path], tuple[int, float]]] = {"plain": plain, "ours": ours}
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
