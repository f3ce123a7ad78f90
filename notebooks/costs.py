"""What each notebook costs: minutes, memory and disk, measured and written into the tables.

    python notebooks/costs.py                  # measures all of them, one after the other, into costs.json
    python notebooks/costs.py 06_infonce       # some
    python notebooks/costs.py --write          # writes costs.json into README.md and notebooks/src

Run it on a machine that does nothing else. The sources are executed as `build.py` does it, in a cache folder
and a folder of temporary files of their own, where the course's clips are drawn first. Memory is the largest
sum over a notebook's processes, pages that they share counted once where the system tells. After `--write`,
build the notebooks anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from build import NOTEBOOKS, SOURCES, execute, from_source, names

ROOT = NOTEBOOKS.parent
COSTS = NOTEBOOKS / "costs.json"
EVERY = 0.25  # s, between two looks
TIME = r"(?:(?:[Ll]ess\W+than|[Bb]etween\W+\d+\W+and|[Aa]bout)\W+)?\b\d+\W+minutes?"

Cost = dict[str, float]


def bytes_below(folder: Path) -> int:
    """The size of all files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
        except OSError:  # gone meanwhile
            continue
    return total


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and of all that it started."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            full = one.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:  # ended meanwhile
            continue
    return total


def measured(name: str, cache: Path, temporary: Path, run: Callable[[], object]) -> Cost:
    """Runs something in this process and its children, and watches what it takes.

    Args:
        name: Of the notebook, for messages.
        cache: Folder whose growth counts as disk.
        temporary: The same of temporary files, at its largest.
        run: What to run.

    Returns:
        `seconds`, `memory` and `disk`, both in bytes.
    """
    process, ended = psutil.Process(), threading.Event()
    before, idle = bytes_below(cache) + bytes_below(temporary), memory_of(process)
    peak = {"memory": 0, "disk": 0}

    def watch() -> None:
        while not ended.wait(EVERY):
            peak["memory"] = max(peak["memory"], memory_of(process) - idle)
            peak["disk"] = max(peak["disk"], bytes_below(cache) + bytes_below(temporary) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        run()
    finally:
        ended.set()
        watcher.join()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return {"seconds": round(time.monotonic() - began, 1), **peak}


def measure(chosen: list[str]) -> None:
    """Measures notebooks, and keeps what was measured of the others."""
    costs: dict[str, Any] = json.loads(COSTS.read_text(encoding="utf-8")) if COSTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        cache, temporary = Path(folder, "cache"), Path(folder, "tmp")
        for path in (cache, temporary):
            path.mkdir()
        os.environ |= {
            "CVRL_CACHE": str(cache),
            "CVRL_PROGRESS": str(Path(folder, "exercises.json")),
            "TMPDIR": str(temporary),
            "TQDM_DISABLE": "1",
        }
        code = "from cvrl_lite.datasets.moving_scenes import course_set; course_set()"
        drawing = [sys.executable, "-c", code]
        clips = measured("the clips", cache, temporary, lambda: subprocess.run(drawing, check=True))
        costs["clips"] = clips
        for name in chosen:
            notebook = from_source(SOURCES / f"{name}.py")
            costs[name] = measured(name, cache, temporary, lambda notebook=notebook: execute(notebook))
    costs["measured"] = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count()}
    COSTS.write_text(json.dumps(dict(sorted(costs.items())), indent=1) + "\n", encoding="utf-8")


def minutes(seconds: float) -> str:
    """Minutes as the tables say them.

    Example:
        >>> [minutes(seconds) for seconds in (20, 50, 85, 110, 150)]
        ['less than 1', '1', '1 to 2', '2', '2 to 3']
    """
    exact = seconds / 60
    if exact < 0.75:
        return "less than 1"
    low = math.floor(exact + 0.25)
    return str(low) if exact - low <= 0.25 else f"{low} to {low + 1}"


def memory(cost: Cost) -> str:
    """Gigabytes as the tables say them."""
    return f"{max(0.1, round(cost['memory'] / 1e9, 1)):g} GB"


def disk(cost: Cost) -> str:
    """Megabytes as the tables say them."""
    return f"{cost['disk'] / 1e6:.0f} MB" if cost["disk"] >= 1e6 else "0"


def in_words(cost: Cost, text: str) -> str:
    """The paragraph "Needs" of a notebook with its numbers in place.

    Raises:
        ValueError: Whether it takes disk beside the clips is not as it says.
    """
    low, _, high = minutes(cost["seconds"]).partition(" to ")
    if low == "less than 1":
        time = "Less than 1 minute"
    else:
        time = f"Between {low} and {high} minutes" if high else f"About {low} minute{'s' * (low != '1')}"
    text = re.sub(
        TIME, lambda found: found[0][: len(found[0]) - len(found[0].lstrip())] + time, text, count=1
    )
    text = re.sub(r"[\d.]+ GB(?=\W+of\W+memory)", memory(cost), text)
    if disk(cost) != "0":
        text = re.sub(r"no\W+disk(?:\W+space)?", f"{disk(cost)} of disk", text)
    sizes = re.findall(r"(\d+\W+MB)(?=\W+of\W+disk)", text)  # that of the clips is told otherwise
    if bool(sizes) != (disk(cost) != "0"):
        raise ValueError(f"the disk it takes is {disk(cost)} now; write that by hand")
    return text.replace(sizes[0], disk(cost)) if sizes else text


def wrapped(paragraph: str) -> str:
    """A paragraph of comments after its first words, in lines that are short enough."""
    words = " ".join(paragraph.replace("\n#", " ").split())
    before = " " * len("# **Needs.** ")
    lines = textwrap.fill(
        words,
        108,
        initial_indent=before,
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines[len(before) - 1 :]


def write() -> None:
    """Puts what was measured into README.md, the table of 00_start_here and each notebook's "Needs"."""
    costs = json.loads(COSTS.read_text(encoding="utf-8"))
    tables = [ROOT / "README.md", SOURCES / f"{names()[0]}.py"]
    for name in (name for name in names() if name in costs):
        cost = costs[name]
        row = f"{minutes(cost['seconds'])} | {memory(cost)} | {disk(cost)}"
        patterns = (
            rf"(^\| \[{name}\]\([^)]*\) \| )[^|]*( \|)",
            rf"(^# \| {name} \| )[^|]*\|[^|]*\|[^|]*( \|)$",
        )
        for path, pattern, words in zip(tables, patterns, (minutes(cost["seconds"]), row), strict=True):
            text, count = re.subn(
                pattern, rf"\g<1>{words}\g<2>", path.read_text(encoding="utf-8"), flags=re.M
            )
            if count != 1:
                raise SystemExit(f"{path.name}: no row of {name}")
            path.write_text(text, encoding="utf-8")
        source = SOURCES / f"{name}.py"
        before, mark, rest = source.read_text(encoding="utf-8").partition("**Needs.**")
        needs = re.split(r"\n(?:#\n|\n)", rest, maxsplit=1)[0]
        try:
            words = in_words(cost, needs)
            source.write_text(before + mark + wrapped(words) + rest[len(needs) :], encoding="utf-8")
        except ValueError as error:
            print(f"{source.name}: {error}", file=sys.stderr)


def main() -> int:
    """Measures, or writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 00_start_here; all if none")
    parser.add_argument("--write", action="store_true", help="write what was measured into the tables")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in names()]:
        parser.error(f"no source for {', '.join(unknown)}")
    if arguments.write:
        write()
    else:
        measure(arguments.names or names())
    return 0


if __name__ == "__main__":
    sys.exit(main())
