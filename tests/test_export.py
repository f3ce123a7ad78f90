"""Exported backbones compute what the networks compute, for other batches than they were exported with."""

import json
import sys

import numpy as np
import pytest
import torch

import cvrl_lite
from cvrl_lite.cli import main
from cvrl_lite.models import R2Plus1D26
from cvrl_lite.models import export as exporting


@pytest.fixture(scope="module")
def clips():
    return torch.randn(5, 3, 8, 64, 64, generator=torch.Generator().manual_seed(1))


def test_a_network_is_exported_with_torch(clips, tmp_path, capsys):
    file = tmp_path / "joint.pt2"
    assert main(["export", "joint", "--out", str(file), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["clip"] == ["batch", 3, 8, 64, 64] and about["features"] == ["batch", 256]
    assert about["parts"] == {"context": [0, 128], "motion": [128, 256]}
    with torch.no_grad():
        expected = cvrl_lite.load("joint").backbone(clips)
        found = torch.export.load(file).module()(clips)
    assert torch.allclose(found, expected, atol=1e-5) and about["difference"] < 1e-5


def test_a_network_is_exported_to_onnx(clips, tmp_path):
    import onnxruntime

    file = tmp_path / "joint.onnx"
    assert main(["export", "joint", "--out", str(file)]) == 0
    session = onnxruntime.InferenceSession(str(file))
    (found,) = session.run(None, {"clip": clips.numpy()})
    with torch.no_grad():
        expected = cvrl_lite.load("joint").backbone(clips).numpy()
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_the_papers_backbone_is_exported(tmp_path):
    torch.manual_seed(0)
    assert exporting.export(R2Plus1D26().eval(), tmp_path / "a.pt2", frames=8, size=32) < 1e-4


def test_another_ending_is_refused_and_a_wrong_program_is_not_kept(tmp_path, capsys):
    assert main(["export", "joint", "--out", str(tmp_path / "joint.pth")]) == 2
    assert "ends with .pt2 or .onnx" in capsys.readouterr().err
    backbone = cvrl_lite.load("joint").backbone
    with pytest.raises(ValueError, match="not written: it differs"):
        exporting.export(backbone, tmp_path / "a.pt2", frames=8, size=64, tolerance=-1.0)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", "joint", "--out", str(tmp_path / "joint.onnx")]) == 2
    assert "pip install 'cvrl-lite[onnx]'" in capsys.readouterr().err
