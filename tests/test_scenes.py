"""MovingScenes: the same pixels everywhere, independent labels, actions that are what they are called."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite import CompressedVideo, VideoError
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.datasets.moving_scenes import actions, integers, sets, textures
from cvrl_lite.datasets.moving_scenes.integers import ONE, TURN, Dice
from cvrl_lite.files import sha256

SMALL = {"frames": 3, "size": 32}


def digest(frames: np.ndarray) -> str:
    return hashlib.sha256(frames.tobytes()).hexdigest()


# --- whole numbers -------------------------------------------------------------------------------


def test_sines_are_rounded_sines() -> None:
    expected = [math.sin(2 * math.pi * step / TURN) * ONE for step in range(TURN)]
    assert np.abs(integers.sine(np.arange(TURN)) - expected).max() < 0.51


@given(st.integers(0, 2**50 - 1))
def test_square_root_is_exact(value: int) -> None:
    assert integers.square_root(np.array([value]))[0] == math.isqrt(value)


@given(st.integers(-(2**29), 2**29), st.integers(-(2**29), 2**29))
def test_bearing_is_close(x: int, y: int) -> None:
    if max(abs(x), abs(y)) < 1000:
        return
    got = int(integers.bearing(np.array([x]), np.array([y]))[0]) * 360 / TURN
    assert abs((got - math.degrees(math.atan2(y, x)) + 180) % 360 - 180) < 0.35


def test_dice_are_splitmix64_and_fair() -> None:
    dice = Dice()  # begins at 0, and the reference implementation's first numbers from there are these
    assert [dice.below(2**64) for _ in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    alone, grid = Dice(5), Dice(5).grid(4)
    assert grid.ravel().tolist() == [alone.below(256) for _ in range(16)]
    counts = np.bincount([Dice(9, number).below(8) for number in range(4000)], minlength=8)
    assert counts.min() > 400 and counts.max() < 600
    assert sorted(Dice(3).shuffled(range(20))) == list(range(20))


# --- pixels --------------------------------------------------------------------------------------

PINNED = {
    ("bricks", "turn", 1): "8617ec8075d7fbf96f91cf7a6144aa1cd0b270bda6268aeb24886d2590024e11",
    ("marble", "clockwise", 20261123): "b77fd24b1b72e2887bf91e47c50039582e24b2d7a5d94c7d19178f2f980ff561",
    ("hexagons", "pulse", -7): "e0b54bfc2d263ad32665ced33f7ae735dbe77bcb39c0e2f2d933051eb4e76959",
}


@pytest.mark.parametrize("clip", PINNED, ids=lambda clip: clip[0])
def test_pixels_are_the_same_everywhere(clip: tuple[str, str, int]) -> None:
    frames = moving_scenes.draw(*clip, frames=12)
    assert frames.shape == (12, 112, 112, 3) and frames.dtype == np.uint8
    assert digest(frames) == PINNED[clip]


def test_sixteen_scenes_and_eight_actions() -> None:
    assert len(set(moving_scenes.SCENES)) == 16 and len(set(moving_scenes.ACTIONS)) == 8
    assert set(textures._TEXTURES) == set(moving_scenes.SCENES)
    assert len(actions.CHANGING) == len(actions.STEADY) == 4


@pytest.mark.parametrize("size", [16, 50, 112, 150])
def test_any_size_shows_the_same_clip(size: int) -> None:
    frames = moving_scenes.draw("checks", "right", 3, frames=2, size=size)
    assert frames.shape == (2, size, size, 3)
    reference = moving_scenes.draw("checks", "right", 3, frames=2, size=112)
    assert abs(frames.mean() - reference.mean()) < 6


@pytest.mark.parametrize("scene", moving_scenes.SCENES)
def test_a_scene_is_lively_and_not_burnt_out(scene: str) -> None:
    for seed in range(6):
        image = textures.still(scene, seed, 56).astype(int)
        assert image.std() > 6, "flat"
        assert (image == 255).all(-1).mean() < 0.2 and (image == 0).all(-1).mean() < 0.05


def test_the_seed_alone_sets_the_surroundings() -> None:
    one, other = (moving_scenes.draw("rings", action, 4, frames=1) for action in ("right", "down"))
    assert np.array_equal(one, other), "translations begin alike"
    assert not np.array_equal(one, moving_scenes.draw("rings", "right", 5, frames=1))


def test_sprites_show_no_more_of_one_action_than_of_another() -> None:
    """Counts in the frame, and their mean distance from the center, over many clips and moments."""
    counts, reaches = {}, {}
    for action in moving_scenes.ACTIONS:
        shown, far = [], []
        for seed in range(150):
            place = actions.paths(action, seed, 30)[::6] / actions.FINE
            inside = (np.abs(place) < 56).all(-1)
            shown.append(inside.sum(1).mean())
            far.append(np.hypot(*place[inside].T).mean())
        counts[action], reaches[action] = np.mean(shown), np.mean(far)
    assert max(counts.values()) / min(counts.values()) < 1.08, counts
    assert max(reaches.values()) / min(reaches.values()) < 1.04, reaches
    assert 7 <= np.mean(list(counts.values())) <= 11


@pytest.mark.parametrize("arguments", [("brick", "right"), ("bricks", "left")])
def test_unknown_names_are_told_with_the_known_ones(arguments: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there are .*, "):
        moving_scenes.draw(*arguments, 0)


# --- actions -------------------------------------------------------------------------------------


def velocities(action: str, seed: int, frames: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Places and steps of the sprites in pixels; a step across the border is not a number."""
    places = actions.paths(action, seed, frames) / actions.FINE
    steps = np.diff(places, axis=0)
    steps[np.abs(steps).max(-1) > 20] = np.nan
    return places[:-1], steps


