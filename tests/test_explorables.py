"""Explorables on a page of their own, operated in a browser by mouse, touch and keyboard."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from explorable_pages import in_a_browser, pixels, plays, settle
from explorable_samples import (
    B_MASK,
    BEFORE,
    CHOSEN,
    CURRENT,
    FILM,
    FILM_MASK,
    FILM_VECTORS,
    GALLERY,
    MAKERS,
    MASK,
    QUERIES,
    VECTORS,
    block_origin,
    decoder,
    decoder_of_b_frames,
    mean_error,
    nearest,
    two_searches,
    without_residual,
    without_residual_from_both,
)
from PIL import Image
from playwright.sync_api import Page, expect

from cvrl_lite.course import explorables
from cvrl_lite.course.explorables import Explorable, page
from cvrl_lite.course.explorables.two_searches import STEPS
from cvrl_lite.course.figures import new, png
from cvrl_lite.pretext import info_nce

pytest_plugins = ("explorable_pages",)

FOLDER = Path(explorables.__file__).parent


def test_all_that_the_slider_can_find_has_a_strip_of_frames() -> None:
    state = two_searches().state
    found = {clip for query in CHOSEN for step in range(STEPS + 1) for clip in nearest(query, step / STEPS)}
    assert state["shown"] == sorted(found)


def test_the_curves_are_r_at_1_over_all_queries() -> None:
    curves = two_searches().state["curves"]
    for name, numbers in (("scene", "scene"), ("action", "action")):
        for step in (0, 20, STEPS):
            first = [nearest(query, step / STEPS)[0] for query in range(9)]
            share = np.mean(getattr(GALLERY, numbers)[first] == getattr(QUERIES, numbers))
            assert curves[name][step] == pytest.approx(share, abs=1e-4)


def test_a_decoder_takes_frames_that_can_be_decoded() -> None:
    with pytest.raises(ValueError, match="B-frames need vectors in both directions"):
        explorables.decoder(FILM, "IBPP", FILM_VECTORS, FILM_MASK)
    with pytest.raises(ValueError, match="types IPPB; an I-frame comes first, no B-frame last"):
        explorables.decoder(FILM, "IPPB", FILM_VECTORS, FILM_MASK)
    with pytest.raises(ValueError, match="types PPPP; an I-frame comes first"):
        explorables.decoder(FILM, "PPPP", FILM_VECTORS, FILM_MASK)


def test_a_block_and_its_frames_go_together() -> None:
    assert block_origin().state["vectors"][0][:2] == [None, [2.0, -3.0]]
    with pytest.raises(ValueError, match="do not go together"):
        explorables.block_origin(BEFORE, CURRENT, VECTORS, MASK[:5])
    with pytest.raises(IndexError, match="no cell in row 8, column 0"):
        explorables.block_origin(BEFORE, CURRENT, VECTORS, MASK, row=8)


@pytest.mark.parametrize("make", MAKERS)
def test_what_a_notebook_stores_is_the_same_everywhere_and_names_no_other_host(
    make: Callable[[], Explorable],
) -> None:
    first, second = make(), make()
    assert repr(first) == repr(second) and "0x" not in repr(first)
    assert (first.state, first.data) == (second.state, second.data)
    text = page(first, title="A < B", words="Words.", still=png(new("Still")))
    assert "<h1>A &lt; B</h1>" in text and "$" not in re.sub(r"\$\{", "", text)
    assert re.findall(r"(?:https?:)?//[\w.]+\.\w+/", text) == []


def test_an_explorable_is_a_small_module() -> None:
    for path in FOLDER.glob("*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path.name


def loss(shown: Page) -> float:
    return float(shown.locator("#explorable").get_attribute("data-loss") or "nan")


def found(shown: Page) -> list[int]:
    return [int(clip) for clip in (shown.locator("#explorable").get_attribute("data-nearest") or "").split()]


def in_torch(angles: torch.Tensor, temperature: float) -> torch.Tensor:
    """The package's InfoNCE of windows (N,), each of which looks for the next."""
    count = len(angles)
    vectors = torch.stack([angles.cos(), angles.sin()], 1)
    allowed = torch.ones(count - 1, count, dtype=torch.bool)
    order = (torch.arange(count) + 1) % count  # own keys first, then the first window
    allowed[torch.arange(count - 1)[:, None] == order[None]] = False  # no window is its own key
    return info_nce(vectors[:-1], vectors[order], temperature, allowed=allowed)[0]


