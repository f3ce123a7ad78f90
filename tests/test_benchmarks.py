"""What the benchmarks rest on: the C program reads what the package reads, and known motion is right."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes import draw

sys.path.insert(0, str(ROOT / "benchmarks"))
from known import known_motion
from limit import Limit
from timing import Missing


def test_the_c_program_reads_what_the_package_reads():
    path = data_path("sample.mp4")
    try:
        program = Limit()
    except Missing as error:
        pytest.skip(str(error))
    with CompressedVideo(path) as video:
        keys, motion = video.keyframes(), video.motion()
    read = program.run("read", path)
    assert read.frames == len(motion.mask)
    assert read.facts["converted"] == program.run("keys", path).frames == len(keys.indices)
    assert read.facts["cells"] == motion.mask.sum()


@pytest.mark.slow
def test_training_is_timed_without_pyav():
    """A training on batches made elsewhere imports no PyAV; the figures are printed as tables."""
    script = (
        "import sys\n"
        "sys.modules['av'] = None\n"  # an import of it fails
        f"sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "sys.argv = ['train.py', 'step', 'loss', 'checkpoint', '--fast']\n"
        "import train\n"
        "train.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    # Which of them is measured, and on a busy machine not the same each time.
    assert ("bfloat16 is left out" in done.stdout) != ("| bfloat16 |" in done.stdout)
    assert "| 32 | blocks |" in done.stdout


@pytest.mark.slow
def test_the_gpu_benchmark_runs_from_one_packed_file_without_pyav(tmp_path):
    random = np.random.default_rng(0)
    for label in "AB":
        for group in (8, 9, 10, 22):
            frames = random.integers(0, 256, (50, 1, 1, 3)) + np.zeros((1, 64, 80, 1))
            folder = tmp_path / "clips" / label
            folder.mkdir(parents=True, exist_ok=True)
            encode(frames.astype(np.uint8), folder / f"v_{label}_g{group:02}_c01.mp4")
    packed, out = tmp_path / "packed.npz", tmp_path / "gpu.json"
    words = [sys.executable, ROOT / "benchmarks/pack.py", tmp_path / "clips", packed]
    subprocess.run(words, check=True, capture_output=True)
    script = (
        "import sys\n"
        "sys.modules['av'] = None\n"  # an import of it fails
        f"sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        f"sys.argv = ['gpu.py', {str(packed)!r}, '--fast', '--out', {str(out)!r}, '--stages', 'machine',\n"
        "    'references', 'train', 'laptop', 'distributed', 'loss', 'hours']\n"
        "import gpu\n"
        "gpu.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text(encoding="utf-8"))
    assert not [stage for stage, value in found.items() if str(value).startswith("failed")], found
    assert found["distributed"]["alone"] == pytest.approx(found["distributed"]["one_rank"], rel=1e-3)
    assert found["distributed"]["gather_gradient_equal"]
    assert found["train"]["steps"] == 2 and found["train"]["trained"]["queries"] == 2


@pytest.mark.parametrize("action", ["clockwise", "shake"])
def test_known_motion_leads_to_the_same_pixels(action):
    frames, size = 12, 112
    images = draw("bricks", action, 5, frames=frames, size=size).astype(int)
    back, moving, still = known_motion(action, 5, frames, size)
    assert moving[1:].mean() > 0.05
    # A quarter-pixel shift filters the frame, a whole one copies it.
    t, y, x = np.nonzero(moving & (back % 1 == 0).all(1))
    assert len(t) > 500
    dx, dy = back[t, :, y, x].astype(int).T
    error = np.abs(images[t, y, x] - images[t - 1, y + dy, x + dx]).mean(1)
    assert np.mean(error == 0) > 0.95  # a shadow may fall on the rest
    t, y, x = np.nonzero(still)
    assert np.array_equal(images[t, y, x], images[t - 1, y, x])


@pytest.mark.slow
def test_copies_are_compared_with_their_originals(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (60, 1, 1, 3)) + np.zeros((1, 64, 80, 1))
    encode(frames.astype(np.uint8), tmp_path / "film.avi", codec="mpeg4", gop=60)
    command = [sys.executable, ROOT / "benchmarks/copies.py", tmp_path, "--fast"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "film.avi: GOP 60 -> 12, 25.00 fps" in done.stdout
