"""Which precision is chosen, and what is said of it."""

import sys
from pathlib import Path

import parallel_data
import pytest
import torch

from cvrl_lite import train
from cvrl_lite.datasets import MemoryLoader
from cvrl_lite.train import precision
from cvrl_lite.train.pretrain import trainer_for

RECIPE = parallel_data.RECIPES["all"]
CPU = torch.device("cpu")


@pytest.mark.parametrize("slow", ["float32", "bfloat16"])
def test_precision_is_chosen_by_measuring(slow, caplog):
    """Real steps, each of which the slow one of the two takes eight times."""

    def trainer_in(name):
        recipe = RECIPE.replace(precision=name)
        trainer = trainer_for(recipe, MemoryLoader(parallel_data.data(), recipe.sampling, 0), CPU)
        step = trainer.step

        def repeated(number, batch):
            for _ in range(7 if name == slow else 0):
                step(number, batch)
            return step(number, batch)

        trainer.step = repeated
        return trainer

    with caplog.at_level("INFO", logger="cvrl_lite"):
        chosen, took = precision.faster_precision(trainer_in, CPU)
    if train.emulates_bfloat16(CPU):
        assert (chosen, took) == ("float32", {}) and not caplog.messages
    else:
        assert chosen != slow == max(took, key=took.get)
        assert caplog.messages[1] == "trying 4 steps in bfloat16, to see which precision is faster"


def test_a_processor_without_bfloat16_is_known_by_its_time():
    assert not train.emulates_bfloat16(torch.device("cuda"))
    if sys.platform != "linux" or "flags" not in (about := Path("/proc/cpuinfo").read_text(encoding="utf-8")):
        pytest.skip("the processor's instructions are read from /proc/cpuinfo")
    has = any(f"{name}_bf16" in about for name in ("avx512", "amx"))
    assert train.emulates_bfloat16(CPU) != has
