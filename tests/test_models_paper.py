"""The paper's networks: the sizes it gives, parameters by formula, the fused map by hand."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from cvrl_lite.models import C3D, R2D10, R3D10, R3D26, R2Plus1D26, TinyR2Plus1D, VideoBackbone

BACKBONES = [TinyR2Plus1D, C3D, R3D26, R2Plus1D26]
RESNETS = [R3D26, R2Plus1D26]


def awake(network):
    """Random norms, so that no block starts at zero, and statistics that stay."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


@pytest.fixture
def meta():
    with torch.device("meta"):
        yield


@pytest.mark.parametrize("build", RESNETS)
def test_the_resnets_have_the_papers_sizes(build, meta):
    net, clip = build(), torch.zeros(1, 3, 16, 112, 112)
    assert net.stem(clip).shape == (1, 64, 16, 56, 56)
    assert net.pool(net.stem(clip)).shape == (1, 64, 16, 28, 28)
    assert [tuple(level.shape) for level in net.levels(clip)] == [
        (1, 256, 16, 28, 28),
        (1, 512, 8, 14, 14),
        (1, 1024, 4, 7, 7),
        (1, 2048, 2, 4, 4),
    ]
    context, motion = net.feature_maps(clip)
    assert context is motion
    assert motion.shape == (1, 2048, 2, 7, 7)


def test_c3d_has_the_papers_sizes(meta):
    net, clip = C3D(), torch.zeros(1, 3, 16, 112, 112)
    context, motion = net.feature_maps(clip)
    assert context is motion
    assert motion.shape == (1, 512, 2, 7, 7)
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv3d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 256, 512, 512, 512, 512]
    pools = [m.kernel_size for m in net.modules() if isinstance(m, nn.MaxPool3d)]
    assert pools == [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]


def test_the_encoders_have_the_papers_sizes(meta):
    frames = R2D10()
    assert frames(torch.zeros(2, 3, 112, 112)).shape == (2, frames.width) == (2, 512)
    assert frames.levels(torch.zeros(2, 3, 1, 112, 112))[-1].shape == (2, 512, 1, 4, 4)
    motion = R3D10()
    assert motion(torch.zeros(2, 2, 8, 112, 112)).shape == (2, motion.width, 1, 7, 7) == (2, 512, 1, 7, 7)
    assert R3D10(ins=3)(torch.zeros(2, 3, 8, 112, 112)).shape == (2, 512, 1, 7, 7)


@pytest.mark.parametrize(("frames", "size"), [(16, 112), (8, 64), (13, 97), (9, 113), (31, 50), (8, 33)])
@pytest.mark.parametrize("build", BACKBONES)
def test_a_backbone_is_what_it_says(build, frames, size, meta):
    net, clip = build(), torch.zeros(2, 3, frames, size, size)
    assert isinstance(net, VideoBackbone)
    context, motion = net.feature_maps(clip)
    assert context.shape[:2] == (2, net.context_channels)
    assert motion.shape == (2, net.motion_channels, *net.map_size(frames, size))
    assert net(clip).shape == (2, net.width)
    assert (context is motion) == (not net.parts)


@pytest.mark.parametrize(("window", "cells"), [(8, 112), (8, 64), (7, 57), (5, 33), (16, 16)])
def test_the_motion_encoder_knows_its_map(window, cells, meta):
    net = R3D10()
    assert net(torch.zeros(1, 2, window, cells, cells)).shape[2:] == net.map_size(window, cells)


def test_a_backbone_must_keep_every_promise():
    class Half(VideoBackbone):
        def forward(self, clip):
            return clip

    with pytest.raises(TypeError, match="abstract"):
        Half()


def bottlenecks(wide):
    """Parameters of four layers of two bottlenecks; `wide(width)` are those of the convolution inside."""
    total, ins = 0, 64
    for width in (64, 128, 256, 512):
        outs = 4 * width
        for entry in (ins, outs):
            total += entry * width + 2 * width  # 1x1x1 and its norm
            total += wide(width) + 2 * width
            total += width * outs + 2 * outs
        total += ins * outs + 2 * outs  # the first block's shortcut
        ins = outs
    return total


def basics(kernel):
    total, ins = 0, 64
    for width in (64, 128, 256, 512):
        total += (ins + width) * width * kernel + 4 * width
        total += 0 if ins == width else ins * width + 2 * width
        ins = width
    return total


