"""What the paper's training costs on a GPU, and what a few minutes of it learn from real clips.

    python benchmarks/pack.py ../shared/ucf11 runs/ucf11.npz --quality 70
    python benchmarks/gpu.py runs/ucf11.npz --out gpu.json

Runs the stages below one after the other, at most eight minutes on an H100, and writes the JSON anew after
each. It reads the packed file alone and imports no PyAV. `--fast` takes tiny pictures and a few steps, for
trying it on a CPU; `--stages laptop` trains the laptop recipe on the same samples, on a CPU as well.

Axes: B batch, N clips, T frames.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from pack import Packed, unpack
from stepping import Samples, Stepper, forward_flops, retrieval

import cvrl_lite
from cvrl_lite import train
from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretext import BLOCK, info_nce
from cvrl_lite.pretext.gather import _Gather
from cvrl_lite.transforms import augment, eval_transform

EPOCHS = {"UCF101": 120 * 9537, "Kinetics-400": 120 * 300_000}  # clips in 120 epochs
WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("float32, contiguous", {"channels_last": False}),
    ("bfloat16, contiguous", {"channels_last": False}),
    ("bfloat16, channels_last_3d", {}),
    ("+ fused optimizer", {"fused": True}),
    ("+ cuDNN tries its kernels", {"fused": True, "benchmark": True}),
    ("+ compiled networks", {"fused": True, "benchmark": True, "compiled": True}),
)
LIMIT = 470.0  # seconds after which no further stage begins


class Bench:
    """The stages, with what they share.

    Args:
        packed: The clips.
        fast: Whether to try it out only.
        minutes: Of the long training.
    """

    def __init__(self, packed: Packed, *, fast: bool, minutes: float) -> None:
        self.fast, self.minutes = fast, minutes
        self.device = train.device()
        self.cuda = self.device.type == "cuda"
        self.samples = Samples(packed, self.device, 0)
        self.peak, self.step_seconds = float("nan"), float("nan")
        self.fastest: dict[str, Any] = {}

    def recipe(self, batch: int = 64) -> train.Recipe:
        """The paper's recipe on the packed samples."""
        recipe = train.recipes.ucf101_r2plus1d26(batch=batch).replace(
            decoded_size=self.samples.images.shape[2], precision="bfloat16"
        )
        if self.fast:
            return recipe.replace(augmentation={"size": 32, "cells": 32})
        return recipe

    @property
    def batch(self) -> int:
        """Clips a step."""
        return 4 if self.fast else 64

    def machine(self) -> dict[str, Any]:
        """What it runs on, and the fastest matrix product and copy it can do."""
        facts: dict[str, Any] = {
            "date": date.today().isoformat(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cores": os.cpu_count(),
            "device": torch.cuda.get_device_name() if self.cuda else "CPU",
        }
        side = 8192 if self.cuda else 512
        a, b = (torch.randn(side, side, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        self.peak = 2 * side**3 / statistics.median(self.timed(lambda: a @ b, 20))
        big = torch.empty(2**30 if self.cuda else 2**20, dtype=torch.uint8, device=self.device)
        copied = 2 * len(big) / statistics.median(self.timed(big.clone, 10))
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30 if self.cuda else None
        return facts | {"peak_tflops": self.peak / 1e12, "copy_gb_s": copied / 1e9, "memory_gib": memory}

    def timed(self, work: Callable[[], object], times: int, warm: int = 3) -> list[float]:
        """Seconds of each of some runs, after a few to warm up."""
        took = []
        for turn in range(warm + times):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            if turn >= warm:
                took.append(time.perf_counter() - began)
        return took

    def wait(self) -> None:
        """Until the device has done all it was given."""
        if self.cuda:
            torch.cuda.synchronize()

    def steps(self) -> list[dict[str, Any]]:
        """A step of 64 clips, one change after the other, and where the time of the last one goes."""
        rows = []
        for name, how in WAYS:
            if how.get("compiled") and not self.cuda:
                continue
            recipe = self.recipe(self.batch)
            if name.startswith("float32"):
                recipe = recipe.replace(precision="float32")
            rows.append({"way": name} | self.measured(recipe, how))
            if rows[-1].get("seconds", np.inf) < (self.step_seconds if self.fastest else np.inf):
                self.step_seconds, self.fastest = rows[-1]["seconds"], how
        return rows

    def measured(self, recipe: train.Recipe, how: dict[str, Any], times: int = 20) -> dict[str, Any]:
        """Clips a second, memory and share of the peak of one way to do a step."""
        times = 2 if self.fast else times
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        try:
            stepper = Stepper(recipe, self.device, **how)
            batches = self.samples.training(recipe)
            took = self.timed(lambda: stepper(next(batches)), times, 1 if self.fast else 4)
        except torch.OutOfMemoryError:
            return {"failed": "out of memory"}
        except Exception as error:  # a compiler has many ways to fail: the row says which
            return {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        seconds = statistics.median(took)
        flops = 3 * forward_flops(self.samples, recipe)
        return {
            "batch": recipe.batch,
            "seconds": seconds,
            "seconds_spread": [min(took), max(took)],
            "clips_per_second": recipe.batch / seconds,
            "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if self.cuda else None,
            "tflops": flops / seconds / 1e12,
            "share_of_peak": flops / seconds / self.peak,
            "first_steps_seconds": time.perf_counter() - began - sum(took),
        }

    def largest(self) -> list[dict[str, Any]]:
        """Batches that fit, twice as large each time."""
        rows, batch = [], self.batch * 2
        while not rows or "failed" not in rows[-1]:
            how = self.fastest | {"compiled": False}
            rows.append({"batch": batch} | self.measured(self.recipe(batch), how, 4))
            batch *= 2
            if self.fast or batch > 1024:
                break
        return rows

    def costs(self) -> dict[str, Any]:
        """Where the time of a step goes: by part, and by kernel."""
        recipe = self.recipe(self.batch)
        stepper = Stepper(recipe, self.device, **(self.fastest | {"compiled": False}))
        batches = self.samples.training(recipe)
        for _ in range(3):
            stepper(next(batches))
        batch = next(batches)
        views = augment(batch, recipe.augmentation)

        model, windows = stepper.model, views.motion.transpose(0, 1).flatten(0, 1)
        networks: dict[str, Callable[[], Tensor]] = {
            "backbone": lambda: sum_of(*model.backbone.feature_maps(views.clip)),
            "motion encoder": lambda: sum_of(model.tasks["motion"].encoder(windows)),
            "context encoder": lambda: sum_of(model.tasks["context"].encoder(views.keyframe)),
            "all networks and losses": lambda: model(views, 0.5)[0],
        }

        def there_and_back(network: Callable[[], Tensor]) -> None:
            with torch.autocast(self.device.type, torch.bfloat16):
                out = network()
            out.backward()

        times = 2 if self.fast else 6
        parts = {"augment": statistics.median(self.timed(lambda: augment(batch, recipe.augmentation), times))}
        for name, network in networks.items():
            parts[name] = statistics.median(self.timed(lambda n=network: there_and_back(n), times))
        parts["whole step"] = statistics.median(self.timed(lambda: stepper(batch), times))
        kinds = [torch.profiler.ProfilerActivity.CPU]
        if self.cuda:
            kinds.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=kinds) as profile:
            for _ in range(2):
                stepper(batch)
            self.wait()
        name = "self_device_time_total" if self.cuda else "self_cpu_time_total"
        events = [(event.key, getattr(event, name)) for event in profile.key_averages()]
        total = sum(took for _, took in events) or 1
        events.sort(key=lambda event: -event[1])
        kernels = [{"kernel": key[:120], "share": took / total} for key, took in events[:15]]
        return {"seconds": parts, "kernels": kernels}

    def loss(self) -> list[dict[str, Any]]:
        """Time and memory of the motion loss in blocks, up to 4,096 videos of 49 points and 4 windows."""
        rows = []
        for videos in (16,) if self.fast else (64, 512, 4096):
            queries, keys = (
                torch.randn(49 * n, 512, device=self.device, requires_grad=True) for n in (videos, 4 * videos)
            )
            if self.cuda:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated() if self.cuda else 0
            self.wait()
            began = time.perf_counter()
            info_nce(queries, keys, block=BLOCK)[0].backward()
            self.wait()
            row = {"videos": videos, "seconds": time.perf_counter() - began}
            row["whole_matrix_gib"] = 4 * 49 * videos * 4 * 49 * videos / 2**30
            if self.cuda:
                row["memory_gib_above_inputs"] = (torch.cuda.max_memory_allocated() - before) / 2**30
            rows.append(row)
        return rows

    def distributed(self) -> dict[str, Any]:
        """One rank over NCCL (gloo on a CPU): losses as without, and gradients through the gather."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        recipe = self.recipe(min(self.batch, 16)).replace(precision="float32")
        recipe = recipe.replace(networks={"dropout": 0.0})
        batch = next(self.samples.training(recipe))
        alone = Stepper(recipe, self.device)
        losses = [float(alone(batch)["loss"]) for _ in range(3)]
        backend = "nccl" if self.cuda else "gloo"
        dist.init_process_group(backend, init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
        try:
            together = Stepper(recipe, self.device)
            if self.cuda:
                together.model = nn.SyncBatchNorm.convert_sync_batchnorm(together.model)
            together.called = nn.parallel.DistributedDataParallel(together.model)
            parallel = [float(together(batch)["loss"]) for _ in range(3)]
            mine = torch.randn(8, 4, device=self.device, requires_grad=True)
            weights = torch.randn(8, 4, device=self.device)
            (_Gather.apply(mine) * weights).sum().backward()
            assert mine.grad is not None
            gathered = bool(torch.equal(mine.grad, weights))
        finally:
            dist.destroy_process_group()
        return {"backend": backend, "alone": losses, "one_rank": parallel, "gather_gradient_equal": gathered}

    def train(self) -> dict[str, Any]:
        """The paper's network for a few minutes on real clips, judged on groups it has not seen."""
        recipe = self.recipe(self.batch)
        seconds = 60 * self.minutes
        pace = self.step_seconds if np.isfinite(self.step_seconds) else 1.0
        steps = 2 if self.fast else max(1, int(seconds / pace))
        return self.trained(recipe.replace(steps=steps), self.fastest, seconds)

    def laptop(self) -> dict[str, Any]:
        """The laptop recipe on the same samples: 600 steps of 40."""
        recipe = train.recipes.laptop().replace(
            steps=2 if self.fast else 600,
            batch=4 if self.fast else 40,
            precision="bfloat16" if self.cuda else "float32",
        )
        return self.trained(recipe, {}, None)

    def trained(self, recipe: train.Recipe, how: dict[str, Any], seconds: float | None) -> dict[str, Any]:
        """Trains, shortening the schedule's tail only if time runs out; loss curve and scores."""
        stepper = Stepper(recipe, self.device, **how)
        before = self.scores(stepper.model.backbone, recipe)
        curve: list[dict[str, float]] = []
        began = time.perf_counter()
        for number, batch in zip(range(recipe.steps), self.samples.training(recipe), strict=False):
            parts = stepper(batch)
            if number == 0:  # which may have compiled the network
                self.wait()
                began = time.perf_counter()
            if number % max(1, recipe.steps // 100) == 0 or number == recipe.steps - 1:
                numbers = {name: round(float(part), 4) for name, part in parts.items()}
                curve.append({"step": number + 1} | numbers)
                if seconds is not None and time.perf_counter() - began > 1.15 * seconds:
                    break
        self.wait()
        took = time.perf_counter() - began
        return {
            "steps": stepper.done,
            "of_steps": recipe.steps,
            "batch": recipe.batch,
            "seconds": took,
            "clips_per_second": (stepper.done - 1) * recipe.batch / took,
            "precision": recipe.precision,
            "untrained": before,
            "trained": self.scores(stepper.model.backbone, recipe),
            "curve": curve,
        }

    @torch.no_grad()
    def scores(self, backbone: VideoBackbone, recipe: train.Recipe) -> dict[str, Any]:
        """R@1 and R@5 of the groups to report on, one clip a video."""
        backbone.eval()
        frames, views = recipe.sampling.frames, recipe.augmentation
        rows = []
        for images in self.samples.images.split(32):
            clips = eval_transform(images[:, -1 - frames : -1], views.size, views.mean, views.std)
            rows.append(backbone(clips).float().cpu())
        backbone.train()
        return retrieval(self.samples.packed, torch.cat(rows).numpy())

    def references(self) -> dict[str, Any]:
        """On the same samples: color histograms, and the shipped networks, which saw drawings only."""
        bins = self.samples.packed.images // 43  # 6 to a channel
        codes = (bins[..., 0].astype(np.int64) * 6 + bins[..., 1]) * 6 + bins[..., 2]
        histograms = np.stack([np.bincount(clip.ravel(), minlength=216) for clip in codes])
        found = {"color histograms": retrieval(self.samples.packed, np.sqrt(histograms).astype(np.float32))}
        for name in ("context", "motion", "joint"):
            model = cvrl_lite.load(name)
            found[f"{name}, trained on drawings"] = self.scores(model.to(self.device).backbone, model.recipe)
        return found

    def hours(self) -> dict[str, float]:
        """120 epochs at the fastest step measured, if reading the files keeps up."""
        return {name: clips * self.step_seconds / self.batch / 3600 for name, clips in EPOCHS.items()}


def sum_of(*maps: Tensor) -> Tensor:
    """One number that depends on all of some maps."""
    total: Tensor = torch.stack([part.float().mean() for part in maps]).sum()
    return total


STAGES = (
    "machine",
    "references",
    "steps",
    "train",
    "laptop",
    "costs",
    "distributed",
    "loss",
    "largest",
    "hours",
)


def main() -> None:
    """Runs the stages and writes their results."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    options.add_argument("packed", type=Path, help="the file that pack.py wrote")
    options.add_argument("--out", type=Path, default=Path("gpu.json"), help="(default: %(default)s)")
    options.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, metavar="STAGE")
    options.add_argument("--minutes", type=float, default=3.5, help="of the training (default: 3.5)")
    options.add_argument("--fast", action="store_true", help="tiny pictures, a few steps")
    arguments = options.parse_args()
    began = time.perf_counter()
    bench = Bench(unpack(arguments.packed), fast=arguments.fast, minutes=arguments.minutes)
    results: dict[str, Any] = {"fast": arguments.fast}
    for name in STAGES:
        if name not in arguments.stages:
            continue
        if time.perf_counter() - began > LIMIT:
            results[name] = "left out: no time"
            continue
        clock = time.perf_counter()
        try:
            results[name] = getattr(bench, name)()
        except Exception as error:  # the other stages go on, and the file says what happened
            results[name] = f"failed: {type(error).__name__}: {str(error)[:300]}"
        results.setdefault("stage_seconds", {})[name] = round(time.perf_counter() - clock, 1)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        shown = json.dumps(results[name])
        print(f"{name} ({results['stage_seconds'][name]} s): {shown[:600]}", flush=True)


if __name__ == "__main__":
    main()
