"""Three hundred of the fuzzer's mutations, and that it would notice what it looks for (see fuzz.py)."""

import random
import sys

import fuzz
import pytest

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


@pytest.mark.slow
def test_many_mutations(capsys):
    assert fuzz.run(SOME, 1_000_000) == []
    told = capsys.readouterr().out
    differing = [line for line in told.splitlines() if "differ" in line]
    assert sum(int(line.split()[0]) for line in differing) < 0.03 * SOME, told


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
        "fuzz.work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))\n"
    )
    monkeypatch.setattr(fuzz, "__file__", str(script))
    faults = fuzz.run(70, 0, silence=15 if words == "silent" else 60, loud=False)
    assert [fault["seed"] for fault in faults] == [65] and words in faults[0]["fault"]
