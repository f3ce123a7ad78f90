"""What the commands print: to nobody, to a reader that goes away, in a locale that knows no other letters."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvrl_lite.cli import main
from cvrl_lite.codec import encode, load
from cvrl_lite.progress import note, track

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "cvrl_lite.cli"]
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Six clips and a file that is none."""
    folder = tmp_path_factory.mktemp("clips") / "in"
    for name in "abcdef":
        encode(np.zeros((14, 32, 32, 3), np.uint8), folder / f"{name}.mp4")
    return folder


def started(*words, **more) -> subprocess.Popen:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    more["env"] = os.environ | {"PYTHONPATH": paths} | more.get("env", {})
    return subprocess.Popen([*COMMAND, *map(str, words)], text=True, **more)


def end_of(process: subprocess.Popen) -> tuple[int, str]:
    """The exit code, and what was printed to stderr."""
    try:
        _, err = process.communicate(timeout=60) if process.stderr else (None, "")
        return process.wait(60), err
    finally:
        process.kill()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("lines", [0, 1])
def test_extract_finishes_its_work_where_its_reader_goes_away(clips, tmp_path, workers, lines):
    process = started("extract", clips, "--out", tmp_path / "out", "--workers", workers)
    for _ in range(lines):
        assert process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert end_of(process) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n}.mp4.npz" for n in "abcdef"]


def test_what_fails_is_told_by_the_exit_code_without_any_reader(clips, tmp_path):
    shutil.copytree(clips, tmp_path / "in")
    (tmp_path / "in/aa.mp4").write_text("no video", encoding="utf-8")
    process = started("transcode", tmp_path / "in", "--out", tmp_path / "out")
    process.stdout.close()
    process.stderr.close()
    process.stdout = process.stderr = None
    assert end_of(process) == (1, "")
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 6


@pytest.mark.parametrize("words", [["inspect"], ["inspect", "--json"], ["doctor"]])
def test_what_only_prints_looks_at_every_file_all_the_same(clips, tmp_path, words):
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    files = [*[clips / "a.mp4"] * 50, tmp_path / "text.mp4"] if "inspect" in words else []
    process = started(*words, *files)
    process.stdout.close()
    process.stdout = None
    code, err = end_of(process)
    assert (code, err.count("\n")) == ((1, 1) if files else (0, 0))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("words", [["inspect"], ["extract", "--out", "out"]])
def test_a_full_disk_below_stdout_is_one_line(clips, tmp_path, words):
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, err = end_of(started(*words, clips / "a.mp4", stdout=full, cwd=tmp_path))
    assert code == 2 and err.startswith("cvrl-lite: ") and err.count("\n") == 1 and "No space left" in err


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(clips, tmp_path, closed):
    """Nor does any byte that is written, though the first file opened would get the number of a stream."""
    shutil.copytree(clips, tmp_path / "in")
    (tmp_path / "in/aa.mp4").write_text("no video", encoding="utf-8")
    for command in ("extract", "transcode"):
        found = []
        for name, how in (("open", ""), ("closed", closed)):
            words = [*COMMAND, command, "in", "--out", f"{command}-{name}"]
            run = subprocess.run(
                ["sh", "-c", f'exec "$@" {how}', "sh", *words],
                capture_output=True,
                cwd=tmp_path,
                timeout=60,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
            assert run.returncode == 1 and run.stderr.count(b"\n") == ("2>" not in how)
            files = sorted((tmp_path / f"{command}-{name}").iterdir())
            found.append({file.name: file.read_bytes() for file in files if file.suffix == ".mp4"})
            assert len(files) == 7
        assert found[0] == found[1]
    assert all(load(file).motion is not None for file in tmp_path.glob("extract-closed/*.npz"))


@POSIX
def test_results_go_nowhere_where_stdout_is_closed(clips):
    run = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "inspect", str(clips / "a.mp4"), "absent.mp4"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 1 and run.stderr == "cvrl-lite: absent.mp4: No such file or directory\n"


@pytest.mark.parametrize("state", ["none", "closed"])
def test_no_bar_and_no_note_without_stderr(monkeypatch, tmp_path, capsys, state):
    if state == "none":
        monkeypatch.setattr(sys, "stderr", None)
    else:
        with open(tmp_path / "log", "w", encoding="utf-8") as log:
            monkeypatch.setattr(sys, "stderr", log)
    assert list(track([1, 2], "counting")) == [1, 2]
    note("a fault")
    assert capsys.readouterr().out == ""


LOCALES = [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}]


@POSIX
@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 on this system")
@pytest.mark.parametrize("env", LOCALES)
@pytest.mark.parametrize("raw", [b"caf\xe9.mp4", "ü語😀.mp4".encode(), b"a\nb.mp4"])
def test_any_name_is_printed_in_any_locale(clips, tmp_path, env, raw):
    name = tmp_path / os.fsdecode(raw)
    shutil.copy(clips / "a.mp4", name)
    (tmp_path / os.fsdecode(b"no" + raw)).write_text("no video", encoding="utf-8")
    for workers in (1, 2):
        run = started("extract", tmp_path, "--out", tmp_path / f"{workers}", "--workers", workers, env=env)
        out, err = run.communicate(timeout=60)
        assert run.returncode == 1 and out.isascii() and err.isascii()
        assert out.count("\n") == err.count("\n") == 1 and "no video format" in err
        assert load(tmp_path / f"{workers}" / f"{name.name}.npz").header["file"]
        assert (tmp_path / f"{workers}/failures.csv").read_text(encoding="utf-8").count("\n") == 2
    run = started("inspect", "--json", name, env=env)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0 and not err
    assert os.fsencode(json.loads(out)[0]["file"]) == os.fsencode(name) or env is LOCALES[0]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_batch_that_cannot_print_says_one_line(clips, tmp_path):
    command = [*COMMAND, "extract", clips, "--out", tmp_path / "out", "--workers", "2"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    assert run.returncode == 2
    assert run.stderr == "cvrl-lite: standard output: No space left on device\n"


@POSIX
@pytest.mark.parametrize("name", ["pipe.png", "opened.png"])
def test_no_figure_takes_the_place_of_a_pipe_or_an_open_file(name, clips, tmp_path, capsys):
    place = tmp_path / name
    if name == "pipe.png":
        os.mkfifo(place)
        reason = "is a pipe, not a file"
    elif sys.platform == "linux":
        place.symlink_to(f"/proc/{os.getpid()}/status")  # as /dev/stdout is one
        reason = "is an open file of a process, not a name to write to"
    else:
        pytest.skip("no /proc")
    assert main(["inspect", str(clips / "a.mp4"), "--plot", str(place)]) == 2
    assert capsys.readouterr().err == f"cvrl-lite: {place}: {reason}\n"
    assert (place.is_fifo() or place.is_symlink()) and os.listdir(tmp_path) == [name]
