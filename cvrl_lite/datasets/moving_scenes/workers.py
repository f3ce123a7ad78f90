"""Drawing and encoding many clips in several processes."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from cvrl_lite.datasets.moving_scenes.render import draw
from cvrl_lite.files import sha256
from cvrl_lite.processes import map_in_processes, processors

GOP = 12
Job = tuple[str, str, str, str, int]  # file, scene, action, appearance, seed
Result = tuple[str, str, str]  # file, SHA-256 of the pixels, SHA-256 of the file

_WORTH_A_WORKER = 16  # jobs for which another process is worth its start


def render_clips(
    folder: Path,
    jobs: Sequence[Job],
    *,
    bystanders: float,
    preset: str,
    frames: int,
    size: int,
    workers: int | None,
) -> Generator[Result, None, None]:
    """Yields each clip's result as it is finished, in any order.

    Args:
        folder: The set's folder.
        jobs: What to draw.
        bystanders: The share of the sprites that do not take part in the action.
        preset: Effort of the encoder.
        frames: Frames of a clip.
        size: Pixels per side.
        workers: Processes at most; the number of processors if None.

    Raises:
        VideoError: A clip cannot be encoded.
        OSError: It cannot be written.
        ChildProcessError: A process was killed.
    """
    count = min(workers or processors(), -(-len(jobs) // _WORTH_A_WORKER))
    render = partial(
        _render, folder.absolute(), bystanders=bystanders, preset=preset, frames=frames, size=size
    )
    return map_in_processes(render, jobs, count)


def _render(folder: Path, job: Job, *, bystanders: float, preset: str, frames: int, size: int) -> Result:
    from cvrl_lite.codec import encode  # which needs PyAV, as drawing does not

    file, scene, action, appearance, seed = job
    clip = draw(scene, action, seed, appearance=appearance, bystanders=bystanders, frames=frames, size=size)
    path = folder / file
    encode(clip, path, fps=25, gop=GOP, preset=preset)
    return file, hashlib.sha256(clip.tobytes()).hexdigest(), sha256(path)
