"""The sprites: small enamelled tiles, drawn four times too large so that quarter pixels come for free.

Every clip takes its sprites from the same shapes and the same colors, so that they tell nothing of its
scene. Their surface is noise, which looks like nothing but itself when shifted: block matching finds
where it went.

Legend: M pixels per side of a tile, D = 4 M its supersampled side.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets.moving_scenes.integers import ONE, TURN, Dice, Ints, bearing, bumps, sine, square_root

SHAPES = ("disc", "square", "star", "ring", "diamond", "petals", "hexagon", "cross", "moon")
SIZES = (17, 19, 21, 23, 25, 27, 29)  # pixels of 112
COLORS = (  # red, green, blue: of the enamel, of the swirl in it
    ((226, 62, 58), (250, 150, 92)),
    ((244, 160, 40), (255, 222, 110)),
    ((52, 120, 214), (126, 196, 246)),
    ((34, 150, 112), (142, 218, 150)),
    ((138, 76, 190), (222, 150, 232)),
    ((238, 234, 220), (190, 182, 170)),
    ((38, 44, 62), (96, 110, 142)),
    ((232, 92, 150), (255, 186, 200)),
)


Form = NDArray[np.int32]


class Tile(NamedTuple):
    """One sprite, ready to be laid down at any quarter pixel.

    Attributes:
        color: (16, M, M, 3) uint16, color times cover, of the quarter shifts 4 * down + right.
        through: (16, M, M, 1) uint16, how much of what lies below shows, 0 .. 256.
    """

    color: np.ndarray
    through: np.ndarray


def _outline(shape: str, x: Ints, y: Ints) -> Ints:
    """How far out each point is: 256 on the shape's edge, less inside; x and y count 256 to its radius."""
    wide, tall = np.abs(x), np.abs(y)
    radius = square_root(x * x + y * y)
    if shape == "disc":
        return radius * 256 // 240
    if shape == "square":
        return (np.maximum(wide, tall) * 3 + radius) * 256 // (3 * 205 + 240)
    if shape == "diamond":
        return (wide + tall) * 256 // 256
    if shape == "hexagon":
        distance: Ints = np.maximum(wide, (wide + tall * 1774 // 1024) // 2) * 256 // 216
        return distance
    if shape == "ring":
        return 256 + (np.abs(radius - 168) - 80)
    if shape == "cross":
        distance = np.minimum(np.maximum(wide, tall * 5 // 2), np.maximum(tall, wide * 5 // 2)) * 256 // 238
        return distance
    if shape == "moon":
        bite = square_root((x - 120) * (x - 120) + (y + 70) * (y + 70))
        return np.maximum(radius * 256 // 248, 256 + (178 - bite))
    angle = bearing(x, y)
    if shape == "petals":
        reach = 205 + sine(6 * angle) * 44 // ONE
    else:  # a star with five points, one upwards
        fifth = (angle + TURN // 4) % (TURN // 5)
        reach = 148 + np.abs(fifth - TURN // 10) * 108 // (TURN // 10)
    return radius * 256 // reach


class _Form(NamedTuple):
    cover: Form  # (D, D) 0 .. 256, of the sprite alone
    covered: Form  # (D, D) 0 .. 256, of the sprite and its shadow
    light: Form  # (D, D) gain, 256 for none


@lru_cache(maxsize=128)
def _form(shape: str, across: int) -> _Form:
    """Cover, shadow and shading of a shape `across` supersampled pixels wide."""
    margin = across // 6  # for the shadow
    side = (across + 2 * margin + 3) // 4 * 4
    steps = (2 * np.arange(side, dtype=np.int64) + 1 - side) * 256 // across
    x, y = np.broadcast_arrays(steps[None, :], steps[:, None])
    out = _outline(shape, x, y)
    soft = 512 // across + 8
    cover = np.clip((256 - out) * 256 // soft, 0, 256)
    drop = np.clip(268 - _outline(shape, x - 36, y - 48), 0, 64) * 100 // 64
    rim = np.clip((out - 196) * 256 // 40, 0, 256)  # a darker outline, softly
    inner = np.clip((236 - out) * 256 // 60, 0, 256)
    light = 256 - (x * 5 + y * 7) * 52 // 2048 + inner // 10 - rim * 3 // 8
    covered = cover + (drop * (256 - cover) >> 8)
    return _Form(cover.astype(np.int32), covered.astype(np.int32), light.astype(np.int32))


def tile(dice: Dice, color: int, size: int) -> Tile:
    """One sprite.

    Args:
        dice: Where chance comes from: shape, size, surface.
        color: Index into `COLORS`.
        size: The frame's side in pixels.

    Returns:
        The sprite at the sixteen quarter-pixel shifts.
    """
    form = _form(dice.pick(SHAPES), 4 * dice.pick(SIZES) * size // 112)
    table = dice.grid(32)
    side = len(form.cover)
    cell = max(18 * size // 112, 2)
    mix = np.clip(bumps(side, cell, table) * 3 - 256, 0, 256)  # the swirl: few values in between
    light = form.light * (216 + bumps(side, max(cell // 2, 1), table.T) * 5 // 16) >> 8
    base, swirled = COLORS[color]
    layers = np.empty((4, side, side), np.int32)
    for layer, low, high in zip(layers, base, swirled):
        layer[...] = np.minimum((256 * low + (high - low) * mix >> 8) * light >> 8, 255) * form.cover
    layers[3] = form.covered
    return _shifted(layers)


def _shifted(layers: Form) -> Tile:
    """Means over 4x4 blocks, for the sixteen ways in which the blocks can lie."""
    side = layers.shape[1]
    sums = np.zeros((4, side + 8, side + 8), np.int32)
    sums[:, 4:-4, 4:-4] = layers
    for step in (1, 2):  # two, then four neighbors, down and across
        sums = sums[:, step:] + sums[:, :-step]
        sums = sums[:, :, step:] + sums[:, :, :-step]
    mean = (sums + 8 >> 4).astype(np.uint16)  # (4, D + 5, D + 5)
    mean[3] = 256 - mean[3]
    starts = range(4, 0, -1)  # a shift of s quarter pixels reads from 4 - s on
    count = side // 4 + 1
    cut = np.stack([mean[:, i::4, j::4][:, :count, :count] for i in starts for j in starts])
    cut = np.ascontiguousarray(cut.transpose(0, 2, 3, 1))  # (16, M, M, 4)
    return Tile(np.ascontiguousarray(cut[..., :3]), np.ascontiguousarray(cut[..., 3:]))