class TestSphere:
    pytestmark = in_a_browser

    def test_loss_and_gradient_are_those_of_torch(self, opened: Callable[..., Page]) -> None:
        shown = opened(explorables.sphere())
        start = torch.tensor(explorables.sphere().state["angles"], dtype=torch.float64)
        assert loss(shown) == pytest.approx(in_torch(start, 0.2).item(), abs=1e-6)
        for count, temperature in ((3, 1.0), (10, 0.2), (10, 0.03)):
            angles = (torch.rand(count, dtype=torch.float64) * 6.28).requires_grad_()
            expected = in_torch(angles, temperature)
            (slopes,) = torch.autograd.grad(expected, angles)
            call = "([angles, heat]) => explorable.infoNCE(angles, heat, true)"
            ours = shown.evaluate(call, [angles.tolist(), temperature])
            assert ours["loss"] == pytest.approx(expected.item(), abs=1e-6)
            assert np.allclose(ours["slopes"], slopes, atol=1e-6)
            pull = ((1 - F.cosine_similarity(*pairs(angles))) / temperature).mean()
            (slopes,) = torch.autograd.grad(pull, angles)
            ours = shown.evaluate(call.replace("true", "false"), [angles.tolist(), temperature])
            assert ours["loss"] == pytest.approx(pull.item(), abs=1e-6)
            assert np.allclose(ours["slopes"], slopes, atol=1e-6)

    def test_a_window_follows_the_mouse(self, opened: Callable[..., Page]) -> None:
        shown = opened(explorables.sphere())
        angles = torch.tensor(explorables.sphere().state["angles"], dtype=torch.float64)
        box = shown.locator("canvas").bounding_box()
        assert box is not None
        side = min(box["height"], 0.56 * box["width"])  # as sphere.js places its circle
        center, radius = (box["x"] + side / 2, box["y"] + box["height"] / 2), side / 2 - 46
        before, x, y = pixels(shown), *center
        shown.mouse.move(x + radius * angles[5].cos().item(), y - radius * angles[5].sin().item())
        shown.mouse.down()
        shown.mouse.move(x, y - radius / 2, steps=3)  # straight up: angle pi / 2, wherever inside
        shown.mouse.up()
        angles[5] = torch.pi / 2
        assert pixels(shown) != before
        assert loss(shown) == pytest.approx(in_torch(angles, 0.2).item(), abs=0.02)

    def test_keys_and_the_slider(self, opened: Callable[..., Page]) -> None:
        shown = opened(explorables.sphere())
        angles = torch.tensor(explorables.sphere().state["angles"], dtype=torch.float64)
        shown.locator("canvas").focus()
        for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft"):
            shown.keyboard.press(key)
        angles[2] += 0.2
        assert loss(shown) == pytest.approx(in_torch(angles, 0.2).item(), abs=1e-6)
        shown.get_by_role("slider", name="temperature").press("End")
        assert loss(shown) == pytest.approx(in_torch(angles, 1.0).item(), abs=1e-6)

    def test_training_spreads_and_without_negatives_collapses(self, opened: Callable[..., Page]) -> None:
        shown = opened(explorables.sphere())
        shown.get_by_role("button", name="Train").click()
        expect(shown.locator(".status")).to_contain_text("Spread around", timeout=60_000)
        assert loss(shown) < 1
        shown.get_by_role("button", name="Remove the negatives").click()
        if shown.get_by_role("button", name="Train").count():  # it had settled
            shown.get_by_role("button", name="Train").click()
        expect(shown.locator(".status")).to_contain_text("Collapsed", timeout=60_000)


