"""Commands about data: doctor, inspect, download, scenes."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cvrl_lite.cli.output import complain, say
from cvrl_lite.codec import CompressedVideo
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.errors import DamagedVideo, VideoError, counted, shown
from cvrl_lite.files import cache_dir
from cvrl_lite.progress import track

Commands = Any  # argparse's collection of sub-parsers, whose class is private


def command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], about: str, example: str
) -> argparse.ArgumentParser:
    """Adds a sub-command whose `--help` ends with an example."""
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about.replace("%", "%%"),  # argparse formats it, unlike a description
        description=about,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(run=run)
    return made


def whole(least: int) -> Callable[[str], int]:
    """An argument's type: whole numbers of at least `least`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text}")
        return int(text)

    return number


def add_commands(commands: Commands) -> None:
    """Adds this module's commands."""
    made = command(
        commands, "doctor", _doctor, "Say what is installed and what is missing.", "cvrl-lite doctor"
    )
    made.add_argument("--json", action="store_true", help="print JSON")

    made = command(
        commands,
        "inspect",
        _inspect,
        "Say what compressed files hold.",
        "cvrl-lite inspect holiday.mp4 --json",
    )
    made.add_argument("files", nargs="+", type=Path, metavar="FILE")
    made.add_argument("--json", action="store_true", help="print a list with one object a file")
    made.add_argument("--plot", type=Path, metavar="FIGURE", help="draw each file's GOPs (.png, .svg, .pdf)")

    made = command(
        commands,
        "download",
        _download,
        "Fetch UCF101 or HMDB51 with its lists of training and test videos, and unpack it.",
        "cvrl-lite download ucf101 --out data/ucf101",
    )
    made.add_argument("name", choices=("ucf101", "hmdb51"))
    made.add_argument("--out", type=Path, required=True, help="folder of the data set")
    made.add_argument("--url", help="fetch this archive from another address instead")

    made = command(
        commands,
        "scenes",
        _scenes,
        "Make MovingScenes clips.",
        "cvrl-lite scenes --out clips/ --clips 100",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of the set")
    made.add_argument("--clips", type=int, default=1600)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--frames", type=int, default=40)
    made.add_argument("--size", type=int, default=112, help="side in pixels")
    made.add_argument("--tie", type=float, default=0.0, help="0: action independent of scene; 1: given by it")


def each(files: Iterable[Path], job: Callable[[Path], None], description: str) -> int:
    """Runs `job` on every file; one line on stderr for each that fails. The exit code."""
    paths = list(files)
    failed = 0
    for path in track(paths, description):
        try:
            job(path)
        except (VideoError, OSError) as error:
            failed += 1
            complain(shown(str(error)))
    return 0 if not failed else 2 if failed == len(paths) else 1


def _doctor(arguments: argparse.Namespace) -> int:
    import av
    import torch

    needed = (
        "numpy",
        "torch",
        "av",
        "numba",
        "safetensors",
        "filelock",
        "tqdm",
        "scikit-learn",
        "matplotlib",
    )
    optional = ("jupyterlab", "ipywidgets", "anywidget", "nbval")

    def version(name: str) -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    report = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "packages": {name: version(name) for name in (*needed, *optional)},
        "libavcodec": ".".join(map(str, av.library_versions["libavcodec"])),
        "h264_encoder": "libx264" in av.codecs_available,
        "cache": str(cache_dir()),
        "cache_free_gb": round(shutil.disk_usage(cache_dir()).free / 1e9, 1),
    }
    missing = [name for name in needed if version(name) is None]
    if not report["h264_encoder"]:
        missing.append("an H.264 encoder (libx264) in PyAV")
    if arguments.json:
        say(json.dumps(report | {"missing": missing}, indent=2))
    else:
        packages = report.pop("packages")
        for name, value in {**report, **packages}.items():  # type: ignore[dict-item]
            say(f"{name:>14}  {'not installed' if value is None else value}")
        say("all that is needed is there" if not missing else f"missing: {', '.join(missing)}")
    return 0 if not missing else 2


