"""`cvrl-lite finetune` keeps a classifier, and `predict` names files with it."""

import csv
import io
import json

import pytest

from cvrl_lite import data_path
from cvrl_lite.cli import main
from cvrl_lite.codec import encode
from cvrl_lite.datasets import moving_scenes

NETWORK = str(data_path("checkpoints/motion.safetensors"))


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    for action in ("right", "clockwise"):
        (folder / action).mkdir()
        for source in range(6):
            frames = moving_scenes.draw("rings", action, 10 * source, frames=30)
            encode(frames, folder / action / f"{action}{source}.mp4")
    return folder


@pytest.fixture(scope="module")
def kept(mine, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "classifier"
    assert main(["finetune", NETWORK, "--folder", str(mine), "--out", str(out), "--steps", "30"]) == 0
    return out


def test_a_kept_classifier_names_files_as_text_csv_and_json(kept, mine, capsys):
    assert main(["predict", str(kept), str(mine), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["file", "label", "p(clockwise)", "p(right)"] and len(rows) == 12
    for row in rows:
        assert float(row["p(clockwise)"]) + float(row["p(right)"]) == pytest.approx(1, abs=1e-5)
        assert row["label"] == max(("clockwise", "right"), key=lambda name: float(row[f"p({name})"]))
    assert sum(row["file"].startswith(row["label"]) for row in rows) >= 10  # it was trained on them
    assert main(["predict", str(kept), str(mine / "right"), "--json", "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["skipped"] == {} and set(found["class"]) == {f"right{n}.mp4" for n in range(6)}
    assert set(found["class"]["right0.mp4"]["probabilities"]) == {"clockwise", "right"}
    assert main(["predict", str(kept), str(mine / "right/right0.mp4")]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["file", "class", "probability"]
    name, label, share = row.split()
    assert head.index("class") == row.rindex(label) and head.index("probability") == row.index(share)
    assert name == "right0.mp4" and label in ("clockwise", "right") and 0.5 <= float(share) <= 1


def test_one_folder_keeps_one_classifier(kept, mine, capsys):
    """Again, it goes on where it was, which is its end; another network does not overwrite it."""
    words = ["--folder", str(mine), "--out", str(kept), "--steps", "30"]
    before = (kept / "classifier.safetensors").read_bytes()
    assert main(["finetune", NETWORK, *words]) == 0
    assert (kept / "classifier.safetensors").read_bytes() == before
    assert main(["finetune", "context", *words]) == 2
    assert main(["finetune", NETWORK, *words[:-1], "20"]) == 2
    assert capsys.readouterr().err.count("holds another run") == 2
    assert (kept / "classifier.safetensors").read_bytes() == before


def test_what_is_held_out_judges(mine, tmp_path, capsys):
    words = ["finetune", NETWORK, "--folder", str(mine), "--holdout", ".5", "--steps", "2", "--json"]
    assert main([*words, "--out", str(tmp_path / "a"), "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trained_on"], found["queries"], found["sources"], found["chance"]) == (6, 6, 6, 0.5)
    assert found["interval"][0] <= found["share"] <= found["interval"][1]
    assert (found["label"], found["classes"]) == ("class", ["clockwise", "right"])


def test_files_that_cannot_be_read_are_named(kept, mine, tmp_path, capsys):
    (tmp_path / "broken.mp4").write_text("no video", encoding="utf-8")
    (tmp_path / "fine.mp4").symlink_to(mine / "right/right0.mp4")
    assert main(["predict", str(kept), str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith("fine.mp4  ") and said.err.startswith(
        "cvrl-lite: broken.mp4: not used: "
    )
    (tmp_path / "fine.mp4").unlink()
    assert main(["predict", str(kept), str(tmp_path)]) == 2
    assert "no file can be used" in capsys.readouterr().err
    assert main(["predict", str(tmp_path), str(mine)]) == 2
    assert "a classifier needs this file" in capsys.readouterr().err


def test_which_label_has_to_be_said_where_there_are_several(tmp_path, capsys):
    moving_scenes.make(tmp_path / "set", 50, seed=6)
    words = ["finetune", NETWORK, "--root", str(tmp_path / "set"), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "--label is one of scene, action" in capsys.readouterr().err
    assert main([*words, "--label", "mood"]) == 2
    assert "label is one of scene, action; got mood" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
