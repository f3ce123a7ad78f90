"""`cvrl-lite evaluate`: every protocol on the shipped network and a small set."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from cvrl_lite import data_path, train
from cvrl_lite.cli import judging, main, parser
from cvrl_lite.codec import encode
from cvrl_lite.datasets import moving_scenes


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    moving_scenes.make(folder, 50, seed=6)
    return str(folder)


NETWORK = str(data_path("checkpoints/joint.safetensors"))


def one_line(text: str) -> bool:
    return text.startswith("cvrl-lite") and text.count("\n") == 1


def judged(capsys, root, *words) -> dict:
    assert main(["evaluate", NETWORK, "--root", root, "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_retrieval_prints_shares_with_their_interval_and_draws_neighbors(root, tmp_path, capsys):
    found = judged(capsys, root, "--neighbors", str(tmp_path / "figures/near.png"))
    assert list(found) == ["scene", "action"]
    for row in found.values():
        assert list(row) == ["R@1", "R@5", "R@10", "R@20", "R@1 interval"]
        shares = [row[f"R@{k}"] for k in (1, 5, 10, 20)]
        assert shares == sorted(shares) and shares[-1] > 0.5
        low, high = row["R@1 interval"]
        assert 0 <= low <= row["R@1"] <= high <= 1
    assert (tmp_path / "figures/near.png").stat().st_size > 20_000


def test_linear_and_finetune(root, capsys):
    for row in judged(capsys, root, "--protocol", "linear", "--split", "test").values():
        assert list(row) == ["linear", "interval"]
        assert 0 <= row["interval"][0] <= row["linear"] <= row["interval"][1] <= 1
    words = ("--protocol", "finetune", "--label", "action", "--steps", "3", "--clips", "1")
    found = judged(capsys, root, *words)
    assert list(found) == ["action"] and 0 <= found["action"]["finetuned"] <= 1


def test_a_picture_that_cannot_be_drawn_costs_no_score_of_the_label_asked_for(root, tmp_path, capsys):
    words = ["--label", "action", "--clips", "1", "--json", "--neighbors", str(tmp_path / "near.xyz")]
    assert main(["evaluate", NETWORK, "--root", root, *words]) == 2
    said = capsys.readouterr()
    assert list(json.loads(said.out)) == ["action"]
    assert one_line(said.err) and f"--neighbors {tmp_path / 'near.xyz'}: Format 'xyz' is not" in said.err


def test_a_label_of_one_class_is_left_out(root, tmp_path, capsys):
    shutil.copytree(root, tmp_path / "set")
    index = tmp_path / "set/index.csv"
    index.write_text(re.sub(r"(?m)^(train/\d+\.mp4,train),\w+", r"\1,bricks", index.read_text()))
    with pytest.warns(UserWarning, match="^scene: not judged: the training videos show one class alone$"):
        words = "--protocol", "linear", "--clips", "1"
        assert list(judged(capsys, str(tmp_path / "set"), *words)) == ["action"]
    with pytest.warns(UserWarning, match="^scene: "):
        assert main(["evaluate", NETWORK, "--root", str(tmp_path / "set"), *words, "--label", "scene"]) == 2
    assert capsys.readouterr().err == "cvrl-lite: no label can be judged: scene\n"


def test_a_warning_is_one_line():
    """In a process of its own, as pytest keeps warnings to itself."""
    code = (
        "import warnings; from cvrl_lite.cli import main, reading\n"
        "reading._doctor = lambda _: warnings.warn('one\\n  two') or 0\n"
        "raise SystemExit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "cvrl-lite: one two\n")


def test_finetuning_lists_what_is_too_short_and_goes_on(tmp_path, capsys):
    moving_scenes.make(tmp_path, 50, seed=6)
    short = [next((tmp_path / split).glob("*.mp4")) for split in ("train", "val")]
    for file in short:
        encode(moving_scenes.draw("rings", "right", 1, frames=6), file)
    for file in (list((tmp_path / split).glob("*.mp4"))[1] for split in ("train", "val")):
        encode(
            moving_scenes.draw("rings", "right", 2, frames=30), file, codec="vp9"
        )  # has no vectors, needs none
    words = ["--protocol", "finetune", "--label", "action", "--steps", "2", "--clips", "1", "--json"]
    assert main(["evaluate", NETWORK, "--root", str(tmp_path), *words]) == 1
    said = capsys.readouterr()
    assert 0 <= json.loads(said.out)["action"]["finetuned"] <= 1
    lines = [line for line in said.err.splitlines() if "not used" in line]
    assert lines == [f"cvrl-lite: {file}: not used: shorter than a clip of 0.56 s" for file in short]


def test_the_papers_backbones_are_finetuned_as_released():
    def schedule(recipe, *words):
        return judging._schedule(parser().parse_args(["evaluate", "run", *words]), recipe, 3570)

    recipe = train.recipes.ucf101_r2plus1d26()
    assert schedule(recipe, "--data", "ucf101") == train.released(3570)
    assert schedule(recipe, "--data", "hmdb51") == train.released(3570, dataset="hmdb51")
    other = schedule(recipe.replace(augmentation={"size": 64}), "--steps", "7", "--clips", "2")
    assert (other.steps, other.test_clips, other.augmentation.size) == (7, 2, 64)
    ours = schedule(train.recipes.laptop())
    assert (ours.steps, ours.test_clips, ours.optimization.method) == (200, 3, "adamw")


def test_what_cannot_be_asked_is_said_in_one_line(root, tmp_path, capsys):
    for words, said in (
        (["--protocol", "finetune", "--label", "mood"], "label is one of scene, action; got mood"),
        (["--protocol", "linear", "--neighbors", "x.png"], "--neighbors belongs to --protocol retrieval"),
        (["--protocol", "linear", "--label", "mood"], "label is one of scene, action; got mood"),
        (["--label", "scene", "--steps", "5"], "--steps belongs to --protocol finetune"),
        (["--protocol", "finetune", "--workers", "2"], "--workers belongs to --protocol retrieval or linear"),
        (["--protocol", "finetune", "--steps", "-1"], "--steps: wanted a whole number of at least 1, got -1"),
        (["--clips", "0"], "--clips: wanted a whole number of at least 1, got 0"),
        (["--split", "train"], "--split train is what is searched, or trained on"),
        (["--split", "tomorrow"], "holds no split named 'tomorrow'"),
        (["--data", str(tmp_path)], f"kinetics; got {tmp_path} (a folder has no splits"),
    ):
        assert main(["evaluate", NETWORK, "--root", root, *words]) == 2
        out, err = capsys.readouterr()
        assert said in err and one_line(err) and not out
