"""MovingScenes, the built-in data set: clips whose scene, action and appearance are independent labels.

A *scene* is what stays: one of sixteen textures. An *action* is what moves: one of eight velocity fields
that carry the same common sprites. An *appearance* is how the light changes: it is steady in the course's
set, and one of four in the set of the experiments. The three labels are statistically independent.
"""

from cvrl_lite.datasets.moving_scenes.actions import ACTIONS
from cvrl_lite.datasets.moving_scenes.light import APPEARANCES
from cvrl_lite.datasets.moving_scenes.render import draw
from cvrl_lite.datasets.moving_scenes.sets import Clip, course_set, hard_set, make, plan, read_index
from cvrl_lite.datasets.moving_scenes.textures import SCENES

__all__ = [
    "ACTIONS",
    "APPEARANCES",
    "SCENES",
    "Clip",
    "course_set",
    "draw",
    "hard_set",
    "make",
    "plan",
    "read_index",
]
