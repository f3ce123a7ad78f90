"""How fast compressed video is read, beside a C program, other packages, and optical flow.

    python benchmarks/codec.py [GROUP ...] [--fast] [--limit PROGRAM] [--out FILE]

prints one Markdown table a group. All with one thread, in CPU time (user + system); what is compared runs in
turn, again and again in one go, and the medians are compared. Rates include opening the file, unless the
table says otherwise. Whatever is not installed is left out, with a line that says so
(`pip install ".[bench]"` brings what can be had).
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean

import av
import clips
import extraction
import flow
import numpy as np
import startup
from limit import Limit, plain_names
from timing import Missing, Reader, Timing, in_turn, say, table, typical

from cvrl_lite import CompressedVideo

FAST_CLIPS = ("imageio_realshort.mp4", "skv_bikes.mp4", "tc_h264_10bits.mp4")
SAMPLE = {"side": 112, "frames": 16, "window": 8}


class Bench:
    """What the groups share: the processes, the C program, the number of rounds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.fast, self.rounds = options.fast, 3 if options.fast else 7
        self._limit_program: Path | None = options.limit
        self._readers: dict[str, Reader | None] = {}
        self._limit: Limit | None = None
        self._lacks_limit = ""

    def reader(self, name: str, environment: dict[str, str] | None = None) -> Reader | None:
        """The process of a library; None, with a line, where it is missing."""
        if name not in self._readers:
            try:
                self._readers[name] = Reader(name, environment)
            except Missing as error:
                say(f"{name} is left out: {error}")
                self._readers[name] = None
        return self._readers[name]

    def ours(self) -> Reader:
        """This package's process."""
        found = self.reader("ours")
        if found is None:
            raise Missing("the package itself cannot be imported")
        return found

    def limit(self) -> Limit | None:
        """The C program; None, with a line, where it cannot be built."""
        if self._limit is None and not self._lacks_limit:
            try:
                self._limit = Limit(self._limit_program)
            except Missing as error:
                self._lacks_limit = str(error)
                say(f"the C program is left out: {error}")
        return self._limit

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that ran."""
        return {name: reader.version for name, reader in self._readers.items() if reader}

    def close(self) -> None:
        """Ends all processes."""
        for reader in filter(None, self._readers.values()):
            reader.close()


def rate(timings: list[Timing] | None, part: str = "seconds") -> float | None:
    """Pictures a second; without the opening where that was not timed."""
    if not timings:
        return None
    return timings[0].frames / typical(timings, "reading" if np.isnan(timings[0].opening) else part)


def ratio(ours: list[Timing] | None, other: list[Timing] | None, part: str = "seconds") -> float | None:
    """How many times as fast we are."""
    return typical(other, part) / typical(ours, part) if ours and other else None


def limit(bench: Bench) -> list[str]:
    """Key frames as RGB and dense past vectors with their mask, beside the same work in C."""
    ours, program, rows = bench.ours(), bench.limit(), []
    for name in (clips.H264, clips.H264_B, clips.H264_HD, clips.MPEG4):
        if bench.fast and name == clips.H264_B:
            continue
        path = clips.clip(name)
        contenders: dict[str, Callable[[], Timing]] = {
            "two passes": lambda path=path: ours.run("read_twice", path),
            "one pass": lambda path=path: ours.run("read_once", path),
        }
        if program:
            contenders["C"] = lambda path=path: program.run("read", path)
        found = in_turn(contenders, bench.rounds)
        passes = [found[way] for way in ("two passes", "one pass") if way in found]
        best = min(passes, key=typical)
        c = found.get("C")
        fields = [rate(found.get(way)) for way in ("C", "two passes", "one pass")]
        rows.append([name, *fields, ratio(best, c, "reading"), ratio(best, c)])
    return table(
        [
            "clip",
            "C, fps",
            "two passes, fps",
            "one pass, fps",
            "best / C, both opened",
            "best / C, opening too",
        ],
        rows,
    )


def keys(bench: Bench) -> list[str]:
    """Key frames alone as RGB, beside C with skip_frame=nokey; rates count the whole file's pictures."""
    ours, program, rows = bench.ours(), bench.limit(), []
    for name in (clips.H264, clips.H264_HD, clips.MPEG4):
        path = clips.clip(name)
        with CompressedVideo(path) as video:
            frames = video.info.frames
        contenders: dict[str, Callable[[], Timing]] = {"ours": lambda path=path: ours.run("keys", path)}
        if program:
            contenders["C"] = lambda path=path: program.run("keys", path)
        found = in_turn(contenders, bench.rounds)
        us, c = found["ours"], found.get("C")
        rates = [frames / each[0].frames * rate(each) if each else None for each in (c, us)]
        rows.append([name, us[0].frames, *rates, ratio(us, c, "reading"), ratio(us, c)])
    return table(
        ["clip", "key frames", "C, fps", "ours, fps", "ours / C, both opened", "ours / C, opening too"], rows
    )


