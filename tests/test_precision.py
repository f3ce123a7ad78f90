"""Which precision is chosen, and what is said of it."""

import pytest
import torch

from cvrl_lite import train
from cvrl_lite.train import precision


def test_all_processes_take_the_first_ones_word_for_bfloat16(monkeypatch):
    monkeypatch.setattr(precision, "emulates_bfloat16", lambda device: False)
    monkeypatch.setattr(precision, "broadcast", lambda mine: not mine)  # the first one measured otherwise
    never = lambda _: pytest.fail("the others wait for ever")  # noqa: E731
    assert precision.faster_precision(never, train.device()) == ("float32", {})


def test_precision_is_chosen_by_measuring(monkeypatch, caplog):
    took = {"float32": 1.0, "bfloat16": 0.95}
    monkeypatch.setattr(precision, "seconds_per_step", lambda name: took[name])
    monkeypatch.setattr(precision, "emulates_bfloat16", lambda device: False)
    device = train.device()
    with caplog.at_level("INFO", logger="cvrl_lite"):
        assert precision.faster_precision(str, device) == ("float32", took)
    assert caplog.messages[1] == "trying 4 steps in bfloat16, to see which precision is faster"
    took["bfloat16"] = 0.5
    assert precision.faster_precision(str, device)[0] == "bfloat16"
    monkeypatch.setattr(precision, "emulates_bfloat16", lambda device: True)
    assert precision.faster_precision(lambda _: pytest.fail("a step of minutes"), device)[0] == "float32"


def test_a_processor_without_bfloat16_is_told_by_its_time(monkeypatch):
    ticks = {torch.float32: 1.0, torch.bfloat16: 20.0}
    now = [0.0]

    class Layer(torch.nn.Module):
        def __init__(self, *_, dtype, **__):
            super().__init__()
            self.dtype = dtype

        def forward(self, clips):
            now[0] += ticks[self.dtype]

    monkeypatch.setattr(precision.nn, "Conv3d", Layer)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    assert precision.emulates_bfloat16(torch.device("cpu"))
    ticks[torch.bfloat16] = 2.0
    assert not precision.emulates_bfloat16(torch.device("cpu"))
