"""The tasks of experiments/apart.py are the package's, and differ from it and each other by what they say."""

import dataclasses
import importlib
from types import ModuleType

import pytest
import torch
from conftest import ROOT

from cvrl_lite.models import MotionEncoder, MotionPredictor
from cvrl_lite.pretext import DensePrediction, MotionRegression
from cvrl_lite.transforms import Views

WIDTH = 256  # numbers of a point's patch of vectors


@pytest.fixture
def objectives(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module under test."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    return importlib.import_module("objectives")


def predictor() -> MotionPredictor:
    return MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), dropout=0.0)


def made(objectives: ModuleType, **settings):
    torch.manual_seed(0)
    config = objectives.ObjectiveConfig(**settings)
    return objectives.MotionObjective(config, predictor(), MotionEncoder(), hidden=256, projection=WIDTH)


def batch(seed: int = 0, sources: tuple[int, ...] = (0, 1, 2, 3)) -> tuple:
    """Feature maps, and views with a further window whose first corner holds no vectors."""
    random = torch.Generator().manual_seed(seed)
    maps = torch.randn(len(sources), 8, 2, 4, 4, generator=random)
    motion = torch.randn(len(sources), 2, 3, 8, 16, 16, generator=random)
    mask = torch.ones_like(motion[:, :, 0], dtype=torch.bool)
    mask[:, :, :, :4, :4] = False
    clip = torch.zeros(len(sources), 3, 8, 32, 32)
    return (maps, maps), Views(clip, clip[:, :, 0], motion, torch.tensor(sources), mask)


def loss_of(task, inputs: tuple) -> float:
    return float(task(*inputs).loss.detach())


def package(task, negatives: tuple[str, ...]) -> DensePrediction:
    """The package's motion prediction with the weights of a task."""
    same = DensePrediction(predictor(), MotionEncoder(), projection=WIDTH, negatives=negatives)
    same.load_state_dict(task.state_dict())
    return same.eval()


def without_further_windows(inputs: tuple) -> tuple:
    maps, views = inputs
    return maps, dataclasses.replace(views, motion=views.motion[:, :1], mask=views.mask[:, :1])


@pytest.mark.parametrize("negatives", [("places", "videos"), ("places",), ("videos",)])
def test_infonce_on_learned_features_is_the_package_without_further_windows(objectives, negatives):
    task = made(objectives, negatives=negatives).eval()
    ours, theirs = task(*batch()), package(task, negatives)(*without_further_windows(batch()))
    assert torch.allclose(ours.loss, theirs.loss, atol=1e-5)
    assert ours.metrics["accuracy"] == theirs.metrics["accuracy"]
    assert loss_of(task, batch()) < loss_of(package(task, (*negatives, "windows")), batch()) - 0.1


def test_the_oracle_leaves_out_other_clips_of_the_same_label_alone(objectives):
    plain, task = made(objectives).eval(), made(objectives, oracle=True).eval()
    with pytest.raises(AssertionError, match="oracle"):
        task(*batch())
    task.labels = torch.arange(4)  # none alike
    assert loss_of(task, batch()) == pytest.approx(loss_of(plain, batch()), abs=1e-6)
    task.labels = torch.zeros(4, dtype=torch.long)  # all alike: the places of the same window are left
    assert loss_of(task, batch()) == pytest.approx(loss_of(package(task, ("places",)), batch()), abs=1e-5)
    task.labels = torch.tensor([0, 0, 1, 2])
    alike = loss_of(task, batch())
    assert loss_of(package(task, ("places",)), batch()) < alike < loss_of(plain, batch())


def test_a_queue_adds_the_keys_of_the_last_batches(objectives):
    plain, task = made(objectives), made(objectives, queue=6)
    own, first, second = batch(2, (0, 0, 0, 0)), batch(0), batch(1, (4, 5, 6, 7))
    assert loss_of(task, own) == pytest.approx(loss_of(plain, own))  # it is empty yet
    assert loss_of(task, own) == pytest.approx(loss_of(plain, own))  # keys of the same video do not count
    for inputs in (first, second):
        assert loss_of(task, inputs) > loss_of(plain, inputs) + 0.1  # others do
    assert loss_of(task.eval(), own) > loss_of(plain.eval(), own)  # and a look leaves them as they are
    # Four clips of the second batch and two of the first, where they hold vectors; resumed runs have them.
    assert task.key_sources.tolist() == [n for n in (4, 5, 6, 7, 0, 1) for _ in range(16)]
    assert task.key_usable.sum() == 6 * 15
    assert not task.keys.requires_grad and {"keys", "key_sources", "key_usable"} <= set(task.state_dict())


def test_vectors_are_the_packages_patches(objectives):
    task, regression = made(objectives, target="vectors"), MotionRegression(predictor(), "vectors")
    maps = torch.randn(3, 2, 8, 16, 16)
    assert torch.equal(task._patches(maps), regression._patches(maps))


@pytest.mark.parametrize("loss", ["smooth L1", "cosine", "InfoNCE"])
@pytest.mark.parametrize(
    ("target", "trained"),
    [
        ("vectors", {"predictor", "predicted_head"}),
        ("random", {"predictor", "predicted_head"}),
        ("learned", {"predictor", "predicted_head", "encoder", "target_head"}),
        (
            "stopped",
            {"predictor", "predicted_head", "encoder", "target_head", "from_clip", "from_motion"},
        ),
    ],
)
def test_gradients_reach_what_is_said_to_learn(objectives, target, trained, loss):
    task = made(objectives, target=target, loss=loss)
    task(*batch()).loss.backward()
    moved = {name.split(".")[0] for name, weight in task.named_parameters() if weight.grad is not None}
    assert moved == trained


def test_all_targets_start_at_one_scale(objectives):
    """Each number of a target has mean 0 and deviation 1 over a batch."""
    for target in objectives.TARGETS:
        _, numbers = made(objectives, target=target).project(*batch())
        assert numbers.shape == (64, WIDTH)
        assert torch.allclose(numbers.mean(0), torch.zeros(WIDTH), atol=1e-4)
        assert 0.9 < float(numbers.detach().std(0, unbiased=False).mean()) < 1.01


def test_stopped_features_learn_without_a_gradient_through_what_is_predicted(objectives):
    """With the small networks' last layers at zero nothing flows back, whatever the targets would want."""
    task = made(objectives, target="stopped", loss="smooth L1")
    for small in (task.from_clip, task.from_motion):
        torch.nn.init.zeros_(small[3].weight)
    task(*batch()).loss.backward()
    assert not any(weight.grad.any() for weight in task.encoder.parameters())
    assert not any(weight.grad.any() for weight in task.predictor.parameters() if weight.grad is not None)
    learned = made(objectives, target="learned", loss="smooth L1")
    learned(*batch()).loss.backward()
    assert any(weight.grad.any() for weight in learned.encoder.parameters())


def test_what_does_not_fit_together_is_refused(objectives):
    for settings in ({"target": "noise"}, {"loss": "L2"}, {"loss": "cosine", "queue": 9}):
        with pytest.raises(ValueError, match="no"):
            objectives.ObjectiveConfig(**settings)
