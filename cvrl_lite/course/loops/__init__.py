"""Moving pictures of our own clips, for what no still can show: which way something turns, what comes first.

The files beside this one are made by `experiments/loops.py` and committed. A notebook shows their bytes as
they are, so that what it stores and compares is the same on every machine.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent


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


def as_html(name: str, alt: str, *, width: int | None = None) -> str:
    """An HTML element that plays a loop; browsers set to reduced motion show the still instead.

    Args:
        name: One of `names()`.
        alt: What is to be seen, in a sentence or two.
        width: In pixels of the page, if not one for each pixel of the loop; never wider than the page.

    Raises:
        ValueError: There is no such loop, or `alt` is empty.

    Example:
        >>> as_html("pan", "A wall of bricks that passes by")[:9]
        '<picture>'
    """
    loop = read(name)
    if not alt.strip():
        raise ValueError("a loop needs an alternative text")
    moving, still = (base64.b64encode(file).decode() for file in loop)
    wide = "" if width is None else f'width="{width}" '
    return (
        "<picture>"
        f'<source media="(prefers-reduced-motion: reduce)" srcset="data:image/jpeg;base64,{still}">'
        f'<img src="data:image/webp;base64,{moving}" alt="{html.escape(alt)}" {wide}style="max-width: 100%">'
        "</picture>"
    )


def show_loop(name: str, alt: str, *, width: int | None = None) -> None:
    """Plays a loop in a notebook, with words for those who cannot see it.

    Args:
        name: One of `names()`.
        alt: What is to be seen, in a sentence or two.
        width: As in `as_html`.

    Raises:
        ValueError: There is no such loop, or `alt` is empty.

    Example:
        >>> show_loop("pan", "A block drifts to the left and up.")  # doctest: +SKIP
    """
    from IPython.display import display

    still = read(name).still
    data = {"text/html": as_html(name, alt, width=width), "image/jpeg": still, "text/plain": f"<loop {name}>"}
    display(data, raw=True, metadata={"image/jpeg": {"alt": alt}})
