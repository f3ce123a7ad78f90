"""Commands that turn many files into many others: extract, transcode, cut."""

from __future__ import annotations

import argparse
import csv
import glob
import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

from cvrl_lite.cli.choosing import add_backend
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.codec import cut, extract, is_cut, is_transcoded, transcode
from cvrl_lite.codec.encode import ENCODERS
from cvrl_lite.codec.extract import WHAT, targets
from cvrl_lite.errors import VideoError, named, one_line, shown
from cvrl_lite.files import FULL, NO_HANDLES, alone, replacing
from cvrl_lite.processes import begin_worker, spread
from cvrl_lite.progress import track

Job = Callable[[Path, Path], bool]
Outcome = tuple[bool, str]  # whether a file was written; why it could not be


def add_commands(commands: Commands) -> None:
    """Adds this module's commands."""
    made = command(
        commands,
        "extract",
        _extract,
        "Write key frames, motion vectors and residuals to .npz files.",
        "cvrl-lite extract videos/ --what keyframes,motion --out arrays/ --workers 4",
    )
    _add_batch(made)
    made.add_argument("--what", default="keyframes,motion", help=f"some of {','.join(WHAT)}")
    made.add_argument("--direction", choices=("past", "future"), default="past")

    made = command(
        commands,
        "transcode",
        _transcode,
        "Encode again with short GOPs and no B-frames, as training likes it. Sound and subtitles are left "
        "out.",
        "cvrl-lite transcode videos/ --out short/ --short-side 128 --workers 4",
    )
    _add_batch(made)
    made.add_argument("--gop", type=int, default=12, help="frames from one key frame to the next")
    made.add_argument("--short-side", type=int, help="scale to this many pixels on the shorter side")
    made.add_argument(
        "--square-pixels",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write frames in the size in which they are displayed, or else in the size that is stored, with "
        "the sample aspect ratio beside them (default: square)",
    )
    made.add_argument(
        "--constant-rate",
        nargs="?",
        const=True,
        default=False,
        type=_rate,
        metavar="FPS",
        help="show frames at even steps, of so many frames a second (30, 29.97, 30000/1001) or, without a "
        "number, the source's nominal rate: some are repeated or left out, by the clock. Otherwise each "
        "frame keeps its time, but in AVI, which --codec mpeg4 writes and which has no times: there the "
        "rate is constant",
    )
    made.add_argument(
        "--deinterlace",
        action="store_true",
        help="make one frame of one time of each frame that is marked as interlaced (bwdif), so that its "
        "vectors can be used",
    )
    made.add_argument("--codec", default="h264", help="h264, mpeg4 ... (default: %(default)s)")
    made.add_argument(
        "--crf",
        type=float,
        help=f"quality, 0 (best) to 51 (default: 20), of {', '.join(ENCODERS)}; other codecs have none, and "
        "are written with a quantizer of 3",
    )

    made = command(
        commands,
        "cut",
        _cut,
        "Cut long films into pieces: every so many seconds, or where the scene changes. The pieces hold the "
        "video alone: sound and subtitles are left out.",
        "cvrl-lite cut films/ --out pieces/ --seconds 10 --workers 4",
    )
    _add_batch(made)
    places = made.add_mutually_exclusive_group()
    places.add_argument("--seconds", type=float, default=10.0, help="length of a piece (default: 10)")
    places.add_argument("--scenes", action="store_true", help="cut where the scene changes instead")
    made.add_argument(
        "--tolerance",
        type=float,
        default=0.5,
        help="copy, and do not encode again, where key frames lie at most so many seconds from where the "
        "pieces should begin (default: %(default)s)",
    )


def _add_batch(made: argparse.ArgumentParser) -> None:
    made.add_argument("sources", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    made.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of the new files; sub-folders are kept. Nothing below it is a source",
    )
    made.add_argument("--workers", type=int, default=1, help="files read at a time (default: %(default)s)")
    add_backend(made, "loky, processes on this machine")


def _extract(arguments: argparse.Namespace) -> int:
    what: Any = arguments.what.split(",")
    job = partial(extract, what=what, direction=arguments.direction)
    return _batch(arguments, job, lambda path: f"{path.name}.npz", "extracting")


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"expected frames a second, got {text}") from None
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"frames a second are above 0, not {text}")
    return rate


def _transcode(arguments: argparse.Namespace) -> int:
    names = ("gop", "short_side", "square_pixels", "constant_rate", "deinterlace", "codec")
    settings = {name: getattr(arguments, name) for name in names}
    if arguments.crf is not None:
        if arguments.codec not in (*ENCODERS, *ENCODERS.values()):
            raise ValueError(f"--crf is of {', '.join(ENCODERS)}; {arguments.codec} has no such quality")
        settings["crf"] = arguments.crf
    suffix = ".avi" if arguments.codec == "mpeg4" else ".mp4"
    job = partial(_transcoded, settings=settings)
    return _batch(arguments, job, lambda path: f"{path.stem}{suffix}", "transcoding")


