"""The pretext tasks and the loss they share.

A task is a module. It needs a backbone's two feature maps and a batch of views, so training by hand is this
chain (docs/own_loop.md has it with a folder of videos, and epochs):

    >>> import torch
    >>> from torch.utils.data import DataLoader
    >>> from cvrl_lite import data_path, pretext, transforms
    >>> from cvrl_lite.datasets import Entry, SampleConfig, VideoDataset, collate
    >>> from cvrl_lite.models import MotionEncoder, MotionPredictor, TinyR2Plus1D

    >>> samples, views_of = SampleConfig(), transforms.Augmentation()
    >>> files = data_path("sample.mp4"), data_path("sample_watch.mp4")
    >>> entries = [Entry(file, source=file.name, labels={}) for file in files]
    >>> videos = VideoDataset(entries, samples=samples)  # or VideoFolder("videos/", samples=samples)
    >>> loader = DataLoader(videos, batch_size=2, collate_fn=collate)

    >>> backbone, encoder = TinyR2Plus1D(), MotionEncoder()
    >>> predictor = MotionPredictor(
    ...     backbone.motion_channels,
    ...     grid=backbone.map_size(samples.sampling.frames, views_of.size),
    ...     points=encoder.map_size(samples.sampling.window, views_of.cells),
    ... )
    >>> context = pretext.ContextMatching(backbone.context_channels)
    >>> motion = pretext.DensePrediction(predictor, encoder)
    >>> model = torch.nn.ModuleList([backbone, context, motion])
    >>> optimizer = torch.optim.AdamW(model.parameters(), 2e-3)

    >>> for batch in loader:
    ...     views = transforms.augment(batch, views_of)
    ...     maps = backbone.feature_maps(views.clip)
    ...     outputs = [task(maps, views) for task in (context, motion)]
    ...     loss = outputs[0].loss + outputs[1].loss
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    >>> tuple(views.clip.shape), sorted(outputs[0].metrics), bool(loss > 0)
    ((2, 3, 8, 64, 64), ['accuracy'], True)

A recipe holds a config for each task, which builds it for the sizes of the networks:

    >>> from cvrl_lite.models import Networks
    >>> inputs = pretext.TaskInputs(Networks(), 96, 96, grid=(2, 4, 4), window=8, cells=16)
    >>> task = pretext.RegressionConfig(loss="smooth_l1").build(inputs)
    >>> isinstance(task, pretext.MotionRegression), task.target
    (True, 'vectors')
"""

from cvrl_lite.pretext.context import ContextConfig, ContextMatching
from cvrl_lite.pretext.dense import NEGATIVES, DenseConfig, DensePrediction
from cvrl_lite.pretext.gather import all_reduce_sum, gather, processes
from cvrl_lite.pretext.health import alignment, collapsed, effective_rank, uniformity
from cvrl_lite.pretext.loss import BLOCK, PairMask, info_nce
from cvrl_lite.pretext.regression import MotionRegression, RegressionConfig
from cvrl_lite.pretext.task import (
    FeatureMaps,
    PretextTask,
    TaskConfig,
    TaskInputs,
    TaskOutput,
)

KINDS: dict[str, type[TaskConfig]] = {
    "context": ContextConfig,
    "dense": DenseConfig,
    "regression": RegressionConfig,
}
"""The package's own tasks, by the name that a stored recipe calls their kind."""

__all__ = [
    "BLOCK",
    "KINDS",
    "NEGATIVES",
    "ContextConfig",
    "ContextMatching",
    "DenseConfig",
    "DensePrediction",
    "FeatureMaps",
    "MotionRegression",
    "PairMask",
    "PretextTask",
    "RegressionConfig",
    "TaskConfig",
    "TaskInputs",
    "TaskOutput",
    "alignment",
    "all_reduce_sum",
    "collapsed",
    "effective_rank",
    "gather",
    "info_nce",
    "processes",
    "uniformity",
]