def pairs(angles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    vectors = torch.stack([angles.cos(), angles.sin()], 1)
    return vectors[:-1], vectors[1:]


class TestTwoSearches:
    pytestmark = in_a_browser

    def test_the_slider_mixes_the_parts(self, opened: Callable[..., Page]) -> None:
        shown = opened(two_searches(), reduced_motion="reduce")
        slider = shown.get_by_role("slider")
        before = pixels(shown)
        assert found(shown) == nearest(CHOSEN[0], 0)
        slider.fill("30")
        assert found(shown) == nearest(CHOSEN[0], 30 / STEPS)
        assert pixels(shown) != before
        slider.press("End")
        assert found(shown) == nearest(CHOSEN[0], 1)

    def test_a_query_is_picked_by_mouse_touch_and_keyboard(self, opened: Callable[..., Page]) -> None:
        shown = opened(two_searches(), has_touch=True, reduced_motion="reduce")
        box = shown.locator("canvas").bounding_box()
        assert box is not None
        shown.mouse.click(box["x"] + 12 + 84 + 30, box["y"] + 60)
        assert found(shown) == nearest(CHOSEN[1], 0)
        shown.touchscreen.tap(box["x"] + 12 + 2 * 84 + 30, box["y"] + 60)
        assert found(shown) == nearest(CHOSEN[2], 0)
        shown.locator("canvas").focus()
        shown.keyboard.press("ArrowRight")
        assert found(shown) == nearest(CHOSEN[0], 0)

    def test_clips_play_but_stand_where_motion_is_not_wanted(self, opened: Callable[..., Page]) -> None:
        shown = opened(two_searches())
        assert plays(shown)
        shown.get_by_role("button", name="Pause").click()
        shown.wait_for_timeout(800)  # until the neighbors stand in their places
        assert pixels(shown) == pixels(shown)
        calm = opened(two_searches(), reduced_motion="reduce")
        calm.wait_for_timeout(500)
        before = pixels(calm)
        calm.wait_for_timeout(400)
        assert pixels(calm) == before


class TestBlockOrigin:
    pytestmark = in_a_browser

    def test_the_error_is_that_of_numpy_and_the_best_match_is_found(
        self, opened: Callable[..., Page]
    ) -> None:
        shown = opened(block_origin(), reduced_motion="reduce")
        part = shown.locator("#explorable")
        expect(part).to_have_attribute("data-vector", "2 -3")
        expect(part).to_have_attribute("data-best", "2 -3")
        assert float(part.get_attribute("data-error") or "nan") == 0
        before = pixels(shown)
        shown.locator("canvas").focus()
        shown.keyboard.press("ArrowRight")
        expect(part).to_have_attribute("data-vector", "3 -3")
        assert float(part.get_attribute("data-error") or "nan") == pytest.approx(mean_error((4, 5), (3, -3)))
        assert pixels(shown) != before
        shown.get_by_role("slider", name="window").press("End")
        assert float(part.get_attribute("data-error") or "nan") == pytest.approx(
            mean_error((4, 5), (3, -3), 32)
        )
        shown.get_by_role("button", name="Best match").click()
        expect(part).to_have_attribute("data-vector", "2 -3")

    def test_a_click_chooses_and_a_drag_moves(self, opened: Callable[..., Page]) -> None:
        shown = opened(block_origin(), reduced_motion="reduce")
        part, box = shown.locator("#explorable"), shown.locator("canvas").bounding_box()
        expect(part).to_have_attribute("data-cell", "4 5")
        assert box is not None
        wide = 0.36 * (box["width"] - 32)  # as block_origin.js places its frames
        scale = wide / 96
        shown.mouse.click(box["x"] + scale * (8 * 7 + 4), box["y"] + 26 + scale * (8 * 3 + 4))
        expect(part).to_have_attribute("data-cell", "3 7")
        x, y = box["x"] + wide + 16 + scale * (8 * 7 + 4), box["y"] + 26 + scale * (8 * 3 + 4)
        shown.mouse.move(x, y)
        shown.mouse.down()
        shown.mouse.move(x - 5 * scale, y + 4 * scale, steps=4)
        shown.mouse.up()
        expect(part).to_have_attribute("data-vector", "-5 4")
        assert float(part.get_attribute("data-error") or "nan") == pytest.approx(mean_error((3, 7), (-5, 4)))


PRESSED_AND_SEEN = """canvas => new Promise((done) => {
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  requestAnimationFrame(() => requestAnimationFrame(() => done(canvas.toDataURL())));
})"""


class TestDecoder:
    pytestmark = in_a_browser

    def test_the_parts_make_the_frames(self, opened: Callable[..., Page]) -> None:
        explorable = decoder()
        shown = opened(explorable, reduced_motion="reduce")
        part = shown.locator("#explorable")

        def errors() -> list[float]:
            return [float(value) for value in (part.get_attribute("data-errors") or "").split()]

        expect(part).to_have_attribute("data-errors", re.compile(r"\d"))
        assert max(errors()) < 1e-3
        shown.get_by_role("button", name="residual").click()
        sheet = Image.open(io.BytesIO(explorable.data[FILM_MASK.size * 4 :]))
        film = np.stack(np.split(np.asarray(sheet), 4, axis=1))
        assert np.allclose(errors(), without_residual(film), rtol=0.02, atol=0.05)
        shown.get_by_role("button", name="I-frames").click()
        assert errors()[0] > 10  # gray

    def test_a_step_and_a_scrub_change_the_frame(self, opened: Callable[..., Page]) -> None:
        shown = opened(decoder(), reduced_motion="reduce")
        status, canvas = shown.locator(".status"), shown.locator("canvas")
        expect(status).to_contain_text("Frame 0")
        seen = {pixels(shown)}
        canvas.press("ArrowRight")
        expect(status).to_contain_text("Frame 1")
        seen.add(pixels(shown))
        box = canvas.bounding_box()
        assert box is not None
        bottom = box["y"] + box["height"] - 40
        shown.mouse.move(box["x"] + box["width"] - 60, bottom)
        shown.mouse.down()
        expect(status).to_contain_text("Frame 3")
        seen.add(pixels(shown))
        shown.mouse.move(box["x"] + box["width"] - 150, bottom, steps=3)
        expect(status).to_contain_text("Frame 2")
        assert len(seen) == 3

    def test_a_b_frame_is_built_on_two_and_stored_after_both(self, opened: Callable[..., Page]) -> None:
        explorable = decoder_of_b_frames()
        shown = opened(explorable, reduced_motion="reduce")
        part, canvas, status = shown.locator("#explorable"), shown.locator("canvas"), shown.locator(".status")
        expect(part).to_have_attribute("data-errors", re.compile(r"\d"))
        film = np.stack(
            np.split(np.asarray(Image.open(io.BytesIO(explorable.data[B_MASK.size * 4 :]))), 4, 1)
        )
        shown.get_by_role("button", name="residual").click()
        errors = [float(value) for value in (part.get_attribute("data-errors") or "").split()]
        assert np.allclose(errors, without_residual_from_both(film), rtol=0.02, atol=0.05)
        seen = [pixels(shown)]
        for frame in (3, 1, 2):  # the order in the file
            canvas.press("ArrowRight")
            expect(status).to_contain_text(f"Frame {frame}")
            seen.append(pixels(shown))
        shown.get_by_role("button", name="step in file order").click()
        canvas.press("ArrowRight")
        expect(status).to_contain_text("Frame 3")
        assert len(set(seen)) == 4

    def test_blocks_fly_unless_motion_is_not_wanted(self, opened: Callable[..., Page]) -> None:
        shown = opened(decoder())
        expect(shown.locator(".status")).to_contain_text("Frame 0")
        on_the_way = shown.locator("canvas").evaluate(PRESSED_AND_SEEN)  # at once, however busy the machine
        shown.wait_for_timeout(1500)
        assert pixels(shown) != on_the_way


class TestAll:
    pytestmark = in_a_browser

    @pytest.mark.parametrize("make", MAKERS)
    def test_light_and_dark_and_words(
        self, make: Callable[[], Explorable], opened: Callable[..., Page]
    ) -> None:
        brightness = []
        for scheme in ("light", "dark"):
            shown = opened(make(), color_scheme=scheme)
            background = shown.locator(".explorable").evaluate(
                "root => getComputedStyle(root).backgroundColor"
            )
            brightness.append(sum(map(int, re.findall(r"\d+", background)[:3])))
            label = shown.locator("canvas").get_attribute("aria-label") or ""
            assert len(label.split()) > 15
            shown.set_viewport_size({"width": 360, "height": 800})
            settle(shown)
            assert shown.evaluate("document.documentElement.scrollWidth") <= 360
        assert brightness[0] > 700 and brightness[1] < 150
