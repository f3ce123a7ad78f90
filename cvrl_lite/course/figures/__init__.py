"""Pictures over plain arrays, in one style: the title states the finding, one color stands for one role."""

from cvrl_lite.course.figures.attention import attention_by_hand, attention_over_frames, even_attention
from cvrl_lite.course.figures.context import by_change, by_network, games, played_and_learned
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
    add_ways,
    contact_sheet,
    filmstrip,
    gop_strip,
    grayed,
    long_exposure,
    neighbors,
    tracks,
)
from cvrl_lite.course.figures.prediction import (
    boards,
    kinds_of_pairs,
    recognized,
    rivals,
    transformer,
    two_losses,
)
from cvrl_lite.course.figures.residuals import bars, bars_in_columns, residual_panels, stacked
from cvrl_lite.course.figures.samples import (
    batch_as_seen,
    batch_by_task,
    clips_in_time,
    clips_of_video,
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
from cvrl_lite.course.figures.vectors import numbered_path, vector_arrows, vector_panels
from cvrl_lite.course.figures.ways import ways

__all__ = [
    "COLORS",
    "HATCHES",
    "INK",
    "STYLE",
    "add_ways",
    "architecture",
    "attention_by_hand",
    "attention_over_frames",
    "bars",
    "bars_in_columns",
    "batch_as_seen",
    "batch_by_task",
    "between_pixels",
    "beyond_the_line",
    "boards",
    "by_change",
    "by_keys",
    "by_network",
    "by_own_part",
    "by_parts",
    "by_parts_in_words",
    "by_weight",
    "bytes_by_type",
    "clips_in_time",
    "clips_of_video",
    "confusion",
    "contact_sheet",
    "course_map",
    "curves",
    "decoupling",
    "decoupling_finding",
    "error_maps",
    "even_attention",
    "filmstrip",
    "filters",
    "games",
    "gop_strip",
    "gop_timeline",
    "gop_trade",
    "grayed",
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
    "numbered_path",
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
    "stacked",
    "swatches",
    "temperatures",
    "tracks",
    "transformer",
    "two_losses",
    "vector_arrows",
    "vector_panels",
    "ways",
]
