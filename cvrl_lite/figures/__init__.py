"""Pictures over plain arrays, in one style: the title states the finding, one colour stands for one role."""

from cvrl_lite.figures.course import course_map
from cvrl_lite.figures.pictures import filmstrip, gop_strip, long_exposure, neighbours, vector_arrows
from cvrl_lite.figures.scores import decoupling, decoupling_finding, recall
from cvrl_lite.figures.style import COLOURS, HATCHES, INK, STYLE, new, png, show

__all__ = [
    "COLOURS",
    "HATCHES",
    "INK",
    "STYLE",
    "course_map",
    "decoupling",
    "decoupling_finding",
    "filmstrip",
    "gop_strip",
    "long_exposure",
    "neighbours",
    "new",
    "png",
    "recall",
    "show",
    "vector_arrows",
]
