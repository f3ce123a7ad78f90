"""`extract` and `transcode` over many files: what they write, what they keep, and what a stop leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.parallel import ThreadingBackend

from cvrl_lite import CompressedVideo
from cvrl_lite.cli import main
from cvrl_lite.codec import load
from cvrl_lite.codec.extract import targets
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 4, seed=1, workers=1)
    return sorted(root.rglob("*.mp4"))


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


def shell(*words, folder, code=""):
    """Runs the command line in a process of its own, in another folder, after some lines of Python."""
    code += "; import sys; from cvrl_lite.cli import main; raise SystemExit(main(sys.argv[1:]))"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", f"pass{code}", *map(str, words)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_extract_writes_what_the_doors_give(clips, tmp_path, capsys):
    words = ["extract", str(clips[0]), "--out", str(tmp_path), "--what", "keyframes,motion,residuals"]
    assert main(words) == 0
    (written,) = tmp_path.iterdir()
    assert str(written) in capsys.readouterr().out
    found = load(written)
    with CompressedVideo(clips[0]) as video:
        keys, motion, residuals = video.keyframes(), video.motion(), video.residuals()
        assert np.array_equal(found.times, video.times)
        raw = motion.vectors.nbytes
    for ours, theirs in ((keys, found.keyframes), (motion, found.motion), (residuals, found.residuals)):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert main([*words[:-1], "motion"]) == 0 and written.stat().st_size < raw
    before = written.stat().st_mtime_ns
    assert main([*words[:-1], "motion"]) == 0  # it is there
    assert written.stat().st_mtime_ns == before and "as it was" in capsys.readouterr().out
    assert main([*words[:-1], "sound"]) == 2


@pytest.mark.parametrize("more", [[], pytest.param(["--workers", "2"], marks=pytest.mark.slow)])
def test_extract_reads_folders_and_lists_failures(clips, tmp_path, capsys, more):
    for place, clip in zip(("a", "b/c"), clips, strict=False):
        (tmp_path / "in" / place).mkdir(parents=True)
        shutil.copy(clip, tmp_path / "in" / place / "same.mp4")
    (tmp_path / "in/text.mp4").write_text("no video", encoding="utf-8")
    words = ["extract", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *more]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out.count("same.mp4.npz") == 2 and one_line(err)
    assert (tmp_path / "out/b/c/same.mp4.npz").exists()
    assert "text.mp4" in (tmp_path / "out/failures.csv").read_text(encoding="utf-8")
    (tmp_path / "in/text.mp4").unlink()
    assert main(words) == 0 and not (tmp_path / "out/failures.csv").exists()
    clash = [str(tmp_path / "in" / place / "same.mp4") for place in ("a", "b/c")]
    assert main(["extract", *clash, "--out", str(tmp_path / "other")]) == 2  # would fall on one another


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False])
def test_extract_on_a_dask_cluster_from_a_shell(clips, tmp_path, own):
    """A cluster of its own or a running one, whose workers have another folder than the shell."""
    distributed = pytest.importorskip("distributed")
    for clip in clips[:3]:
        shutil.copy(clip, tmp_path)
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    words = ["extract", ".", "--out", "out", "--backend", "dask"]
    if own:
        run = shell(*words, "--workers", "2", folder=tmp_path)
    else:
        how = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
        with distributed.LocalCluster(**how) as cluster:
            run = shell(*words, "--scheduler", cluster.scheduler_address, folder=tmp_path)
    assert run.returncode == 1 and one_line(run.stderr) and "text.mp4" in run.stderr
    assert run.stdout.split() == sorted(f"out/{clip.name}.npz" for clip in clips[:3])
    assert len(list((tmp_path / "out").glob("*.npz"))) == 3


def test_ray_is_registered_or_said_to_be_missing(clips, tmp_path, capsys, monkeypatch):
    words = ["extract", str(clips[0]), "--out", str(tmp_path), "--backend", "ray"]
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(words) == 2
    err = capsys.readouterr().err
    assert one_line(err) and "pip install ray" in err

    def register_ray():
        joblib.register_parallel_backend("ray", ThreadingBackend)

    stand_in = types.SimpleNamespace(register_ray=register_ray)
    for name, module in (("ray", None), ("ray.util", None), ("ray.util.joblib", stand_in)):
        monkeypatch.setitem(sys.modules, name, module or types.ModuleType(name))
    monkeypatch.setattr("joblib.parallel.BACKENDS", joblib.parallel.BACKENDS.copy())
    assert main(words) == 0 and len(list(tmp_path.glob("*.npz"))) == 1


@pytest.mark.parametrize("more", [["--backend", "foo"], ["--scheduler", "tcp://127.0.0.1:1"]])
def test_a_backend_that_is_none_is_one_line(clips, tmp_path, capsys, more):
    assert main(["extract", str(clips[0]), "--out", str(tmp_path), *more]) == 2
    assert one_line(capsys.readouterr().err)


def test_extract_makes_a_broken_file_again(clips, tmp_path, capsys):
    words = ["extract", str(clips[0]), "--out", str(tmp_path), "--what", "motion"]
    assert main(words) == 0
    (written,) = tmp_path.iterdir()
    good = written.read_bytes()
    for at in (42, len(good) // 2, len(good) - 30):
        written.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        assert main(words) == 0 and not capsys.readouterr().err
        assert len(load(written).motion.mask) == 40


def test_transcode_changes_the_gop_and_never_the_source(clips, tmp_path, capsys):
    assert main(["transcode", str(clips[0]), "--out", str(tmp_path), "--gop", "8", "--short-side", "64"]) == 0
    capsys.readouterr()
    assert main(["inspect", "--json", str(tmp_path / clips[0].name)]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["gop_lengths"], found["height"]) == ([8] * 5, 64)
    before = clips[0].read_bytes()
    assert main(["transcode", str(clips[0]), "--out", str(clips[0].parent)]) == 2
    assert "over itself" in capsys.readouterr().err and clips[0].read_bytes() == before


def test_transcode_is_kept_only_where_source_and_settings_are_the_same(clips, tmp_path, capsys):
    source = tmp_path / "in/a.mp4"
    source.parent.mkdir()
    shutil.copy(clips[0], source)
    words = ["transcode", str(source), "--out", str(tmp_path / "out")]

    def kept(*more):
        assert main([*words, *more]) == 0
        return "as it was" in capsys.readouterr().out

    def gops():
        with CompressedVideo(tmp_path / "out/a.mp4") as video:
            return video.info.gop_lengths

    assert not kept() and kept() and gops() == (12, 12, 12, 4)
    assert not kept("--gop", "8") and kept("--gop", "8") and gops() == (8,) * 5
    for more in (["--crf", "30"], ["--short-side", "64"], ["--codec", "hevc"]):
        assert not kept(*more) and kept(*more)
    assert not kept() and kept()
    state = source.stat()
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns - 10**9))  # older than the target as before
    assert not kept() and kept()
    shutil.copy(clips[1], source)
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns - 10**9))
    assert not kept() and kept()
    (tmp_path / "out/a.mp4").write_text("broken", encoding="utf-8")
    assert not kept() and gops() == (12, 12, 12, 4)


@pytest.mark.parametrize(
    ("words", "said"), [("--gop 0", "gop is at least 1, not 0"), ("--crf 99", "crf is 0 to 51, not 99")]
)
def test_transcode_refuses_what_no_encoder_can(clips, tmp_path, capsys, words, said):
    assert main(["transcode", str(clips[0]), "--out", str(tmp_path), *words.split()]) == 2
    err = capsys.readouterr().err
    assert one_line(err) and said in err and not list(tmp_path.iterdir())


def test_transcode_to_mpeg4_is_kept_and_takes_no_rate_factor(clips, tmp_path, capsys):
    words = ["transcode", str(clips[0]), "--out", str(tmp_path), "--codec", "mpeg4"]
    assert main([*words, "--crf", "30"]) == 2
    err = capsys.readouterr().err
    assert one_line(err) and "mpeg4" in err
    assert main(words) == 0 and main(words) == 0
    assert "as it was" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["extract", "transcode"])
def test_what_is_below_out_is_no_source(clips, tmp_path, capsys, command):
    shutil.copy(clips[0], tmp_path / "a.mp4")
    (tmp_path / "short").mkdir()
    shutil.copy(clips[1], tmp_path / "short/b.mp4")  # as an earlier transcode would have written
    words = [command, str(tmp_path), "--out", str(tmp_path / "short/new")]
    assert main(words) == 0 and len(capsys.readouterr().out.splitlines()) == 2
    words = [command, str(tmp_path), "--out", str(tmp_path / "short")]
    for _ in range(2):
        assert main(words) == 0 and len(capsys.readouterr().out.splitlines()) == 1
    assert main([command, str(tmp_path / "short/b.mp4"), "--out", str(tmp_path / "short/own")]) == 0


KILLED_AT_THE_END = "; import os, signal; os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(("command", "ending"), [("extract", ".mp4.npz"), ("transcode", ".mp4")])
def test_a_kill_leaves_nothing_that_looks_whole(clips, tmp_path, capsys, monkeypatch, command, ending):
    """Killed just before a file gets its name, the command leaves one that no scan takes for a video."""
    for clip, name in zip(clips, "ab", strict=False):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / f"in/{name}.mp4")
    words = [command, "in", "--out", "out"]
    run = shell(*words, folder=tmp_path, code=KILLED_AT_THE_END)
    assert run.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "out").iterdir()
    assert left.name.startswith(f".a{ending}.") and left.suffix == ".partial"
    assert not targets([tmp_path / "out"], tmp_path / "further", lambda path: path.name)
    monkeypatch.chdir(tmp_path)
    assert main(words) == 0
    assert capsys.readouterr().out.split() == [f"out/a{ending}", f"out/b{ending}"]
    assert not left.exists()
    if command == "extract":
        assert len(load(f"out/a{ending}").motion.mask) == 40
    else:
        with CompressedVideo(f"out/a{ending}") as video:
            assert video.info.frames == 40
