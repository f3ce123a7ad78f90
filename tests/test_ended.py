"""Processes that are ended, their workers with them or before them; and two that do the same at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import parallel_data
import psutil
import pytest

from cvrl_lite import datasets, files, train
from cvrl_lite.cli import main
from cvrl_lite.datasets import ClipSampling, FileLoader, moving_scenes
from cvrl_lite.train.checkpoint import Folder, read_checkpoint

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 6, seed=1, workers=1)
    return root


@pytest.fixture(scope="module")
def many(clips, tmp_path_factory):
    """More files than a command reads before the test has looked."""
    root = tmp_path_factory.mktemp("many")
    for number in range(300):
        shutil.copy(next(clips.rglob("*.mp4")), root / f"{number}.mp4")
    return root


def start(*words: object, code: str = "from cvrl_lite.cli import main; raise SystemExit(main(sys.argv[1:]))"):
    """A process of its own group, whose output is read through pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; {code}", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )


def until(process: subprocess.Popen[str], there) -> list[psutil.Process]:
    """The children of a process once something is there."""
    began = time.monotonic()
    while process.poll() is None and not there() and time.monotonic() - began < 90:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()[1][-2000:]
    return psutil.Process(process.pid).children(recursive=True)


def ended(process: subprocess.Popen[str], children: list[psutil.Process]) -> tuple[int, str]:
    """Code and error output; what a process leaves behind holds its pipes, and so would be waited for."""
    try:
        error = process.communicate(timeout=45)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    _, left = psutil.wait_procs(children, timeout=5)
    assert not left
    return process.returncode, error


KILLED = "cvrl-lite: a worker was killed, for want of memory most likely; what is written is kept: "
KILLED += "run again, with fewer workers\n"
ENDINGS = {
    "SIGTERM": (143, "cvrl-lite: terminated\n"),
    "SIGINT": (130, "cvrl-lite: interrupted\n"),
    "killed worker": (2, KILLED),
}


def end(how: str, whom: str, process: subprocess.Popen[str], children: list[psutil.Process]) -> None:
    if how == "killed worker":
        next(c for c in children if "LokyProcess" in " ".join(c.cmdline())).kill()
    elif whom == "group":
        os.killpg(process.pid, getattr(signal, how))
    else:
        process.send_signal(getattr(signal, how))


@pytest.mark.slow
@pytest.mark.parametrize(("how", "whom"), [("SIGTERM", "one"), ("SIGTERM", "group"), ("killed worker", "")])
@pytest.mark.parametrize("command", ["extract", "scenes"])
def test_a_command_with_workers(command, how, whom, many, tmp_path):
    words = [str(many), "--workers", "2"] if command != "scenes" else ["--clips", "400"]
    process = start(command, *words, "--out", tmp_path / "out")
    children = until(process, lambda: any((tmp_path / "out").rglob("*.mp4*")))
    end(how, whom, process, children)
    assert ended(process, children) == ENDINGS[how]
    if command == "extract":
        assert not list((tmp_path / "out").glob(".*"))


STARTS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
class Finder:
    def find_spec(name, *_):
        if name == "numpy":
            signal.raise_signal(getattr(signal, sys.argv[1]))
sys.meta_path.insert(0, Finder)
from cvrl_lite.cli import main
raise SystemExit(main(["extract", "none", "--out", sys.argv[2]]))
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_a_command_that_is_still_starting(how, tmp_path):
    assert ended(start(how, tmp_path / "out", code=f"exec({STARTS!r})"), []) == ENDINGS[how]


@pytest.mark.slow
@pytest.mark.parametrize(("how", "whom"), [("SIGTERM", "group"), ("SIGINT", "group")])
def test_a_training_with_workers_saves_and_stops(how, whom, clips, tmp_path):
    words = ["pretrain", "--recipe", "laptop_fast", "--folder", clips, "--out", tmp_path / "run"]
    words += ["--set", "precision=float32"]  # else it says which one it tries
    process = start(*words, "--set", "in_memory=false", "--batch", "4", "--steps", "4000", "--workers", "2")
    metrics = tmp_path / "run/metrics.jsonl"
    children = until(process, lambda: metrics.exists() and metrics.stat().st_size)
    end(how, whom, process, children)
    assert ended(process, children) == (ENDINGS[how][0], "")
    steps = json.loads(metrics.read_text(encoding="utf-8").splitlines()[-1])["step"]
    assert (tmp_path / f"run/step-{steps:08d}.pt").exists()
    assert read_checkpoint(tmp_path / "run")[1].steps == 4000


