"""The explorables over arrays computed beforehand: their numbers, and their pages in a browser."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from explorable_pages import in_a_browser, pixels, plays
from explorable_samples import ATTENTION, COSINES, OWN, PULLS, tug_of_war, what_next
from playwright.sync_api import Page, expect

from cvrl_lite import train
from cvrl_lite.course import explorables
from cvrl_lite.course.explorables import STORED, save, stored
from cvrl_lite.datasets import MovingScenes, decode

pytest_plugins = ("explorable_pages",)
ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", STORED)
def test_what_comes_along_is_small_and_whole(name: str) -> None:
    explorable = stored(name)
    assert isinstance(explorable, STORED[name])
    assert len(explorable.data) + len(json.dumps(explorable.state)) < 400_000
    assert (ROOT / "experiments" / f"{name}.py").exists()


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    for explorable in (what_next(), tug_of_war()):
        save(explorable, tmp_path / "file")
        again = explorables.base.read(type(explorable), str(tmp_path / "file"))
        assert (again.state, again.data) == (explorable.state, explorable.data)


@pytest.mark.slow
def test_the_script_asks_a_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    recipe = train.recipes.laptop_fast(("motion",)).replace(steps=1, batch=8, precision="float32")
    few = decode(MovingScenes("train").subset(range(8)), size=recipe.decoded_size)
    train.pretrain(recipe, tmp_path / "run", few)
    importlib.import_module("what_next").main(tmp_path / "run", tmp_path / "file")
    made = explorables.base.read(STORED["what_next"], str(tmp_path / "file")).state
    come_along = stored("what_next").state
    assert made["names"] == come_along["names"] and made["own"] == come_along["own"]
    assert np.mean(np.array(made["rank"]) == 1) < np.mean(np.array(come_along["rank"]) == 1)


def nearest(clip: int, point: int) -> list[int]:
    return np.argsort(-COSINES[clip, point, :, point], kind="stable")[:5].tolist()


def test_the_true_future_is_ranked_among_windows_and_points() -> None:
    state = what_next().state
    for clip, own in enumerate(OWN):
        for point in range(4):
            truth = COSINES[clip, point, own, point]
            assert state["rank"][clip][point] == 1 + (COSINES[clip, point, :, point] > truth).sum()
            assert state["rank_of_all"][clip][point] == 1 + (COSINES[clip, point] > truth).sum()


def test_attention_is_relative_to_the_most_for_each_point() -> None:
    explorable = what_next()
    bytes_ = np.frombuffer(explorable.data, np.uint8, ATTENTION.size, 2 * 2 * 4 * 6)
    shares = ATTENTION / ATTENTION.max((2, 3, 4), keepdims=True)
    assert np.abs(bytes_.reshape(ATTENTION.shape) / 255 - shares).max() < 0.01


def test_what_does_not_go_together_is_refused() -> None:
    windows = explorables.Windows(*np.zeros((3, 1, 1, 1, 1, 1)), ["right"])
    clips = np.zeros((1, 1, 1, 1, 3), np.uint8)
    given = {"names": ["right"], "own": [0], "cosines": np.zeros((1, 3, 1, 3))}
    with pytest.raises(ValueError, match="do not go together"):
        explorables.what_next(clips, windows, **given, attention=np.zeros((1, 3, 1, 2, 2)))


class TestWhatNext:
    pytestmark = in_a_browser

    def test_a_point_and_a_clip_are_chosen_by_mouse_touch_and_keyboard(
        self, opened: Callable[..., Page]
    ) -> None:
        shown = opened(what_next(), reduced_motion="reduce", has_touch=True)
        part, canvas = shown.locator("#explorable"), shown.locator("canvas")
        box = canvas.bounding_box()
        assert box is not None
        seen = [pixels(shown)]

        def agrees(clip: int, point: int) -> None:
            expect(part).to_have_attribute("data-clip", str(clip))
            expect(part).to_have_attribute("data-point", str(point))
            assert part.get_attribute("data-nearest") == " ".join(map(str, nearest(clip, point)))
            seen.append(pixels(shown))

        x, y = box["x"] + 8, box["y"] + 32 + 62 + 40  # the clip's corner, as what_next.js places it
        shown.mouse.click(x + 200, y + 60)  # upper right
        agrees(0, 1)
        shown.touchscreen.tap(x + 60, y + 200)  # lower left
        agrees(0, 2)
        canvas.press("ArrowRight")
        agrees(0, 3)
        canvas.press("Shift+ArrowRight")
        agrees(1, 3)
        shown.mouse.click(box["x"] + 30, box["y"] + 60)
        agrees(0, 3)
        assert seen[3] == seen[5] and len(set(seen)) == 5  # every choice looks different

    def test_clips_play_and_attention_can_be_lifted(self, opened: Callable[..., Page]) -> None:
        shown = opened(what_next())
        assert plays(shown)
        shown.get_by_role("button", name="Pause").click()
        before = pixels(shown)
        assert pixels(shown) == before
        shown.get_by_role("button", name="Attention").click()
        assert pixels(shown) != before


class TestTugOfWar:
    pytestmark = in_a_browser

    def test_arrows_are_gradients_times_weights(self, opened: Callable[..., Page]) -> None:
        shown = opened(tug_of_war(), reduced_motion="reduce")
        part = shown.locator("#explorable")

        def agrees(share: float, step: int) -> None:
            row = PULLS[step]
            expect(part).to_have_attribute("data-step", str(row["step"]))
            pulls = [float(value) for value in (part.get_attribute("data-pulls") or "").split()]
            expected = [share * row["context"], (1 - share) * row["motion"]]
            assert pulls == pytest.approx(expected, abs=1e-3)

        agrees(1 / 3, 0)
        before = pixels(shown)
        shown.get_by_role("slider", name="weight of context").press("End")
        agrees(1, 0)
        assert pixels(shown) != before
        shown.get_by_role("slider", name="step").press("ArrowRight")
        agrees(1, 1)
        shown.locator("canvas").press("ArrowRight")
        shown.locator("canvas").press("ArrowDown")
        agrees(0.9, 2)

    def test_charts_are_dragged(self, opened: Callable[..., Page]) -> None:
        shown = opened(tug_of_war(), reduced_motion="reduce")
        part, box = shown.locator("#explorable"), shown.locator("canvas").bounding_box()
        assert box is not None
        right, upper, lower = box["x"] + box["width"] - 20, box["y"] + 100, box["y"] + 330
        before = pixels(shown)
        shown.mouse.move(right - 200, upper)
        shown.mouse.down()
        shown.mouse.move(right, upper, steps=4)
        shown.mouse.up()
        expect(part).to_have_attribute("data-step", "90")
        shown.mouse.click(right, lower)
        expect(part).to_have_attribute("data-share", "1")
        assert pixels(shown) != before

    def test_steps_play(self, opened: Callable[..., Page]) -> None:
        shown = opened(tug_of_war())
        shown.get_by_role("button", name="Play").click()
        expect(shown.locator("#explorable")).to_have_attribute("data-step", "60", timeout=10_000)