def rgb(bench: Bench) -> list[str]:
    """RGB clips alone, of 16 pictures at eight places, each from a file opened anew."""
    path, rows = clips.clip(clips.H264), []
    readers = {"ours": bench.ours(), "decord": bench.reader("decord")}
    try:
        # torchcodec brings no FFmpeg: it gets PyAV's, under the names that it looks for.
        torchcodec = bench.reader("torchcodec", {"LD_LIBRARY_PATH": str(plain_names())})
    except Missing:
        torchcodec = bench.reader("torchcodec")
    readers["torchcodec"] = torchcodec
    starts = np.random.default_rng(0).integers(0, 230, 8).tolist()
    for size in ([112, 112], None):
        jobs: dict[str, Callable[[], Timing]] = {
            name: lambda reader=reader, size=size: reader.run(
                "clips", path, starts=starts, frames=16, size=size
            )
            for name, reader in readers.items()
            if reader
        }
        found = in_turn(jobs, bench.rounds)
        rates = [rate(found.get(name)) for name in readers]
        against = [ratio(found["ours"], found.get(name)) for name in ("decord", "torchcodec")]
        rows.append(["112x112" if size else "320x240, as it is", *rates, *against])
    head = ["pictures", "ours, fps", "decord, fps", "torchcodec, fps", "ours / decord", "ours / torchcodec"]
    return table(head, rows)


def peers(bench: Bench) -> list[str]:
    """Key frames as RGB and dense past vectors, beside two other ways to the same arrays."""
    ours, rows = bench.ours(), []
    others = {"mv-extractor": bench.reader("mv-extractor"), "PyAV": bench.reader("pyav")}
    for name in (clips.H264, clips.H264_B, clips.MPEG4):
        path = clips.clip(name)
        contenders: dict[str, Callable[[], Timing]] = {
            job: lambda job=job, path=path: ours.run(job, path) for job in ("read_twice", "read_once")
        }
        contenders |= {
            other: lambda reader=reader, path=path: reader.run("read", path)
            for other, reader in others.items()
            if reader
        }
        found = in_turn(contenders, bench.rounds)
        best = min((found[job] for job in ("read_twice", "read_once") if job in found), key=typical)
        row: list[object] = [name, rate(best)]
        for other in others:
            row += [rate(found.get(other)), ratio(best, found.get(other))]
            if other in found:
                mine, theirs = best[0].facts, found[other][0].facts
                differing = [
                    k for k in ("keys", "cells", "sum") if not np.isclose(mine[k], theirs[k], rtol=1e-6)
                ]
                row.append(", ".join(differing) or "none")
            else:
                row.append(None)
        rows.append(row)
    head = ["clip", "ours, fps"]
    for other in others:
        head += [f"{other}, fps", f"ours / {other}", f"differs from {other} in"]
    return table(head, rows)


def residual(bench: Bench) -> list[str]:
    """Residual luma: compensation and subtraction, without the time inside FFmpeg."""
    rows, ours = [], bench.ours()
    for name in (clips.H264, clips.H264_B, clips.MPEG4):
        path = clips.clip(name)
        found = in_turn({"ours": lambda path=path: ours.run("residuals", path)}, bench.rounds)["ours"]
        rows.append([name, "yes" if found[0].facts["exact"] else "no", rate(found, "reading")])
    return table(["clip", "exact", "fps"], rows)


def start(bench: Bench) -> list[str]:
    """The first motion field and residual of a process: with an empty cache of compiled code, and later."""
    return startup.tables(bench.rounds)