def _cut(arguments: argparse.Namespace) -> int:
    seconds = None if arguments.scenes else arguments.seconds
    job = partial(_cut_one, settings={"seconds": seconds, "tolerance": arguments.tolerance})
    return _batch(arguments, job, lambda path: f"{path.stem}.json", "cutting")


def _cut_one(source: Path, target: Path, settings: dict[str, Any]) -> bool:
    """Cuts one film unless that was done, from the same film in the same way."""
    if is_cut(source, target, **settings):
        return False
    for old in target.parent.glob(
        f".{glob.escape(target.stem)}_[0-9]*.partial"
    ):  # of a worker that was killed
        old.unlink(missing_ok=True)
    cut(source, target, **settings)
    return True


def _transcoded(source: Path, target: Path, settings: dict[str, Any]) -> bool:
    """Encodes one file again unless it is there, made from the same source in the same way."""
    if target.exists() and target.samefile(source):
        raise VideoError(source, "would be written over itself; choose another --out")
    if is_transcoded(source, target, **settings):
        return False
    transcode(source, target, **settings)
    return True


def _done(job: Job, source: Path, target: Path, starter: int) -> Outcome:
    """Runs in a worker: whether anything was written, or why not.

    Raises:
        OSError: Nothing more can be written, or opened, whatever comes next.
    """
    if os.getppid() == starter:  # a process of joblib's own; a cluster's end with the cluster
        _begin()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone(_lock(target), target):  # another call may be at the same files; then each does its part
            return job(source, target), ""
    except (VideoError, OSError) as error:
        if isinstance(error, OSError) and error.errno in FULL | NO_HANDLES:
            raise
        return False, one_line(error)


@cache
def _begin() -> None:
    """Begins a worker, once."""
    begin_worker()
    warnings.formatwarning = lambda message, *_: f"cvrl-lite: {' '.join(str(message).split())}\n"


def _lock(target: Path) -> Path:
    """Not beside the file, where a kill would leave it."""
    folder = Path(tempfile.gettempdir(), f"cvrl_lite-{getattr(os, 'getuid', int)()}")
    return folder / f"{hashlib.sha256(os.fsencode(target)).hexdigest()[:32]}.lock"


def _batch(arguments: argparse.Namespace, job: Job, name: Callable[[Path], str], description: str) -> int:
    """Runs a job on every file, prints what was written, and lists failures in `failures.csv`."""
    pairs = targets(arguments.sources, arguments.out, name)
    if not pairs:
        raise ValueError("no video is there")
    if arguments.workers < 1:
        raise ValueError(f"--workers is at least 1, not {arguments.workers}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    failures: list[tuple[Path, str]] = []
    done: list[Path] = []
    with (
        _reported(arguments.out / "failures.csv", done, failures),
        _swept([target for _, target in pairs]),
        spread(
            _done,
            # absolute, as the workers of a cluster have other working folders
            [(job, source.absolute(), target.absolute(), os.getpid()) for source, target in pairs],
            backend=arguments.backend,
            workers=arguments.workers,
            scheduler=arguments.scheduler,
        ) as work,
    ):
        for (source, target), (written, reason) in zip(
            pairs, track(work, description, len(pairs)), strict=True
        ):
            done.append(source)
            if reason:
                failures.append((source, reason))
                complain(reason)
            else:
                say(shown(target) + ("" if written else " (as it was)"))
    return 0 if not failures else 2 if len(failures) == len(pairs) else 1


@contextmanager
def _swept(targets: Sequence[Path]) -> Iterator[None]:
    """Removes what workers that were killed, in the block or in an earlier call, left half written."""
    try:
        yield
    finally:
        for folder, names in groupby(sorted(targets), lambda target: target.parent):
            ours = {target.name for target in names}
            for part in folder.glob(".*.partial"):
                name = part.name[1:].rsplit(".", 2)[0]
                if name in ours:
                    target = (folder / name).absolute()
                    with suppress(OSError), alone(_lock(target), target, wait=False):  # nobody writes it
                        part.unlink()


@contextmanager
def _reported(path: Path, done: Sequence[Path], failures: Sequence[tuple[Path, str]]) -> Iterator[None]:
    """Keeps a table of failures: of what is done in the block, and of other calls into the same folder."""
    try:
        yield
    finally:
        with alone(path.with_name(".failures.lock"), path):
            ours = set(map(shown, done))
            rows = [row for row in _failures(path) if row[0] not in ours and Path(named(row[0])).exists()]
            rows += [(shown(file), reason) for file, reason in failures]
            if not rows:
                path.unlink(missing_ok=True)
            else:
                with replacing(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows([("file", "reason"), *rows])


def _failures(path: Path) -> list[tuple[str, str]]:
    """The rows of a table of failures that can be read."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [(row[0], row[1]) for row in csv.reader(file) if len(row) == 2][1:]
    except (OSError, ValueError, csv.Error):  # there is none, or none of ours
        return []
