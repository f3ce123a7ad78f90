"""What a release needs to be true.

    python tools/release.py check            # what keeps this tree from being released, a line each
    python tools/release.py check v0.1.0     # and whether the tag fits
    python tools/release.py move repository https://github.com/somebody/cvrl-lite

`pyproject.toml` is where the addresses of the project are kept: `Repository` and `Documentation` in
[project.urls], and the contact as the authors' email. Other files repeat them for their readers; `move`
changes one everywhere. As long as they are placeholders, `check` refuses.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

PLACEHOLDER = "OWNER"
ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r"\d+\.\d+\.\d+")


def addresses(root: Path) -> dict[str, str]:
    """The project's addresses, as pyproject.toml has them."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "repository": project["urls"]["Repository"],
        "site": project["urls"]["Documentation"],
        "contact": project["authors"][0]["email"],
    }


def texts(root: Path) -> dict[Path, str]:
    """The tracked files that are text, and what they say."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    found = {}
    for name in listed.decode("utf-8").split("\0")[:-1]:
        try:
            found[root / name] = (root / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a video, weights; removed and not yet committed
            continue
    return found


def move(root: Path, name: str, new: str) -> list[str]:
    """Changes an address in every file that says it; returns the files."""
    old = addresses(root)[name]
    pairs = [(old, new)]
    if name == "repository":  # a badge says owner and name alone
        pairs.append(("/".join(old.split("/")[-2:]), "/".join(new.split("/")[-2:])))
    changed = []
    for path, text in texts(root).items():
        moved = text
        for before, after in pairs:
            moved = moved.replace(before, after)
        if moved != text:
            path.write_text(moved, encoding="utf-8", newline="\n")
            changed.append(path.relative_to(root).as_posix())
    return changed


def problems(root: Path, tag: str | None) -> list[str]:
    """What keeps the tree from being released as it is, a line each."""
    found = []
    stands_for_nothing = re.compile(rf"\b{PLACEHOLDER}(?:/cvrl-lite|\.github\.io|@[\w.]+)")
    for path, text in texts(root).items():
        if match := stands_for_nothing.search(text):
            found.append(
                f"{path.relative_to(root).as_posix()}: {match[0]} is a placeholder; "
                "see python tools/release.py move --help"
            )

    def read(name: str, pattern: str) -> str:
        match = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.M)
        return match[1] if match else "nothing"

    version = read("cvrl_lite/__init__.py", r'^__version__ = "(.*)"$')
    if not VERSION.fullmatch(version):
        found.append(f"cvrl_lite/__init__.py: {version} is no version to release, such as 0.1.0")
    if tag is not None and tag != f"v{version}":
        found.append(f"{tag}: the tag of version {version} is v{version}")
    if read("CITATION.cff", r'^version: "?([^"\n]*)"?$') != version:
        found.append(f"CITATION.cff: says another version than {version}")
    released = read("CHANGELOG.md", r"^## \[\d+\.\d+\.\d+\] - (.*)$")
    if read("CHANGELOG.md", r"^## \[(\d.*?)\]") != version:
        found.append(f"CHANGELOG.md: its newest version is not {version}")
    try:
        date.fromisoformat(released)
    except ValueError:
        found.append(f"CHANGELOG.md: {version} has no date, such as 2026-01-31")
    if read("CITATION.cff", r'^date-released: "?([^"\n]*)"?$') != released:
        found.append(f"CITATION.cff: says another date than CHANGELOG.md, {released}")
    if read("CHANGELOG.md", r"^## \[Unreleased\]\n\s*([^\s#].*)$") != "nothing":
        found.append("CHANGELOG.md: what is under [Unreleased] belongs under the version")
    return found


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    """Runs a command; the exit code is 0, or 1 where a release is refused."""
    parser = argparse.ArgumentParser(description="What a release needs to be true.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("check", help="say what keeps this tree from being released")
    made.add_argument("tag", nargs="?", help="of the release, such as v0.1.0")
    made = commands.add_parser("move", help="change an address in every file that says it")
    made.add_argument("name", choices=("repository", "site", "contact"))
    made.add_argument("address", help="the new one")
    arguments = parser.parse_args(words)
    if arguments.command == "move":
        print(*move(root, arguments.name, arguments.address), sep="\n")
        return 0
    found = problems(root, arguments.tag)
    print(*(found or ["ready to release"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