def sample(bench: Bench) -> list[str]:
    """A training sample: 16 pictures 112x112, the GOP's key picture, the next 8 vector fields."""
    path, ours, plain = clips.clip(clips.H264), bench.ours(), bench.reader("pyav")
    starts = np.random.default_rng(0).integers(0, 220, 8 if bench.fast else 24).tolist()
    jobs: dict[str, Callable[[], Timing]] = {
        "a file opened for each": lambda: ours.run("sample", path, starts=starts, **SAMPLE),
        "file kept open": lambda: ours.run("sample", path, starts=starts, keep=True, **SAMPLE),
    }
    if plain:
        jobs["plain"] = lambda: plain.run("sample", path, starts=starts, **SAMPLE)
    found = in_turn(jobs, bench.rounds)
    shares = {
        "a file opened for each": ours.run("sample", path, starts=starts, inside=True, **SAMPLE).facts[
            "inside"
        ],
        "file kept open": ours.run("sample", path, starts=starts, inside=True, keep=True, **SAMPLE).facts[
            "inside"
        ],
    }
    rows = [
        [name, 1000 / rate(each), rate(each), ratio(each, found.get("plain")), shares.get(name)]
        for name, each in found.items()
    ]
    return table(["way", "ms a sample", "samples a second", "times the plain way", "inside FFmpeg"], rows)


def files(bench: Bench) -> list[str]:
    """Extraction over many files, from the shell."""
    return extraction.tables(bench.fast)


def motion(bench: Bench) -> list[str]:
    """Vectors beside dense optical flow; agreement with the known motion of MovingScenes at 240x240."""
    return flow.tables(bench.rounds, bench.fast)


def folder(bench: Bench) -> list[str]:
    """Key frames and vectors of real clips, beside plain decoding by PyAV and the C program."""
    ours, program, plain = bench.ours(), bench.limit(), bench.reader("pyav")
    rows, ratios = [], []
    paths = clips.real_clips()
    for path in [p for p in paths if p.name in FAST_CLIPS] if bench.fast else paths:
        with CompressedVideo(path) as video:
            info = video.info
        if not info.has_vectors:
            continue
        jobs: dict[str, Callable[[], Timing]] = {
            job: lambda job=job, path=path: ours.run(job, path) for job in ("read_twice", "read_once")
        }
        if plain:
            jobs["plain"] = lambda path=path: plain.run("decode", path)
        if program:
            jobs["C"] = lambda path=path, stream=info.stream: program.run("read", path, stream)
        found = in_turn(jobs, bench.rounds)
        best = min((found[job] for job in ("read_twice", "read_once") if job in found), key=typical)
        c, decoding = found.get("C"), found.get("plain")
        ratios.append([ratio(best, decoding), ratio(best, c, "reading")])
        rows.append([path.name, rate(decoding), rate(c), rate(best), *ratios[-1]])
    if not rows:
        raise Missing(f"no real clips are there: {clips.videos_folder()} (set CVRL_VIDEOS)")
    means = [
        geometric_mean([v for v in column if v] or [float("nan")]) for column in zip(*ratios, strict=True)
    ]
    rows.append(["geometric mean", None, None, None, *means])
    return table(["clip", "plain, fps", "C, fps", "ours, fps", "ours / plain", "ours / C, both opened"], rows)


GROUPS: dict[str, Callable[[Bench], list[str]]] = {
    "limit": limit,
    "keys": keys,
    "rgb": rgb,
    "peers": peers,
    "residual": residual,
    "start": start,
    "sample": sample,
    "files": files,
    "flow": motion,
    "folder": folder,
}


def processor() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Times reading compressed video; prints Markdown tables.", allow_abbrev=False
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"which tables, of {', '.join(GROUPS)} (default: all)"
    )
    parser.add_argument("--fast", action="store_true", help="fewer rounds and clips: under a minute")
    parser.add_argument("--limit", type=Path, help="another C program (see benchmarks/limit.py)")
    parser.add_argument("--out", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")

    bench, parts, failed = Bench(options), [], False
    try:
        for name in options.groups or GROUPS:
            title = f"### {name}: {(GROUPS[name].__doc__ or '').strip()}"
            try:
                parts.append("\n".join([title, "", *GROUPS[name](bench), ""]))
                print(parts[-1], flush=True)
            except Missing as error:
                say(f"{name} is left out: {error}")
            except Exception:  # the tables that were made already are worth keeping
                failed = True
                traceback.print_exc()
    finally:
        versions = {"PyAV": av.__version__, "Python": platform.python_version()} | bench.versions()
        bench.close()
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    closing = (
        f"{datetime.date.today()}, one core of {processor()}; CPU time, median of {bench.rounds};"
        f" clips of 320x240 encoded from {clips.material()}. {listed}."
    )
    print(closing)
    if options.out:
        options.out.write_text("\n".join([*parts, closing, ""]), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
