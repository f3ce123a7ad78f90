"""A backbone of your own, in a training loop of your own: only the data, the views and the tasks are ours.

python examples/own_backbone.py videos/ --epochs 10 --batch 16
"""

import argparse

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from cvrl_lite import train
from cvrl_lite.datasets import SampleConfig, VideoFolder, collate
from cvrl_lite.models import Networks, VideoBackbone
from cvrl_lite.pretext import ContextConfig, DenseConfig, TaskInputs
from cvrl_lite.transforms import augment


class MyBackbone(VideoBackbone):
    """Four 3D convolutions. Both tasks read its one map, so its features have no parts."""

    width = context_channels = motion_channels = 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for ins, outs, stride in ((3, 16, (1, 2, 2)), (16, 32, 2), (32, 64, 2), (64, 64, (1, 2, 2))):
            layers += [nn.Conv3d(ins, outs, 3, stride, padding=1), nn.BatchNorm3d(outs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, clip: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to features (B, 64)."""
        return self.feature_maps(clip)[0].mean((2, 3, 4))

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """What the tasks read: one map (B, 64, T/4, H/16, W/16) for both."""
        features = self.layers(clip)
        return features, features

    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of that map."""
        return -(-frames // 4), -(-size // 16), -(-size // 16)


def main() -> None:
    """Trains for some epochs and saves the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--out", default="backbone.pt")
    options = parser.parse_args()
    torch.manual_seed(0)

    recipe = train.recipes.laptop()  # for its sampling and augmentation
    views_config, sampling = recipe.augmentation, recipe.sampling
    samples = SampleConfig(sampling, size=recipe.decoded, cells=recipe.decoded_cells)
    loader = DataLoader(
        VideoFolder(options.videos, samples=samples),
        batch_size=options.batch,
        shuffle=True,
        drop_last=True,
        collate_fn=collate,
        num_workers=options.workers,
    )
    backbone = MyBackbone()
    grid = backbone.map_size(sampling.frames, views_config.size)
    inputs = TaskInputs(Networks(), 64, 64, grid, sampling.window, views_config.cells)
    tasks = nn.ModuleDict({"context": ContextConfig().build(inputs), "motion": DenseConfig().build(inputs)})
    optimizer = torch.optim.AdamW([*backbone.parameters(), *tasks.parameters()], lr=1e-3)

    for epoch in range(options.epochs):
        for batch in loader:
            views = augment(batch, views_config)
            maps = backbone.feature_maps(views.clip)
            outputs = {name: task(maps, views) for name, task in tasks.items()}
            loss = sum(output.loss for output in outputs.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, {name: round(output.loss.item(), 3) for name, output in outputs.items()}, flush=True)
    torch.save(backbone.state_dict(), options.out)


if __name__ == "__main__":
    main()
