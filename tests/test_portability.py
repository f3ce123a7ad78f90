"""What differs between Linux, macOS and Windows: starts of processes, names, drives, encodings, `os`."""

from __future__ import annotations

import ast
import json
import ntpath
import os
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from cvrl_lite import codec, files, folders
from cvrl_lite.codec.extract import targets
from cvrl_lite.datasets import Entry, moving_scenes
from cvrl_lite.files import is_reserved_on_windows, replacing
from cvrl_lite.pretrained import Embeddings
from cvrl_lite.train.data import fingerprint

ROOT = Path(__file__).resolve().parents[1]


def python(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )


# Processes

STARTED = """
import multiprocessing
import torch
from torch.utils.data import DataLoader
from cvrl_lite import train
from cvrl_lite.datasets import FileLoader, SampleConfig, VideoFolder, collate, moving_scenes


def batches(workers):
    sampling = train.recipes.laptop_fast().sampling
    loader = FileLoader(VideoFolder("clips"), sampling, 0, size=32, workers=workers)
    return [(batch.clip, batch.motion, batch.names) for batch in loader.batches(4, 2)]


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    moving_scenes.make("clips", 6, seed=1, workers=1)
    for (clip, motion, names), (other, others, same) in zip(batches(0), batches(1), strict=True):
        assert torch.equal(clip, other) and torch.equal(motion, others) and names == same
    videos = VideoFolder("clips", samples=SampleConfig())
    plain = DataLoader(videos, batch_size=4, num_workers=1, collate_fn=collate)
    assert next(iter(plain)).clip.shape[0] == 4
    print("all is well")
"""


@pytest.mark.slow
def test_spawned_workers_do_the_same(tmp_path: Path) -> None:
    """As macOS and Windows start them; joblib's workers are spawned everywhere."""
    (tmp_path / "script.py").write_text(STARTED, encoding="utf-8")
    run = python("script.py", cwd=tmp_path)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.endswith("all is well\n")


LEFT_ALONE = """
import os, subprocess, sys, time
worker = "import os, time, psutil; from cvrl_lite.processes import end_with_starter; os.name = 'nt'; "
worker += "end_with_starter(); print(os.getpid(), flush=True); time.sleep(60)"
pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # ours would keep the test waiting
child = subprocess.Popen([sys.executable, "-c", worker], **pipes)
print(child.stdout.readline().decode(), flush=True)
"""


def test_a_worker_ends_with_its_starter_where_its_number_stays_known(tmp_path: Path) -> None:
    """As on Windows, which does not give a process whose starter is gone another one."""
    began = time.monotonic()
    number = int(python("-c", LEFT_ALONE, cwd=tmp_path).stdout)
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - began < 40  # it would end by itself after 60
        time.sleep(0.1)
    assert time.monotonic() - began < 50


# What `os` and `signal` have on POSIX alone

ON_POSIX = {
    "os": "sync getuid geteuid getgid getegid fork forkpty setsid killpg getpgid getpgrp mkfifo mknod chown "
    "statvfs sched_getaffinity sched_setaffinity sched_getscheduler sched_setscheduler sched_getparam nice "
    "sysconf posix_fadvise posix_fallocate pread pwrite getloadavg uname",
    "signal": "SIGKILL SIGALRM SIGHUP SIGQUIT SIGUSR1 SIGUSR2 alarm pause setitimer pthread_kill sigwait",
}
COMMANDS = """
import os, signal, sys, warnings
warnings.filterwarnings("error", category=EncodingWarning, module="cvrl_lite")
import av, filelock, joblib.externals.loky, numba, platform, psutil, scipy.stats, sklearn.linear_model
import matplotlib.figure, tempfile, torch, torch.utils.data
if sys.argv[1] == "poor":
    for module, names in ((os, {os!r}), (signal, {signal!r})):
        for name in names.split():
            vars(module).pop(name, None)
    for name in ("fcntl", "grp", "pwd", "resource", "termios"):
        sys.modules[name] = None
from cvrl_lite.cli import main
for line in {lines!r}:
    assert main([os.fsdecode(word.encode()) for word in line]) == 0, ascii(line)  # as a shell passes them
"""
SMALL = ["--recipe", "laptop_fast", "--steps", "2", "--batch", "4"]
LINES = [
    ["scenes", "--out", "größe/画", "--clips", "6", "--frames", "32", "--size", "64"],
    ["inspect", "größe/画/train/00000.mp4"],
    ["extract", "größe", "--out", "数組"],
    ["extract", "größe", "--out", "数組"],
    ["transcode", "größe/画/train/00000.mp4", "--gop", "8", "--out", "kürzer"],
    ["cut", "kürzer", "--seconds", "0.5", "--out", "stück"],
    ["pretrain", "--folder", "größe", *SMALL, "--out", "läufe/eins"],
    ["embed", "läufe/eins", "größe", "--out", "tafel.npz"],
    ["search", "läufe/eins", "größe/画/train/00000.mp4", "tafel.npz"],
    ["course", "kurs ü", "--no-open"],
]


@pytest.mark.slow
@pytest.mark.parametrize("system", ["poor", "of ASCII"])
def test_commands_need_neither_posix_nor_a_locale(system: str, tmp_path: Path) -> None:
    """One run lacks what Windows lacks; the other opens and prints in ASCII unless told an encoding."""
    script = COMMANDS.format(**ON_POSIX, lines=LINES)
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    ascii_ = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    variables = {} if system == "poor" else ascii_
    cache = {"CVRL_CACHE": str(tmp_path / "cache")}
    run = python("-X", "warn_default_encoding", "script.py", system, cwd=tmp_path, **cache, **variables)
    assert run.returncode == 0, run.stdout[-1000:] + run.stderr[-3000:]
    recipe = json.loads((tmp_path / "läufe/eins/recipe.json").read_text(encoding="utf-8"))
    assert os.fsencode(recipe["data"]) == os.fsencode(tmp_path / "größe")


