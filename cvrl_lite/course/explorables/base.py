"""What all explorables share: the widget, and a page that shows one without a kernel."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import traitlets
from anywidget import AnyWidget
from PIL import Image

_FOLDER = Path(__file__).parent
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")


def module(*names: str) -> str:
    """The ES module of an explorable: the stage they all stand on, then its own files.

    Args:
        names: Of files beside this one, without `.js`; the last one exports `render`.
    """
    return "\n".join((_FOLDER / f"{file}.js").read_text(encoding="utf-8") for file in ("stage", *names))


class Explorable(AnyWidget):
    """A widget whose ES module draws `state` and `data`, and asks no kernel for anything.

    A subclass sets `_esm` to its `module`. `state` has the key `label`, words for those who cannot see it.

    Example:
        >>> class Dot(Explorable):
        ...     _esm = module("sphere")  # sphere.js beside this file
        >>> Dot(state={"label": "A dot on a circle."}).state["label"]
        'A dot on a circle.'
    """

    _css = STYLE
    state = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)

    def __repr__(self) -> str:
        """The same on every machine, since notebooks store and compare it."""
        return f"{type(self).__name__}()"


def save(explorable: Explorable, file: Path) -> None:
    r"""Keeps an explorable whose arrays take long to compute; `stored` shows those that come along.

    Example:
        >>> import tempfile
        >>> from cvrl_lite.course.explorables import sphere
        >>> file = Path(tempfile.mkdtemp(), "sphere")
        >>> save(sphere(6), file)
        >>> len(json.loads(file.read_bytes().partition(b"\n")[0])["angles"])
        6
    """
    file.write_bytes(json.dumps(explorable.state).encode() + b"\n" + explorable.data)


def read(kind: type[Explorable], name: str) -> Explorable:
    """An explorable that comes along, as `save` wrote it."""
    state, _, data = (_FOLDER / "stored" / name).read_bytes().partition(b"\n")
    return kind(state=json.loads(state), data=data)


def sheet(frames: Sequence[np.ndarray], *, columns: int, quality: int) -> bytes:
    """A WebP file with all frames side by side, row by row.

    Args:
        frames: N of (H, W, 3) uint8 RGB, all of one size.
        columns: Frames in a row.
        quality: 0 to 100.
    """
    height, width = frames[0].shape[:2]
    whole = Image.new("RGB", (columns * width, -(-len(frames) // columns) * height))
    for number, frame in enumerate(frames):
        whole.paste(Image.fromarray(frame), (number % columns * width, number // columns * height))
    file = io.BytesIO()
    whole.save(file, "webp", quality=quality)
    return file.getvalue()


def resized(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame (H, W, 3) uint8 as a square of this many pixels."""
    return np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS))


def page(explorable: Explorable, *, title: str, words: str, still: bytes) -> str:
    """A page of its own for an explorable: the same module and state, no kernel, nothing fetched.

    Args:
        explorable: With its state.
        title: Of the page; text.
        words: What it shows, a sentence or two; text.
        still: A PNG that stands for it where no script runs.

    Returns:
        HTML, complete.

    Example:
        >>> from cvrl_lite.course.explorables import sphere
        >>> page(sphere(), title="A circle", words="Drag a point.", still=b"")[:15]
        '<!doctype html>'
    """
    state: dict[str, Any] = {"state": explorable.state}
    template = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        words=html.escape(words),
        label=html.escape(explorable.state["label"]),
        still=base64.b64encode(still).decode(),
        style=STYLE,
        module=_in_script(str(explorable._esm)),
        state=_in_script(state),
        data=base64.b64encode(explorable.data).decode(),
    )


def _in_script(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")
