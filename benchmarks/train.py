"""What a training step costs: beside the plain way, and beside its loader. For a GPU see `gpu.py`.

    python benchmarks/train.py [step] [loader] [loss] [checkpoint] [--fast]

prints Markdown.
Ratios are of medians, what is compared runs in turn in one go.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cvrl_lite import train
from cvrl_lite.datasets import Batch, MemoryLoader
from cvrl_lite.pretext import BLOCK, info_nce
from cvrl_lite.train.distributed import GracefulExit
from cvrl_lite.train.pretrain import trainer_for


class Same:
    """In place of a sampler: one batch again and again."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.skipped = batch, ()

    def batches(
        self, size: int, steps: int, *, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """As `MemoryLoader.batches`."""
        return iter([self.batch] * (steps - first))


def made_up(recipe: train.Recipe, batch: int) -> Batch:
    """A batch of noise in the recipe's shapes."""
    side, cells, how = recipe.decoded_size, recipe.decoded_cells, recipe.sampling
    windows = (batch, 1 + how.num_negative_windows, how.window)
    return Batch(
        torch.randint(0, 256, (batch, how.frames, side, side, 3), dtype=torch.uint8),
        torch.randint(0, 256, (batch, side, side, 3), dtype=torch.uint8),
        torch.randint(-200, 200, (*windows, 2, cells, cells), dtype=torch.int16),
        torch.rand(*windows, cells, cells) < 0.8,
        torch.arange(batch),
        torch.arange(batch),
    )


def seconds(training: train.Trainer, steps: int) -> list[float]:
    """The time of each of some steps, after two to warm up."""
    times, clock = [], time.perf_counter()
    for number, batch in enumerate(islice(training.batches(), steps + 2)):
        training.step(number, batch)
        list(training.read(GracefulExit()))  # waits for the device
        times.append(time.perf_counter() - clock)
        clock = time.perf_counter()
    return times[2:]


def compared(contenders: dict[str, Callable[[], list[float]]], rounds: int) -> dict[str, float]:
    """The median time of each, measured in turn."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            found[name] += measure()
    return {name: statistics.median(times) for name, times in found.items()}


def step(fast: bool) -> list[str]:
    """A step of the laptop recipe beside the plain float32, contiguous one."""
    recipe = train.recipes.laptop()
    if fast:
        recipe = recipe.replace(batch=8)
    device, rounds = train.device(), 1 if fast else 5
    ways = {
        "float32, contiguous": ("float32", False),
        "float32": ("float32", True),
        "bfloat16": ("bfloat16", True),
    }
    if train.emulates_bfloat16(device):
        del ways["bfloat16"]  # a step takes minutes

    def training(precision: str, channels_last: bool) -> train.Trainer:
        made = trainer_for(recipe.replace(precision=precision), Same(made_up(recipe, recipe.batch)), device)
        if not channels_last:
            made.model.to(memory_format=torch.contiguous_format)
        return made

    built = {name: training(*way) for name, way in ways.items()}
    count = 2 if fast else 4
    found = compared({name: lambda t=t: seconds(t, count) for name, t in built.items()}, rounds)
    plain = found["float32, contiguous"]
    rows = [f"| {name} | {took:.3f} | {plain / took:.2f} |" for name, took in found.items()]
    if "bfloat16" not in found:
        rows += ["", "bfloat16 is left out: this processor has no instructions for it."]
    return ["| laptop step | s | times as fast |", "|---|---|---|", *rows]


def loader(fast: bool) -> list[str]:
    """The laptop recipe end to end beside the same model on a batch held in memory."""
    recipe = train.recipes.laptop()
    if recipe.precision == "auto":
        precision = "float32" if train.emulates_bfloat16(train.device()) else "bfloat16"
        recipe = recipe.replace(precision=precision)
    data = train.load_data(recipe)
    sampler = MemoryLoader(data, recipe.sampling, 0)
    (batch,) = sampler.batches(recipe.batch, 1)
    device = train.device()
    ways = {
        "drawn from the set": trainer_for(recipe, sampler, device),
        "one batch": trainer_for(recipe, Same(batch), device),
    }
    count = 3 if fast else 8
    found = compared({name: lambda t=t: seconds(t, count) for name, t in ways.items()}, 1 if fast else 5)
    share = found["one batch"] / found["drawn from the set"]
    rows = [f"| {name} | {recipe.batch / took:.1f} |" for name, took in found.items()]
    return [
        "| laptop recipe | clips a second |",
        "|---|---|",
        *rows,
        "",
        f"The loader leaves {100 * share:.1f} % of it.",
    ]


def loss(fast: bool) -> list[str]:
    """Memory and time of the motion loss at the paper's sizes, whole and in blocks."""
    cuda = torch.cuda.is_available()
    rows = []
    for batch in (16, 32) if fast else (64, 128, 256, 512, *((1024, 4096) if cuda else ())):
        for way in ("whole", "blocks"):
            if way == "whole" and batch > (1024 if cuda else 256):
                rows.append(f"| {batch} | {way} | - | - |")
                continue
            took, _, memory = measured(way, 49 * batch, 4 * 49 * batch, 512)
            rows.append(f"| {batch} | {way} | {took:.2f} | {memory / 2**20:.0f} |")
    return ["| videos | matrix | s, there and back | MiB above the inputs |", "|---|---|---|---|", *rows]


def checkpointed(fast: bool) -> list[str]:
    """The loss in blocks, there and back, as it is and by torch.utils.checkpoint: CPU seconds, one thread."""
    sizes = [(1024, 1024, 128), (1024, 4096, 512), (4096, 4096, 128), (3136, 12544, 512), (4096, 16384, 512)]
    rows = []
    for size in sizes[:1] if fast else sizes:
        found: dict[str, list[list[float]]] = {"blocks": [], "checkpoint": []}
        for _ in range(1 if fast else 3):
            for way, results in found.items():
                results.append(measured(way, *size, OMP_NUM_THREADS="1"))
        cells = []
        for column, form in ((1, "{:.3f}"), (2, "{:.0f}")):
            own, other = (statistics.median(row[column] for row in results) for results in found.values())
            scale = 1 if column == 1 else 2**20
            cells += [form.format(own / scale), form.format(other / scale), f"{other / own:.2f}"]
        rows.append(f"| {size[0]:,} x {size[1]:,}, {size[2]} wide | {' | '.join(cells)} |")
    head = "| queries x keys | blocks, s | checkpoint, s | ratio | blocks, MiB | checkpoint, MiB | ratio |"
    return [head, "|---|---|---|---|---|---|---|", *rows]


def by_checkpoint(queries: Tensor, keys: Tensor) -> Tensor:
    """The loss of `info_nce(queries, keys, block=BLOCK)` without a backward of its own."""
    units, others = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    targets = torch.arange(len(units), device=units.device)
    step = max(1, BLOCK // len(others))

    def summed(rows: Tensor, own: Tensor) -> Tensor:
        logits = rows / 0.1 @ others.T
        return (logits.logsumexp(1) - logits.gather(1, own[:, None])[:, 0]).sum()

    blocks = zip(units.split(step), targets.split(step), strict=True)
    parts = [checkpoint(summed, *block, use_reentrant=False, preserve_rng_state=False) for block in blocks]
    return torch.stack(parts).sum() / len(units)


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "whole": lambda queries, keys: info_nce(queries, keys)[0],
    "blocks": lambda queries, keys: info_nce(queries, keys, block=BLOCK)[0],
    "checkpoint": by_checkpoint,
}


def measured(way: str, *size: int, **environment: str) -> list[float]:
    """What `one_loss` prints in a process of its own."""
    words = [sys.executable, __file__, "--one-loss", way, *map(str, size)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | environment)
    found: list[float] = json.loads(done.stdout)
    return found


def one_loss(way: str, rows: int, others: int, width: int) -> None:
    """Prints seconds, CPU seconds and memory of one loss with its gradients, as JSON."""
    device, compute = train.device(), WAYS[way]
    queries, keys = (torch.randn(n, width, device=device, requires_grad=True) for n in (rows, others))
    compute(queries[:64], keys[:64]).backward()  # what is loaded at first use
    queries.grad, keys.grad = torch.zeros_like(queries), torch.zeros_like(keys)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # Linux: the peak begins anew
    before = torch.cuda.memory_allocated() if cuda else resident("VmRSS")
    began, worked = time.perf_counter(), time.process_time()
    compute(queries, keys).backward()
    if cuda:
        torch.cuda.synchronize()
    took, worked = time.perf_counter() - began, time.process_time() - worked
    after = torch.cuda.max_memory_allocated() if cuda else resident("VmHWM")
    print(json.dumps([took, worked, after - before]))


def resident(kind: str) -> int:
    """This process's memory in bytes: "VmRSS" now, "VmHWM" at its peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1]) * 1024


GROUPS = {"step": step, "loader": loader, "loss": loss, "checkpoint": checkpointed}


def main() -> None:
    """Prints the tables asked for."""
    options = argparse.ArgumentParser(
        description="What a training step costs; prints Markdown tables.", allow_abbrev=False
    )
    options.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)} (default: all)")
    options.add_argument("--fast", action="store_true", help="fewer rounds, a small batch: under a minute")
    options.add_argument("--one-loss", nargs=4, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.one_loss:
        way, *size = arguments.one_loss
        return one_loss(way, *map(int, size))
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        options.error(f"no such group: {', '.join(sorted(unknown))}")
    for name in arguments.groups or GROUPS:
        print(
            f"### {name}: {GROUPS[name].__doc__}\n", *GROUPS[name](arguments.fast), "", sep="\n", flush=True
        )
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    return None


if __name__ == "__main__":
    main()
