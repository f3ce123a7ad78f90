"""MovingScenes, the embedded data set: clips whose scene and action are independent labels.

A *scene* is what stays: one of sixteen textures. An *action* is what moves: one of eight velocity fields
that carry the same common sprites. Who knows one of the two knows nothing of the other.
"""

from cvrl_lite.scenes.actions import ACTIONS
from cvrl_lite.scenes.render import draw
from cvrl_lite.scenes.sets import Clip, course_set, make, plan, read_index
from cvrl_lite.scenes.textures import SCENES

__all__ = ["ACTIONS", "SCENES", "Clip", "course_set", "draw", "make", "plan", "read_index"]
