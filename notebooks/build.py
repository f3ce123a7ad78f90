"""Builds the course: notebooks/src/NN_topic.py (py:percent) -> notebooks/NN_topic.ipynb, with outputs.

    python notebooks/build.py                  # all of them
    python notebooks/build.py 01_result_first  # some

The sources are what we edit. A notebook is written only if every cell ran as its source says and nothing
in its outputs would trouble a reader or another machine (`problems`). Cell ids come from the cells'
content and what changes from run to run is dropped, so a rebuilt notebook differs only where its content
does.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parent
SOURCES = NOTEBOOKS / "src"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
RAISES = "raises-exception"  # the tag of a cell that shows an error on purpose
FOLDED = "hide-input"  # the tag of a cell whose code is folded away until a reader asks for it
SETUP = "setup"  # the tag of what matters on a machine that is not the reader's; the site leaves it out
CELL_TIMEOUT = 1200  # s
_LARGE = 60_000  # characters of base64
_UNSEEN = (4, 12)  # levels of 255 by which 99 % and 99.9 % of the pixels may be off, and nobody sees it
_PNG = "iVBORw0KGgo"  # how a PNG begins in base64
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
# A path of somebody's machine: /home/ann, /tmp/x, C:\Users, ~/course; not a/relative/path, not https://...
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/])(?:/(?:home|root|tmp|usr|opt|var|work|mnt|private|Users)/|~/)|\b[A-Z]:\\"
)


def names() -> list[str]:
    """The notebooks that have a source, in the course's order."""
    return sorted(path.stem for path in SOURCES.glob("[0-9][0-9]_*.py"))


def ways_in(name: str) -> list[NotebookNode]:
    """The cells below a notebook's title that let it run without an installation.

    Args:
        name: The notebook's, without ending.

    Returns:
        Links to Colab and Binder, and a cell that installs the package on Colab and does nothing elsewhere.
    """
    project = tomllib.loads((NOTEBOOKS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]
    owner = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{owner}/blob/main/notebooks/{name}.ipynb"
    links = (
        f"Without installing anything: [run it on Colab]({colab}) or "
        f"[on Binder](https://mybinder.org/v2/gh/{owner}/main?labpath=notebooks/{name}.ipynb)."
    )
    install = f"""\
# Installs the package on Colab; anywhere else this cell does nothing.
import os
import subprocess
import sys

if "COLAB_RELEASE_TAG" in os.environ:
    package = "cvrl-lite[course] @ git+{repository}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)"""
    tags = {"tags": [SETUP]}
    return [
        nbformat.v4.new_markdown_cell(links, id="ways-in", metadata=tags),
        nbformat.v4.new_code_cell(install, id="setup", metadata=tags),
    ]


def from_source(path: Path) -> NotebookNode:
    """The notebook of a py:percent source: cells, tags and ids, not yet run.

    Args:
        path: A source, such as `notebooks/src/00_start_here.py`.

    Returns:
        A notebook (nbformat 4.5) without outputs.
    """
    parsed = jupytext.read(path, fmt="py:percent")
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    seen: dict[str, int] = {}
    for cell in parsed.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        # Jupytext keeps cell options it does not know (a title, say) as metadata; tags are all we use.
        tags = list(cell.metadata.get("tags", []))
        if "check" in tags and FOLDED not in tags:  # it knows the answer
            tags.append(FOLDED)
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        if FOLDED in tags:  # the site reads the tag, JupyterLab this
            cell.metadata.jupyter = NotebookNode(source_hidden=True)
        notebook.cells.append(cell)
    return notebook


def lesson(name: str) -> NotebookNode:
    """A notebook of the course, not yet run: its source, and below the title the `ways_in`.

    Args:
        name: Its name without ending, such as `"00_start_here"`.
    """
    notebook = from_source(SOURCES / f"{name}.py")
    notebook.cells[1:1] = ways_in(name)
    return notebook


def execute(notebook: NotebookNode) -> None:
    """Runs every cell in the folder of the notebooks, and keeps outputs and widgets.

    Args:
        notebook: Changed in place.

    Raises:
        CellExecutionError: A cell failed that is not tagged `raises-exception`.
    """
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute()
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = NotebookNode(METADATA)
    if widgets:
        notebook.metadata.widgets = widgets
    for output in _outputs(notebook):
        if output.output_type == "error":  # the traceback names files of this machine
            output.traceback = [f"{output.ename}: {output.evalue}"]


def with_fixed_widget_ids(notebook: NotebookNode) -> NotebookNode:
    """The same notebook with its widgets' random 32-digit names replaced by numbers.

    Args:
        notebook: An executed notebook whose metadata holds the widgets' state.

    Returns:
        A notebook that is the same after every build.
    """
    widgets = notebook.metadata.get("widgets", {})
    models = [model for kind in widgets.values() for model in kind["state"]]  # in the order of their making
    number = {model: f"{order:032x}" for order, model in enumerate(models)}
    text = re.sub(
        r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])",
        lambda match: number.get(match[0], match[0]),
        nbformat.writes(notebook),
    )
    return nbformat.reads(text, as_version=4)


