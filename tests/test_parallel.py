"""Several processes train one model: the same loss and gradients as one, one writer, one end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cvrl_lite.datasets import moving_scenes

WITH_OTHERS = """
import dataclasses, json, sys
import torch
import torch.distributed as dist
from cvrl_lite import train
from cvrl_lite.transforms import augment
from cvrl_lite.pretext import all_reduce_sum, gather, info_nce, processes
from cvrl_lite.datasets import MemoryLoader
from cvrl_lite.train.distributed import distributed
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, sys.argv[1])
from parallel_data import RECIPES, data

with distributed() as device:
    rank, world = processes()
    found = {}
    for name, recipe in RECIPES.items():
        sampler = MemoryLoader(data(), recipe.sampling, 0)
        torch.manual_seed(0)
        model = train.Pretraining(recipe).double().eval()
        called = model
        if world > 1:
            called = DistributedDataParallel(model, find_unused_parameters=model.partly_used)
        (batch,) = sampler.batches(recipe.batch, 1, share=(rank, world))
        views = augment(batch, recipe.augmentation)
        views = dataclasses.replace(views, **{
            part.name: getattr(views, part.name).double() for part in dataclasses.fields(views)
            if torch.is_tensor(getattr(views, part.name)) and getattr(views, part.name).is_floating_point()})
        loss, parts = called(views, 1.0)
        loss.backward()
        measured = all_reduce_sum(torch.stack([*parts.values()])) / world
        found[name] = {
            "parts": dict(zip(parts, measured.tolist())),
            "gradients": [p.grad.flatten().tolist() for p in model.parameters() if p.grad is not None],
        }
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(2, 12, 4, generator=random, dtype=torch.float64)
    valid = torch.rand(12, generator=random) < 0.6
    mine = slice(12 // world * rank, 12 // world * (rank + 1))
    for block in (None, 20):
        own = rows[:, mine].clone().requires_grad_()
        loss, accuracy = info_nce(own[0], gather(own[1]), valid=valid[mine], block=block)
        loss.backward()
        found[f"info_nce, block {block}"] = {
            "parts": {"loss": float(all_reduce_sum(loss)) / world, "accuracy": float(accuracy)},
            "gradients": [(gather(part) / world).flatten().tolist() for part in own.grad],
        }
    if rank == 0:
        open(sys.argv[2], "w").write(json.dumps(found))
"""


# One thread a process, and no look-up of the machine's name: three processes may share two busy cores.
ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
if sys.platform == "linux":
    ALONE["GLOO_SOCKET_IFNAME"] = "lo"


def torchrun(processes: int, *words: str) -> subprocess.CompletedProcess:
    """Runs a training in several processes, and ends them all where it hangs."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    command.append(f"--nproc-per-node={processes}")
    with subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ALONE,
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=300)  # a busy machine once took 138 s
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, *said)


@pytest.mark.slow
def test_two_and_three_processes_give_the_gradients_of_one(tmp_path):
    script = tmp_path / "with_others.py"
    script.write_text(WITH_OTHERS, encoding="utf-8")
    found = {}
    for processes in (1, 2, 3):
        out = tmp_path / f"{processes}.json"
        done = torchrun(processes, str(script), os.path.dirname(__file__), str(out))
        assert done.returncode == 0, done.stderr[-2000:]
        found[processes] = json.loads(out.read_text(encoding="utf-8"))
    for processes in (2, 3):
        for name, expected in found[1].items():
            got = found[processes][name]
            for result in (got, expected):  # of each process's own points: its mean is not that of all
                result["parts"].pop("motion_explained", None)
            assert got["parts"] == pytest.approx(expected["parts"], abs=1e-6), name
            for a, b in zip(got["gradients"], expected["gradients"], strict=True):
                assert np.allclose(a, b, atol=1e-6), name
    sizes = [max(map(abs, g)) for g in found[1]["all"]["gradients"]]
    assert np.median(sizes) > 1e-5  # there was something to compare


