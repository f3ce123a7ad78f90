"""Explorables: ideas to take into one's hands, drawn in the browser over arrays computed beforehand.

They need anywidget (`pip install "cvrl-lite[course]"`), and no kernel once made: a stored notebook and a
`page` of their own keep working. Each is an extra: beside it the notebooks show a still figure that says the
same.
"""

from cvrl_lite.course.explorables.base import Explorable, page, read, save
from cvrl_lite.course.explorables.block_origin import BlockOrigin, block_origin
from cvrl_lite.course.explorables.decoder import Decoder, decoder
from cvrl_lite.course.explorables.sphere import Sphere, sphere
from cvrl_lite.course.explorables.tug_of_war import TugOfWar, tug_of_war
from cvrl_lite.course.explorables.two_searches import Clips, TwoSearches, two_searches
from cvrl_lite.course.explorables.what_next import WhatNext, Windows, what_next

STORED = {"tug_of_war": TugOfWar, "what_next": WhatNext}
"""The explorables that come along with their arrays, and their kinds."""


def stored(name: str) -> Explorable:
    """An explorable over arrays that were computed beforehand and come with the package.

    Args:
        name: One of `STORED`; `experiments/NAME.py` computed it.

    Example:
        >>> stored("what_next")
        WhatNext()
    """
    return read(STORED[name], name)


__all__ = [
    "STORED",
    "BlockOrigin",
    "Clips",
    "Decoder",
    "Explorable",
    "Sphere",
    "TugOfWar",
    "TwoSearches",
    "WhatNext",
    "Windows",
    "block_origin",
    "decoder",
    "page",
    "save",
    "sphere",
    "stored",
    "tug_of_war",
    "two_searches",
    "what_next",
]
