"""The networks: video backbones, encoders of key frames and of motion vectors, predictor, heads.

`tiny` holds the course's networks, `resnets` and `c3d` the paper's. `backbone` says what pretraining and
evaluation ask of any video backbone.
"""

from cvrl_lite.models.backbone import VideoBackbone
from cvrl_lite.models.c3d import C3D
from cvrl_lite.models.heads import ProjectionHead
from cvrl_lite.models.networks import BACKBONES, Networks
from cvrl_lite.models.parallel import synchronized
from cvrl_lite.models.predictor import MotionPredictor
from cvrl_lite.models.resnets import R2D10, R3D10, R3D26, R2Plus1D26, ResNet
from cvrl_lite.models.table import describe, weights_digest
from cvrl_lite.models.tiny import ContextEncoder, MotionEncoder, TinyR2Plus1D
from cvrl_lite.models.wrap import wrap

__all__ = [
    "BACKBONES",
    "C3D",
    "R2D10",
    "R3D10",
    "R3D26",
    "ContextEncoder",
    "MotionEncoder",
    "MotionPredictor",
    "Networks",
    "ProjectionHead",
    "R2Plus1D26",
    "ResNet",
    "TinyR2Plus1D",
    "VideoBackbone",
    "describe",
    "synchronized",
    "weights_digest",
    "wrap",
]
