"""`cvrl-lite embed` and `search`: a folder becomes a table, and a table is searched."""

import json

import numpy as np
import pytest

import cvrl_lite
from cvrl_lite.cli import main
from cvrl_lite.codec import encode
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.pretrained import Embeddings, listing, shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("videos")
    for number, (scene, action) in enumerate((s, a) for s in ("rings", "waves") for a in ("right", "down")):
        encode(moving_scenes.draw(scene, action, number, frames=40), home / f"{scene}-{action}.mp4")
    return home


def test_a_folder_is_embedded_and_searched(folder, tmp_path, capsys):
    out = tmp_path / "new/table.npz"
    assert main(["embed", "joint", str(folder), "--out", str(out), "--per-clip", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["files"], found["features"], found["skipped"]) == (12, 4, 256, {})
    table, again = Embeddings.load(out), cvrl_lite.load("joint").embed(folder, per_clip=True)
    assert np.allclose(table.features, again.features, atol=1e-5) and list(out.parent.iterdir()) == [out]
    words = ["search", "joint", str(folder / "rings-down.mp4"), str(out), "-k", "2", "--part", "context"]
    assert main([*words, "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)
    assert hits[0]["name"] == "rings-down.mp4" and hits[0]["cosine"] > hits[1]["cosine"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("s  rings-down.mp4")


def test_a_file_that_cannot_be_used_is_named_and_the_rest_is_kept(folder, tmp_path, capsys):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    assert (
        main(["embed", "joint", str(tmp_path), "--out", str(tmp_path / "t.parquet"), "--part", "motion"]) == 1
    )
    said = capsys.readouterr()
    assert said.out.endswith("t.parquet: 4 rows of 128 features\n")
    assert said.err.startswith("cvrl-lite: broken.mp4: not used: ") and said.err.count("\n") == 1


def test_bad_use_is_one_line(folder, tmp_path, capsys):
    table = tmp_path / "table.npz"
    table.write_text("no table")
    for words, said in (
        (["embed", "joint", str(folder), "--out", "table.csv"], "--out is a .npz or .parquet file"),
        (["embed", "giant", str(folder), "--out", str(tmp_path / "t.npz")], "giant: not a run's folder"),
        (["embed", "joint", str(tmp_path / "none"), "--out", str(tmp_path / "t.npz")], "none"),
        (["search", "joint", str(folder / "rings-down.mp4"), str(table)], "not a table of embeddings"),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


def test_a_stopped_call_goes_on_from_its_shards(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_ITEMS", 2)
    model = cvrl_lite.load("joint")
    read: list[str] = []
    usual = listing.ItemReader.__getitem__

    def stopped(self, number):
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(self._items[number].name)
        return usual(self, number)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(listing.ItemReader, "__getitem__", stopped)
        model.embed(folder, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1 and len(read) == 3
    read.clear()
    with monkeypatch.context() as patch:
        patch.setattr(listing.ItemReader, "__getitem__", stopped)
        table = model.embed(folder, resume=tmp_path)
    assert read == ["waves-down.mp4", "waves-right.mp4"]  # the first two were kept
    whole = model.embed(folder)
    assert np.allclose(table.features, whole.features, atol=1e-5) and table.file.tolist() == [0, 1, 2, 3]
    cvrl_lite.load("motion").embed(folder, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4  # another network's are its own