@given(st.integers(0, 10**9))
def test_velocities_are_what_the_names_say(seed: int) -> None:
    low, high = actions.SPEED
    steps = {action: np.nanmedian(velocities(action, seed)[1], axis=1) for action in moving_scenes.ACTIONS}
    right, down = steps["right"], steps["down"]
    assert (right[:, 0] > low - 0.01).all() and (right[:, 0] < high + 0.01).all() and not right[:, 1].any()
    assert (down[:, 1] > low - 0.01).all() and (down[:, 1] < high + 0.01).all() and not down[:, 0].any()

    for action, sense in (("clockwise", 1), ("counter_clockwise", -1)):
        place, step = velocities(action, seed)
        spin = place[..., 0] * step[..., 1] - place[..., 1] * step[..., 0]  # y points down: clockwise > 0
        assert (sense * spin > 0).mean() > 0.99
        radius = np.hypot(*np.moveaxis(place, -1, 0))
        assert np.ptp(radius, axis=0).max() < 0.1

    turn = steps["turn"]
    speed = np.hypot(*turn.T)
    assert np.ptp(speed) < 0.1 and low - 0.1 < speed.mean() < high + 0.1
    bearings = np.unwrap(np.arctan2(turn[:, 1], turn[:, 0]))
    assert (np.diff(bearings) > 0).all() and bearings[16] - bearings[0] > 1.9 * np.pi

    shake, go = steps["shake"][:, 0], steps["stop_and_go"][:, 0]
    assert shake[:17].min() < -1 and shake[:17].max() > 1 and abs(shake.mean()) < 0.5
    assert not steps["shake"][:, 1].any() and not steps["stop_and_go"][:, 1].any()
    assert go.min() == 0 and go.max() > low - 0.01 and 0.35 < (go == 0).mean() < 0.55

    place, step = velocities("pulse", seed)
    outward = (place * step).sum((1, 2))
    assert outward[:17].min() < 0 < outward[:17].max()
    assert np.abs(place[..., 0] * step[..., 1] - place[..., 1] * step[..., 0]).max() < 0.5


