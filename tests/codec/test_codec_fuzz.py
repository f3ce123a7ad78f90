"""Three hundred of the fuzzer's mutations, and that it would notice what it looks for (see fuzz.py)."""

import random
import sys

import fuzz
import pytest

from cvrl_lite.cli import main

SOME = 300


def test_sound_files_are_read_alike_by_every_door(tmp_path):
    fuzz.make_clips(tmp_path)
    for name in fuzz.CLIPS:
        assert fuzz.examine(tmp_path / name, 1) == {"raise": "whole", "kept": "all", "differs": ""}


def test_mutations_follow_their_seed(tmp_path):
    fuzz.make_clips(tmp_path)
    assert fuzz.mutation(tmp_path, 7) == fuzz.mutation(tmp_path, 7) != fuzz.mutation(tmp_path, 8)
    changed = [fuzz.mutate(bytes(range(256)) * 9, random.Random(i))[0] for i in range(40)]
    assert len(set(changed)) > 35


def test_some_mutations():
    """A few for `make check`."""
    assert fuzz.run(20, 900_000, loud=False) == []


@pytest.mark.parametrize("mutations", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_the_shell_says_a_line_for_each_file_it_cannot_read(tmp_path, capfd, mutations):
    """Mutations and the plainest kinds of bad input, by the commands that read videos."""
    fuzz.make_clips(tmp_path)
    files = []
    for seed in range(mutations):
        name, data, _ = fuzz.mutation(tmp_path, seed)
        files.append((f"{seed}-{name}", data))
    whole = (tmp_path / "b.mp4").read_bytes()
    files += [("empty.mp4", b""), ("text.mkv", b"Just a letter.\n" * 90), ("zeros.avi", bytes(5000))]
    files += [("cut.mp4", whole[: len(whole) // 2]), ("header.mp4", whole[:40]), ("whole.mp4", whole)]
    files += [("cut.avi", (tmp_path / "old.avi").read_bytes()[:6000])]
    for name, data in files:
        path = tmp_path / name
        path.write_bytes(data)
        capfd.readouterr()
        for command in (["inspect", str(path)], ["extract", str(path), "--out", str(tmp_path / "out")]):
            code, told = main(command), capfd.readouterr()
            complaints = [line for line in told.err.splitlines() if line.startswith("cvrl-lite: ")]
            assert code in (0, 1, 2) and "Traceback" not in told.out + told.err, (name, command, told.err)
            assert len(complaints) == (code != 0), (name, command, told.err)
            assert all(name in line for line in complaints)
            assert not list(tmp_path.glob("out/.*")) and (name != "whole.mp4" or code == 0)
    missing = [str(tmp_path / "none.mp4"), str(tmp_path)]
    assert main(["inspect", *missing]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 2


@pytest.mark.slow
def test_many_mutations():
    assert fuzz.run(SOME, 1_000_000, loud=False) == []


def test_a_damaged_frame_is_the_same_at_each_reading():
    """Mutations whose concealed frames once held whatever lay in FFmpeg's buffers."""
    assert fuzz.run(1, 5445, loud=False) == []


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("os.abort()", "died"),
        pytest.param("time.sleep(60)", "silent", marks=pytest.mark.slow),
        ("{}['other']", "KeyError"),
        ("held.append(bytearray(60 << 20))", "memory grew"),
    ],
)
def test_faults_are_noticed(tmp_path, monkeypatch, does, words):
    """Workers that do at mutation 65 what they must not."""
    if "memory" in words and sys.platform != "linux":
        pytest.skip("memory is read from /proc")
    script = tmp_path / "worker.py"
    script.write_text(
        "import os, sys, time\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(fuzz.Path(fuzz.__file__).parent)!r})\n"
        "import fuzz\nheld = []\n"
        "def examine(path, seed):\n"
        f"    if seed == 65:\n        {does}\n"
        "    return {'raise': 'whole', 'kept': 'all', 'differs': ''}\n"
        "fuzz.examine = examine\n"
        "fuzz.work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(fuzz, "__file__", str(script))
    faults = fuzz.run(70, 0, silence=15 if words == "silent" else 60, loud=False)
    assert [fault["seed"] for fault in faults] == [65] and words in faults[0]["fault"]
