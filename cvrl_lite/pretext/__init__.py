"""The pretext tasks and the loss they share."""

from cvrl_lite.pretext.context import ContextConfig, ContextMatching
from cvrl_lite.pretext.dense import NEGATIVES, DenseConfig, DensePrediction
from cvrl_lite.pretext.gather import all_reduce_sum, gather, processes
from cvrl_lite.pretext.health import alignment, collapsed, effective_rank, uniformity
from cvrl_lite.pretext.loss import info_nce, info_nce_in_blocks
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
    "KINDS",
    "NEGATIVES",
    "ContextConfig",
    "ContextMatching",
    "DenseConfig",
    "DensePrediction",
    "FeatureMaps",
    "MotionRegression",
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
    "info_nce_in_blocks",
    "processes",
    "uniformity",
]
