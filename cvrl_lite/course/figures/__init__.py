"""Pictures over plain arrays, in one style: the title states the finding, one color stands for one role."""

from cvrl_lite.course.figures.context import by_change, games, played_and_learned
from cvrl_lite.course.figures.contrast import (
    by_keys,
    in_words,
    learning,
    matrices,
    quiz,
    seeds,
    similarity_matrix,
    temperatures,
)
from cvrl_lite.course.figures.course import architecture, course_map, pairs
from cvrl_lite.course.figures.decoding import between_pixels, filters, prediction_row
from cvrl_lite.course.figures.matching import error_maps, pieces_and_cells
from cvrl_lite.course.figures.packing import bytes_by_type, gop_timeline, gop_trade, order_of_frames, packing
from cvrl_lite.course.figures.parts import by_own_part, by_parts, by_parts_in_words
from cvrl_lite.course.figures.pictures import (
    contact_sheet,
    filmstrip,
    gop_strip,
    long_exposure,
    neighbors,
    tracks,
    trails,
)
from cvrl_lite.course.figures.prediction import (
    attention_by_hand,
    attention_over_frames,
    boards,
    kinds_of_pairs,
    recognized,
    rivals,
    transformer,
    two_losses,
)
from cvrl_lite.course.figures.residuals import bars, residual_panels
from cvrl_lite.course.figures.samples import (
    batch_as_seen,
    batch_by_task,
    clips_in_time,
    journeys,
    sample_timeline,
    swatches,
)
from cvrl_lite.course.figures.scores import decoupling, decoupling_finding, recall
from cvrl_lite.course.figures.search import (
    beyond_the_line,
    by_weight,
    confusion,
    histograms,
    maps,
    rankings,
    recalls,
)
from cvrl_lite.course.figures.style import COLORS, HATCHES, INK, STYLE, new, png, save, show
from cvrl_lite.course.figures.training import curves, pulls
from cvrl_lite.course.figures.vectors import vector_arrows, vector_panels

__all__ = [
    "COLORS",
    "HATCHES",
    "INK",
    "STYLE",
    "architecture",
    "attention_by_hand",
    "attention_over_frames",
    "bars",
    "batch_as_seen",
    "batch_by_task",
    "between_pixels",
    "beyond_the_line",
    "boards",
    "by_change",
    "by_keys",
    "by_own_part",
    "by_parts",
    "by_parts_in_words",
    "by_weight",
    "bytes_by_type",
    "clips_in_time",
    "confusion",
    "contact_sheet",
    "course_map",
    "curves",
    "decoupling",
    "decoupling_finding",
    "error_maps",
    "filmstrip",
    "filters",
    "games",
    "gop_strip",
    "gop_timeline",
    "gop_trade",
    "histograms",
    "in_words",
    "journeys",
    "kinds_of_pairs",
    "learning",
    "long_exposure",
    "maps",
    "matrices",
    "neighbors",
    "new",
    "order_of_frames",
    "packing",
    "pairs",
    "pieces_and_cells",
    "played_and_learned",
    "png",
    "prediction_row",
    "pulls",
    "quiz",
    "rankings",
    "recall",
    "recalls",
    "recognized",
    "residual_panels",
    "rivals",
    "sample_timeline",
    "save",
    "seeds",
    "show",
    "similarity_matrix",
    "swatches",
    "temperatures",
    "tracks",
    "trails",
    "transformer",
    "two_losses",
    "vector_arrows",
    "vector_panels",
]
