"""The course's moving pictures: small, with a still and words, and what their script draws."""

from __future__ import annotations

import importlib
import io
import re
from pathlib import Path

import IPython.display
import numpy as np
import pytest
from PIL import Image

from cvrl_lite.codec import encode
from cvrl_lite.course import loops
from cvrl_lite.datasets.moving_scenes import draw

ROOT = Path(__file__).resolve().parents[1]
ALT = 'Shapes "circle" to the right.'


@pytest.mark.parametrize("name", loops.names())
def test_a_loop_moves_repeats_and_is_small(name: str) -> None:
    moving, still = loops.read(name)
    assert len(moving) + len(still) < 300_000
    with Image.open(io.BytesIO(moving)) as film, Image.open(io.BytesIO(still)) as one:
        assert film.n_frames > 1 and film.info["loop"] == 0
        assert film.size == one.size
        first = np.asarray(film.convert("RGB"), int)
        film.seek(film.n_frames // 2)
        assert np.abs(np.asarray(film.convert("RGB")) - first).mean() > 1


def test_every_loop_is_shown_and_every_loop_shown_is_there() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "src").glob("*.py")]
    shown = {name for source in sources for name in re.findall(r'show_loop\(\s*"(\w+)"', source)}
    assert sorted(shown) == loops.names()


def test_a_notebook_stores_committed_bytes_with_words_and_a_still(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **kept: shown.append((data, kept)))
    for _ in range(2):
        loops.show_loop("pan", ALT)
    assert shown[0] == shown[1]
    data, kept = shown[0]
    assert kept["metadata"]["image/jpeg"]["alt"] == ALT
    assert data["image/jpeg"] == loops.read("pan").still and data["text/plain"] == "<loop pan>"
    element = data["text/html"]
    assert 'alt="Shapes &quot;circle&quot; to the right."' in element
    assert "prefers-reduced-motion: reduce" in element and "http:" not in element
    assert "width=" not in element
    assert ' width="688" ' in loops.as_html("pan", ALT, width=688)


def test_slips_are_named() -> None:
    with pytest.raises(ValueError, match="no loop is called 'pans'; there are actions, "):
        loops.show_loop("pans", ALT)
    with pytest.raises(ValueError, match="alternative text"):
        loops.show_loop("pan", " ")


@pytest.mark.parametrize("name", ["sample", "past_and_future"])
def test_a_file_shows_what_the_script_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    script, real = importlib.import_module("loops"), importlib.import_module("real_arrows")
    assert sorted([*script.LOOPS, *real.LABELS]) == loops.names()
    drawn = script.LOOPS[name]().frames
    with Image.open(io.BytesIO(loops.read(name).moving)) as film:
        assert film.n_frames == len(drawn)
        for place in range(0, len(drawn), 7):
            film.seek(place)
            assert np.abs(np.asarray(film.convert("RGB"), int) - np.asarray(drawn[place])).mean() < 12


def test_arrows_point_where_a_camera_sends_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    script = importlib.import_module("real_arrows")
    ground = np.random.default_rng(0).integers(0, 255, (20, 60, 3), np.uint8)
    ground = np.asarray(Image.fromarray(ground).resize((960, 192), Image.Resampling.BICUBIC))
    count = script.STEP * script.COUNT + script.WINDOW
    for way, color in ((4, "#FF4040"), (-4, "#40FFFF")):  # to the right, to the left
        offsets = [4 * (count - at) if way > 0 else 4 * at for at in range(count)]
        frames = np.stack([ground[:, offset : offset + 256] for offset in offsets])
        encode(frames, tmp_path / f"{way}.mp4", gop=12)
        motion = script.motion_of(tmp_path / f"{way}.mp4")
        assert motion.shape == (script.COUNT, 2, 12, 16)
        assert np.median(motion[:, 0]) == pytest.approx(way, abs=0.5) and abs(np.median(motion[:, 1])) < 0.5
        assert script.color_of(*np.median(motion, (0, 2, 3)).round()) == color
        red, _, blue = script.drawn(motion[:1])[0].reshape(-1, 3).astype(int).T
        colored = red[np.abs(red - blue) > 100] > blue[np.abs(red - blue) > 100]
        assert len(colored) > 0.05 * len(red) and (colored == (way > 0)).all()


def test_the_readmes_loop_shows_the_query_and_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    script = importlib.import_module("result_loop")
    rows = []
    for scene, action in (("rings", "down"), ("rings", "pulse"), ("dots", "down")):
        encode(draw(scene, action, 1, frames=40), tmp_path / f"{scene}_{action}.mp4", gop=12)
        rows.append((tmp_path / f"{scene}_{action}.mp4", {"scene": scene, "action": action}))
    query, place, motion = rows
    frames = script.drawn(query, {"context": [place], "motion": [motion]})
    with Image.open(script.FILE) as film:
        assert (film.n_frames, film.height) == (len(frames), frames[0].height)
    image = np.asarray(frames[3], int)
    orange = np.abs(image - [0xD5, 0x5E, 0x00]).sum(2) < 60
    half, side = image.shape[0] // 2, script.SIDE
    assert orange[half + script.LINE :][:side, :side].sum() > 200  # arrows
    found = script.clip_of(motion[0])[3]
    left = side + 4 * script.GAP
    assert (image[half + script.LINE :][:side, left : left + side] == found).all()
