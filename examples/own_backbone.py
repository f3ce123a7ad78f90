"""A backbone of your own, in a training loop of your own: only the data, the views and the tasks are ours.

python examples/own_backbone.py videos/ --epochs 10 --batch 16
"""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader

from cvrl_lite import train
from cvrl_lite.datasets import SampleConfig, VideoFolder, collate
from cvrl_lite.models import Networks, wrap
from cvrl_lite.pretext import ContextConfig, DenseConfig, TaskInputs
from cvrl_lite.transforms import augment

CHANNELS = 64


def network() -> nn.Module:
    """Clips (B, 3, T, H, W) to a map (B, 64, T/4, H/16, W/16): any 3D network without its pooling will do."""
    layers: list[nn.Module] = []
    for ins, outs, stride in ((3, 16, (1, 2, 2)), (16, 32, 2), (32, 64, 2), (64, CHANNELS, (1, 2, 2))):
        layers += [nn.Conv3d(ins, outs, 3, stride, padding=1), nn.BatchNorm3d(outs), nn.ReLU()]
    return nn.Sequential(*layers)


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
    samples = SampleConfig(sampling, size=recipe.decoded_size, cells=recipe.decoded_cells)
    loader = DataLoader(
        VideoFolder(options.videos, samples=samples),
        batch_size=options.batch,
        shuffle=True,
        collate_fn=collate,
        num_workers=options.workers,
    )
    backbone = wrap(network(), channels=CHANNELS)
    grid = backbone.map_size(sampling.frames, views_config.size)
    inputs = TaskInputs(Networks(), CHANNELS, CHANNELS, grid, sampling.window, views_config.cells)
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