# Encodings


def without_encoding(path: Path) -> Iterator[str]:
    """Calls that open text in whatever encoding the system likes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or any(word.arg == "encoding" for word in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = len(node.args)
        modes = [word.value for word in node.keywords if word.arg == "mode"] + node.args[1:2]
        binary = any(
            re.search(r"'\w*b", ast.unparse(mode)) for mode in modes
        )  # 'rb', or 'ab' if on else 'wb'
        opens = isinstance(node.func, ast.Name) and name == "open" and not binary
        if opens or (name, given) in (("read_text", 0), ("write_text", 1)):
            yield f"{path.name}:{node.lineno}"


def test_text_is_opened_in_an_encoding_that_is_said(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text("open(a)\nopen(a, 'rb')\np.read_text()\np.write_text(t, 'utf-8')\n", encoding="utf-8")
    assert list(without_encoding(sample)) == ["sample.py:1", "sample.py:3"]
    rooms = ("cvrl_lite", "examples", "tools", "benchmarks", "experiments", "tests")
    found = [
        line for room in rooms for path in (ROOT / room).rglob("*.py") for line in without_encoding(path)
    ]
    assert found == []


# Names


@pytest.mark.parametrize("name", ["nul", "COM1.mp4", "lpt9.tar.gz", "10:30", "a/con/b.mp4", "ends. ", "a\nb"])
def test_names_that_windows_keeps_are_known(name: str) -> None:
    assert is_reserved_on_windows(PureWindowsPath(name)) and is_reserved_on_windows(PurePosixPath(name))


@pytest.mark.parametrize(
    "name", ["C:\\videos\\a.mp4", "..\\com10.mp4", "\\\\host\\share\\nullable", ".hidden", "."]
)
def test_names_that_windows_takes_are_taken(name: str) -> None:
    assert not is_reserved_on_windows(PureWindowsPath(name))


def test_nothing_is_written_under_a_name_that_means_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`10:30.npz` would be a stream inside a file `10`, which no listing shows."""
    monkeypatch.setattr(files, "sys", SimpleNamespace(platform="win32"))
    with pytest.raises(OSError, match=r"no name for a file on Windows: '.*10:30\.npz'"):
        codec.extract(files.data_path("sample.mp4"), tmp_path / "10:30.npz")
    assert not list(tmp_path.iterdir())
    with replacing(tmp_path / "10.30.npz") as part:
        part.touch()
    assert (tmp_path / "10.30.npz").is_file()


def test_one_file_in_two_spellings_is_read_once(tmp_path: Path) -> None:
    """A second link stands in for a system that does not tell the spellings apart."""
    for name in ("a.mp4", "B.mp4"):
        (tmp_path / name).touch()
    if not (tmp_path / "A.mp4").exists():
        os.link(tmp_path / "a.mp4", tmp_path / "A.mp4")
    sources = [tmp_path / "a.mp4", tmp_path / "A.mp4", tmp_path / "B.mp4"]
    found = targets(sources, Path("out"), lambda path: f"{path.stem}.npz")
    assert [path.name for path, _ in found] == ["a.mp4", "B.mp4"]


def test_tracked_names_can_be_checked_out_anywhere() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = listed.decode("utf-8").split("\0")[:-1]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(names)
    assert [name for name in names if is_reserved_on_windows(PurePosixPath(name)) or len(name) > 100] == []


def test_files_on_two_drives_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way leads from C: to D:, neither for a query and a table nor within a set."""
    monkeypatch.setattr(folders, "os", SimpleNamespace(path=ntpath, sep="\\"))
    assert folders.name_below("C:\\videos\\a\\1.mp4", "C:\\videos") == "a/1.mp4"
    assert folders.name_below("D:\\1.mp4", "C:\\videos") == "D:/1.mp4"
    assert folders.common_folder(["C:\\v\\a\\1.mp4", "C:\\v\\2.mp4"]) == "C:\\v"
    assert folders.common_folder(["C:\\v\\1.mp4", "D:\\v\\2.mp4"]) == ""
    assert folders.name_below("D:\\v\\2.mp4", "") == "D:/v/2.mp4"


def test_a_table_and_a_set_over_two_drives_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_way(*_: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    moving_scenes.make(tmp_path, 2, seed=0, frames=8, size=32, workers=1)
    paths = sorted(tmp_path.rglob("*.mp4"))
    table = Embeddings.from_arrays(np.eye(2, 4), {"way": np.array([0, 1])}, {"way": ("up", "down")})
    table = replace(table, names=np.array([path.name for path in paths]), folder=str(tmp_path / "train"))
    assert table.rows_of(paths[0]).tolist() == [True, False]
    monkeypatch.setattr(folders, "os", SimpleNamespace(path=SimpleNamespace(**vars(os.path)), sep=os.sep))
    monkeypatch.setattr(folders.os.path, "relpath", no_way)
    monkeypatch.setattr(folders.os.path, "commonpath", no_way)
    assert not table.rows_of(paths[0]).any()
    assert fingerprint([Entry(path, path.name, {}) for path in paths]).startswith("2 files, names ")
