"""`cvrl-lite evaluate`: every protocol on the shipped network and a small set."""

import dataclasses
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
    assert (found["gallery"], found["queries"], found["sources"], found["skipped"]) == (36, 6, 6, {})
    assert list(found["scores"]) == ["scene", "action"]
    for parts in found["scores"].values():
        assert list(parts) == ["whole", "context", "motion"]
        for row in parts.values():
            names = [f"R@{k}" for k in (1, 5, 10, 20)]
            assert list(row)[:5] == [*names, "linear"] and "1 label a class" in row
            shares = [row[name]["share"] for name in names]
            assert shares == sorted(shares)
            chances = [row[name]["chance"] for name in names]
            assert chances == sorted(chances) and 0 < chances[0] < chances[-1] < 1
            for score in row.values():
                low, high = score["interval"]
                assert 0 <= low <= score["share"] <= high <= 1 and 0 <= score["untrained"] <= 1
    assert (tmp_path / "figures/near.png").stat().st_size > 20_000


def test_linear_and_finetune(root, capsys):
    for parts in judged(capsys, root, "--protocol", "linear", "--split", "test")["scores"].values():
        assert [list(row) for row in parts.values()] == [["linear"]] * 3
    words = ("--protocol", "finetune", "--label", "action", "--steps", "3", "--clips", "1")
    found = judged(capsys, root, *words)["scores"]
    assert list(found) == ["action"] and 0 <= found["action"]["whole"]["finetuned"]["share"] <= 1


def test_a_picture_that_cannot_be_drawn_costs_no_score_of_the_label_asked_for(root, tmp_path, capsys):
    words = ["--label", "action", "--clips", "1", "--json", "--neighbors", str(tmp_path / "near.xyz")]
    assert main(["evaluate", NETWORK, "--root", root, *words]) == 2
    said = capsys.readouterr()
    assert list(json.loads(said.out)["scores"]) == ["action"]
    assert one_line(said.err) and f"--neighbors {tmp_path / 'near.xyz'}: Format 'xyz' is not" in said.err


def test_a_label_of_one_class_is_left_out(root, tmp_path, capsys):
    shutil.copytree(root, tmp_path / "set")
    index = tmp_path / "set/index.csv"
    index.write_text(
        re.sub(r"(?m)^(train/\d+\.mp4,train),\w+", r"\1,bricks", index.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    with pytest.warns(UserWarning, match="^scene: no probe: the training videos show one class alone$"):
        words = "--protocol", "linear", "--clips", "1"
        assert list(judged(capsys, str(tmp_path / "set"), *words)["scores"]) == ["action"]
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
    assert 0 <= json.loads(said.out)["scores"]["action"]["whole"]["finetuned"]["share"] <= 1
    lines = [line for line in said.err.splitlines() if "not used" in line]
    assert lines == [f"cvrl-lite: {file}: not used: shorter than a clip of 0.56 s" for file in short]


def test_the_papers_backbones_are_finetuned_as_released():
    def schedule(recipe, *words):
        return judging.finetuning_for(recipe, 3570, parser().parse_args(["evaluate", "run", *words]))

    recipe = train.recipes.ucf101_r2plus1d26()
    squares = {"decoded_size": recipe.decoded_size}
    assert schedule(recipe, "--data", "ucf101") == dataclasses.replace(train.released(3570), **squares)
    assert schedule(recipe, "--data", "hmdb51") == dataclasses.replace(
        train.released(3570, dataset="hmdb51"), **squares
    )
    other = schedule(recipe.replace(augmentation={"size": 64}), "--steps", "7", "--clips", "2")
    assert (other.steps, other.test_clips, other.augmentation.size) == (7, 2, 64)
    ours = schedule(train.recipes.laptop())
    assert (ours.steps, ours.test_clips, ours.optimization.method) == (200, 3, "adamw")


def test_what_cannot_be_asked_is_said_in_one_line(root, tmp_path, capsys):
    for words, said in (
        (["--protocol", "finetune", "--label", "mood"], "label is one of scene, action; got mood"),
        (
            ["--protocol", "linear", "--neighbors", "x.png"],
            "--neighbors belongs to --protocol all or retrieval",
        ),
        (["--protocol", "linear", "--label", "mood"], "label is one of scene, action; got mood"),
        (["--label", "scene", "--steps", "5"], "--steps belongs to --protocol finetune"),
        (
            ["--protocol", "finetune", "--steps", "-1"],
            "--steps: expected a whole number of at least 1, got -1",
        ),
        (["--clips", "0"], "--clips: expected a whole number of at least 1, got 0"),
        (["--split", "train"], "--split train is what is searched, or trained on"),
        (["--split", "tomorrow"], "holds no split named 'tomorrow'"),
        (["--data", str(tmp_path)], f"kinetics; got {tmp_path} (for a folder: --folder)"),
        (["--fold", "2"], "--fold belongs to --data ucf101 or hmdb51"),
        (["--source", "x"], "--source belongs to --folder"),
        (["--folder", str(tmp_path)], "--root belongs to --data"),
        (["--holdout", "1"], "--holdout: expected a share above 0 and below 1, got 1"),
    ):
        assert main(["evaluate", NETWORK, "--root", root, *words]) == 2
        out, err = capsys.readouterr()
        assert said in err and one_line(err) and not out


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Two classes in sub-folders, of six sources each; two clips a source."""
    folder = tmp_path_factory.mktemp("mine")
    for action in ("right", "down"):
        (folder / action).mkdir()
        for source in range(6):
            for clip in range(2):
                frames = moving_scenes.draw("rings", action, 10 * source + clip, frames=30)
                encode(frames, folder / action / f"{action}{source}_clip{clip}.mp4")
    return folder


def test_a_folder_of_ones_own_is_split_by_source(mine, tmp_path, capsys):
    words = ["evaluate", NETWORK, "--folder", str(mine), "--source", "[a-z]+[0-9]+_", "--clips", "1"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["gallery"], found["queries"], found["sources"]) == (16, 8, 4)  # .3 of six is two
    row = found["scores"]["class"]["motion"]
    few = ["1 label a class", "2 labels a class", "5 labels a class"]
    assert list(row) == ["R@1", "R@5", "R@10", "linear", *few]
    assert row["R@1"]["chance"] == 0.5 and row["linear"]["chance"] == 0.5
    assert main([*words, "--holdout", ".5"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("12 held-out files (6 sources), 12 files to search or train on\n")
    assert re.search(r"class  motion +R@1 +[01]\.\d{3}  0\.\d{3} to [01]\.\d{3}", text)
    table = tmp_path / "labels.csv"
    files = sorted(file.relative_to(mine) for file in mine.rglob("*.mp4"))
    table.write_text(
        "file,half\n" + "".join(f"{file},{n % 2}\n" for n, file in enumerate(files)), encoding="utf-8"
    )
    assert main([*words, "--labels", str(table), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["scores"]) == ["half"]
    assert main([*words[:2], "--folder", str(mine / "right")]) == 2
    assert "has no labels: put each class into a sub-folder" in capsys.readouterr().err
