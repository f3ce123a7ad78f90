"""The course's notebooks agree with their sources and carry what a reader and another machine need.

That they run, that their outputs hold and that solutions are right is checked by `pytest --nbval notebooks/`.
"""

from __future__ import annotations

import ast
import base64
import functools
import importlib.util
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in (FOLDER / "src").glob("*.py"))


def _load_builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builder = _load_builder()


@functools.cache
def stored(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_every_source_has_its_notebook_and_the_course_begins() -> None:
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == NAMES == builder.names()
    assert NAMES[:3] == ["00_start_here", "01_result_first", "02_inside_a_video_file"]
    assert len({name[:2] for name in NAMES}) == len(NAMES)


def essence(notebook: NotebookNode) -> list[tuple[str, str, str, list[str]]]:
    return [
        (cell.id, cell.cell_type, cell.source, list(cell.metadata.get("tags", []))) for cell in notebook.cells
    ]


def test_source_and_notebook_are_the_same_cells() -> None:
    sources = {name: essence(builder.lesson(name)) for name in NAMES}
    assert [name for name in NAMES if essence(stored(name)) != sources[name]] == []


def test_notebooks_are_clean() -> None:
    for name in NAMES:
        notebook = stored(name)
        nbformat.validate(notebook)
        assert builder.problems(notebook) == [], name
        assert {key: notebook.metadata[key] for key in builder.METADATA} == builder.METADATA, name
        assert set(notebook.metadata) <= {*builder.METADATA, "widgets"}, name
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1)), f"{name}: not run in one go"
        assert (FOLDER / f"{name}.ipynb").stat().st_size < 3.5e6, name


def lacking(name: str) -> list[str]:
    """The parts of a lesson that a notebook does not have."""
    cells = stored(name).cells
    words = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    opening = "\n".join(cell.source for cell in cells[:4])
    quiz = re.split(r"(?im)^#+ .*(?:quiz|questions).*$", words)
    parts = {
        "a title first": cells[0].cell_type == "markdown" and re.match(r"# \S", cells[0].source),
        "one title": len(re.findall(r"^# ", words, re.M)) == 1,
        "goals": re.search(r"(?i)goals|you will|able to", opening),
        "minutes on 2 cores": re.search(r"(?i)\bminutes?\b", opening),
        "disk": re.search(r"(?i)\bdisk\b|\bMB\b", opening),
        "a quiz": len(quiz) >= 2,
        "folded answers": 3 <= quiz[-1].count("<details>") <= 5 and quiz[-1].count("</details>") >= 3,
        "where to go next": re.search(r"(?i)\bnext\b", quiz[-1]),
        "further reading": re.search(r"(?i)further reading|read more", words),
    }
    return [f"{name}: {part}" for part, there in parts.items() if not there]


def test_no_notebook_takes_the_name_of_its_own_function_for_something_else() -> None:
    """A cell that calls the function could not be run again after that."""
    for name in NAMES:
        body = ast.parse((FOLDER / "src" / f"{name}.py").read_text(encoding="utf-8")).body
        made = {part.name for part in body if isinstance(part, ast.FunctionDef)}
        rest = [part for part in body if not isinstance(part, ast.FunctionDef | ast.ClassDef)]
        assert not made & {bound for part in rest for bound in _bound(part)}, name


