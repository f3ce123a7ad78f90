"""The course's networks: shapes, that every parameter takes part, and that stored weights still fit."""

import pytest
import torch
from safetensors.torch import load_file

from cvrl_lite import data_path
from cvrl_lite.models import ContextEncoder, MotionEncoder, MotionPredictor, ProjectionHead, TinyR2Plus1D


@pytest.mark.parametrize(("frames", "size"), [(8, 64), (16, 112), (4, 32), (7, 51)])
def test_backbone_maps_and_vector(frames, size):
    net = TinyR2Plus1D((8, 8, 12, 16)).eval()
    clip = torch.randn(2, 3, frames, size, size)
    still, moving = net.feature_maps(clip)
    assert still.shape == (2, 12, 1, -(-size // 16), -(-size // 16))
    assert moving.shape == (2, 16, -(-frames // 4), -(-size // 16), -(-size // 16))
    vector = net(clip)
    assert torch.equal(vector, net.pool((still, moving)))
    assert vector.shape == (2, net.width) == (2, 28)
    assert net.parts == {"context": slice(0, 12), "motion": slice(12, 28)}
    context, motion = (vector[:, columns].norm(dim=1) for columns in net.parts.values())
    assert torch.allclose(context, torch.ones(2), atol=1e-5)
    assert torch.allclose(motion, torch.tensor(net.MOTION_SHARE), atol=1e-5)


def test_the_backbone_sees_time():
    """The same frames in another order give other features: without that, actions cannot be told."""
    torch.manual_seed(0)
    net = TinyR2Plus1D().eval()
    clip = torch.randn(1, 3, 8, 64, 64)
    forward, backward = (net(c) for c in (clip, clip.flip(2)))
    assert not torch.allclose(forward, backward, atol=1e-3)


def test_the_stored_weights_still_give_their_features():
    stored = load_file(data_path("checkpoints/joint.safetensors"))
    values = {
        name.removeprefix("backbone."): value.float() if value.is_floating_point() else value
        for name, value in stored.items()
        if name.startswith("backbone.")
    }
    net = TinyR2Plus1D((24, 48, 128, 128)).eval()
    net.load_state_dict(values)
    clip = torch.linspace(-1, 1, 3 * 8 * 32 * 32).sin().view(1, 3, 8, 32, 32)
    with torch.no_grad():
        vector = net(clip)[0]
    # Noted when the weights were made part of the project.
    found = vector[[29, 21, 128 + 8, 128 + 71]]
    assert torch.allclose(found, torch.tensor([0.2940, 0.2799, 0.3513, 0.3418]), atol=2e-3)
    assert vector.sum().item() == pytest.approx(19.519, abs=0.02)


@pytest.mark.parametrize(("window", "cells"), [(8, 16), (7, 14), (5, 9), (1, 3)])
def test_the_motion_encoder_knows_its_map(window, cells):
    with torch.device("meta"):
        net = MotionEncoder()
        assert net(torch.zeros(2, 3, window, cells, cells)).shape[2:] == net.map_size(window, cells)


def test_the_motion_encoders_border_does_not_give_a_place_away():
    """The same motion everywhere looks the same at every point."""
    torch.manual_seed(0)
    points = MotionEncoder().eval()(torch.ones(1, 3, 8, 16, 16))
    assert points.std() > 1e-3
    assert torch.allclose(points, points[..., :1, :1].expand_as(points), atol=1e-5)


def test_predictor_tells_its_points_apart_and_reads_the_clip():
    torch.manual_seed(0)
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)).eval()
    one, two = torch.randn(1, 8, 2, 4, 4), torch.randn(1, 8, 2, 4, 4)
    out = predictor(one)
    assert not torch.allclose(out[0, 0], out[0, 1], atol=1e-3)
    assert not torch.allclose(out, predictor(two), atol=1e-3)


GRID = {"grid": (2, 4, 4), "points": (1, 4, 4)}


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (TinyR2Plus1D(), (2, 3, 8, 64, 64)),
        (ContextEncoder(), (2, 3, 64, 64)),
        (MotionEncoder(), (2, 3, 8, 16, 16)),
        (MotionPredictor(8, **GRID), (2, 8, 2, 4, 4)),
        (MotionPredictor(8, **GRID, transformer=False), (2, 8, 2, 4, 4)),
        (MotionPredictor(8, **GRID, transformer=False, query_init="zero"), (2, 8, 2, 4, 4)),
        (ProjectionHead(8), (4, 8)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else "",
)
def test_gradients_reach_every_parameter(network, inputs):
    torch.manual_seed(0)
    outputs = network(torch.randn(inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum((o * torch.randn_like(o)).sum() for o in outputs).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing
