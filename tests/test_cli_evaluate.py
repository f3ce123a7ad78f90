"""`cvrl-lite evaluate`: every protocol on the shipped network and a small set."""

import json

import pytest

from cvrl_lite import data_path, scenes
from cvrl_lite.cli import main


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    scenes.make(folder, 50, seed=6)
    return str(folder)


NETWORK = str(data_path("checkpoints/joint.safetensors"))


def judged(capsys, root, *words) -> dict:
    assert main(["evaluate", NETWORK, "--root", root, "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_retrieval_prints_shares_with_their_interval_and_draws_neighbours(root, tmp_path, capsys):
    found = judged(capsys, root, "--neighbours", str(tmp_path / "figures/near.png"))
    assert list(found) == ["scene", "action"]
    for row in found.values():
        assert list(row) == ["R@1", "R@5", "R@10", "R@20", "R@1 interval"]
        shares = [row[f"R@{k}"] for k in (1, 5, 10, 20)]
        assert shares == sorted(shares) and shares[-1] > 0.5
        low, high = row["R@1 interval"]
        assert 0 <= low <= row["R@1"] <= high <= 1
    assert (tmp_path / "figures/near.png").stat().st_size > 20_000


def test_linear_and_finetune(root, capsys):
    assert 0 < judged(capsys, root, "--protocol", "linear", "--split", "test")["action"]["linear"] <= 1
    words = ("--protocol", "finetune", "--label", "action", "--steps", "3", "--clips", "1")
    found = judged(capsys, root, *words)
    assert list(found) == ["action"] and 0 <= found["action"]["finetuned"] <= 1


def test_what_cannot_be_asked_is_said_in_one_line(root, tmp_path, capsys):
    for words, said in (
        (["--protocol", "finetune", "--label", "mood"], "--label is one of scene, action; got mood"),
        (["--protocol", "linear", "--neighbours", "x.png"], "--neighbours belongs to --protocol retrieval"),
        (["--split", "tomorrow"], "holds no split named 'tomorrow'"),
    ):
        assert main(["evaluate", NETWORK, "--root", root, *words]) == 2
        assert said in capsys.readouterr().err