def moving(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Apparent motion and places of the moving cells: (cells, 2) each, over the whole clip."""
    with CompressedVideo(path) as video:
        motion = video.motion()
    apparent = -motion.vectors.transpose(0, 2, 3, 1)
    moved = motion.mask & (np.abs(apparent).max(-1) >= 0.5)
    _, row, column = np.nonzero(moved)
    return apparent[moved], np.stack([column, row], 1) * 8 + 4 - 56


def test_encoded_vectors_carry_the_action(tmp_path: Path) -> None:
    from cvrl_lite.codec import encode

    for action in ("right", "down", "clockwise", "counter_clockwise"):
        encode(moving_scenes.draw("bricks", action, 8, frames=24), tmp_path / f"{action}.mp4", fps=25, gop=12)
    pace = actions.Pace.drawn(Dice(8, 2)).speed / actions.FINE
    for axis, action in enumerate(("right", "down")):
        vectors, _ = moving(tmp_path / f"{action}.mp4")
        assert len(vectors) > 500
        assert np.median(vectors, axis=0)[axis] == pytest.approx(pace, abs=0.26)
        assert np.median(vectors, axis=0)[1 - axis] == 0
    for sense, action in ((1, "clockwise"), (-1, "counter_clockwise")):
        vectors, places = moving(tmp_path / f"{action}.mp4")
        spin = sense * (places[:, 0] * vectors[:, 1] - places[:, 1] * vectors[:, 0])
        assert (spin > 0).mean() > 0.9


# --- the plan of a set ---------------------------------------------------------------------------


def test_labels_are_balanced_and_independent() -> None:
    planned = moving_scenes.plan(1600, seed=0)
    splits = {name: [c for c in planned if c.split == name] for name in ("train", "val", "test")}
    assert {name: len(clips) for name, clips in splits.items()} == {"train": 1152, "val": 192, "test": 256}
    pairs = set(product(moving_scenes.SCENES, moving_scenes.ACTIONS))
    for clips in splits.values():
        counts = Counter((clip.scene, clip.action) for clip in clips)
        assert set(counts) == pairs or len(clips) < 128
        assert max(counts.values()) - min(counts.values()) <= (len(clips) % 128 > 0)
        assert len(set(Counter(clip.scene for clip in clips).values())) == 1
        assert len(set(Counter(clip.action for clip in clips).values())) == 1
    assert {clip.appearance for clip in planned} == {"steady"}


@given(st.integers(1, 400), st.integers(0, 1000))
def test_odd_counts_are_balanced_too(clips: int, seed: int) -> None:
    planned = moving_scenes.plan(clips, seed)
    assert len(planned) == clips
    for split in ("train", "val", "test"):
        chosen = [clip for clip in planned if clip.split == split]
        for label, names in (("scene", moving_scenes.SCENES), ("action", moving_scenes.ACTIONS)):
            counts = Counter(getattr(clip, label) for clip in chosen)
            assert max(counts[name] for name in names) - min(counts[name] for name in names) <= 1


def test_no_two_clips_share_a_seed_or_a_file() -> None:
    planned = moving_scenes.plan(1600, seed=0) + moving_scenes.plan(1600, seed=1)
    assert len({clip.seed for clip in planned}) == 3200
    assert len({clip.file for clip in planned}) == 1600
    assert [clip.scene for clip in planned[:50]] != [clip.scene for clip in planned[1600:1650]]


def test_tie_gives_the_action_away() -> None:
    def agreement(tie: float) -> float:
        planned = moving_scenes.plan(1600, seed=0, tie=tie)
        return float(
            np.mean(
                [
                    moving_scenes.SCENES.index(c.scene) % 8 == moving_scenes.ACTIONS.index(c.action)
                    for c in planned
                ]
            )
        )

    assert agreement(0) == pytest.approx(1 / 8, abs=0.002)
    assert agreement(0.5) == pytest.approx(9 / 16, abs=0.04)
    assert agreement(1) == 1


@pytest.mark.parametrize("wrong", [{"clips": 0}, {"tie": 1.5}, {"size": 33}, {"size": 8}, {"frames": 0}])
def test_impossible_sets_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        moving_scenes.make(tmp_path, **{"clips": 2, **SMALL, **wrong})
    assert not list(tmp_path.iterdir())


# --- the set on disk -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[moving_scenes.Clip]]:
    root = tmp_path_factory.mktemp("scenes")
    return root, moving_scenes.make(root, 40, seed=3, workers=2, **SMALL)


def test_a_set_holds_what_its_index_says(small_set: tuple[Path, list[moving_scenes.Clip]]) -> None:
    root, clips = small_set
    assert clips == moving_scenes.read_index(root) and len(clips) == 40
    header = (root / "index.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "file,split,scene,action,appearance,seed,pixels_sha256,file_sha256"
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*.mp4")) == sorted(
        c.file for c in clips
    )
    for clip in clips[::9]:
        frames = moving_scenes.draw(clip.scene, clip.action, clip.seed, **SMALL)
        assert clip.pixels_sha256 == digest(frames)
        assert clip.file_sha256 == sha256(root / clip.file)
        with CompressedVideo(root / clip.file) as video:
            assert (video.info.frames, video.info.width, video.info.height) == (3, 32, 32)
            assert video.info.average_rate == 25


def test_files_that_are_there_are_not_made_again(small_set: tuple[Path, list[moving_scenes.Clip]]) -> None:
    root, clips = small_set
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert moving_scenes.make(root, 40, seed=3, **SMALL) == clips
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before


def test_damaged_and_missing_files_are_made_again(small_set: tuple[Path, list[moving_scenes.Clip]]) -> None:
    root, clips = small_set
    (root / clips[5].file).write_bytes(b"not a video")
    (root / clips[38].file).unlink()
    untouched = (root / clips[6].file).stat().st_mtime_ns
    assert moving_scenes.make(root, 40, seed=3, **SMALL) == clips
    assert all(sha256(root / clip.file) == clip.file_sha256 for clip in clips)
    assert (root / clips[6].file).stat().st_mtime_ns == untouched
    assert not (root / "index.part.csv").exists()


def test_one_folder_holds_one_set(small_set: tuple[Path, list[moving_scenes.Clip]]) -> None:
    root, _ = small_set
    with pytest.raises(ValueError, match="holds a set made with seed 3, not 4"):
        moving_scenes.make(root, 40, seed=4, **SMALL)


def test_one_process_makes_the_same_set(
    small_set: tuple[Path, list[moving_scenes.Clip]], tmp_path: Path
) -> None:
    assert moving_scenes.make(tmp_path, 40, seed=3, workers=1, **SMALL) == small_set[1]


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    program = "from cvrl_lite.datasets import moving_scenes; "
    program += f"moving_scenes.make({str(tmp_path)!r}, 60, frames=8, size=112, workers=1)"
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"OMP_NUM_THREADS": "1"})
    ledger, until = tmp_path / "index.part.csv", time.monotonic() + 30
    while not ledger.exists() or ledger.read_text(encoding="utf-8").count("\n") < 6:
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    with pytest.raises(OSError, match=r"index\.csv: no such file"):
        moving_scenes.read_index(tmp_path)
    with open(ledger, "a", encoding="utf-8") as file:
        file.write("train/00040.mp4,train,bri")  # a row that the crash cut off
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/[0-9]*.mp4")}
    clips = moving_scenes.make(tmp_path, 60, frames=8, size=112, workers=1)
    assert len(clips) == 60 and all(sha256(tmp_path / clip.file) == clip.file_sha256 for clip in clips)
    again = sum(path.stat().st_mtime_ns != then for path, then in kept.items())
    assert len(kept) >= 5 and again <= 1, "only the clip in flight is made again"


def test_a_failing_process_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises((VideoError, OSError)) as caught:
        moving_scenes.make(tmp_path, 40, workers=2, **SMALL)
    assert "train" in str(caught.value) and "\n" not in str(caught.value)


def test_the_course_set_is_made_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path))
    monkeypatch.setattr(sets, "COURSE_CLIPS", 3)
    root = moving_scenes.course_set()
    assert root.parent == tmp_path and len(moving_scenes.read_index(root)) == 3
    before = (root / "index.csv").stat().st_mtime_ns
    assert moving_scenes.course_set() == root and (root / "index.csv").stat().st_mtime_ns == before
