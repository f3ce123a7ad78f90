"""Commands that turn many files into many others: extract, transcode."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.codec import extract, transcode
from cvrl_lite.codec.extract import WHAT, targets
from cvrl_lite.errors import VideoError
from cvrl_lite.progress import track

Job = Callable[[Path, Path], bool]


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
        "Encode again with short GOPs and no B-frames, as training likes it.",
        "cvrl-lite transcode videos/ --out short/ --short-side 128 --workers 4",
    )
    _add_batch(made)
    made.add_argument("--gop", type=int, default=12, help="frames from one key frame to the next")
    made.add_argument("--short-side", type=int, help="scale to this many pixels on the shorter side")
    made.add_argument("--codec", default="h264", help="h264, mpeg4 ... (default: %(default)s)")
    made.add_argument("--crf", type=float, default=20, help="quality, 0 to 51 (default: %(default)s)")


def _add_batch(made: argparse.ArgumentParser) -> None:
    made.add_argument("sources", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    made.add_argument("--out", type=Path, required=True, help="folder of the new files; sub-folders are kept")
    made.add_argument("--workers", type=int, default=1, help="files read at a time (default: %(default)s)")
    made.add_argument("--backend", help="joblib's: loky, dask, ray ... (default: processes here)")


def _extract(arguments: argparse.Namespace) -> int:
    what: Any = arguments.what.split(",")
    job = partial(extract, what=what, direction=arguments.direction)
    return _batch(arguments, job, lambda path: f"{path.name}.npz", "extracting")


def _transcode(arguments: argparse.Namespace) -> int:
    settings = {
        "gop": arguments.gop,
        "short_side": arguments.short_side,
        "codec": arguments.codec,
        "crf": arguments.crf,
    }
    suffix = ".avi" if arguments.codec == "mpeg4" else ".mp4"
    job = partial(_transcoded, settings=settings)
    return _batch(arguments, job, lambda path: f"{path.stem}{suffix}", "transcoding")


def _transcoded(source: Path, target: Path, settings: dict[str, Any]) -> bool:
    """Encodes one file again unless a later one is there."""
    if target.exists() and target.samefile(source):
        raise VideoError(source, "would be written over itself; choose another --out")
    if target.exists() and source.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
        return False
    transcode(source, target, **settings)
    return True


def _done(job: Job, source: Path, target: Path) -> tuple[Path, Path, bool, str]:
    """Runs in a worker: what was done, or why not."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return source, target, job(source, target), ""
    except (VideoError, OSError) as error:
        return source, target, False, " ".join(str(error).split())


def _batch(arguments: argparse.Namespace, job: Job, name: Callable[[Path], str], description: str) -> int:
    """Runs a job on every file, prints what was written, and lists failures in `failures.csv`."""
    import joblib

    pairs = targets(arguments.sources, arguments.out, name)
    if not pairs:
        raise ValueError("no video is there")
    if arguments.workers < 1:
        raise ValueError(f"--workers is at least 1, not {arguments.workers}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = {"backend": arguments.backend} if arguments.backend else {}
    with joblib.parallel_config(**chosen, n_jobs=arguments.workers):
        work = joblib.Parallel(return_as="generator" if not arguments.backend else "list")(
            joblib.delayed(_done)(job, source, target) for source, target in pairs
        )
    failures = []
    for source, target, written, reason in track(work, description, len(pairs)):
        if reason:
            failures.append((source, reason))
            print(f"cvrl-lite: {reason}", file=sys.stderr)
        else:
            print(target if written else f"{target} (as it was)")
    _report(arguments.out / "failures.csv", failures)
    return 0 if not failures else 2 if len(failures) == len(pairs) else 1


def _report(path: Path, failures: Sequence[tuple[Path, str]]) -> None:
    """A table of failures, or none where there are none."""
    path.unlink(missing_ok=True)
    if failures:
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("file", "reason"))
            table.writerows(failures)
