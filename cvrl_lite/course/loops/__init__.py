"""Moving pictures of our own clips, for what no still can show: which way something turns, what comes first.

The files beside this one are made by `experiments/loops.py` and committed. A notebook shows their bytes as
they are, so that what it stores and compares is the same on every machine. Where a notebook itself finds out
which clips to show, `play` makes the loop there; its bytes depend on the build of libwebp.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

_FOLDER = Path(__file__).parent
_REST = 800  # ms, of the last frame before a loop starts again


class Loop(NamedTuple):
    r"""The files of a loop.

    Attributes:
        moving: An animated WebP that repeats forever.
        still: A JPEG, one of its frames, for readers who want nothing to move and for printing.

    Example:
        >>> moving, still = read("pan")
        >>> moving[8:12], still[:2]
        (b'WEBP', b'\xff\xd8')
    """

    moving: bytes
    still: bytes


def names() -> list[str]:
    """Every loop there is, in alphabetical order.

    Example:
        >>> "pan" in names()
        True
    """
    return sorted(path.stem for path in _FOLDER.glob("*.webp"))


def read(name: str) -> Loop:
    """The files of a loop.

    Args:
        name: One of `names()`.

    Raises:
        ValueError: There is no such loop.

    Example:
        >>> read("pan").moving[8:12]
        b'WEBP'
    """
    if name not in names():
        raise ValueError(f"no loop is called {name!r}; there are {', '.join(names())}")
    return Loop(*((_FOLDER / f"{name}.{suffix}").read_bytes() for suffix in ("webp", "jpg")))


def as_html(name: str, alt: str) -> str:
    """An HTML element that plays a loop; browsers set to reduced motion show the still instead.

    Args:
        name: One of `names()`.
        alt: What is to be seen, in a sentence or two.

    Raises:
        ValueError: There is no such loop, or `alt` is empty.

    Example:
        >>> as_html("pan", "A wall of bricks that passes by")[:9]
        '<picture>'
    """
    return _as_html(read(name), alt)


def _as_html(loop: Loop, alt: str) -> str:
    if not alt.strip():
        raise ValueError("a loop needs an alternative text")
    moving, still = (base64.b64encode(file).decode() for file in loop)
    return (
        "<picture>"
        f'<source media="(prefers-reduced-motion: reduce)" srcset="data:image/jpeg;base64,{still}">'
        f'<img src="data:image/webp;base64,{moving}" alt="{html.escape(alt)}" style="max-width: 100%">'
        "</picture>"
    )


def show_loop(name: str, alt: str) -> None:
    """Plays a loop in a notebook, with words for those who cannot see it.

    Args:
        name: One of `names()`.
        alt: What is to be seen, in a sentence or two.

    Raises:
        ValueError: There is no such loop, or `alt` is empty.

    Example:
        >>> show_loop("pan", "A block drifts to the left and up.")  # doctest: +SKIP
    """
    _show(read(name), alt, name)


def play(figure: Figure, clips: Sequence[np.ndarray], alt: str, *, interval: int = 80) -> None:
    """Plays clips in the panels of a figure, in a notebook, with words for those who cannot see them.

    Args:
        figure: Each of its panels shows one image. As it is given, it is the still for readers who want
            nothing to move.
        clips: One (T, H, W, 3) uint8 RGB for each panel, all of the same T and of any size.
        alt: What is to be seen, in a sentence or two.
        interval: Milliseconds from one frame to the next; the last one stays for a moment.

    Raises:
        ValueError: Not one clip for each panel, or `alt` is empty.

    Example:
        >>> play(filmstrip([clip[0]]), [clip], "A block drifts to the left and up.")  # doctest: +SKIP
    """
    _show(_filmed(figure, clips, interval), alt, "of clips")


def _filmed(figure: Figure, clips: Sequence[np.ndarray], interval: int) -> Loop:
    """The figure with each clip in its panel."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    if len(clips) != len(figure.axes):
        raise ValueError(f"{len(clips)} clips do not go with {len(figure.axes)} panels")
    figure.dpi = 85  # a film of 100 pixels an inch takes half as many bytes again
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = [Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])]
    for frames in zip(*clips, strict=True):
        for axes, frame in zip(figure.axes, frames, strict=True):
            axes.images[0].set_data(frame)
            for artist in (axes.images[0], *axes.spines.values()):
                axes.draw_artist(artist)
        drawn.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    still, first, *others = drawn
    moving, one = io.BytesIO(), io.BytesIO()
    lasts = [*[interval] * len(others), _REST]
    options = {"duration": lasts, "loop": 0, "quality": 30, "method": 2}  # more effort takes twice as long
    first.save(moving, "webp", save_all=True, append_images=others, **options)
    still.save(one, "jpeg", quality=72, optimize=True)
    return Loop(moving.getvalue(), one.getvalue())


def _show(loop: Loop, alt: str, words: str) -> None:
    from IPython.display import display

    data = {"text/html": _as_html(loop, alt), "image/jpeg": loop.still, "text/plain": f"<loop {words}>"}
    display(data, raw=True, metadata={"image/jpeg": {"alt": alt}})
