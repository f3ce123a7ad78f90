"""The third branch of experiments/branches.py learns from residuals, and from nothing else."""

import importlib
from types import ModuleType

import pytest
import torch
from conftest import ROOT

from cvrl_lite.models import Networks
from cvrl_lite.pretext import TaskInputs
from cvrl_lite.transforms import Views

WIDTHS = (4, 8, 12, 16)


@pytest.fixture
def branches(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module under test."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    return importlib.import_module("branches")


def views() -> Views:
    """Two clips with a near future and one further window each, in vectors and in residuals."""
    torch.manual_seed(0)
    clip, windows = torch.rand(2, 3, 8, 32, 32), torch.rand(2, 2, 3, 8, 16, 16)
    mask = torch.ones(2, 2, 8, 16, 16, dtype=torch.bool)
    return Views(clip, clip[:, :, 0], windows, torch.arange(2), mask, residual=windows, residual_mask=mask)


@pytest.mark.parametrize(("source", "taught", "spared"), [
    ("motion", "moving", "residual"), ("residual", "residual", "moving"),
])  # fmt: skip
def test_a_task_reaches_its_own_branch_alone(
    branches: ModuleType, source: str, taught: str, spared: str
) -> None:
    backbone = branches.ThreeBranches(WIDTHS)
    inputs = TaskInputs(
        Networks(), backbone.context_channels, backbone.motion_channels, (2, 2, 2), window=8, cells=16
    )
    task, batch = branches.HalfConfig(source=source).build(inputs), views()
    task(backbone.feature_maps(batch.clip), batch).loss.backward()

    def reached(part: torch.nn.Module) -> bool:
        return any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in part.parameters())

    assert reached(getattr(backbone, taught)) and reached(backbone.shared)
    assert not reached(getattr(backbone, spared)) and not reached(backbone.still)


def test_features_have_a_third_part_of_length_1(branches: ModuleType) -> None:
    backbone = branches.ThreeBranches(WIDTHS).eval()
    features = backbone(torch.rand(3, 3, 8, 32, 32)).detach()
    lengths = {name: float(features[0, part].norm()) for name, part in backbone.parts.items()}
    assert features.shape == (3, backbone.width) == (3, 12 + 16 + 16)
    assert lengths == pytest.approx({"context": 1, "motion": 1.5, "residual": 1}, abs=1e-5)


def test_the_two_moving_branches_begin_with_weights_of_their_own(branches: ModuleType) -> None:
    backbone = branches.ThreeBranches(WIDTHS)
    pairs = zip(backbone.moving.parameters(), backbone.residual.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pairs)
