"""Drawing and encoding many clips in several processes.

The processes are plain Python interpreters that are told their jobs by standard input. Unlike those of
`multiprocessing` they never load the caller's main module again, so a notebook, a test or a script
without a `__main__` guard can start them, and nothing of a running training is forked.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from cvrl_lite.datasets.moving_scenes.render import draw
from cvrl_lite.errors import VideoError, one_line
from cvrl_lite.files import sha256
from cvrl_lite.processes import WORKER_KILLED, begin_worker, check_handles

GOP = 12
Job = tuple[str, str, str, str, int]  # file, scene, action, appearance, seed
Result = tuple[str, str, str]  # file, SHA-256 of the pixels, SHA-256 of the file

_PROGRAM = "from cvrl_lite.datasets.moving_scenes.workers import _serve; _serve()"
_ENOUGH = 16  # jobs for which another process is worth its start


def _one(folder: Path, job: Job, bystanders: float, preset: str, frames: int, size: int) -> Result:
    from cvrl_lite.codec import encode  # which needs PyAV, as drawing does not

    file, scene, action, appearance, seed = job
    clip = draw(scene, action, seed, appearance=appearance, bystanders=bystanders, frames=frames, size=size)
    path = folder / file
    encode(clip, path, fps=25, gop=GOP, preset=preset)
    return file, hashlib.sha256(clip.tobytes()).hexdigest(), sha256(path)


def finished(
    folder: Path,
    jobs: Sequence[Job],
    *,
    bystanders: float,
    preset: str,
    frames: int,
    size: int,
    workers: int | None,
) -> Iterator[Result]:
    """Yields each clip's result as it is finished, in any order.

    Args:
        folder: The set's folder.
        jobs: What to draw.
        bystanders: The share of the sprites that do not take part in the action.
        preset: Effort of the encoder.
        frames: Frames of a clip.
        size: Pixels a side.
        workers: Processes at most; the number of processors where None.

    Raises:
        VideoError: A clip cannot be made, or written.
        ChildProcessError: A process was killed.
    """
    wanted = workers or os.cpu_count() or 1
    count = min(wanted, -(-len(jobs) // _ENOUGH))
    if count < 2:
        for job in jobs:
            yield _one(folder, job, bystanders, preset, frames, size)
        return
    check_handles(count)
    package = str(Path(__file__).resolve().parents[3])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    results: SimpleQueue[Result | None] = SimpleQueue()
    started: list[subprocess.Popen[str]] = []
    try:
        for number in range(count):
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": paths},
            )
            started.append(process)
            order = {
                "folder": str(folder.resolve()),
                "bystanders": bystanders,
                "preset": preset,
                "frames": frames,
                "size": size,
                "jobs": jobs[number::count],
            }
            Thread(target=_attend, args=(process, json.dumps(order), results), daemon=True).start()
        for _ in range(len(jobs) + count):
            if (result := results.get()) is not None:
                yield result
            elif failed := next((p for p in started if p.poll()), None):
                if failed.returncode < 0:
                    raise ChildProcessError(WORKER_KILLED)
                last = failed.stderr.read().strip().splitlines()[-1:] if failed.stderr else []
                raise VideoError(folder, "a clip could not be made: " + "".join(last))
    finally:
        for process in started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()


def _attend(process: subprocess.Popen[str], order: str, results: SimpleQueue[Result | None]) -> None:
    """Gives a process its jobs and passes on its results, then None once it has ended."""
    assert process.stdin and process.stdout
    try:
        process.stdin.write(order)
        process.stdin.close()
        for line in process.stdout:
            file, pixels, contents = json.loads(line)
            results.put((file, pixels, contents))
    except (OSError, ValueError):
        pass  # it died; its exit code tells
    process.wait()
    results.put(None)


def _serve() -> None:
    """The program of one process: jobs from standard input, a line for each result."""
    begin_worker()
    try:
        order = json.load(sys.stdin)
        folder, how = (
            Path(order["folder"]),
            [order[name] for name in ("bystanders", "preset", "frames", "size")],
        )
        for job in order["jobs"]:
            print(json.dumps(_one(folder, tuple(job), *how)), flush=True)
    except (VideoError, OSError) as error:
        sys.exit(one_line(error))
