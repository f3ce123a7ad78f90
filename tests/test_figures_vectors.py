"""Motion vectors over the pictures they belong to: arrows, blocks, and what is true of them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from cvrl_lite.course import figures


def field(rows: int, columns: int, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    vectors = np.stack([np.full((rows, columns), x), np.full((rows, columns), y)]).astype(np.float32)
    return vectors, np.ones((rows, columns), bool)


def test_arrows_point_where_things_went_and_masked_cells_are_hatched() -> None:
    image = np.zeros((16, 24, 3), np.uint8)
    vectors, mask = np.zeros((2, 2, 3), np.float32), np.ones((2, 3), bool)
    vectors[:, 0, 1] = -3, 1  # content came from 3 px to the left and 1 px below
    mask[1, 2] = False
    figure = figures.vector_arrows(image, vectors, mask, magnify=2)
    assert figure.get_suptitle() == "83 % of the cells carry a vector, 20 % of those move"
    axes = figure.axes[0]
    arrows = next(drawn for drawn in axes.collections if hasattr(drawn, "U"))
    assert (arrows.U.tolist(), arrows.V.tolist()) == ([6.0], [-2.0])
    assert (arrows.get_offsets() + np.c_[arrows.U, arrows.V]).tolist() == [[11.5, 3.5]], "head: the cell"
    (hatched,) = [drawn for drawn in axes.collections if drawn.get_hatch()]
    assert [path.get_extents().bounds for path in hatched.get_paths()] == [(15.5, 7.5, 8.0, 8.0)]
    assert len(axes.lines[0].get_xdata()) == 4, "a dot for each vector of length zero"
    said = [words.get_text() for words in figure.legends[0].get_texts()]
    assert said == ["arrow: motion, 2 times its length", "dot: a vector of zero", "hatched: no vector"]
    true = figures.vector_arrows(image, vectors, mask).legends[0].get_texts()[0].get_text()
    assert true == "arrow: starts where it was copied from"
    with pytest.raises(ValueError, match="do not go with a picture"):
        figures.vector_arrows(image[:8], vectors, mask)


def test_arrows_of_true_length_are_one_for_each_block_and_are_not_cut_off() -> None:
    vectors, mask = np.zeros((2, 4, 4), np.float32), np.ones((4, 4), bool)
    vectors[0, :2, :2] = -20  # a block of 16 x 16
    vectors[0, 2, 2] = 5
    axes = figures.vector_arrows(np.zeros((32, 32, 3), np.uint8), vectors, mask).axes[0]
    arrows = next(drawn for drawn in axes.collections if hasattr(drawn, "U"))
    assert arrows.get_offsets().tolist() == [[-12.5, 7.5], [24.5, 19.5]]
    assert arrows.U.tolist() == [20, -5] and axes.get_xlim() == (-13.5, 31.5), "room for the tail"
    vectors[0, :2, :2] = -5
    inside = figures.vector_arrows(np.zeros((32, 32, 3), np.uint8), vectors, mask).axes[0]
    assert inside.get_xlim() == (-0.5, 31.5)


def test_panels_of_vectors_are_their_fields_side_by_side() -> None:
    images = np.zeros((2, 16, 24, 3), np.uint8)
    (past, mask), (future, _) = field(2, 3, 3, 1), field(2, 3, -3, -1)
    figure = figures.vector_panels(images, [past, future], [mask, mask], labels=["past", "future"], title="A")
    assert [axes.get_title() for axes in figure.axes] == ["past", "future"]
    arrows = [axes.collections[1] for axes in figure.axes]
    assert [(quiver.U[0], quiver.V[0]) for quiver in arrows] == [(-3, -1), (3, 1)], "apparent motion"
    few = figures.vector_panels(images, [past, 2 * past], [mask, mask], labels=["", ""], every=2)
    assert [axes.collections[1].get_offsets()[:, 0].tolist() for axes in few.axes] == [
        [6.5, 22.5],
        [9.5, 25.5],
    ], "the first and the third column, whose two cells are a block"
    rings = [len(line.get_xdata()) for axes in few.axes for line in axes.lines if line.get_marker() == "o"]
    assert rings == [0, 2] and "ring: that place, in the other frame" in [
        text.get_text() for text in few.legends[0].get_texts()
    ]
    with pytest.raises(ValueError, match="2 fields and 1 labels do not go with 2 images"):
        figures.vector_panels(images, [past, future], [mask, mask], labels=["past"])


def test_arrows_of_blocks_are_black_where_they_are_true() -> None:
    image, (vectors, mask), parts = np.zeros((16, 64, 3), np.uint8), field(2, 8, 0, -0.5), {"a": "b", "c": ""}
    truth = vectors * (np.arange(8) < 4)  # on the left all go half a pixel down, on the right they rest
    vectors[:, :, 2:4], vectors[:, :, 4:6], mask[0, 6:] = 0, 0, False
    moving, resting = figures.against_truth(image, vectors, mask, truth, parts, title="A").axes
    black, orange = (0, 0, 0, 1), to_rgba(figures.COLORS["motion"])
    found = []
    for axes in (moving, resting):
        _, arrows, dots = axes.collections
        assert (arrows.U.tolist(), arrows.V.tolist()) == ([0], [5]), "one for a block, enlarged"
        found.append([arrows.get_offsets().tolist(), dots.get_offsets().tolist()])
        found[-1] += [tuple(drawn.get_facecolors()[0]) for drawn in (arrows, dots)]
    assert found == [
        [[[7.5, 7.5]], [[23.5, 7.5]], black, orange],
        [[[23.5, 11.5]], [[7.5, 7.5]], orange, black],
    ]
    assert [text.get_text() for text in moving.texts[:2]] == ["a", "b"]
    assert moving.texts[2].xy[1] > moving.texts[2].xyann[1], "the true motion points down"
    assert len(resting.texts) == 2 and resting.lines[-1].get_marker() == "o"
    with pytest.raises(ValueError, match="8 columns of cells do not make 3 parts"):
        figures.against_truth(image, vectors, mask, truth, {**parts, "d": ""}, title="A")


def test_each_copied_block_has_a_box_in_both_frames_and_a_line_between_them() -> None:
    vectors, mask = field(2, 4, -20, 4)
    vectors[:, 0, 2:], mask[1, 2:] = 3, False  # beside a block of 16 x 16 there is one of 16 x 8
    pictures = np.zeros((2, 16, 32, 3), np.uint8)
    figure = figures.copied_from(*pictures, vectors, mask, labels=["then", "now"], title="Two blocks")
    boxes = [
        [(*box.get_xy(), box.get_width(), box.get_height()) for box in axes.patches] for axes in figure.axes
    ]
    assert boxes[1] == [(-0.5, -0.5, 16, 16)] * 2 + [(15.5, -0.5, 16, 8)] * 2, "each on a white one"
    assert boxes[0] == [(-20.5, 3.5, 16, 16)] * 2 + [(18.5, 2.5, 16, 8)] * 2
    assert [(line.xy1[0], line.xy2[0]) for line in figure.artists] == [(-12.5, 7.5), (26.5, 23.5)]
    beyond = figure.axes[0].images[0].get_extent()
    assert beyond == [-24.5, 55.5, 39.5, -24.5] and figure.axes[0].get_xlim() == (-24.5, 55.5)


def test_frames_lie_at_their_places() -> None:
    path, still = np.array([(0, 0), (3, 1), (6, 2)]), np.zeros((8, 8, 3), np.uint8)
    (axes,) = figures.on_canvas({0: still, 2: still}, {"a": path}, title="A").axes
    assert [image.get_extent() for image in axes.images] == [[-0.5, 7.5, 7.5, -0.5], [5.5, 13.5, 9.5, 1.5]]
    assert [text.get_text() for text in axes.texts] == ["0", "2"]
