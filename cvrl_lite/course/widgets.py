"""Controls for notebooks over plain arrays. They need ipywidgets (`pip install ".[course]"`).

A widget is an extra: beside each the notebooks show a picture that needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures import INK, new, origin, png, where_from
from cvrl_lite.course.figures.pictures import draw_gop_strip

if TYPE_CHECKING:
    from ipywidgets import VBox


def step(
    frames: Sequence[np.ndarray] | np.ndarray,
    picture_types: Sequence[str] | np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    frame: int,
) -> Figure:
    """One position of `step_through`: a frame, and its place among the picture types and sizes.

    Args:
        frames: T pictures (H, W, 3) uint8 RGB, in display order.
        picture_types: (T,) of "I", "P", "B".
        sizes: (T,) bytes.
        frame: Which one, 0 to T - 1.

    Returns:
        The figure; an arrow marks the frame among the bars.

    Raises:
        ValueError: Not one type and one size for each frame.

    Example:
        >>> step(np.zeros((2, 8, 8, 3), np.uint8), "IP", [90, 10], 1).get_suptitle()
        'frame 1: P, 10 bytes'
    """
    types, bytes_ = np.array(list(picture_types)), np.asarray(sizes)
    if not len(frames) == len(types) == len(bytes_):
        raise ValueError(f"{len(types)} types and {len(bytes_)} sizes do not go with {len(frames)} frames")
    figure = new(
        caption(types[frame], int(bytes_[frame]), frame), columns=2, size=(9.5, 2.9), widths=[1, 2.6]
    )
    picture, strip = figure.axes
    picture.imshow(frames[frame])
    picture.set_axis_off()
    draw_gop_strip(strip, types, bytes_)
    strip.set_ylim(0, 1.2 * bytes_.max())
    strip.annotate(
        types[frame],
        (frame, bytes_[frame]),
        xytext=(0, 16),
        textcoords="offset points",
        ha="center",
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.5},
    )
    return figure


def caption(picture_type: str, size: int, frame: int) -> str:
    """What `step` writes above a frame."""
    return f"frame {frame}: {picture_type}, {size} bytes"


def step_through(
    frames: Sequence[np.ndarray] | np.ndarray,
    picture_types: Sequence[str] | np.ndarray,
    sizes: Sequence[int] | np.ndarray,
) -> VBox:
    """A slider that steps through the frames of a video, with the type and size of each.

    Args:
        frames: T pictures (H, W, 3) uint8 RGB, in display order.
        picture_types: (T,) of "I", "P", "B".
        sizes: (T,) bytes.

    Returns:
        A widget; as the last line of a cell it shows itself. The arrow keys move the slider.

    Raises:
        ValueError: Not one type and one size for each frame.

    Example:
        >>> box = step_through(np.zeros((2, 8, 8, 3), np.uint8), "IP", [90, 10])
        >>> box.children[0].value = 1
        >>> box.children[1].value
        'frame 1: P, 10 bytes'
    """
    from ipywidgets import HTML, Image, IntSlider, VBox

    types = np.array(list(picture_types))
    slider = IntSlider(0, 0, len(frames) - 1, description="frame")
    picture = Image(value=png(step(frames, types, sizes, 0)), format="png")
    words = HTML(caption(types[0], int(sizes[0]), 0))  # for those whom a reader tells what is on the screen

    def follow(change: dict[str, int]) -> None:
        frame = change["new"]
        picture.value = png(step(frames, types, sizes, frame))
        words.value = caption(types[frame], int(sizes[frame]), frame)

    slider.observe(follow, names="value")
    return VBox([slider, words, picture])


def trace_block(
    previous: np.ndarray,
    current: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    *,
    row: int = 0,
    column: int = 0,
) -> VBox:
    """Click a block, or choose a cell by the sliders, and see where it was copied from.

    The picture is shown as a mosaic of buttons, one to a block of 16x16 pixels; a click chooses the cell in
    the block's upper left corner, and the sliders go on from there. `figures.where_from` shows the same
    without a widget.

    Args:
        previous: (H, W, 3) uint8 RGB, the picture that the vectors lead to.
        current: The same, the picture that they belong to.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back.
        mask: (H8, W8) bool.
        row: The cell shown first, 0 to H8 - 1.
        column: The same, 0 to W8 - 1.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: The shapes do not go together.
        IndexError: There is no such cell.

    Example:
        >>> black = np.zeros((32, 32, 3), np.uint8)
        >>> box = trace_block(black, black, np.zeros((2, 4, 4)), np.ones((4, 4), bool))
        >>> mosaic, sliders, words, picture = box.children
        >>> mosaic.children[3].click()
        >>> words.value
        'cell in row 2, column 2: vector (0, 0), copied from the same place'
    """
    from ipywidgets import HTML, Button, GridBox, HBox, Image, IntSlider, Layout, VBox

    picture = Image(value=png(where_from(previous, current, vectors, mask, row, column)), format="png")
    words = HTML(origin(vectors, mask, row, column))
    rows, columns = mask.shape
    down = IntSlider(row, 0, rows - 1, description="row")
    across = IntSlider(column, 0, columns - 1, description="column")

    def follow(_: object) -> None:
        picture.value = png(where_from(previous, current, vectors, mask, down.value, across.value))
        words.value = origin(vectors, mask, down.value, across.value)

    def choose(y: int, x: int) -> None:
        down.unobserve(follow, names="value")  # one picture for both sliders
        down.value = y
        down.observe(follow, names="value")
        if across.value == x:
            follow(None)
        else:
            across.value = x

    down.observe(follow, names="value")
    across.observe(follow, names="value")
    blocks, size = [], Layout(width="22px", height="22px", margin="0", padding="0")
    for y in range(0, rows, 2):
        for x in range(0, columns, 2):
            red, green, blue = current[8 * y : 8 * y + 16, 8 * x : 8 * x + 16].mean((0, 1)).astype(int)
            block = Button(layout=size, tooltip=f"block in row {y}, column {x}")
            block.style.button_color = f"#{red:02x}{green:02x}{blue:02x}"
            block.on_click(lambda _, y=y, x=x: choose(y, x))
            blocks.append(block)
    grid = Layout(grid_template_columns=f"repeat({-(-columns // 2)}, 22px)", grid_gap="1px")
    return VBox([GridBox(blocks, layout=grid), HBox([down, across]), words, picture])


def laboratory(
    experiment: Callable[..., tuple[Figure, str]],
    choices: Mapping[str, Sequence[object]],
    start: Mapping[str, object] | None = None,
) -> VBox:
    """A slider for each setting of an experiment, and what comes of them.

    Args:
        experiment: Called with one value for each setting, by name; returns a figure and the same in words.
        choices: `{name: values}`, at least two values each.
        start: `{name: value}` to begin with; the first value of each setting where it names none.

    Returns:
        A widget; as the last line of a cell it shows itself. The experiment runs once at first and again
        whenever a slider has been moved and let go.

    Example:
        >>> box = laboratory(lambda side: (new("", size=(side, 1)), f"{side} wide"), {"side": (1, 2, 3)})
        >>> sliders, words, picture = box.children
        >>> sliders.children[0].value = 3
        >>> words.value
        '3 wide'
    """
    from ipywidgets import HTML, HBox, Image, Layout, SelectionSlider, VBox

    first = {name: values[0] for name, values in choices.items()} | dict(start or {})
    sliders = [
        SelectionSlider(options=list(values), value=first[name], description=name, continuous_update=False)
        for name, values in choices.items()
    ]
    words, picture = HTML(), Image(format="png")

    def run(_: object) -> None:
        settings = dict(zip(choices, (slider.value for slider in sliders), strict=True))
        figure, said = experiment(**settings)
        picture.value, words.value = png(figure), said

    run(None)
    for slider in sliders:
        slider.observe(run, names="value")
    return VBox([HBox(sliders, layout=Layout(flex_flow="row wrap")), words, picture])
