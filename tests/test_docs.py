"""The documents name what exists: functions, tests, files, commands. And the README's examples run."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

from cvrl_lite import cli, codec
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "data/README.md",
    *(ROOT / "docs").glob("*.md"),
]


def resolve(name: str) -> object:
    """The object behind a dotted name such as `cvrl_lite.evaluate.retrieval`."""
    parts = name.split(".")
    found: object = importlib.import_module(parts[0])
    for depth, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:depth]))
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_names_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in set(re.findall(r"`(cvrl_lite(?:\.\w+)+)[`(]", text)):
        resolve(name)
    for file, test in set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {test}"
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.M)
    local = [link.split("#")[0] for link in links if not re.match(r"\w+:", link)]
    assert [link for link in local if link and not (path.parent / link).exists()] == []


def test_every_row_of_the_paper_map_names_a_notebook_a_function_and_a_test() -> None:
    text = (ROOT / "docs/paper_map.md").read_text(encoding="utf-8")
    rows = text.split("## From the idea to the test")[1].split("\n## ")[0].strip().splitlines()[2:]
    assert len(rows) > 10
    notebooks = dict(re.findall(r"^\[(\d\d)\]: \.\./notebooks/(\w+)\.ipynb$", text, re.M))
    assert all(name.startswith(number) for number, name in notebooks.items())
    named: set[str] = set()
    for row in rows:
        _, _, books, function, test, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", row))
        assert re.fullmatch(r"-|\[\d\d\](, \[\d\d\])*", books), row
        named |= set(re.findall(r"\d\d", books))
        assert function.startswith("`cvrl_lite.") or all(
            (ROOT / script).is_file() for script in re.findall(r"`([^`]+)`", function) or [function]
        ), row
        assert re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`", test), row
    assert named == set(notebooks)


NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks/src").glob("*.py"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_table_of_costs_says_what_the_notebooks_need(name: str) -> None:
    def source(file: str) -> str:
        return re.sub(r"\n# ?", "\n", (ROOT / "notebooks/src" / file).read_text(encoding="utf-8"))

    row = source(NOTEBOOKS[0]).split(f"| {Path(name).stem} |")[1].split("\n")[0]
    minutes, memory, disk = (cell.strip() for cell in row.split("|")[:3])
    needs = " ".join(source(name).split("**Needs.**")[1].split("\n\n")[0].split())
    time = re.search(r"(less than \d|\d and \d|\d) minutes?\b", needs, re.I)
    assert time is not None
    assert minutes == time[1].lower().replace("and", "to")
    assert memory == re.search(r"([\d.]+ GB) of memory", needs)[1]  # type: ignore[index]
    assert disk == next((size for size in re.findall(r"(\d+ MB)", needs) if size != "64 MB"), "0")


def test_the_readmes_commands_are_understood() -> None:
    lines = re.findall(r"^    cvrl-lite (.*)$", README, re.M)
    assert len(lines) >= 7
    for line in lines:
        cli.parser().parse_args(shlex.split(line, comments=True))


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = moving_scenes.draw(moving_scenes.SCENES[0], moving_scenes.ACTIONS[0], seed=1, frames=24)
    codec.encode(clip, "holiday.mp4")
    reading = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    names: dict[str, object] = {}
    exec(reading, names)
    assert names["stills"].images.shape == (2, 112, 112, 3)  # type: ignore[attr-defined]
    assert names["motion"].vectors.shape == (16, 2, 14, 14)  # type: ignore[attr-defined]
    assert names["clip"].shape == (8, 64, 64, 3)  # type: ignore[attr-defined]


def test_the_readmes_search_runs_and_its_training_example_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    for seed in (1, 2, 3):
        clip = moving_scenes.draw(moving_scenes.SCENES[seed], moving_scenes.ACTIONS[0], seed=seed, frames=24)
        codec.encode(clip, tmp_path / f"videos/{seed}.mp4")
    shutil.copy(tmp_path / "videos/2.mp4", tmp_path / "query.mp4")
    _, searching, training = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, object] = {}
    exec(searching, names)
    assert names["table"].features.shape == (3, 256) and not names["table"].skipped  # type: ignore[attr-defined]
    assert names["hits"][0].name == "2.mp4" and names["hits"][0].cosine > 0.999  # type: ignore[index]
    assert (tmp_path / "table.npz").exists()
    exec(training.split("run =")[0], names)
    assert names["recipe"].steps == 200  # type: ignore[attr-defined]
    resolve("cvrl_lite.train.pretrain")


def test_no_document_names_a_path_of_somebodys_machine() -> None:
    for path in DOCUMENTS:
        found = re.findall(r"(?<![\w.:/])/(?:home|root|tmp|work|Users)/\w+", path.read_text(encoding="utf-8"))
        assert found == [], path.name
