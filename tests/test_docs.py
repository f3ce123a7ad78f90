"""The documents name what exists: functions, tests, files, commands. And the README's examples run."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
import shutil
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from cvrl_lite import cli, codec
from cvrl_lite.datasets import moving_scenes

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
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


API = sorted((ROOT / "docs/api").glob("*.md"))
SHOWN_BUT_NOT_RUN = {
    "course_set": "draws 1600 clips into the cache, which takes minutes; `make data` runs it",
    "hard_set": "as course_set",
    "show": "needs a notebook to show something in",
    "show_loop": "as show",
}


@pytest.mark.parametrize("page", API, ids=lambda page: page.stem)
def test_every_name_of_the_reference_has_an_example(page: Path) -> None:
    """In its own docstring, or at the top of its page, where parts that work together are shown at work."""
    rooms = re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8"))
    missing = []
    for room in map(importlib.import_module, rooms):
        opening = " ".join(re.findall(r"^ *(?:>>>|\.\.\.) (.*)$", room.__doc__ or "", re.M))
        public = getattr(room, "__all__", None) or [name for name in vars(room) if name[0] != "_"]
        for name in public:
            value = getattr(room, name)
            if not inspect.isfunction(value) and not isinstance(value, type):
                continue
            if not hasattr(room, "__all__") and value.__module__ != room.__name__:
                continue  # automodule leaves out what such a module imports
            text = value.__doc__ or ""
            assert ("+SKIP" in text) == (name in SHOWN_BUT_NOT_RUN), name
            if ">>> " not in text and not re.search(rf"\b{name}\b", opening):
                missing.append(f"{room.__name__}.{name}")
    assert missing == []


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
    assert disk == next(iter(re.findall(r"(\d+ MB) of disk", needs)), "0")


def test_the_readme_gives_the_minutes_of_that_table() -> None:
    first = (ROOT / "notebooks/src" / NOTEBOOKS[0]).read_text(encoding="utf-8")
    for name in (Path(name).stem for name in NOTEBOOKS):
        (shown,) = re.findall(rf"^\| \[{name}\]\(notebooks/{name}\.ipynb\) \| ([^|]+) \|", README, re.M)
        assert shown == first.split(f"| {name} |")[1].split("|")[0].strip()


def test_what_a_notebook_needs_is_rewritten_as_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "notebooks"))
    costs = importlib.import_module("costs")
    cheap, dear = ({"seconds": s, "memory": m, "disk": d} for s, m, d in ((20, 3.1e8, 0), (85, 1.12e9, 3e6)))
    none = "Between 1 and\n# 2 minutes on 2 cores, 1 GB\n# of memory, no disk\n# space."
    some = "[06](06_infonce.ipynb). 1 minute on 2 cores, 1.4 GB of memory, 12 MB of disk beside the 64 MB."
    assert costs.in_words(cheap, none) == none.replace(
        "Between 1 and\n# 2 minutes", "Less than 1 minute"
    ).replace("1 GB", "0.3 GB")
    assert costs.in_words(dear, none).endswith(
        "Between 1 and 2 minutes on 2 cores, 1.1 GB\n# of memory, 3 MB of disk."
    )
    assert costs.in_words(dear, some) == some.replace("1 minute", "Between 1 and 2 minutes").replace(
        "1.4 GB", "1.1 GB"
    ).replace("12 MB", "3 MB")
    with pytest.raises(ValueError, match="the disk it takes is 0 now"):
        costs.in_words(cheap, some)


def test_memory_and_disk_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "notebooks"))
    costs = importlib.import_module("costs")
    cache, temporary = tmp_path / "cache", tmp_path / "tmp"
    cache.mkdir(), temporary.mkdir()

    def work() -> None:
        held = bytearray(b"x") * 200_000_000
        (temporary / "gone").write_bytes(bytes(5_000_000))
        time.sleep(4 * costs.EVERY + 0.5)
        (temporary / "gone").unlink()
        del held

    cost = costs.measured("a try", cache, temporary, work)
    assert 1.9e8 < cost["memory"] < 4e8 and cost["disk"] == 5_000_000 and cost["seconds"] > 1


def commands(path: Path) -> list[list[str]]:
    """The words after `cvrl-lite` of each command that stands on a line of its own in a document."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    (?:cvrl-lite|torchrun .* -m cvrl_lite\.cli) (.*)$", text, re.M)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_documents_commands_are_understood(path: Path) -> None:
    for words in commands(path):
        cli.parser().parse_args(words)
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^    |`)make ([a-z]+)", text, re.M)) <= targets
    scripts = re.findall(r"^    python ([\w/]+\.py)", text, re.M)
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    extras = {
        name
        for found in re.findall(r"""pip install [^\n"']*["']?\.\[([\w,]+)\]""", text)
        for name in found.split(",")
    }
    assert extras <= set(EXTRAS)


def test_the_page_of_commands_names_all_of_them() -> None:
    (choices,) = (action.choices for action in cli.parser()._actions if isinstance(action.choices, dict))
    assert {words[0] for words in commands(ROOT / "docs/shell.md")} == set(choices)


def test_the_page_of_installation_names_every_extra() -> None:
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.M)) == set(EXTRAS)


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, entered, with the videos that the documents' examples are about."""
    monkeypatch.chdir(tmp_path)
    for number, (place, action) in enumerate(
        (p, a) for p in moving_scenes.SCENES[:2] for a in ("down", "pulse")
    ):
        clip = moving_scenes.draw(place, action, seed=number, frames=40)
        for name in (f"videos/{number}.mp4", f"mine/{action}/film{number}.mp4", f"films/{number}.mp4"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            codec.encode(clip, name, gop=12)
    Path("new").mkdir()
    for name in ("holiday.mp4", "query.mp4", "new/2.mp4"):
        shutil.copy("videos/2.mp4", name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/shell.md"])
def test_a_documents_commands_run(name: str, material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In their order, with few steps and no further processes."""
    long = {"course", "quickstart", "scenes", "download"}  # run by tests of their own
    few = {"--workers": "1", "--steps": "2"}
    ran = []
    for words in commands(ROOT / name):
        outside = words[0] == "evaluate" and "--folder" not in words  # needs a data set
        if words[0] in long or outside or "--recipe" in words:
            continue
        words = [few.get(before, word) for before, word in zip(["", *words], words, strict=False)]
        words += {"pretrain": ["--batch", "4"], "finetune": ["--steps", "2"]}.get(words[0], [])
        assert cli.main(words) == 0, (words, capsys.readouterr().err)
        ran.append(words[0])
    assert ran[-1] in ("search", "export") and len(ran) >= 3
    if name == "README.md":
        assert "2.mp4" in capsys.readouterr().out.split("table.npz")[-1]


def test_the_readmes_example_runs(material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["stills"].images.shape == (4, 112, 112, 3)  # type: ignore[attr-defined]
    assert names["motion"].vectors.shape == (16, 2, 14, 14)  # type: ignore[attr-defined]
    assert capsys.readouterr().out.startswith("2.mp4 ")


def test_the_examples_of_the_package_run(material: Path) -> None:
    text = (ROOT / "docs/package.md").read_text(encoding="utf-8")
    reading, searching, training = re.findall(r"```python\n(.*?)```", text, re.S)
    names: dict[str, object] = {}
    exec(reading, names)
    assert names["stills"].images.shape == (4, 112, 112, 3)  # type: ignore[attr-defined]
    assert names["motion"].vectors.shape == (16, 2, 14, 14)  # type: ignore[attr-defined]
    assert names["clip"].shape == (8, 64, 64, 3)  # type: ignore[attr-defined]
    exec(searching, names)
    assert names["table"].features.shape == (4, 256) and not names["table"].skipped  # type: ignore[attr-defined]
    assert names["hits"][0].name == "2.mp4" and names["hits"][0].cosine > 0.999  # type: ignore[index]
    assert Path("table.npz").exists()
    exec(training.split("run =")[0], names)
    assert names["recipe"].steps == 200  # type: ignore[attr-defined]
    resolve("cvrl_lite.train.pretrain")


def test_the_readme_is_short_and_begins_with_what_moves() -> None:
    assert len(README.splitlines()) <= 150
    alt, file = re.findall(r"!\[([^]]+)\]\((\S+)\)", README.split("\n## ")[0])[0]
    assert len(alt) > 100
    assert (ROOT / file).stat().st_size < 600_000
    with Image.open(ROOT / file) as film:
        assert film.n_frames > 10 and film.info["loop"] == 0  # type: ignore[attr-defined]


def test_no_document_names_a_path_of_somebodys_machine() -> None:
    for path in DOCUMENTS:
        found = re.findall(r"(?<![\w.:/])/(?:home|root|tmp|work|Users)/\w+", path.read_text(encoding="utf-8"))
        assert found == [], path.name