def lighten(notebook: NotebookNode) -> None:
    """Stores large pictures in fewer bytes without a difference to the eye.

    A chart of few colors gets a palette. Photos and maps would be posterized by one, so they become JPEGs, or
    stay as they are where that is smaller. nbval compares neither.

    Args:
        notebook: An executed notebook, changed in place; also its widgets' pictures, which stay PNGs.
    """
    for output in _outputs(notebook):
        data = output.get("data", {})
        if len(data.get("image/png", "")) > _LARGE:
            kind, picture = _smaller(data.pop("image/png"))
            data[kind] = picture
            if kind in PICTURES[1:] and "image/png" in output.get("metadata", {}):
                output.metadata[kind] = output.metadata.pop("image/png")
    for kinds in notebook.metadata.get("widgets", {}).values():
        for model in kinds["state"].values():
            for buffer in model.get("buffers", []):
                if buffer["data"].startswith(_PNG) and len(buffer["data"]) > _LARGE:
                    buffer["data"] = _smaller(buffer["data"], jpeg=False)[1]


def _smaller(picture: str, *, jpeg: bool = True) -> tuple[str, str]:
    """(MIME type, base64) of the smallest form of a PNG in base64 that looks the same."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
        image = opened.convert("RGB")
    few = image.quantize(256, dither=Image.Dither.NONE)
    off = np.abs(np.asarray(image, int) - np.asarray(few.convert("RGB"))).max(-1)
    if (np.percentile(off, (99, 99.9)) <= _UNSEEN).all():
        forms = [("image/png", _encoded(few, "png", optimize=True))]
    else:
        forms = [("image/png", _encoded(image, "png", optimize=True))]
        forms += [("image/jpeg", _encoded(image, "jpeg", quality=92, subsampling=0, optimize=True))] * jpeg
    return min([("image/png", picture), *forms], key=lambda form: len(form[1]))


def _encoded(image: Image.Image, kind: str, **options: Any) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def _outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _text(output: NotebookNode) -> str:
    """Whatever an output shows as words."""
    data = output.get("data", {})
    words = [str(output.get("text", "")), str(output.get("evalue", ""))]
    return "\n".join(words + [str(data[key]) for key in data if key.startswith("text/")])


def problems(notebook: NotebookNode) -> list[str]:
    """What in a notebook's outputs would trouble a reader, or a comparison on another machine.

    Args:
        notebook: An executed notebook.

    Returns:
        One line per problem, each naming its cell: an error without the tag, a tag without an error, a
        picture without alt text, a warning, an absolute path. An empty list if all is well.
    """
    found = []
    for number, cell in enumerate(notebook.cells):
        where = f"cell {number} ({cell.id}, {cell.source.splitlines()[0] if cell.source else 'empty'})"
        outputs = cell.get("outputs", [])
        tagged = RAISES in cell.metadata.get("tags", [])
        failed = [output for output in outputs if output.output_type == "error"]
        if failed and not tagged:
            found.append(f"{where}: stores {failed[0].ename} without the tag {RAISES}")
        if tagged and not failed:
            found.append(f"{where}: has the tag {RAISES} and raises nothing")
        for output in outputs:
            for kind in PICTURES:
                alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
                if kind in output.get("data", {}) and not alt.strip():
                    found.append(f"{where}: a picture without alt text")
            if output.get("name") == "stderr":
                found.append(f"{where}: writes to stderr: {output.text.strip().splitlines()[-1]}")
            if path := ABSOLUTE_PATH.search(_text(output)):
                found.append(f"{where}: shows an absolute path, {path[0]}...")
    return found


def build(name: str) -> list[str]:
    """Builds one notebook.

    Args:
        name: Its name without ending, such as `"00_start_here"`.

    Returns:
        What keeps it from being written, one line each; an empty list if it was written.
    """
    notebook = lesson(name)
    try:
        execute(notebook)
    except CellExecutionError as error:
        return [str(error)]
    found = problems(notebook)
    if not found:
        nbformat.validate(notebook)
        lighten(notebook)
        part = NOTEBOOKS / f".{name}.part"  # so that an interrupted build leaves the old notebook whole
        nbformat.write(with_fixed_widget_ids(notebook), part)
        os.replace(part, NOTEBOOKS / f"{name}.ipynb")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Builds the notebooks named on the command line, or all; returns 1 if one could not be built."""
    parser = argparse.ArgumentParser(
        description="Build the course's notebooks from notebooks/src/*.py.", allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 00_start_here; all if none")
    chosen = parser.parse_args(arguments).names or names()
    os.environ["TQDM_DISABLE"] = "1"  # for the kernels: a stored notebook shows no progress bars
    os.environ["CVRL_PROGRESS"] = str(NOTEBOOKS / ".nobody.json")  # nor what its builder has solved
    if unknown := [name for name in chosen if name not in names()]:
        parser.error(f"no source for {', '.join(unknown)}; there are {', '.join(names())}")
    status = 0
    for name in chosen:
        found = build(name)
        print(f"{name}: {'built' if not found else 'NOT built'}", *found, sep="\n  ", flush=True)
        status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main())