def _bound(part: ast.AST) -> Iterator[str]:
    """Names that a statement binds at the top level; those inside comprehensions and lambdas stay there."""
    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
        yield part.id
    elif not isinstance(part, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
        for inner in ast.iter_child_nodes(part):
            yield from _bound(inner)


def test_notebooks_have_the_parts_of_a_lesson() -> None:
    assert [part for name in NAMES for part in lacking(name)] == []


def test_links_between_files_lead_somewhere() -> None:
    for name in NAMES:
        words = "\n".join(cell.source for cell in stored(name).cells if cell.cell_type == "markdown")
        links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", words)]
        local = [link for link in links if link and not re.match(r"\w+:", link)]
        assert [link for link in local if not (FOLDER / link).exists()] == [], name


def test_readme_marks_exactly_the_notebooks_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(notebooks/([0-9]{2}_\w+)\.ipynb\)", readme)
    assert sorted(set(linked)) == NAMES
    planned = re.findall(r"\b([0-9]{2}_[a-z_]+)\b", readme)
    assert len(set(planned)) >= 11 and set(NAMES) <= set(planned)


# What the builder would refuse.


def notebook_with(output: NotebookNode, tags: list[str] | None = None) -> NotebookNode:
    cell = new_code_cell("1", outputs=[output], metadata={"tags": tags or []})
    return new_notebook(cells=[cell], metadata=builder.METADATA)


PNG = {"image/png": "aGk="}
ERROR = {"ename": "VideoError", "evalue": "clip.mp4: no picture", "traceback": []}


@pytest.mark.parametrize(
    ("output", "tags", "problem"),
    [
        (new_output("display_data", PNG), [], "without alt text"),
        (new_output("display_data", PNG, metadata={"image/png": {"alt": " "}}), [], "without alt text"),
        (new_output("display_data", PNG, metadata={"image/png": {"alt": "a pan"}}), [], None),
        (new_output("error", **ERROR), [], "stores VideoError"),
        (new_output("error", **ERROR), ["raises-exception"], None),
        (new_output("stream", text="fine"), ["raises-exception"], "raises nothing"),
        (new_output("stream", name="stderr", text="FutureWarning: x"), [], "writes to stderr"),
        (new_output("stream", text="made /home/ann/clips"), [], "absolute path"),
        (new_output("execute_result", {"text/plain": "'C:\\\\Users\\\\ann'"}), [], "absolute path"),
        (new_output("stream", text="clips/a.mp4, 12/24, https://example.org/home/x"), [], None),
    ],
)
def test_builder_finds_what_would_trouble(output: NotebookNode, tags: list[str], problem: str | None) -> None:
    found = builder.problems(notebook_with(output, tags))
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1 and problem in found[0]


def test_source_gives_stable_ids_and_tags(tmp_path: Path) -> None:
    source = tmp_path / "00_try.py"
    source.write_text(
        '# %% [markdown]\n# # Title\n\n# %% tags=["raises-exception"]\n1 / 0\n\n# %%\n2\n\n# %%\n2\n',
        encoding="utf-8",
    )
    cells = builder.from_source(source).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code", "code"]
    assert cells[1].metadata == {"tags": ["raises-exception"]} and cells[2].metadata == {}
    assert cells[3].id == f"{cells[2].id}-2"
    source.write_text(
        source.read_text(encoding="utf-8").replace("# # Title", "# # Another"), encoding="utf-8"
    )
    assert [cell.id for cell in builder.from_source(source).cells[1:]] == [cell.id for cell in cells[1:]]


def picture_of(pixels: np.ndarray) -> NotebookNode:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    return new_output("display_data", data, metadata={"image/png": {"alt": "pixels"}})


def test_pictures_are_stored_in_fewer_bytes_and_look_the_same() -> None:
    random = np.random.default_rng(0)
    chart = random.integers(0, 4, (400, 400, 1)).repeat(3, 2).astype(np.uint8) * 80
    photo = random.integers(0, 256, (25, 25, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(photo).resize((500, 500), Image.Resampling.BICUBIC))
    for pixels, kind, most in ((chart, "image/png", 0), (smooth, "image/jpeg", 12)):
        notebook = notebook_with(picture_of(pixels))
        before = len(notebook.cells[0].outputs[0].data["image/png"])
        builder.lighten(notebook)
        (output,) = notebook.cells[0].outputs
        assert set(output.data) == set(output.metadata) == {kind} and len(output.data[kind]) < before
        with Image.open(io.BytesIO(base64.b64decode(output.data[kind]))) as image:
            off = np.abs(np.asarray(image.convert("RGB"), int) - pixels)
        assert np.percentile(off, 99) <= most
        assert builder.problems(notebook) == []


def test_a_cell_can_be_folded_away(tmp_path: Path) -> None:
    source = tmp_path / "00_try.py"
    source.write_text('# %% tags=["hide-input"]\n1\n\n# %%\n2\n\n# %% tags=["check"]\n3\n', encoding="utf-8")
    folded, plain, check = builder.from_source(source).cells
    assert folded.metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert plain.metadata == {} and check.metadata.tags == ["check", "hide-input"]


def test_execution_keeps_widgets_under_names_that_do_not_change(tmp_path: Path) -> None:
    source = tmp_path / "00_try.py"
    source.write_text(
        "# %%\nimport ipywidgets\nipywidgets.VBox([ipywidgets.IntSlider(max=3)])\n", encoding="utf-8"
    )
    built = []
    for _ in range(2):
        notebook = builder.from_source(source)
        builder.execute(notebook)
        built.append(nbformat.writes(builder.with_fixed_widget_ids(notebook)))
    assert "IntSliderModel" in built[0]
    assert built[0] == built[1]


def bars_in(folder: Path) -> int:
    """How many progress bars a notebook shows that counts to three."""
    source = folder / "00_try.py"
    source.write_text(
        "# %%\nfrom cvrl_lite.progress import track\n\nprint(*track(range(3), 'counting'))\n",
        encoding="utf-8",
    )
    notebook = builder.from_source(source)
    builder.execute(notebook)
    (cell,) = notebook.cells
    assert "".join(output.get("text", "") for output in cell.outputs) == "0 1 2\n"
    shown = [output.data for output in cell.outputs if output.output_type == "display_data"]
    return sum("application/vnd.jupyter.widget-view+json" in data for data in shown)


def test_a_bar_shows_in_a_notebook_but_not_while_the_course_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "0")
    assert bars_in(tmp_path) == 1
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert bars_in(tmp_path) == 0