def _inspect(arguments: argparse.Namespace) -> int:
    found: list[dict[str, Any]] = []
    drawn: dict[str, tuple[str, tuple[int, ...], np.ndarray]] = {}

    def look(path: Path, damage: DamagedVideo | None = None) -> None:
        with CompressedVideo(path, on_damage="keep" if damage else "raise") as video:
            facts = video.summary()
            report = {"reason": damage.reason, **dataclasses.asdict(video.damage)} if damage else None
            found.append(facts | {"damage": report})
            if arguments.plot:
                name = shown(path.name if path.name not in drawn else path)
                drawn[name] = (video.picture_types, video.info.frame_bytes, video.times)

    def look_hard(path: Path) -> None:
        try:
            look(path)
        except DamagedVideo as error:
            try:
                look(path, error)
            except DamagedVideo:
                raise error from None  # nothing of it can be read
            complain(shown(str(error)))

    code = each(arguments.files, look_hard, "inspecting")
    if code == 0 and any(facts["damage"] for facts in found):
        code = 1
    if drawn:
        from cvrl_lite.course import figures

        try:
            figures.save(figures.gop_timeline(drawn), arguments.plot, dpi=150)
        except (OSError, ValueError) as error:  # no such folder, no such frame type
            reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
            complain(f"{shown(arguments.plot)}: {reason}")
            code = 2
    if arguments.json:
        say(json.dumps(found, indent=2))
    elif found:
        say("\n\n".join(_described(item) for item in found))
    return code


def _described(facts: dict[str, Any]) -> str:
    """A file's facts, one a line."""
    taken = facts["picture_bytes"] or {}
    counts = "   ".join(
        f"{kind} {count}" + (f" ({taken[kind] / 1000:.1f} kB)" if taken.get(kind) else "")
        for kind, count in facts["picture_counts"].items()
    )
    gops = facts["gop_lengths"]
    if not facts["has_vectors"]:
        vectors = f"none that can be used, from {facts['codec']}"
    elif facts["reference_distance_known"]:
        vectors = "yes, each to the nearest I- or P-picture"
    else:
        vectors = "yes, to pictures at unknown distances"
    if facts["vectors_in_fields"]:
        vectors = "of fields, not to be trusted: transcode --deinterlace makes others"
    clock = "" if facts["has_timestamps"] else ", without time stamps"
    average, nominal = facts["average_rate"], facts["nominal_rate"]
    rate = f"{average:.2f} fps" + (f" on average, most at {nominal:.2f}" if average != nominal else "")
    lines = {
        "codec": f"{facts['codec']}, {facts['pixel_format']}" + ", interlaced" * facts["interlaced"],
        "size": _size(facts),
        "length": f"{counted(facts['frames'], 'frame')}, {facts['duration']:.2f} s, {rate}{clock}",
        "pictures": counts,
        "GOPs": f"{len(gops)}, of {_range(gops)}",
        "vectors": vectors,
        "streams": ", ".join(facts["streams"]),
    }
    if damage := facts["damage"]:
        corrupt = f", {len(damage['corrupt'])} of them corrupt" if damage["corrupt"] else ""
        lines["damage"] = f"{damage['reason']}; {counted(damage['frames'], 'frame')} can be read{corrupt}"
    return "\n".join([shown(facts["file"]), *(f"  {name:<9}{line}" for name, line in lines.items())])


def _range(lengths: Sequence[int]) -> str:
    """How many frames the shortest and the longest have."""
    least, most = min(lengths), max(lengths)
    return counted(most, "frame") if least == most else f"{least} to {most} frames"


def _size(facts: dict[str, Any]) -> str:
    """The size of a file's frames, and how they come to be shown in it."""
    width, height, ratio = facts["width"], facts["height"], facts["sample_aspect_ratio"]
    text = f"{width}x{height}"
    changes = ["mirrored"] * facts["mirrored"]
    if facts["rotation"]:
        way = "anticlockwise" if facts["rotation"] > 0 else "clockwise"
        changes.append(f"turned by {abs(facts['rotation'])} degrees {way}")
    if changes:
        stored = f"{height}x{width}" if facts["rotation"] in (-90, 90) else text
        text += f", from {stored} {' and '.join(changes)}"
    if ratio not in (None, "1:1"):
        shown = f"{facts['display_width']}x{facts['display_height']}"
        text += f", displayed as {shown} (sample aspect ratio {ratio})"
    return text


def _download(arguments: argparse.Namespace) -> int:
    from cvrl_lite.datasets import download

    say(shown(download(arguments.name, arguments.out, url=arguments.url)))
    return 0


def _scenes(arguments: argparse.Namespace) -> int:
    moving_scenes.make(
        arguments.out,
        arguments.clips,
        arguments.seed,
        frames=arguments.frames,
        size=arguments.size,
        tie=arguments.tie,
    )
    say(f"{shown(arguments.out)}: {counted(len(moving_scenes.read_index(arguments.out)), 'clip')}")
    return 0
