"""The pretext tasks and the loss they share."""

from cvrl_lite.pretext.gather import all_reduce_sum, gather, processes
from cvrl_lite.pretext.health import alignment, collapsed, effective_rank, uniformity
from cvrl_lite.pretext.loss import info_nce, info_nce_in_blocks
from cvrl_lite.pretext.tasks import (
    NEGATIVES,
    ContextMatching,
    MotionPrediction,
    MotionRegression,
    ResidualPrediction,
)

__all__ = [
    "NEGATIVES",
    "ContextMatching",
    "MotionPrediction",
    "MotionRegression",
    "ResidualPrediction",
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
