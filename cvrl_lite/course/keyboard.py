"""A hand at the keyboard, for notebooks that show what an interruption does."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path


def press_ctrl_c_after(lines: int, file: Path) -> None:
    """Presses Ctrl-C for the reader, once a file has some lines; returns at once.

    Args:
        lines: How many.
        file: It need not be there yet.

    Example:
        >>> press_ctrl_c_after(5, Path("runs/joint/metrics.jsonl"))  # doctest: +SKIP
    """

    def wait() -> None:
        while not file.exists() or len(file.read_text(encoding="utf-8").splitlines()) < lines:
            time.sleep(0.005)
        _thread.interrupt_main()

    threading.Thread(target=wait, daemon=True).start()