@pytest.mark.slow
def test_processes_of_torchrun_save_and_stop_with_their_workers(clips, tmp_path):
    run = "from torch.distributed.run import main; main()"
    words = [
        "--standalone",
        "--local-addr=127.0.0.1",
        "--nproc-per-node=2",
        "-m",
        "cvrl_lite.cli",
        "pretrain",
    ]
    words += ["--recipe", "laptop_fast", "--folder", clips, "--out", tmp_path / "run", "--batch", "4"]
    process = start(*words, "--set", "in_memory=false", "--steps", "4000", "--workers", "1", code=run)
    metrics = tmp_path / "run/metrics.jsonl"
    children = until(process, lambda: metrics.exists() and metrics.stat().st_size)
    end("SIGTERM", "group", process, children)
    _, error = ended(process, children)  # torchrun itself ends with a trace and a code of its own
    assert "DataLoader" not in error
    steps = json.loads(metrics.read_text(encoding="utf-8").splitlines()[-1])["step"]
    assert (tmp_path / f"run/step-{steps:08d}.pt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_that_has_not_begun(workers, many, tmp_path):
    words = ["pretrain", "--recipe", "laptop_fast", "--folder", many, "--out", tmp_path / "run"]
    words += ["--set", f"in_memory={workers == 0}"]
    process = start(*words, "--batch", "4", "--workers", workers)
    children = until(process, (tmp_path / "run").exists)
    time.sleep(0.5)
    end("SIGTERM", "group", process, children := psutil.Process(process.pid).children())
    assert ended(process, children) == ENDINGS["SIGTERM"]


def test_a_killed_worker_of_a_loader_is_told_in_one_line(clips):
    sampler = FileLoader(datasets.VideoFolder(clips), ClipSampling(), 0, size=32, cells=4, workers=1)
    before = set(psutil.Process().children())
    with pytest.raises(ChildProcessError, match=r"a worker was killed, .* with fewer workers$"):
        for _ in sampler.batches(2, 1000):
            for worker in set(psutil.Process().children()) - before:
                worker.kill()


FORKS = """
import os, time
from cvrl_lite.processes import begin_worker
if (child := os.fork()) == 0:
    begin_worker()
    print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_worker_outlives_a_signal_to_all_but_not_its_starter():
    process = start(code=f"exec({FORKS!r})")
    worker = psutil.Process(int(process.stdout.readline()))
    for number in (signal.SIGINT, signal.SIGTERM):
        worker.send_signal(number)
    time.sleep(0.2)
    assert worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE
    process.kill()
    assert process.communicate(timeout=20) == ("", "")  # its end of the pipe is closed, too


def test_only_one_trains_into_a_folder(tmp_path):
    recipe = parallel_data.RECIPES["all"].replace(steps=2)
    with Folder(tmp_path / "run").claimed(), pytest.raises(BlockingIOError) as said:
        train.pretrain(recipe, tmp_path / "run", parallel_data.data())
    assert said.value.filename == str(tmp_path / "run")
    assert train.pretrain(recipe, tmp_path / "run", parallel_data.data()).steps == 2
    assert not (tmp_path / "run/.lock").exists()


def test_a_second_training_is_one_line_and_2(clips, tmp_path, capsys):
    words = ["pretrain", "--recipe", "laptop_fast", "--folder", str(clips), "--out", str(tmp_path)]
    with Folder(tmp_path).claimed():
        assert main(words) == 2
    assert capsys.readouterr().err == f"cvrl-lite: {tmp_path}: another process is writing it\n"
    assert not list(tmp_path.iterdir())


def test_who_waits_for_another_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    order, inside = [], threading.Event()

    def first():
        with files.alone(tmp_path / ".lock", tmp_path):
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    waiting = f"^{tmp_path}: waiting for another process"
    with pytest.warns(UserWarning, match=waiting), files.alone(tmp_path / ".lock", tmp_path):
        order.append("second")
    thread.join()
    assert order == ["first", "second"] and not list(tmp_path.iterdir())


def test_a_lock_that_a_killed_process_left_is_free(tmp_path):
    holds = "from cvrl_lite.files import alone; from pathlib import Path; import time\n"
    holds += "with alone(Path(sys.argv[1]), Path('x')): print('held', flush=True); time.sleep(60)"
    process = start(tmp_path / "lock", code=f"exec({holds!r})")
    assert process.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError), files.alone(tmp_path / "lock", tmp_path, wait=False):
        pass
    process.kill()
    process.communicate()
    assert (tmp_path / "lock").exists()
    with files.alone(tmp_path / "lock", tmp_path, wait=False):
        pass


@pytest.mark.parametrize("where", ["file/lock", "/proc/none/lock"])
def test_where_there_can_be_no_lock_there_is_none(where, tmp_path):
    (tmp_path / "file").touch()
    with files.alone(tmp_path / where, tmp_path):
        done = True
    assert done


def test_two_make_one_set(tmp_path):
    make = "from cvrl_lite.datasets import moving_scenes\n"
    make += "made = moving_scenes.make(sys.argv[1], 24, frames=6, size=48, workers=1)\n"
    make += "import hashlib; print(hashlib.sha256(repr(made).encode()).hexdigest())"
    both = [start(tmp_path / "set", code=f"exec({make!r})") for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert said[0] == said[1] and said[0][1] == ""
    assert moving_scenes.make(tmp_path / "set", 24, frames=6, size=48) == moving_scenes.read_index(
        tmp_path / "set"
    )
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == [
        "index.csv",
        "set.json",
        "test",
        "train",
        "val",
    ]


def test_two_batches_into_one_folder_do_each_file_once(clips, tmp_path):
    sources = sorted(clips.rglob("*.mp4"))[:3]
    both = [start("extract", *sources, "--out", tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0] and not any(error for _, error in said)
    made = sorted(str(tmp_path / f"{source.name}.npz") for source in sources)
    lines = sorted("".join(out for out, _ in said).splitlines())
    assert lines == sorted([*made, *(f"{path} (as it was)" for path in made)])
    assert sorted(map(str, tmp_path.iterdir())) == made


def test_failures_of_another_batch_stay_in_the_table(clips, tmp_path, capsys):
    broken, good = tmp_path / "broken.mp4", next(clips.rglob("*.mp4"))
    broken.write_text("no video", encoding="utf-8")
    out = ["--out", str(tmp_path / "out")]
    assert main(["extract", str(broken), *out]) == 2 and main(["extract", str(good), *out]) == 0
    assert str(broken) in (tmp_path / "out/failures.csv").read_text(encoding="utf-8")
    shutil.copy(good, broken)
    assert main(["extract", str(broken), *out]) == 0 and not (tmp_path / "out/failures.csv").exists()
