"""Builds and runs the C program that the package is compared with (`c/limit.c`).

It is linked to the very FFmpeg libraries that PyAV has loaded, wherever they come from (PyAV's wheel brings
its own). Needed are gcc or another C compiler ($CC) and Linux.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
from timing import Missing, Timing

from cvrl_lite.files import cache_dir, replacing

SOURCE = Path(__file__).resolve().parent / "c" / "limit.c"
LIBRARIES = ("avcodec", "avformat", "avutil", "swscale")


def ffmpeg_libraries() -> dict[str, Path]:
    """The files of FFmpeg's libraries that this process has loaded, by their short names."""
    av.library_versions  # noqa: B018 - they are loaded with av
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise Missing("only Linux tells which FFmpeg libraries PyAV has loaded") from None
    paths = {Path(line.split(maxsplit=5)[5]) for line in lines if line.count("/")}
    found = {
        name: path
        for name in LIBRARIES
        for path in paths
        if path.name.split(".")[0].split("-")[0] == f"lib{name}"
    }
    if lacking := [name for name in LIBRARIES if name not in found]:
        raise Missing(f"PyAV has loaded no shared library of {', '.join(lacking)}")
    return found


def build() -> Path:
    """The program, compiled unless it is there already."""
    libraries = ffmpeg_libraries()
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    folders = {str(path.parent) for path in libraries.values()}
    made_of = "\n".join([SOURCE.read_text(encoding="utf-8"), *compiler, *map(str, libraries.values())])
    program = cache_dir() / "benchmarks" / f"limit-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    if not program.exists():
        with replacing(program) as part:
            command = [*compiler, "-O2", "-o", str(part), str(SOURCE), *map(str, libraries.values())]
            command += [f"-Wl,-rpath,{folder}" for folder in folders] + ["-Wl,--allow-shlib-undefined"]
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except FileNotFoundError:
                raise Missing(f"there is no C compiler {compiler[0]}") from None
            except subprocess.CalledProcessError as error:
                raise Missing(f"the C program was not compiled: {error.stderr.strip()}") from None
    return program


def plain_names() -> Path:
    """A folder in which FFmpeg's libraries have the names that other programs look for (libavcodec.so.62)."""
    folder = next(iter(ffmpeg_libraries().values())).parent
    made = cache_dir() / "benchmarks" / f"ffmpeg-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    made.mkdir(parents=True, exist_ok=True)
    for library in folder.glob("*.so*"):
        links = [library.name]
        if plain := re.fullmatch(r"(lib(?:av|sw)[a-z]+)-\w+(\.so\.\d+)\.[\d.]+", library.name):
            links.append(plain[1] + plain[2])
        for name in links:
            if not (made / name).is_symlink():
                (made / name).symlink_to(library)
    return made


class Limit:
    """The C program, ready to be timed.

    Args:
        other: Another program to take in its place, called as PROGRAM PYTHON FILE none|iras|rgb
            [option=value ...] and printing frames, vectors, CPU seconds behind the opening, wall seconds.
    """

    works = ("decode", "read", "keys")

    def __init__(self, other: Path | None = None) -> None:
        self._other = other
        self._program = build() if other is None else other

    def run(self, work: str, path: Path, stream: int = 0, options: tuple[str, ...] = ()) -> Timing:
        """Does one piece of `works` on a file."""
        if self._other is None:
            command = [str(self._program), str(path), str(stream), work, *options]
        else:
            out = {"decode": "none", "read": "iras", "keys": "rgb"}[work]
            choice = {"decode": (), "read": ("flags2=+export_mvs",), "keys": ("skip_frame=nokey",)}[work]
            command = [str(self._program), sys.executable, str(path), out, "threads=1", *choice, *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"the C program does not run: {getattr(error, 'stderr', None) or error}") from None
        numbers = done.stdout.split()
        if self._other is None:
            names = ("records", "cells", "converted")
            found = dict(zip(names, map(int, numbers[1:4]), strict=True))
            return Timing(int(numbers[0]), float(numbers[4]), float(numbers[5]), found)
        return Timing(int(numbers[0]), float("nan"), float(numbers[2]))
