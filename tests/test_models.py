"""Shapes, and that every parameter takes part."""

import pytest
import torch

from cvrl_lite.models import ContextEncoder, MotionEncoder, MotionPredictor, ProjectionHead, TinyR2Plus1D


@pytest.mark.parametrize(("frames", "size"), [(8, 64), (16, 112), (4, 32)])
def test_backbone_maps_and_vector(frames, size):
    net = TinyR2Plus1D((8, 8, 12, 16)).eval()
    still, moving = net(torch.randn(2, 3, frames, size, size))
    assert still.shape == (2, 12, 1, -(-size // 16), -(-size // 16))
    assert moving.shape == (2, 16, frames // 4, -(-size // 16), -(-size // 16))
    vector = net.pool((still, moving))
    assert vector.shape == (2, net.width) == (2, 28)
    assert torch.allclose(vector[:, :12].norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(vector[:, 12:].norm(dim=1), torch.tensor(net.MOTION_SHARE), atol=1e-5)


def test_the_backbone_sees_time():
    """The same frames in another order give other features: without that, actions cannot be told."""
    torch.manual_seed(0)
    net = TinyR2Plus1D().eval()
    clip = torch.randn(1, 3, 8, 64, 64)
    forward, backward = (net.pool(net(c)) for c in (clip, clip.flip(2)))
    assert not torch.allclose(forward, backward, atol=1e-3)


def test_predictor_tells_its_points_apart_and_reads_the_clip():
    torch.manual_seed(0)
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)).eval()
    one, two = torch.randn(1, 8, 2, 4, 4), torch.randn(1, 8, 2, 4, 4)
    out = predictor(one)
    assert not torch.allclose(out[0, 0], out[0, 1], atol=1e-3)
    assert not torch.allclose(out, predictor(two), atol=1e-3)


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (TinyR2Plus1D(), (2, 3, 8, 64, 64)),
        (ContextEncoder(), (2, 3, 64, 64)),
        (MotionEncoder(), (2, 3, 8, 16, 16)),
        (MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), (2, 8, 2, 4, 4)),
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
