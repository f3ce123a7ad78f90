"""The engine itself: metrics are read when they are due, callbacks take part, finetuning resumes."""

import dataclasses
import json

import numpy as np
import parallel_data
import pytest
import torch

from cvrl_lite import train
from cvrl_lite.cli import main
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.errors import Diverged
from cvrl_lite.train import engine

RECIPE = parallel_data.RECIPES["all"].replace(steps=9, save_every=4, precision="float32")
UNTIMED = ("clips_per_second", "seconds")


def untimed(folder) -> list[dict]:
    lines = [json.loads(line) for line in (folder / train.METRICS).read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in line.items() if k not in UNTIMED} for line in lines]


def test_metrics_read_every_few_steps_are_those_read_at_each(tmp_path, monkeypatch):
    train.pretrain(RECIPE, tmp_path / "each", parallel_data.data())
    monkeypatch.setattr(engine, "_READ_EVERY", {"cpu": 3})  # as on a GPU, where a read has to wait for it
    reads = []
    exchange = engine.all_reduce_sum
    monkeypatch.setattr(engine, "all_reduce_sum", lambda mine: reads.append(mine) or exchange(mine))
    train.pretrain(RECIPE, tmp_path / "some", parallel_data.data())
    assert untimed(tmp_path / "some") == untimed(tmp_path / "each")
    assert len(reads) == len({3, 4, 6, 8, 9})  # and where a checkpoint is written


def test_a_loss_that_diverged_since_the_last_read_is_named_with_its_step(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_READ_EVERY", {"cpu": 4})
    step, broken = train.Trainer.step, []

    def explode(self, number, batch):
        inputs = step(self, number, batch)
        if number == 2:
            broken.extend(batch.names)
            self._unread[-1].metrics["motion_loss"].fill_(float("nan"))
        return inputs

    monkeypatch.setattr(train.Trainer, "step", explode)
    with pytest.raises(Diverged, match="step 3: motion_loss is nan; the batch holds ") as said:
        train.pretrain(RECIPE, tmp_path, parallel_data.data())
    assert broken[0] in str(said.value)
    assert [line["step"] for line in untimed(tmp_path)] == [1, 2]


def test_a_callback_adds_metrics_and_changes_nothing(tmp_path):
    def check(step, model, views):
        model.eval()
        torch.rand(step)  # numbers that dropout does not miss
        return {"clips": float(len(views.clip))}

    train.pretrain(RECIPE, tmp_path / "plain", parallel_data.data())
    train.pretrain(RECIPE, tmp_path / "checked", parallel_data.data(), callbacks=[train.Callback(4, check)])
    lines = untimed(tmp_path / "checked")
    assert {line["step"]: line.pop("clips") for line in lines if "clips" in line} == {
        step: RECIPE.batch for step in (4, 8, 9)
    }
    assert lines == untimed(tmp_path / "plain")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 3 GiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee documentation"),
        lambda: torch.empty(2**60),
    ],
    ids=["numpy", "cuda", "cpu"],
)
def test_out_of_memory_is_one_line_with_advice(error):
    with (
        pytest.raises(MemoryError, match=r"^cpu: out of memory with 8 clips.*take a smaller batch") as said,
        engine.report_out_of_memory(8, torch.device("cpu")),
    ):
        if isinstance(error, Exception):
            raise error
        error()
    assert "\n" not in str(said.value)
    with pytest.raises(RuntimeError, match="shapes"), engine.report_out_of_memory(8, torch.device("cpu")):
        raise RuntimeError("the shapes do not fit")


def labeled():
    """The shared videos with a label that follows their number."""
    data = parallel_data.data()
    videos = (
        dataclasses.replace(v, entry=dataclasses.replace(v.entry, labels={"half": number % 2}))
        for number, v in enumerate(data.videos)
    )
    return dataclasses.replace(data, videos=tuple(videos), classes={"half": ("a", "b")})


HOW = train.Finetuning(
    steps=6, batch=4, save_every=2, sampling=RECIPE.sampling, augmentation=RECIPE.augmentation
)


def finetuned(out, how=HOW) -> train.Classifier:
    torch.manual_seed(0)
    model = train.Pretraining(RECIPE)
    return train.finetune(model.backbone, labeled(), "half", how, out=out)


@pytest.mark.parametrize("with_helper", [False, True])
def test_a_finetuning_that_was_ended_resumes_exactly(with_helper, tmp_path, monkeypatch):
    def run(out):
        torch.manual_seed(0)
        helper = train.Pretraining(RECIPE)
        others = {"helper": helper} if with_helper else {}
        return train.finetune(helper.backbone, labeled(), "half", HOW, **others, out=out)

    whole = run(tmp_path / "whole")
    step = train.Trainer.step

    def ended(self, number, batch):
        if number == 3:
            raise ConnectionError("the power failed")
        return step(self, number, batch)

    monkeypatch.setattr(train.Trainer, "step", ended)
    with pytest.raises(ConnectionError):
        run(tmp_path / "parts")
    monkeypatch.undo()
    again = run(tmp_path / "parts")
    assert untimed(tmp_path / "parts") == untimed(tmp_path / "whole")
    assert [line["step"] for line in untimed(tmp_path / "whole")] == [1, 2, 3, 4, 5, 6]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_folder_keeps_one_finetuning(tmp_path):
    finetuned(tmp_path)
    with pytest.raises(ValueError, match=r"holds another run \(seed: 0, not 1\)"):
        finetuned(tmp_path, dataclasses.replace(HOW, seed=1))
    (tmp_path / train.checkpoint.FINETUNING).unlink()
    with pytest.raises(ValueError, match=r"of a run whose finetuning\.json is missing"):
        finetuned(tmp_path)


def test_metrics_go_to_tensorboard_and_a_folder_is_checked(tmp_path, capsys):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    moving_scenes.make(tmp_path / "clips", 24, seed=0, workers=1)
    words = ["pretrain", "--recipe", "laptop_fast", "--folder", str(tmp_path / "clips"), "--steps", "4"]
    words += ["--batch", "4", "--out", str(tmp_path / "run"), "--tensorboard"]
    words += ["--check-folder", str(tmp_path / "clips"), "--check-every", "2"]
    assert main(words) == 0, capsys.readouterr().err
    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    lines = untimed(tmp_path / "run")
    logged = {event.step: event.value for event in events.Scalars("context_loss")}
    assert logged == {line["step"]: pytest.approx(line["context_loss"]) for line in lines}
    checks = {line["step"]: line["knn_class"] for line in lines if "knn_class" in line}
    assert set(checks) == {2, 4} and all(0 <= share <= 1 for share in checks.values())
    assert {event.step: event.value for event in events.Scalars("knn_class")} == pytest.approx(checks)


def test_a_missing_tensorboard_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    assert main(["pretrain", "--out", str(tmp_path / "run"), "--tensorboard"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "pip install 'cvrl-lite[tensorboard]'" in said
    assert not (tmp_path / "run").exists()


def test_a_check_without_labels_is_refused(tmp_path, capsys):
    (tmp_path / "a.mp4").touch()
    words = ["pretrain", "--out", str(tmp_path / "run"), "--check-folder", str(tmp_path)]
    assert main(words) == 2
    assert "needs videos in sub-folders" in capsys.readouterr().err


def test_the_seed_of_a_step_depends_on_all_it_is_of():
    seeds = [train.step_seed(*key) for key in ((0, 0), (1, 0), (0, 1), (0, 0, 1))]
    assert len(np.unique(seeds)) == 4 and train.step_seed(0, 0) == seeds[0]
