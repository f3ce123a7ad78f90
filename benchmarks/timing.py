"""Timing several contenders in turn, each in a process of its own where it brings an FFmpeg of its own.

All times are CPU time (user + system): other work on the machine counts less that way. What is compared
is run in turn, again and again in one go, and the medians are compared.
"""

from __future__ import annotations

import json
import math
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

PEERS = Path(__file__).resolve().parent / "peers.py"
PATIENCE = 600.0  # seconds that one job may take


class Missing(Exception):
    """A contender that cannot be had here, and why."""


class Timing(NamedTuple):
    """One job done once.

    Attributes:
        frames: How many pictures it delivered.
        opening: CPU seconds until the file was open.
        reading: CPU seconds behind that.
        facts: What came out, to be compared with what came out of others.
    """

    frames: int
    opening: float
    reading: float
    facts: Mapping[str, float] = {}

    @property
    def seconds(self) -> float:
        """CPU seconds of the whole job."""
        return self.opening + self.reading


class Reader:
    """A process that holds one library and does jobs with it (see `peers.py`).

    Args:
        name: The library's name there.
        environment: Further environment variables.

    Raises:
        Missing: It cannot be imported.
    """

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, str(PEERS), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **threads, **(environment or {})},
        )
        self.version = str(self._answer()["version"])

    def run(self, job: str, path: Path, **options: Any) -> Timing:
        """Does one job on a file."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"job": job, "path": str(path), "options": options}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Missing(f"{self.name} has ended") from None
        return Timing(**self._answer())

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], PATIENCE)[0]:
            self.close()
            raise Missing(f"{self.name} did not answer within {PATIENCE:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise Missing(f"{self.name} ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise Missing(f"{self.name}: {answer['missing']}")
        return answer


def in_turn(contenders: Mapping[str, Callable[[], Timing]], rounds: int) -> dict[str, list[Timing]]:
    """Runs each once to warm up, then all in turn, `rounds` times; who fails is left out, with a line."""
    left = {}
    for name, run in contenders.items():
        try:
            run()
            left[name] = run
        except Missing as error:
            say(f"{name} is left out: {error}")
    timings: dict[str, list[Timing]] = {name: [] for name in left}
    for _ in range(rounds):
        for name, run in left.items():
            timings[name].append(run())
    return timings


def typical(timings: list[Timing], part: str = "seconds") -> float:
    """The median of one part of the timings: "seconds", "opening" or "reading"."""
    return median(getattr(timing, part) for timing in timings)


def say(line: str) -> None:
    """One line beside the tables."""
    print(line, file=sys.stderr, flush=True)


def table(head: list[str], rows: list[list[object]]) -> list[str]:
    """A Markdown table; numbers with two decimals below 10, none above 100, and `-` for what is not there."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)
