"""Pretrained networks with their preprocessing, and tables of embeddings."""

from cvrl_lite.pretrained.classifier import Predictions, VideoClassifier
from cvrl_lite.pretrained.embeddings import Embeddings
from cvrl_lite.pretrained.listing import Data
from cvrl_lite.pretrained.model import Hit, Pretrained, embed_with_each, load

__all__ = [
    "Data",
    "Embeddings",
    "Hit",
    "Predictions",
    "Pretrained",
    "VideoClassifier",
    "embed_with_each",
    "load",
]
