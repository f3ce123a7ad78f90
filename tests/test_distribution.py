"""What is built holds all it should, and what is installed from it works without the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from trove_classifiers import classifiers

import cvrl_lite
from cvrl_lite.cli import main
from cvrl_lite.cli.course import FIRST, PARTS, copy_course

ROOT = Path(__file__).resolve().parents[1]
NAME = f"cvrl_lite-{cvrl_lite.__version__}"


def build(*words: object, cwd: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", *map(str, words)], cwd=cwd, check=True)


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return {name for name in listed.decode("utf-8").split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive, and the wheel that is built from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    build("-t", "sdist", "-d", folder, cwd=ROOT)
    archive = folder / f"{NAME}.tar.gz"
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    build("-t", "wheel", "-d", folder, cwd=folder / NAME)
    return archive, folder / f"{NAME}-py3-none-any.whl"


@pytest.mark.slow
def test_the_source_archive_holds_whatever_is_tracked(built: tuple[Path, Path], tracked: set[str]) -> None:
    with tarfile.open(built[0]) as file:
        held = {name.removeprefix(f"{NAME}/") for name in file.getnames()}
    assert {"notebooks/00_start_here.ipynb", "notebooks/src/00_start_here.py", ".ci/run"} <= tracked
    assert tracked - held == set()


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_data_and_the_course(
    built: tuple[Path, Path], tracked: set[str]
) -> None:
    assert built[1].stat().st_size < 9e6
    wheel = zipfile.ZipFile(built[1])
    held = set(wheel.namelist())
    notebooks = {f"cvrl_lite/{name}" for name in tracked if re.fullmatch(r"notebooks/[^/]*\.ipynb", name)}
    expected = {name for name in tracked if name.startswith("cvrl_lite/")} | notebooks
    expected |= {f"cvrl_lite/{name}" for name in tracked if name.startswith("data/")}
    assert {"cvrl_lite/py.typed", "cvrl_lite/data/README.md", f"cvrl_lite/{FIRST}"} <= expected
    copied = {path.relative_to(ROOT).as_posix() for pattern in PARTS for path in ROOT.glob(pattern)}
    expected |= {f"cvrl_lite/{name}" for name in copied & tracked}
    assert expected - held == set()
    assert {name.split("/")[0] for name in held} == {"cvrl_lite", f"{NAME}.dist-info"}
    for name in notebooks:
        stored = json.loads((ROOT / name.removeprefix("cvrl_lite/")).read_text(encoding="utf-8"))["cells"]
        cells = json.loads(wheel.read(name))["cells"]
        assert [cell["source"] for cell in cells] == [cell["source"] for cell in stored]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    for name in re.findall(r"experiments\" / \"([\w.]+)\"", "".join(map(read, sources()))):
        assert f"cvrl_lite/experiments/{name}" in held


def sources() -> list[Path]:
    return sorted((ROOT / "notebooks" / "src").glob("*.py"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_installed_wheel_and_its_course_work_in_an_empty_folder(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    """A fresh environment sees this one's packages, but neither the repository nor its installation."""
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    scripts = fresh / ("Scripts" if sys.platform == "win32" else "bin")
    python, variables = scripts / "python", {"base": str(fresh), "platbase": str(fresh)}
    dependencies = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    link = Path(sysconfig.get_path("purelib", "venv", variables), "dependencies.pth")
    link.write_text("\n".join(dependencies), encoding="utf-8")  # .pth files in there are not followed
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", built[1]], check=True)

    share, etc = Path(sys.prefix, "share", "jupyter"), Path(sys.prefix, "etc", "jupyter")
    jupyter = {"JUPYTERLAB_DIR": share / "lab", "JUPYTER_PATH": share, "JUPYTER_CONFIG_PATH": etc}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {name: str(path) for name, path in jupyter.items()}
    empty = tmp_path / "empty"
    empty.mkdir()
    run = subprocess.run(
        [python, ROOT / "tools" / "smoke.py"],
        cwd=empty,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "all is well" and f"JupyterLab: lab/tree/{FIRST} 200" in run.stdout
    assert not list(empty.iterdir())


def test_what_the_notebooks_link_to_and_read_is_copied_with_them(tmp_path: Path) -> None:
    copied, kept = copy_course(tmp_path)
    assert not kept and len([name for name in copied if name.startswith("notebooks/")]) == len(sources())
    looked = 0
    for path in sources():
        prose = " ".join(line[2:] for line in read(path).splitlines() if line.startswith("# "))
        links = re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", prose)
        links += re.findall(r"Path\(\"(\.\./[^\"]+)\"\)", read(path))
        for link in links:
            if not re.match(r"\w+:", link):
                assert (tmp_path / "notebooks" / link).is_file(), f"{path.name}: {link}"
                looked += 1
    assert looked > 50


def test_what_the_copied_documents_link_to_is_copied_with_them(tmp_path: Path) -> None:
    copied, _ = copy_course(tmp_path)
    assert {"docs/cheat_sheet.pdf", "docs/how_to/own_task.md", "examples/search_service.py"} <= set(copied)
    dead = []
    for name in (name for name in copied if name.endswith(".md")):
        text = read(tmp_path / name)
        links = re.findall(r"\]\(([^)\s#]+)[^)\s]*\)|^\[[^]]+\]: ([^\s#]+)", text, re.M)
        for link in filter(None, sum(links, ())):
            if not re.match(r"\w+:", link) and not (tmp_path / name).parent.joinpath(link).exists():
                dead.append(f"{name}: {link}")
    assert dead == []


def test_a_course_is_taken_up_again_with_the_work_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my course"
    assert main(["course", str(folder), "--no-open"]) == 0
    assert FIRST in capsys.readouterr().out
    (folder / FIRST).write_text("my answers", encoding="utf-8")
    (folder / "docs" / "glossary.md").unlink()
    assert main(["course", str(folder), "--no-open", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["copied"] == ["docs/glossary.md"] and FIRST in said["kept"]
    assert (folder / FIRST).read_text(encoding="utf-8") == "my answers"
    assert not list(folder.rglob(".*.partial"))


def test_a_course_needs_a_folder_and_jupyterlab(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    for words, message in ((["file", "--no-open"], "file"), (["new"], 'pip install "cvrl-lite[course]"')):
        assert main(["course", str(tmp_path / words[0]), *words[1:]]) == 2
        out, err = capsys.readouterr()
        assert not out and message in err and err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_the_classifiers_are_known_to_the_index() -> None:
    import tomllib

    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    assert set(project["classifiers"]) <= classifiers
    assert project["classifiers"] == sorted(project["classifiers"])
    assert project["authors"][0]["name"] == "The cvrl-lite authors"
    for address in project["urls"].values():
        assert address.startswith("https://")
