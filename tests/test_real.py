"""The experiments on real clips: how the set is made, and what an interval draws."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from cvrl_lite import CompressedVideo
from cvrl_lite.codec import encode
from cvrl_lite.datasets import DecodedSet

EXPERIMENTS = ROOT / "experiments"


@pytest.fixture
def scripts(monkeypatch):
    """Experiments can be imported."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))


def test_the_set_is_made_from_a_full_copy(tmp_path):
    """Four clips of a group at most, no held-out group, no other class; all encoded alike; made once."""
    frames = np.zeros((110, 120, 160, 3), np.uint8)
    frames[:] = np.arange(110, dtype=np.uint8)[:, None, None, None] * 2
    names = [f"v_Archery_g08_c0{n}" for n in range(1, 6)]
    names += ["v_Archery_g07_c01", "v_Archery_g26_c01", "v_Skiing_g08_c01", "v_Surfing_g25_c01"]
    for name in names:
        folder = tmp_path / "UCF-101" / name.split("_")[1]
        folder.mkdir(parents=True, exist_ok=True)
        encode(frames, folder / f"{name}.avi", fps=30, codec="mpeg4", gop=250)
    (tmp_path / "UCF-101" / "Surfing" / "v_Surfing_g25_c02.avi").write_bytes(b"no video")
    command = [
        sys.executable,
        str(EXPERIMENTS / "ucf11.py"),
        str(tmp_path / "UCF-101"),
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1  # one of them cannot be read
    assert "v_Surfing_g25_c02.avi" in done.stderr and "5 clips" in done.stdout
    made = sorted(path.name for path in (tmp_path / "out").rglob("*.avi"))
    assert made == [f"{name}.avi" for name in [*names[:4], "v_Surfing_g25_c01"]]
    with CompressedVideo(tmp_path / "out" / "Archery" / made[0]) as video:
        info = video.info
        assert (info.codec, info.width, info.height, len(video)) == ("mpeg4", 256, 192, 100)
        assert float(info.nominal_rate) == 25 and set(info.gop_lengths[:-1]) == {12}
        assert abs(int(video[0].mean()) - 10) < 4  # the middle: it begins at frame 5
    stamps = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").rglob("*.avi"))]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 1
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").rglob("*.avi"))] == stamps


def test_an_interval_draws_whole_sources(scripts):
    """Four clips that succeed and fail together say as much as one."""
    from real_report import interval

    random = np.random.default_rng(0)
    together = np.repeat(random.integers(0, 2, 44), 4).astype(float)
    apart = random.permutation(together)
    wide, narrow = np.diff(interval(together))[0], np.diff(interval(apart))[0]
    assert wide > 1.4 * narrow
    low, high = interval(together)
    assert low < together.mean() < high


def test_the_steadiness_of_vectors_is_their_correlation_from_map_to_map(scripts):
    from steadiness import steadiness
    from worlds import load

    data = load("train", "tiny")
    videos = tuple(
        replace(v, vectors=np.repeat(v.vectors[5:6], len(v.vectors), 0), mask=np.ones_like(v.mask))
        for v in data.videos
    )
    assert 0.5 < steadiness(data, 1) < 0.99 < steadiness(DecodedSet(videos, (), {}), 1)


@pytest.mark.slow
def test_models_of_every_kind_run(tmp_path):
    """One of each way to get a network; the others differ by the names of tasks and data."""
    names = [
        "color histograms",
        "untrained",
        "joint, drawings",
        "joint, drawings then both",
        "joint by cosine",
        "joint and residual",
        "two clips",
        "labels",
        "joint, 288 drawings",
    ]
    command = [sys.executable, str(EXPERIMENTS / "real.py"), "--fast", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [name for name in names if f" {name} 0 " not in done.stdout] == []