PARAMETERS = {
    R3D26: 3 * 64 * 3 * 7 * 7 + 2 * 64 + bottlenecks(lambda w: 27 * w * w),
    R2Plus1D26: (3 * 83 * 7 * 7 + 2 * 83)
    + (83 * 64 * 3 + 2 * 64)
    + bottlenecks(lambda w: w * (9 * w // 4) * 9 + 2 * (9 * w // 4) + (9 * w // 4) * w * 3),
    R2D10: 3 * 64 * 7 * 7 + 2 * 64 + basics(9),
    R3D10: 2 * 64 * 3 * 7 * 7 + 2 * 64 + basics(27),
    C3D: sum(27 * ins * outs + 3 * outs for ins, outs in pairwise((3, 64, 128, *2 * [256], *4 * [512]))),
}


@pytest.mark.parametrize("build", PARAMETERS)
def test_parameters_by_formula(build, meta):
    assert sum(p.numel() for p in build().parameters()) == PARAMETERS[build]


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (R3D26, (1, 3, 8, 32, 32)),
        (R2Plus1D26, (1, 3, 8, 32, 32)),
        (C3D, (1, 3, 8, 32, 32)),
        (R2D10, (1, 3, 64, 64)),
        (R3D10, (1, 2, 8, 32, 32)),
    ],
)
def test_gradients_reach_every_parameter(build, inputs):
    torch.manual_seed(0)
    net = awake(build())
    output = net.feature_maps(torch.randn(inputs))[0] if build in BACKBONES else net(torch.randn(inputs))
    (output * torch.randn_like(output)).sum().backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing


@pytest.mark.parametrize("build", [R3D26, R2Plus1D26, R2D10, R3D10])
def test_blocks_start_as_their_shortcuts(build):
    net = build().eval()
    blocks = [block for layer in (net.layer1, net.layer2, net.layer3, net.layer4) for block in layer]
    assert len(blocks) == (8 if build in RESNETS else 4)
    for block in blocks:
        norms = [m for m in block.body.modules() if isinstance(m, nn.BatchNorm3d)]
        assert not norms[-1].weight.any()
        assert all((norm.weight == 1).all() for norm in norms[:-1])
    if build in RESNETS:
        maps = torch.rand(1, 256, 2, 4, 4)
        assert torch.equal(net.layer1[1](maps), maps)


@pytest.mark.parametrize(("frames", "size"), [(16, 48), (11, 40), (4, 33)])
@pytest.mark.parametrize("build", RESNETS)
def test_the_fused_map_is_the_third_folded_plus_the_fourth_enlarged(build, frames, size):
    torch.manual_seed(0)
    net = awake(build())
    seen = {}
    for name in ("layer3", "layer4"):
        getattr(net, name).register_forward_hook(lambda *a, name=name: seen.update({name: a[-1]}))
    with torch.no_grad():
        clip = torch.randn(1, 3, frames, size, size)
        fused = net.feature_maps(clip)[0]
        third, fourth = seen["layer3"], seen["layer4"]
        times, rows = third.shape[2], third.shape[3]
        assert fused.shape == (1, 2048, -(-times // 2), rows, rows)
        for t in range(fused.shape[2]):
            even, odd = third[:, :, 2 * t], third[:, :, min(2 * t + 1, times - 1)]
            for y in range(rows):
                for x in range(rows):
                    above = fourth[:, :, t, y * fourth.shape[3] // rows, x * fourth.shape[4] // rows]
                    assert torch.allclose(fused[:, :1024, t, y, x], even[..., y, x] + above[:, :1024])
                    assert torch.allclose(fused[:, 1024:, t, y, x], odd[..., y, x] + above[:, 1024:])
        assert torch.allclose(net(clip), fourth.flatten(2).sum(2) / fourth[0, 0].numel(), atol=1e-5)


def test_the_third_kernel_axis_is_time():
    """Frames in another order change the motion encoder's points; a key frame's encoder has no such axis."""
    torch.manual_seed(0)
    net = awake(R3D10())
    window = torch.randn(1, 2, 8, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(net(window), net(window.flip(2)), atol=1e-2)
    assert all(m.kernel_size[0] == 1 for m in R2D10().modules() if isinstance(m, nn.Conv3d))
