"""Retrieval in a gallery larger than memory: seconds, and how much memory it takes.

    python benchmarks/search.py            # 1,000,000 vectors of 2048 numbers, 8.2 GB in a temporary file
    python benchmarks/search.py --fast     # 100,000 of 256

prints a line of Markdown. The memory is what the process itself holds (RssAnon); pages of the mapped file
come on top where there is room for them, and are given back where there is not.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cvrl_lite.evaluate import nearest

_ROWS = 10_000  # written at a time


def held() -> float:
    """MiB of memory of this process, without mapped files."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    """Makes the gallery, searches it, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--queries", type=int, default=1000)
    arguments = parser.parse_args()
    vectors, width = (100_000, 256) if arguments.fast else (1_000_000, 2048)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gallery.npy"
        gallery = np.lib.format.open_memmap(path, "w+", np.float32, (vectors, width))
        for start in range(0, vectors, _ROWS):
            gallery[start : start + _ROWS] = random.standard_normal((_ROWS, width), np.float32)
        gallery.flush()
        wanted = np.linspace(0, vectors - 1, arguments.queries).astype(int)
        queries = gallery[wanted] + 0.1 * random.standard_normal((len(wanted), width), np.float32)
        del gallery
        before, most, done = held(), [0.0], threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                most[0] = max(most[0], held())

        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.perf_counter()
        found = nearest(queries, np.load(path, mmap_mode="r"), 50)
        seconds = time.perf_counter() - begin
        done.set()
        watcher.join()
    assert np.array_equal(found[:, 0], wanted)
    print("| vectors | numbers each | file, GB | queries | seconds | memory on top of before, MiB |")
    print("|---|---|---|---|---|---|")
    size = 4 * vectors * width / 1e9
    print(f"| {vectors} | {width} | {size:.1f} | {len(wanted)} | {seconds:.0f} | {most[0] - before:.0f} |")


if __name__ == "__main__":
    main()
