"""A release is refused until addresses, versions, dates and the tag agree."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import cvrl_lite

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    *("pyproject.toml", "CITATION.cff", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md"),
    *(".github/ISSUE_TEMPLATE/config.yml", "cvrl_lite/__init__.py", "data/sample.mp4"),
)
MOVES = (
    ("repository", "https://github.com/ann/cvrl-lite"),
    ("site", "https://ann.github.io/cvrl-lite/"),
    ("contact", "ann@ann.net"),
)


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that a release looks at, in a repository of their own."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "badge.md").write_text("https://badges.net/gh/OWNER/cvrl-lite/main\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def moved(tree: Path, release: ModuleType) -> Path:
    """The same with addresses of its own, and nothing left unreleased."""
    for name, address in MOVES:
        assert release.main(["move", name, address], tree) == 0
    text = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    text = re.sub(r"(## \[Unreleased\]\n).*?(?=## \[)", r"\1\n", text, flags=re.S)
    (tree / "CHANGELOG.md").write_text(text, encoding="utf-8")
    return tree


def test_placeholders_are_refused_wherever_they_stand(
    tree: Path, release: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["check"], tree) == 1
    named = {line.split(":")[0] for line in capsys.readouterr().out.splitlines() if "a placeholder" in line}
    said = {
        name for name in (*FILES[:-1], "badge.md") if "OWNER" in (tree / name).read_text(encoding="utf-8")
    }
    assert (
        named == said >= {"pyproject.toml", "SECURITY.md", "CODE_OF_CONDUCT.md", "CITATION.cff", "badge.md"}
    )


def test_moved_addresses_are_everywhere_and_the_tree_is_ready(
    moved: Path, release: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.addresses(moved) == dict(MOVES)
    capsys.readouterr()
    assert release.main(["check", f"v{cvrl_lite.__version__}"], moved) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == "ready to release\n"
    assert (moved / "badge.md").read_text(encoding="utf-8") == "https://badges.net/gh/ann/cvrl-lite/main\n"
    assert (moved / "data/sample.mp4").read_bytes() == (ROOT / "data/sample.mp4").read_bytes()


def replaced(name: str, pattern: str, new: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        text = (tree / name).read_text(encoding="utf-8")
        changed = re.sub(pattern, new, text, count=1, flags=re.M)
        assert changed != text
        (tree / name).write_text(changed, encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("cvrl_lite/__init__.py", r'^__version__ = ".*"', '__version__ = "9.9.9"'), "is v9.9.9"),
        (replaced("cvrl_lite/__init__.py", r'^(__version__ = ".*)"', r'\1.dev1"'), "no version to release"),
        (replaced("CITATION.cff", "^version: .*", "version: 9.9.9"), "CITATION.cff: says another version"),
        (replaced("CITATION.cff", '^date-released: ".*"', 'date-released: "1999-01-01"'), "another date"),
        (replaced("CHANGELOG.md", r"^## \[\d.*\] - ", "## [9.9.9] - "), "its newest version is not"),
        (replaced("CHANGELOG.md", r"^(## \[\d.*\] - ).*", r"\1soon"), "has no date"),
        (replaced("CHANGELOG.md", r"^## \[Unreleased\]\n", "\\g<0>\n- A change.\n"), "under [Unreleased]"),
        (replaced("SECURITY.md", "ann@ann.net", "OWNER@example.org"), "SECURITY.md: OWNER@example.org is a"),
    ],
)
def test_what_does_not_agree_is_refused(
    change: Callable[[Path], None],
    message: str,
    moved: Path,
    release: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(moved)
    capsys.readouterr()
    assert release.main(["check", f"v{cvrl_lite.__version__}"], moved) == 1
    assert message in capsys.readouterr().out


def test_the_changelog_is_one_that_people_can_keep() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= kinds
    linked = re.findall(r"^\[(.*?)\]: https://", text, re.M)
    assert linked == [head.split("]")[0][1:] for head in heads]
