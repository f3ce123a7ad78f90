"""The documents name what exists: functions, tests, files, commands. And the README's examples run."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

from cvrl_lite import cli, codec, scenes

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
    local = [
        link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", link)
    ]
    assert [link for link in local if link and not (path.parent / link).exists()] == []


def test_every_row_of_the_paper_map_names_a_function_and_a_test() -> None:
    text = (ROOT / "docs/paper_map.md").read_text(encoding="utf-8")
    rows = text.split("## From the idea to the test")[1].split("\n## ")[0].strip().splitlines()[2:]
    assert len(rows) > 10
    assert [row for row in rows if not re.search(r"\| `cvrl_lite\..*\| `tests/.*::test_\w+` \|$", row)] == []


def test_the_readmes_commands_are_understood() -> None:
    lines = re.findall(r"^    cvrl-lite (.*)$", README, re.M)
    assert len(lines) >= 7
    for line in lines:
        cli.parser().parse_args(shlex.split(line, comments=True))


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = scenes.draw(scenes.SCENES[0], scenes.ACTIONS[0], seed=1, frames=24)
    codec.encode(clip, "holiday.mp4")
    reading = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    names: dict[str, object] = {}
    exec(reading, names)
    assert names["stills"].images.shape == (2, 112, 112, 3)  # type: ignore[attr-defined]
    assert names["motion"].vectors.shape == (16, 2, 14, 14)  # type: ignore[attr-defined]
    assert names["clip"].shape == (8, 64, 64, 3)  # type: ignore[attr-defined]


def test_the_readmes_training_example_is_a_recipe() -> None:
    _, loading, training = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, object] = {}
    exec(loading, names)
    assert set(names["recipe"].tasks) == {"context", "motion"}  # type: ignore[attr-defined]
    exec(training.split("run =")[0], names)
    assert names["recipe"].steps == 200  # type: ignore[attr-defined]
    resolve("cvrl_lite.pretrain.run")


def test_no_document_names_a_path_of_somebodys_machine() -> None:
    for path in DOCUMENTS:
        found = re.findall(r"(?<![\w.:/])/(?:home|root|tmp|work|Users)/\w+", path.read_text(encoding="utf-8"))
        assert found == [], path.name
