"""`cvrl-lite embed` and `search`: a folder becomes a table, and a table is searched."""

import json

import numpy as np
import pytest

import cvrl_lite
from cvrl_lite.cli import main
from cvrl_lite.codec import encode
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.pretrained import Embeddings, shards


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
    query = str(folder / "rings-down.mp4")
    words = ["search", "joint", query, str(out), "-k", "2", "--part", "context"]
    assert main([*words, "--include-query", "--json"]) == 0
    itself, other = json.loads(capsys.readouterr().out)
    assert itself["name"] == "rings-down.mp4" and itself["cosine"] > other["cosine"]
    assert main(words) == 0
    head, first, _, left_out = capsys.readouterr().out.splitlines()
    assert head.split() == ["cosine", "start", "stop", "file"]
    assert head.index("file") == first.index(other["name"])
    assert left_out == f"left out, as it is the query itself: {query} (--include-query)"
    assert main([*words, "--include-query"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("s  rings-down.mp4")


def test_the_query_is_known_by_any_path_that_leads_to_it(folder, tmp_path):
    model = cvrl_lite.load("joint")
    table = model.embed(folder)
    (tmp_path / "link.mp4").symlink_to(folder / "rings-down.mp4")
    (tmp_path / "rings-down.mp4").write_bytes((folder / "rings-down.mp4").read_bytes())  # another file
    for query, found in (("link.mp4", 3), ("rings-down.mp4", 4)):
        assert len(model.search(tmp_path / query, table)) == found
    table.save(tmp_path / "table.npz")
    assert model.search(folder / "rings-down.mp4", tmp_path / "table.npz") == model.search(
        folder / "rings-down.mp4", table
    )


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
    table.write_text("no table", encoding="utf-8")
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
    batches: list[int] = []

    def stop(_, clips):
        if batches:
            raise KeyboardInterrupt
        batches.append(len(clips[0]))

    watching = model.backbone.register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        model.embed(folder, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1 and len(batches) == 1
    batches.clear()
    table = model.embed(folder, resume=tmp_path)  # of two shards one is kept, so one batch is left
    assert len(batches) == 1
    watching.remove()
    whole = model.embed(folder)
    assert np.allclose(table.features, whole.features, atol=1e-5) and table.file.tolist() == [0, 1, 2, 3]
    cvrl_lite.load("motion").embed(folder, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4  # another network's are its own


def same(one: Embeddings, other: Embeddings) -> bool:
    return (
        np.allclose(one.features, other.features, atol=1e-5)
        and one.names.tolist() == other.names.tolist()
        and one.file.tolist() == other.file.tolist()
        and (one.skipped, one.network) == (other.skipped, other.network)
    )


@pytest.mark.slow
def test_processes_of_joblib_make_the_same_table(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_ITEMS", 2)
    model = cvrl_lite.load("joint")
    whole = model.embed(folder)
    assert same(model.embed(folder, backend="loky", workers=2), whole)
    assert same(model.embed(folder, backend="loky", workers=2, resume=tmp_path), whole)
    times = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert len(times) == 2
    next(iter(times)).unlink()
    assert same(model.embed(folder, resume=tmp_path), whole)  # one is made again, the other is taken
    kept = list(times)[1]
    assert kept.stat().st_mtime_ns == times[kept] and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError, match="a scheduler belongs to the backend dask"):
        model.embed(folder, scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False])
def test_embed_on_a_dask_cluster(folder, tmp_path, own, capsys):
    """A cluster of its own or a running one; a file that cannot be used is listed all the same."""
    distributed = pytest.importorskip("distributed")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    out = tmp_path / "out/table.npz"
    words = ["embed", "joint", str(tmp_path), "--out", str(out), "--backend", "dask"]
    if own:
        assert main([*words, "--workers", "2"]) == 1
    else:
        how = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
        with distributed.LocalCluster(**how) as cluster:
            assert main([*words, "--scheduler", cluster.scheduler_address]) == 1
    assert "text.mp4: not used" in capsys.readouterr().err
    assert same(Embeddings.load(out), cvrl_lite.load("joint").embed(tmp_path))
    assert list(out.parent.iterdir()) == [out]


IN_PIECES = """
import sys
import cvrl_lite
from cvrl_lite.pretrained import shards
from cvrl_lite.train.distributed import is_first

shards._ITEMS = 1
folder, out = sys.argv[1:]
table = cvrl_lite.load("joint").embed(folder, resume=out)
assert len(table) == 4  # in each process
if is_first():
    table.save(out + ".npz")
"""


@pytest.mark.slow
def test_processes_of_torchrun_share_the_shards_and_go_on(folder, tmp_path):
    from test_parallel import torchrun

    (script := tmp_path / "in_pieces.py").write_text(IN_PIECES, encoding="utf-8")
    whole, out = cvrl_lite.load("joint").embed(folder), tmp_path / "shards"
    made = []
    for _ in range(2):
        done = torchrun(2, str(script), str(folder), str(out))
        assert done.returncode == 0, done.stderr[-2000:]
        assert same(Embeddings.load(f"{out}.npz"), whole)
        made.append({file.name: file.stat().st_mtime_ns for file in sorted(out.iterdir())})
        next(out.iterdir()).unlink()
    before, after = made
    assert before.keys() == after.keys() and len(before) == 4
    assert sum(before[name] != after[name] for name in before) == 1  # the second time one alone was made
    table = tmp_path / "table.npz"
    done = torchrun(2, "-m", "cvrl_lite.cli", "embed", "joint", str(folder), "--out", str(table))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == f"{table}: 4 rows of 256 features\n"  # one speaks
    assert same(Embeddings.load(table), whole) and not table.with_name("table.npz.shards").exists()
