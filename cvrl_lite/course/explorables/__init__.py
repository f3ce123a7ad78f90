"""Explorables: ideas to take into one's hands, drawn in the browser over arrays computed beforehand.

They need anywidget (`pip install ".[course]"`), and no kernel once made: a stored notebook and a `page` of
their own keep working. Each is an extra: beside it the notebooks show a still figure that says the same.
"""

from cvrl_lite.course.explorables.base import Explorable, page
from cvrl_lite.course.explorables.block_origin import BlockOrigin, block_origin
from cvrl_lite.course.explorables.decoder import Decoder, decoder
from cvrl_lite.course.explorables.sphere import Sphere, sphere
from cvrl_lite.course.explorables.two_searches import Clips, TwoSearches, two_searches

__all__ = [
    "BlockOrigin",
    "Clips",
    "Decoder",
    "Explorable",
    "Sphere",
    "TwoSearches",
    "block_origin",
    "decoder",
    "page",
    "sphere",
    "two_searches",
]