PEERS = """
import dataclasses, json, sys
import torch
from torch.nn.parallel import DistributedDataParallel
from cvrl_lite import train
from cvrl_lite.datasets import MemoryLoader
from cvrl_lite.pretext import processes
from cvrl_lite.train.distributed import distributed
from cvrl_lite.transforms import augment

sys.path[:0] = sys.argv[1:3]
import parallel_data, peers

data = parallel_data.data()
entries = [dataclasses.replace(v.entry, labels={"kind": int(v.entry.source) % 3}) for v in data.videos]
labeled = [dataclasses.replace(v, entry=entry) for v, entry in zip(data.videos, entries)]
data = dataclasses.replace(data, videos=tuple(labeled), classes={"kind": ("a", "b", "c")})
recipe = parallel_data.RECIPES["all"].replace(steps=2)
twins = recipe.replace(sampling={"clips_per_video": 2})
found = {}
with distributed():
    rank, world = processes()
    for name, how, make in (
        ("simclr", twins, lambda: peers.simclr(twins)),
        ("supervised", recipe, lambda: peers.classification(recipe, data, "kind")),
    ):
        torch.manual_seed(0)
        model = make().eval()  # batch norms see the same statistics, however the batch is shared
        called = DistributedDataParallel(model) if world > 1 else model
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        (batch,) = MemoryLoader(data, how.sampling, 0).batches(12, 1, share=(rank, world))
        called(augment(batch, how.augmentation), 0.0)[0].backward()
        before = [p.detach().clone() for p in model.parameters()]
        optimizer.step()
        found[name] = [(p.detach() - b).flatten().tolist() for p, b in zip(model.parameters(), before)]
# Several trainings, one after the other.
torch.manual_seed(0)
peers.instance_discrimination(recipe, data, None)
peers.supervised("kind")(recipe, data, None)
train.pretrain(recipe.replace(tasks=("context",)), data=data)
open(f"{sys.argv[3]}-{rank}.json", "w").write(json.dumps(found))
"""


@pytest.mark.slow
def test_a_step_of_the_peers_is_the_same_on_two_processes(tmp_path):
    here = Path(__file__).parent
    (tmp_path / "peers_script.py").write_text(PEERS, encoding="utf-8")
    for processes in (1, 2):
        words = [str(here), str(here.parent / "experiments"), str(tmp_path / f"{processes}")]
        done = torchrun(processes, str(tmp_path / "peers_script.py"), *words)
        assert done.returncode == 0, done.stderr[-2000:]
    one, first, second = (
        json.loads((tmp_path / f"{n}.json").read_text(encoding="utf-8")) for n in ("1-0", "2-0", "2-1")
    )
    assert first == second  # both hold the same network
    for name in ("simclr", "supervised"):
        for a, b in zip(one[name], first[name], strict=True):
            assert np.allclose(a, b, rtol=0, atol=1e-4), name
        assert np.median([max(map(abs, change)) for change in one[name]]) > 0.01


