"""Few open files: a job goes on with them, or says in one line that it cannot; it never waits for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cvrl_lite.datasets import moving_scenes
from cvrl_lite.processes import check_handles

resource = pytest.importorskip("resource", reason="this system has no such limit")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 6, seed=1, workers=1)
    return root


def run(handles: int, *words, code: str = "", timeout: float = 60) -> tuple[int, str, str]:
    """Runs Python where so many files can be opened besides the standard streams."""
    how = ["-c", code] if code else ["-m", "cvrl_lite.cli"]
    done = subprocess.run(
        [sys.executable, *how, *map(str, words)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (handles + 3,) * 2),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout, done.stderr


def one_line(text: str) -> bool:
    return text.startswith("cvrl-lite: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize("handles", [3, 21])
def test_inspect_needs_few(clips, handles):
    code, out, err = run(handles, "inspect", *sorted(clips.rglob("*.mp4")))
    assert (code, err) == (0, "") and out.count("codec") == 6


@pytest.mark.parametrize("handles", [8, 11, 14, 21, 32])
def test_extract_starts_workers_only_where_they_can_work(clips, tmp_path, handles):
    code, out, err = run(handles, "extract", clips, "--out", tmp_path, "--workers", 2)
    if handles < 32:
        assert code == 2 and not out and one_line(err)
        assert "2 workers need 32 open files" in err or "Too many open files" in err
    else:
        assert (code, err) == (0, "") and len(out.splitlines()) == 6


def test_it_is_no_fault_of_the_files(clips, tmp_path):
    """The first one ends the job; the others would only say the same."""
    code, out, err = run(6, "extract", clips, "--out", tmp_path)
    assert code == 2 and not out and one_line(err) and "Too many open files" in err


SAMPLER = """
import os, resource, sys
from cvrl_lite.datasets import FileLoader, MovingScenes, ClipSampling
held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for number in held[len(held) - int(sys.argv[2]):]:
    os.close(number)
how = {"size": 32, "cells": 4, "residuals": True, "workers": int(sys.argv[3])}
videos = MovingScenes("train", sys.argv[1])
sampler = FileLoader(videos, ClipSampling(), 0, **how)
print(sum(len(batch.names) for batch in sampler.batches(4, 12)))
"""


@pytest.mark.parametrize(("workers", "handles"), [(1, 24), (2, 32)])
def test_batches_come_with_as_few_as_are_asked_for(clips, workers, handles):
    code, out, err = run(1021, clips, handles, workers, code=SAMPLER)
    assert (code, out) == (0, "48\n"), err


def test_batches_are_refused_with_fewer(clips):
    code, _, err = run(1021, clips, 31, 2, code=SAMPLER)
    assert code == 1 and "OSError: 2 workers need 32 open files, and the system allows 31 more" in err


def test_a_limit_that_may_be_raised_is_raised():
    code = "from cvrl_lite.processes import check_handles; check_handles(6)"
    soft = (
        f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (30, r.getrlimit(r.RLIMIT_NOFILE)[1])); {code}"
    )
    assert run(200, code=soft)[0] == 0
    status, _, err = run(30, code=code)
    assert status == 1 and "6 workers need 64 open files" in err
    check_handles(0)
