"""Metrics for TensorBoard, an optional part of the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def summary_writer() -> Any:
    """PyTorch's class that writes them.

    Raises:
        ImportError: TensorBoard is not installed; the message says how to.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ImportError(
            "metrics for TensorBoard need the package tensorboard: pip install 'cvrl-lite[tensorboard]'"
        ) from None
    return SummaryWriter


@contextmanager
def writing_to(folder: Path, done: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Writes metrics to a run's folder for the time of a `with` block.

    Args:
        folder: The run's; the events go to its sub-folder `tensorboard`.
        done: Steps done before; TensorBoard drops what an interrupted run logged of later ones.

    Yields:
        A function that takes the metrics of a step.
    """
    writer = summary_writer()(str(folder / "tensorboard"), purge_step=done + 1)

    def log(metrics: Mapping[str, Any]) -> None:
        for name, value in metrics.items():
            if name != "step":
                writer.add_scalar(name, value, metrics["step"])

    try:
        yield log
    finally:
        writer.close()