@pytest.mark.slow
def test_two_processes_train_and_one_speaks(tmp_path):
    """Of a training long enough for a trial of precision, on whose outcome they have to agree."""
    words = ["-m", "cvrl_lite.cli", "pretrain", "--recipe", "laptop_fast", "--folder"]
    words += [str(tmp_path / "clips"), "--steps", "9", "--batch", "8", "--out", str(tmp_path / "run")]
    moving_scenes.make(tmp_path / "clips", 10, seed=0, workers=1)
    done = torchrun(2, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("9 steps") == 1
    assert json.loads((tmp_path / "run/recipe.json").read_text(encoding="utf-8"))["precision"] in (
        "float32",
        "bfloat16",
    )
    lines = [
        json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["step"] for line in lines] == list(range(1, 10))
    assert (tmp_path / "run/curves.png").exists()


STOPPED = """
import dataclasses, os, signal, sys
from cvrl_lite import train
from cvrl_lite.datasets import MemoryLoader
from cvrl_lite.pretext import processes
from cvrl_lite.train import engine
from cvrl_lite.train.distributed import distributed
sys.path.insert(0, sys.argv[1])
from parallel_data import RECIPES, data

recipe, out = RECIPES["all"].replace(steps=8, save_every=100), sys.argv[2]
exchange, batches, calls = engine.all_reduce_sum, MemoryLoader.batches, []

def interrupted(mine):
    shared = exchange(mine)
    calls.append(shared)
    if len(calls) == 3 and processes()[0] == 1:
        os.kill(os.getpid(), signal.SIGINT)  # behind the exchange, and to one process alone
    return shared

def with_broken(*words, **more):
    for batch in batches(*words, **more):
        yield dataclasses.replace(batch, replaced=1 + processes()[0])

MemoryLoader.batches = with_broken
with distributed():
    whole = train.pretrain(recipe, out + "/whole", data())
    engine.all_reduce_sum = interrupted
    first = train.pretrain(recipe, out + "/parts", data())
    engine.all_reduce_sum = exchange
    second = train.pretrain(recipe, out + "/parts", data())
    for run, end in ((whole, (8, False)), (first, (4, True)), (second, (8, False))):
        assert (run.steps, run.interrupted) == end, (run.steps, run.interrupted)
"""


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_exactly(tmp_path):
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED, encoding="utf-8")
    done = torchrun(2, str(script), os.path.dirname(__file__), str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert untimed(tmp_path / "parts") == untimed(tmp_path / "whole")
    assert [line["replaced"] for line in untimed(tmp_path / "whole")] == [3] * 8
    weights = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "parts")]
    assert weights[0] == weights[1]


@pytest.mark.slow
def test_a_process_that_fails_ends_all_with_its_message(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text(
        "import os, sys\n"
        "from cvrl_lite import cli, train\n"
        "from cvrl_lite.errors import Diverged\n"
        "def step(self, step, *_):\n"
        "    if self.rank == 1 and step == 2:\n"
        "        raise Diverged('step 3: motion_loss is nan')\n"
        "    return original(self, step, *_)\n"
        "original, train.Trainer.step = train.Trainer.step, step\n"
        "sys.exit(cli.main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    moving_scenes.make(tmp_path / "clips", 8, seed=0, workers=1)
    words = [str(script), "pretrain", "--recipe", "laptop_fast", "--folder", str(tmp_path / "clips")]
    began = time.monotonic()
    done = torchrun(2, *words, "--steps", "500", "--batch", "8", "--out", str(tmp_path / "out"))
    assert done.returncode != 0 and time.monotonic() - began < 90
    assert "cvrl-lite: process 1: step 3: motion_loss is nan" in done.stderr


KILLED = """
import sys
from cvrl_lite import train
sys.path.insert(0, sys.argv[1])
from parallel_data import RECIPES, data
train.pretrain(RECIPES["all"].replace(steps=60, save_every=4, precision="float32"), sys.argv[2], data())
"""


def killed(tmp_path, times: int) -> None:
    """Kills a training at random moments, lets it go on, and compares it with an unbroken one."""
    random = np.random.default_rng()
    words = [sys.executable, "-c", KILLED, os.path.dirname(__file__)]
    environment = os.environ | ALONE
    subprocess.run([*words, str(tmp_path / "whole")], check=True, timeout=120, env=environment)
    metrics, kills = tmp_path / "parts/metrics.jsonl", 0
    for _ in range(times):
        process = subprocess.Popen([*words, str(tmp_path / "parts")], env=environment)
        before = _size(metrics)
        while process.poll() is None and _size(metrics) in (0, before):  # it has not begun
            time.sleep(0.002)
        time.sleep(float(random.uniform(0, 0.15)))
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert kills
    subprocess.run([*words, str(tmp_path / "parts")], check=True, timeout=120, env=environment)
    assert (
        untimed(tmp_path / "parts") == untimed(tmp_path / "whole") and len(untimed(tmp_path / "whole")) == 60
    )
    weights = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "parts")]
    assert weights[0] == weights[1]


def untimed(folder) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in m.items() if k not in ("seconds", "clips_per_second")} for m in lines]


def _size(path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.slow
def test_a_killed_run_goes_on_exactly(tmp_path):
    killed(tmp_path, int(os.environ.get("CVRL_KILLS", "2")))
