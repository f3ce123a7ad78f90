"""Controls for notebooks over plain arrays. They need ipywidgets (`pip install "cvrl-lite[course]"`).

A widget is an extra: beside each the notebooks show a picture that needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures import INK, new, png
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
    """What `step` writes above a frame.

    Example:
        >>> caption("P", 812, 5)
        'frame 5: P, 812 bytes'
    """
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


def laboratory(
    experiment: Callable[..., tuple[Figure, str]],
    choices: Mapping[str, Sequence[object]],
    start: Mapping[str, object] | None = None,
) -> VBox:
    """A slider for each setting of an experiment, and what comes of them beside what came before.

    Args:
        experiment: Called with one value for each setting, by name; returns a figure and the same in words.
        choices: `{name: values}`, at least two values each.
        start: `{name: value}` to begin with; the first value of each setting where it names none.

    Returns:
        A widget; as the last line of a cell it shows itself. The experiment runs once at first and again
        whenever a slider has been moved and let go. The result before is then kept below the new one.

    Example:
        >>> box = laboratory(lambda side: (new("", size=(side, 1)), f"{side} wide"), {"side": (1, 2, 3)})
        >>> sliders, words, picture = box.children
        >>> sliders.children[0].value = 3
        >>> words.value
        '3 wide'
        >>> box.children[3].value
        'before: 1 wide'
    """
    from ipywidgets import HTML, HBox, Image, Layout, SelectionSlider, VBox

    first = {name: values[0] for name, values in choices.items()} | dict(start or {})
    sliders = [
        SelectionSlider(options=list(values), value=first[name], description=name, continuous_update=False)
        for name, values in choices.items()
    ]
    words, picture = HTML(), Image(format="png")
    words_before, picture_before = HTML(), Image(format="png")
    box = VBox([HBox(sliders, layout=Layout(flex_flow="row wrap")), words, picture])

    def run() -> None:
        settings = dict(zip(choices, (slider.value for slider in sliders), strict=True))
        figure, said = experiment(**settings)
        picture.value, words.value = png(figure), said

    def again(_: object) -> None:
        picture_before.value, words_before.value = picture.value, f"before: {words.value}"
        run()
        box.children = (*box.children[:3], words_before, picture_before)

    run()
    for slider in sliders:
        slider.observe(again, names="value")
    return box
