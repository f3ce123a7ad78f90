"""Each script in examples/ does what it says, on a folder of a few drawn clips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from cvrl_lite import codec
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def command(name: str, *words: object) -> list[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, words)]


def run(name: str, *words: object, code: int = 0) -> tuple[str, str]:
    """What an example prints on stdout and stderr."""
    done = subprocess.run(command(name, *words), capture_output=True, text=True, timeout=240, env=ENV)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


ENV = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of two clips each."""
    folder = tmp_path_factory.mktemp("videos")
    for number, (scene, action) in enumerate(
        (("rings", "right"), ("rings", "down"), ("checks", "right"), ("checks", "down"))
    ):
        (folder / scene).mkdir(exist_ok=True)
        frames = moving_scenes.draw(scene, action, number, frames=40)
        codec.encode(frames, folder / scene / f"{action}.mp4", gop=12)
    return folder


@pytest.fixture
def with_a_broken_file(videos: Path):
    broken = videos / "rings" / "broken.mp4"
    broken.write_text("no video", encoding="utf-8")
    yield videos
    broken.unlink()


def test_every_example_is_tested_and_listed() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    source = Path(__file__).read_text(encoding="utf-8")
    page = (ROOT / "docs/package.md").read_text(encoding="utf-8")
    assert len(names) == 5
    for name in names:
        assert source.count(f'"{name}"') and f"examples/{name}.py" in page


def test_extract_folder(with_a_broken_file: Path, tmp_path: Path) -> None:
    out, err = run("extract_folder", with_a_broken_file, tmp_path / "arrays", code=1)
    assert out.count("40 frames") == 4 and err.count("\n") == 1 and "broken.mp4" in err
    arrays = codec.load(tmp_path / "arrays" / "rings" / "down.mp4.npz")
    assert arrays.motion.vectors.shape == (40, 2, 14, 14)


@pytest.mark.slow
def test_train_on_my_videos(videos: Path, tmp_path: Path) -> None:
    out, _ = run("train_on_my_videos", videos, tmp_path / "run", "--steps", 2, "--batch", 4)
    assert (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").count("\n") == 2
    assert "context part" in out and out.count("rings/down.mp4: ") == 2
    again, _ = run("train_on_my_videos", videos, tmp_path / "run", "--steps", 2, "--batch", 4)
    assert again == out  # a finished training is not repeated


@pytest.mark.slow
def test_search_service(videos: Path) -> None:
    service = subprocess.Popen(
        command("search_service", videos, "--port", 0), stdout=subprocess.PIPE, text=True, env=ENV
    )
    try:
        assert service.stdout is not None
        said = service.stdout.readline()
        assert said.startswith("4 videos at http://127.0.0.1:")
        url = said.split()[-1]
        query = (videos / "checks" / "right.mp4").read_bytes()
        with urllib.request.urlopen(f"{url}/?part=motion&k=2", data=query, timeout=60) as answer:
            first, _ = json.load(answer)
        assert first["name"] == "checks/right.mp4" and first["cosine"] > 0.999
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/", data=b"no video", timeout=60)
        assert refused.value.code == 400 and "error" in json.load(refused.value)
    finally:
        service.terminate()
        service.wait(timeout=30)


@pytest.mark.slow
def test_features_to_parquet(with_a_broken_file: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    _, err = run("features_to_parquet", with_a_broken_file, tmp_path / "a.parquet", "--per-clip", code=1)
    assert "broken.mp4" in err and err.count("\n") == 1
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert len(table["name"]) == 12 and set(table["label_class"]) == {"rings", "checks"}
    assert np.allclose(np.linalg.norm(np.array(table["features"])[:, :128], axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_own_backbone(videos: Path, tmp_path: Path) -> None:
    out, _ = run("own_backbone", videos, "--epochs", 2, "--batch", 4, "--out", tmp_path / "a.pt")
    lines = out.splitlines()
    assert len(lines) == 2 and all("context" in line and "motion" in line for line in lines)
    weights = torch.load(tmp_path / "a.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in weights.values())
