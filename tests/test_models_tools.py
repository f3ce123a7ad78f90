"""The table of a network, and batch norms of several processes."""

import copy

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from cvrl_lite.models import (
    R2D10,
    ContextEncoder,
    MotionPredictor,
    ProjectionHead,
    R2Plus1D26,
    TinyR2Plus1D,
    describe,
    synchronized,
)

CASES = [
    (lambda: TinyR2Plus1D((8, 8, 8, 8)), (2, 3, 4, 32, 32)),
    (ContextEncoder, (2, 3, 32, 32)),
    (lambda: MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), (3, 8, 2, 4, 4)),
    (lambda: MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), query_init="zero"), (3, 8, 2, 4, 4)),
    (lambda: ProjectionHead(8), (4, 8)),
    (R2D10, (1, 3, 32, 32)),
]


def parameters_of(line):
    return int(line.split()[-1].replace(",", ""))


@pytest.mark.parametrize("depth", [0, 1, 2, 9])
@pytest.mark.parametrize(("build", "shape"), CASES)
def test_the_total_is_the_number_of_parameters_and_the_rows_add_up(build, shape, depth):
    net = build()
    lines = describe(net, torch.randn(shape), depth=depth).splitlines()
    total = parameters_of(lines[-1])
    assert total == sum(p.numel() for p in net.parameters())
    assert sum(parameters_of(line) for line in lines[1:-1]) == total
    assert len({len(line) for line in lines}) == 1
    assert not any("  -  " in line for line in lines)  # every row's module ran


def test_a_table_fits_a_screen_and_depth_opens_it():
    with torch.device("meta"):
        net, clip = R2Plus1D26(), torch.zeros(1, 3, 16, 112, 112)
        short, usual, full = (describe(net, clip, depth=depth).splitlines() for depth in (1, 2, 9))
    assert len(short) < len(usual) <= 24 < len(full)
    assert any("layer4" in line and "(1, 2048, 2, 4, 4)" in line for line in short)


def test_all_outputs_of_a_row_are_named():
    line = describe(nn.LSTM(8, 4), torch.randn(5, 2, 8), depth=0).splitlines()[1]
    assert "(5, 2, 4) (1, 2, 4) (1, 2, 4)" in line


def test_describing_changes_nothing():
    torch.manual_seed(0)
    net = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)).train()
    net.encoder.eval()
    modes = [module.training for module in net.modules()]
    state, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    describe(net, torch.ones(3, 8, 2, 4, 4))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_failed_run_changes_nothing_either():
    net = ContextEncoder().train()
    with pytest.raises(RuntimeError):
        describe(net, torch.zeros(2, 5, 32, 32))
    assert all(module.training and not module._forward_hooks for module in net.modules())


def test_a_shared_weight_counts_once_and_an_idle_part_is_marked():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.idle = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 5)
            self.two.weight = self.one.weight

        def forward(self, x):
            return self.two(self.one(x))

    rows = [line.split() for line in describe(Odd(), torch.zeros(2, 3)).splitlines()]
    assert rows[1:] == [
        ["one", "Linear", "(2,", "3)", "12"],
        ["two", "Linear", "(2,", "3)", "3"],
        ["idle", "Linear", "-", "20"],
        ["total", "35"],
    ]


def test_one_process_keeps_its_norms():
    net = ProjectionHead(8)
    assert synchronized(net) is net
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in net.modules())


def _norms(network):
    return {type(m) for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}


def _two_processes(rank, folder):
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    assert _norms(synchronized(ProjectionHead(4))) == {nn.BatchNorm1d}
    with FakeTensorMode(), torch.device("cuda"):  # shapes and devices without a GPU
        network = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.BatchNorm3d(4))
        names = list(network.state_dict())
        network = synchronized(network)
        assert _norms(network) == {nn.SyncBatchNorm}
        assert list(network.state_dict()) == names
    if torch.cuda.is_available():
        norm = synchronized(nn.BatchNorm1d(6).cuda())
        norm(torch.full((2, 6), 10.0 * rank, device="cuda") + torch.arange(2, device="cuda")[:, None])
        # Rows 0, 1 here and 10, 11 there: the mean is 5.5, and a tenth of it enters the running mean.
        assert torch.allclose(norm.running_mean.cpu(), torch.full((6,), 0.55))
    distributed.destroy_process_group()


def test_two_processes_share_their_norms_on_gpus_only(tmp_path):
    multiprocessing.spawn(_two_processes, (str(tmp_path),), nprocs=2)
