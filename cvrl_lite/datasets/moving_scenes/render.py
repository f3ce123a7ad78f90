"""Drawing a clip: a still scene, sprites laid over it at quarter pixels, and the light on all of it.

Legend: T frames, N sprites, M pixels per side of a sprite's tile.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.datasets.moving_scenes.actions import ACTIONS, FINE, paths
from cvrl_lite.datasets.moving_scenes.integers import Dice, Ints
from cvrl_lite.datasets.moving_scenes.light import APPEARANCES, light
from cvrl_lite.datasets.moving_scenes.sprites import COLORS, Tile, tile
from cvrl_lite.datasets.moving_scenes.textures import REFERENCE, SCENES, still


def draw(
    scene: str,
    action: str,
    seed: int,
    *,
    appearance: str = "steady",
    bystanders: float = 0.0,
    frames: int = 40,
    size: int = 112,
) -> np.ndarray:
    """Draws one clip. The same arguments give the same pixels on every machine.

    Palette, sprites and pace depend on the seed alone, so two clips with one seed differ by what was
    asked of them and nothing else.

    Args:
        scene: One of `SCENES`.
        action: One of `ACTIONS`.
        seed: Any whole number.
        appearance: One of `APPEARANCES`: how the light changes.
        bystanders: The share of the sprites, 0 to 1, that do not take part in the action; each of them
            moves by another action.
        frames: T, at least 1.
        size: Pixels per side, at least 16.

    Returns:
        (T, size, size, 3) uint8 RGB.

    Raises:
        ValueError: There is no such scene, action or appearance, or a number is out of range.

    Example:
        >>> draw("bricks", "turn", 7, frames=2).shape
        (2, 112, 112, 3)
    """
    if scene not in SCENES:
        raise ValueError(f"no scene is called {scene!r}; there are {', '.join(SCENES)}")
    if action not in ACTIONS:
        raise ValueError(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    if appearance not in APPEARANCES:
        raise ValueError(f"no appearance is called {appearance!r}; there are {', '.join(APPEARANCES)}")
    if not 0 <= bystanders <= 1:
        raise ValueError(f"bystanders are a share from 0 to 1, not {bystanders}")
    if frames < 1 or size < 16:
        raise ValueError(f"a clip needs 1 frame and 16 pixels at least, not {frames} and {size}")

    places = _with_bystanders(paths(action, seed, frames), action, seed, bystanders)  # (T, N, 2)
    count = places.shape[1]
    dice = Dice(seed, 3)
    colors = (dice.shuffled(range(len(COLORS))) * (count // len(COLORS) + 1))[:count]
    center = (
        4 * places * size // FINE + 2 * REFERENCE * size
    ) // REFERENCE  # in quarter pixels of this frame
    clip = np.repeat(still(scene, seed, size)[None], frames, 0)
    reach = 11 * size // 4 + 8  # half a frame and half the largest tile, in quarter pixels
    for number, color in enumerate(colors):  # a later sprite lies over the earlier ones
        if np.abs(center[:, number] - 2 * size).max(1).min() > reach:
            continue  # never in sight
        sprite = tile(Dice(seed, 4, number), color, size)
        side = sprite.color.shape[1]
        corner = center[:, number] - 2 * (side - 1)  # of the tile: M - 1 pixels, and one to shift within
        for frame, (left, top) in zip(clip, corner.tolist()):
            if -4 * side < left < 4 * size and -4 * side < top < 4 * size:
                _lay(frame, sprite, left, top)
    if appearance == "steady":
        return clip
    lit = clip + light(appearance, seed, frames)[:, None, None, None]
    return np.clip(lit, 0, 255).astype(np.uint8)


def _with_bystanders(places: Ints, action: str, seed: int, share: float) -> Ints:
    """The places (T, N, 2) of a clip's sprites, of which a share moves by other actions."""
    frames, count = places.shape[:2]
    others = [other for other in ACTIONS if other != action]
    dice = Dice(seed, 7)
    for number in dice.shuffled(range(count))[: round(share * count)]:
        elsewhere = paths(dice.pick(others), dice.below(1 << 30), frames)
        places[:, number] = elsewhere[:, number % elsewhere.shape[1]]
    return places


def _lay(frame: np.ndarray, sprite: Tile, left: int, top: int) -> None:
    """Blends a tile into a frame, its corner at these quarter pixels; outside it is cut off."""
    shift = 4 * (top & 3) + (left & 3)
    x, y, side, size = left >> 2, top >> 2, sprite.color.shape[1], len(frame)
    across = slice(max(-x, 0), min(size - x, side))
    down = slice(max(-y, 0), min(size - y, side))
    below = frame[max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)]
    mixed = below * sprite.through[shift, down, across]
    mixed += sprite.color[shift, down, across]
    mixed += 128
    np.copyto(below, mixed >> 8, casting="unsafe")
