"""Clips that the course encodes in a moment: what is said of them is so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvrl_lite.codec import CompressedVideo, encode
from cvrl_lite.course.decoding import blended, copied, drift, exam, plain_means, without_residual
from cvrl_lite.course.encoding import pack, stray
from cvrl_lite.course.figures import (
    by_weight,
    error_maps,
    filters,
    gop_trade,
    order_of_frames,
    pieces_and_cells,
)
from cvrl_lite.course.figures.matching import matching_errors
from cvrl_lite.course.truth import shape_centers
from cvrl_lite.datasets.moving_scenes import draw


def test_a_packed_clip_tells_of_its_gops_sizes_and_stray_vectors() -> None:
    clip = draw("bricks", "right", 2, frames=9, size=64)
    packed = pack(clip, gop=4, crf=30)
    assert packed.info.gop_lengths == (4, 4, 1) and packed.distance_known
    assert len(packed.sizes) == len(packed.frames) == 9 and packed.sizes[0] > 2 * packed.sizes[1]
    resting, wrong = stray(clip, packed)
    assert resting.shape == (8, 8, 8) and not (wrong & ~resting).any() and resting.any()
    assert not resting[packed.motion.picture_types[1:] == "I"].any()
    assert not pack(clip, references=3).distance_known


def test_a_b_frame_is_blended_of_both_neighbors_and_errors_pile_up_without_residuals(tmp_path: Path) -> None:
    clip = draw("bricks", "clockwise", 11, frames=7, size=96)
    encode(clip, tmp_path / "b.mp4", gop=7, b_frames=2, options={"b_strategy": "0"})
    with CompressedVideo(tmp_path / "b.mp4") as video:
        frames, motion = video.clip(0, 7).astype(float), video.motion(direction="both")
    assert "".join(motion.picture_types) == "IBBPBBP"
    spans = np.array([1, 2]).reshape(2, 1, 1, 1)  # frames from 4 back to 3, and on to 6
    sides = frames[[3, 6]]
    found = blended(sides, spans * motion.vectors[4], motion.mask[4])
    still = blended(sides, np.zeros_like(motion.vectors[4]), motion.mask[4])
    here = motion.mask[4].any(0).repeat(8, 0).repeat(8, 1)

    def off(made: np.ndarray) -> float:
        return float(np.abs(made - frames[4])[here].mean())

    assert off(found) < 0.9 * min(off(still), *map(off, sides)), [*map(off, (found, still, *sides))]
    errors = np.abs(without_residual(frames, motion) - frames).mean((1, 2, 3))
    assert errors[0] == 0 < errors[3] < errors[6]
    assert off(without_residual(frames, motion)[4]) > off(found), "it is built on frames that are off"


def test_copying_along_vectors_stops_at_the_border() -> None:
    ramp = np.arange(16.0).reshape(1, 16).repeat(8, 0)
    right, left = (np.array([[[x, x]], [[0.0, 0.0]]]) for x in (3.4, -3.0))
    assert copied(ramp, right)[0].tolist() == [*range(3, 16), 15, 15, 15]
    assert copied(ramp[..., None], left)[0, :, 0].tolist() == [0, 0, 0, *range(13)]


def test_a_decoder_drifts_until_the_next_i_frame() -> None:
    clip = draw("rings", "down", 3, frames=8, size=64)
    packed = pack(clip, gop=7)
    rows = drift(packed.frames, packed.motion)
    assert list(rows) == ["everything", "no residual", "no vectors", "no I-frames"]
    assert (rows["no I-frames"][0] == 128).all() and np.ptp(rows["no I-frames"][7].astype(int)) > 20
    for name in ("no residual", "no vectors"):
        off = np.abs(rows[name].astype(int) - rows["everything"]).mean((1, 2, 3))
        assert off[0] == off[7] == 0 and 0 < off[1] < off[6], name
    with pytest.raises(ValueError, match="B-frames"):
        drift(packed.frames, packed.motion._replace(picture_types=np.array(list("IBPPPPPI"))))


def test_papers_of_an_exam_are_told_apart_by_how_much_is_off_and_what_is_not_predicted() -> None:
    papers = exam(range(2, 4))
    assert sorted(paper.word for paper in papers) == ["light", "light", "new", "new", "quiet", "quiet"]
    for paper in papers:
        off, intra = (np.abs(paper.values) > 4).mean(), (~paper.mask).mean()
        assert (off > 0.5) == (paper.word == "light")
        assert paper.word == "light" or (intra > 0.04) == (paper.word == "new")


def test_shapes_are_where_the_truth_says() -> None:
    centers = shape_centers("right", 5, frames=3, size=224)
    step = centers[1] - centers[0]
    assert (step[:, 0] > 0).all() and np.abs(step[:, 1]).max() == 0
    half = shape_centers("right", 5, frames=3, size=112)
    assert np.allclose(centers, 2 * half)


def test_a_block_fits_best_where_it_came_from() -> None:
    before = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    now = np.roll(before, (1, -3), (0, 1))  # went 3 to the left and 1 down
    errors = matching_errors(before, now, 16, 16, side=8, reach=5)
    assert np.unravel_index(errors.argmin(), errors.shape) == (5 - 1, 5 + 3) and errors.min() == 0
    with pytest.raises(ValueError, match="beyond the border"):
        matching_errors(before, now, 2, 16, side=8, reach=5)
    field = np.broadcast_to(np.reshape([3.0, -1.0], (2, 1, 1)), (2, 6, 6))
    figure = error_maps(before, now, field, {"a": (2, 2), "b": (2, 3)}, side=8, reach=5, title="It fits")
    assert [line.get_xydata().tolist() for line in figure.axes[2].lines] == [[[3.0, -1.0]]] * 2
    assert [axes.images[0].get_clim() for axes in figure.axes[2:4]] == [(0, 25)] * 2, "one scale for all"


def test_plain_means_copy_at_whole_pixels_and_blend_between_them() -> None:
    plane = np.random.default_rng(0).integers(0, 256, (16, 16)).astype(np.uint8)
    whole = np.broadcast_to(np.reshape([3.0, -2.0], (2, 1, 1)), (2, 2, 2))
    assert np.array_equal(plain_means(plane, whole), copied(plane, whole))
    between = plain_means(plane, whole + np.reshape([0.5, 0.25], (2, 1, 1)))
    upper, lower = plane[5, 6:8].astype(float).mean(), plane[6, 6:8].astype(float).mean()
    assert between[7, 3] == np.floor(0.75 * upper + 0.25 * lower + 0.5), "pixel (3, 7) looks at (6.5, 5.25)"


def test_figures_of_files_say_what_they_are_given() -> None:
    figure = order_of_frames("IBBP", [0, 3, 1, 2], title="P first")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words[:8:2] == ["I0", "P3", "B1", "B2"] == words[1:8:2]
    with pytest.raises(ValueError, match="once"):
        order_of_frames("IBBP", [0, 3, 1, 1], title="P first")
    (line,) = gop_trade({"GOP 1": (1, 90), "GOP 12": (6.5, 40)}, title="A trade").axes[0].lines
    assert line.get_xydata().tolist() == [[1, 90], [6.5, 40]]
    shares = np.linspace(0.9, 1, 16).reshape(4, 4)
    maps = filters({"right": shares, "wrong": 0 * shares}, title="One is right").axes
    written = [[text.get_text() for text in axes.texts] for axes in maps]
    assert [words[-1] for words in written] == ["100.0 %", "0.0 %"] and written[0][0] == "90.0 %"
    curves = {"scene": [0.9, 0.1], "action": [0.1, 0.9]}
    drawn = by_weight([0, 1], curves, best=0.5, title="A trade").axes[0].lines
    assert [line.get_ydata().tolist() for line in drawn[:2]] == list(curves.values())
    vectors = np.stack([np.full((8, 8), 1.0), np.zeros((8, 8))])
    left, right = pieces_and_cells(np.zeros((64, 64, 3), np.uint8), vectors, title="One of four").axes
    assert (len(left.texts), len(right.texts)) == (16, 4)
    assert all(arrow.xy[0] < arrow.get_position()[0] for arrow in right.texts), (
        "minus the vector: to the left"
    )


def test_the_shipped_clip_of_pieces_reports_the_upper_left_one() -> None:
    from cvrl_lite import data_path

    with CompressedVideo(data_path("lessons/shattered_4x4.mp4")) as video:
        field = video.motion(1, 2).vectors[0]
    assert (field[0, 4:6, 4:6] == 1).all(), "to the left, as the upper left piece of each cell"
