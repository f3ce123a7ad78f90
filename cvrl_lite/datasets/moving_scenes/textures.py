"""The sixteen scenes: still textures that fill the frame, each in a loosely typical palette.

A texture is a function of two coordinates and dice. The coordinates count `UNIT` to a pixel of a
112-pixel frame, so a scene looks the same at every frame size. It returns a mix (0: all of the dark
color, 256: all of the light one) and a relief (light added or taken, in 1/256).

Legend: N pixels per side of the supersampled frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cvrl_lite.datasets.moving_scenes.integers import (
    ONE,
    TURN,
    Dice,
    Ints,
    bearing,
    cosine,
    noise,
    sine,
    square_root,
)

UNIT = 64
REFERENCE = 112

# What makes the set easy or hard: how much a scene's colors give it away.
HUE_SPREAD = 0.095  # standard deviation of a clip's hue about its scene's, as a part of the circle
SATURATION = (0.30, 0.75)  # lowest and highest, of the light and the dark color alike
LIGHT = (0.55, 1.25)  # gain on the whole scene, lowest and highest
TILT = 8  # degrees, the most a texture leans to either side
ZOOM = (0.80, 1.30)  # of the texture's typical size

HUES = {  # degrees: of the dark color, of the light one
    "bricks": (8, 20),
    "checks": (228, 48),
    "clouds": (216, 200),
    "dots": (338, 24),
    "grain": (30, 44),
    "hexagons": (26, 46),
    "lattice": (130, 82),
    "marble": (168, 150),
    "planks": (16, 34),
    "rings": (282, 320),
    "scales": (192, 160),
    "stripes": (350, 38),
    "triangles": (236, 188),
    "waves": (220, 186),
    "weave": (20, 52),
    "zigzag": (264, 330),
}
SCENES = tuple(HUES)

Look = tuple[Ints, Ints]


def _ramp(distance: Ints, width: int = UNIT) -> Ints:
    """0 .. 256 across an edge of the given width, at distance 0."""
    return np.clip(distance * 256 // width + 128, 0, 256)


def _band(along: Ints, width: int) -> Ints:
    """Signed distance to the nearest edge of bands that alternate, each `width` wide."""
    return np.abs(along % (2 * width) - width) - width // 2


def _gap(along: Ints, period: int) -> Ints:
    """Distance to the nearest multiple of `period`."""
    return period // 2 - np.abs(along % period - period // 2)


def _px(dice: Dice, low: int, high: int) -> int:
    return dice.between(low * UNIT, high * UNIT)


def _hexagonal(x: Ints, y: Ints, pitch: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Offset from the nearest point of a hexagonal lattice (x, y), and that point's column and row."""
    tall = pitch * 1774 // 1024  # root of three
    first = (x + pitch // 2) // pitch, (y + tall // 2) // tall
    second = x // pitch, y // tall
    ax, ay = x - first[0] * pitch, y - first[1] * tall
    bx, by = x - second[0] * pitch - pitch // 2, y - second[1] * tall - tall // 2
    near = ax * ax + ay * ay <= bx * bx + by * by
    return (
        np.where(near, ax, bx),
        np.where(near, ay, by),
        np.where(near, first[0], second[0] + 17),
        np.where(near, 2 * first[1], 2 * second[1] + 1),
    )


def _bricks(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    tall = 11 * zoom
    wide = tall * 9 // 4
    row = y // tall
    shifted = x + (row & 1) * (wide // 2)
    tone = dice.grid(64)[row & 63, shifted // wide & 63]
    rough = noise(x, y, 2 * UNIT, dice.grid(64))
    inside = np.minimum(_gap(shifted, wide), _gap(y, tall)) - 7 * zoom // 8
    mix = _ramp(inside) * (150 + tone * 106 // 256) >> 8
    bevel = (_ramp(UNIT - y % tall + zoom // 2, 3 * UNIT) >> 3) - (
        _ramp(y % tall - tall + 2 * zoom, 3 * UNIT) >> 3
    )
    return mix, bevel + (rough - 128) // 6


def _checks(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    side = 13 * zoom
    across, down = _band(x, side), _band(y, side)
    sign = np.where((across < 0) == (down < 0), 1, -1)
    mix = _ramp(sign * np.minimum(np.abs(across), np.abs(down)))
    slope = (x % side + y % side) * 56 // side - 56
    return mix, -slope - 28


def _stripes(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    along = (x * 3 + y * 4) // 5  # leaning by 37 degrees
    wide = 9 * zoom
    edge = _band(along, wide)
    pin = _ramp(np.abs(edge) - wide // 4, UNIT) - _ramp(np.abs(edge) - wide // 4 - zoom, UNIT)
    return np.abs(_ramp(edge) - pin * 3 // 5), sine(along * TURN // (2 * wide)) // 512 + 4


def _rings(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    radius = square_root(x * x + y * y)
    wide = 7 * zoom
    angle = bearing(x, y)
    sheen = cosine(2 * angle + dice.below(TURN)) // 512
    return _ramp(_band(radius, wide)), sheen + sine(radius * TURN // wide) // 1024


def _waves(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    tall = 14 * zoom
    lift = sine(x * TURN // (34 * zoom) + y * TURN // (9 * tall)) * (9 * zoom // 2) // ONE
    height = y + lift
    within = height % tall
    foam = 256 - _ramp(within - 5 * zoom // 4)
    fade = 200 - within * 200 // tall
    shade = _ramp(within - tall + 2 * zoom, 3 * UNIT) // 6
    return np.maximum(foam, fade), -shade + 8


def _dots(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    dx, dy, _, _ = _hexagonal(x, y, 16 * zoom)
    radius = 5 * zoom
    distance = square_root(dx * dx + dy * dy)
    inside = _ramp(radius - distance)
    sx, sy = dx - zoom, dy - 3 * zoom // 2  # a shadow, to the lower right
    shadow = _ramp(radius - square_root(sx * sx + sy * sy), 3 * UNIT) * (256 - inside) >> 8
    dome = -(dx + dy) * 36 // radius
    return inside, (dome * inside >> 8) - shadow // 3


def _clouds(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    table = dice.grid(64)
    wide = noise(x, y, 34 * zoom, table)
    middle = noise(x + 777, y, 17 * zoom, table[::-1])
    small = noise(x, y + 333, 8 * zoom, table.T)
    height = (4 * wide + 2 * middle + small) // 7
    return np.clip((height - 128) * 9 // 4 + 128, 0, 256), (middle - 128) // 6


def _grain(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    table = dice.grid(128)
    fine = noise(x, y, 3 * zoom // 2, table)
    coarse = noise(x, y, 3 * zoom, table.T)
    speck = np.clip(noise(x + 99, y, 5 * zoom // 2, table[::-1]) - 190, 0, 64) * 3
    return np.clip((2 * fine + coarse - 384) + 128, 0, 256), (fine - 128) // 4 - speck // 2


def _weave(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    side = 11 * zoom
    over = (x // side + y // side & 1).astype(bool)
    along, across = np.where(over, x, y) % side, np.where(over, y, x) % side
    gap = np.minimum(across, side - across)
    strand = _ramp(gap - zoom)
    round_ = sine(across * (TURN // 2) // side) * 120 // ONE - 70
    dive = np.abs(along - side // 2) * 130 // side
    fibre = noise(along // 3 + x, across, zoom, dice.grid(64)) // 8 - 16
    return strand * np.where(over, 256, 150) >> 8, round_ - dive + 32 + fibre


def _scales(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    radius = 11 * zoom
    step = 3 * radius // 5
    row = y // step
    tones = dice.grid(64)
    depth, tone = np.full_like(x, radius), np.zeros_like(x)
    for above in (0, 1, 2):  # an upper row lies over the one below it
        this = row - above
        shifted = x + (this & 1) * radius
        column = shifted // (2 * radius)
        dx, dy = shifted - column * 2 * radius - radius, y - this * step
        distance = square_root(dx * dx + dy * dy)
        covers = distance < radius
        depth = np.where(covers, distance, depth)
        tone = np.where(covers, tones[this & 63, column & 63], tone)
    line = _ramp(radius - depth - zoom)
    mix = (60 + depth * 170 // radius + tone // 8) * line >> 8
    return np.minimum(mix, 256), depth * 40 // radius - 24 - (256 - line) // 8


def _hexagons(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    pitch = 19 * zoom
    dx, dy, column, row = _hexagonal(x, y, pitch)
    reach = np.maximum(np.abs(dx), (np.abs(dx) + np.abs(dy) * 1774 // 1024) // 2)
    inside = pitch // 2 - reach - zoom
    tone = dice.grid(64)[row & 63, column & 63]
    glow = np.clip(inside, 0, 4 * zoom) * 40 // (4 * zoom)
    return _ramp(inside) * (120 + tone * 136 // 256) >> 8, glow - 20 - (dx + dy) * 24 // pitch


def _zigzag(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    wide = 22 * zoom
    height = y + np.abs(x % wide - wide // 2)
    fold = np.where(x % wide < wide // 2, 20, -20)
    return _ramp(_band(height, 7 * zoom), 3 * UNIT // 2), fold


def _marble(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    table = dice.grid(64)
    drift = 2 * noise(x, y, 30 * zoom, table) + noise(x + 500, y, 13 * zoom, table.T)
    drift += noise(x, y + 900, 6 * zoom, table[:, ::-1]) // 2
    broad = np.abs(sine((x + 2 * y) * TURN // (120 * zoom) + drift * 16)) >> 6  # 0 along a vein
    fine = np.abs(sine((2 * x - y) * TURN // (150 * zoom) + drift * 22 + 900)) >> 6
    body = noise(x, y, 22 * zoom, table[::-1])
    vein = np.clip(230 - broad * 9 // 2, 0, 256) + np.clip(150 - fine * 6, 0, 256)
    halo = np.clip(150 - broad, 0, 256) // 3
    return np.clip(vein + halo + body // 4, 0, 256), (body - 128) // 6


def _triangles(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    side = 22 * zoom
    slanted, height = x - y * 591 // 1024, y * 1182 // 1024
    column, row = slanted // side, height // side
    across, down = slanted % side, height % side
    points_up = across + down > side
    tone = dice.grid(64)[row & 63, 2 * column + points_up & 63]
    edge = np.minimum(np.minimum(_gap(slanted, side), _gap(height, side)), np.abs(across + down - side))
    line = _ramp(edge - zoom // 3)
    mix = np.where(points_up, 90 + tone * 160 // 256, tone * 130 // 256)
    return mix * line >> 8, np.where(points_up, 18, -12)


def _lattice(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    first, second = (x + y) * 181 // 256, (x - y) * 181 // 256  # turned by 45 degrees
    period, half = 17 * zoom, 5 * zoom // 2
    one, two = _gap(first, period), _gap(second, period)
    bar_one, bar_two = _ramp(half - one), _ramp(half - two)
    over = ((first + period // 2) // period + (second + period // 2) // period & 1).astype(bool)
    top_one = np.where(over, bar_one, bar_one * (256 - bar_two) >> 8)
    top_two = np.where(over, bar_two * (256 - bar_one) >> 8, bar_two)
    shade = _ramp(2 * half - np.minimum(one, two), 4 * UNIT) * (256 - np.maximum(bar_one, bar_two)) >> 8
    cast = np.where(over, bar_two * (256 - bar_one) >> 8, 0) + np.where(
        over, 0, bar_one * (256 - bar_two) >> 8
    )
    near = _ramp(2 * half - np.maximum(one, two), 4 * UNIT)
    round_ = (half - np.where(top_one > top_two, one, two)) * 40 // half
    bars = np.maximum(top_one, top_two)
    return np.maximum(bars, 20), (np.clip(round_, -20, 40) * bars >> 8) - shade // 5 - (cast * near >> 10)


def _planks(x: Ints, y: Ints, dice: Dice, zoom: int) -> Look:
    tall, length = 15 * zoom, 84 * zoom
    table = dice.grid(64)
    row = y // tall
    shifted = x + table[row & 63, 0] * length // 256
    board = table[row & 63, 1 + (shifted // length & 31)]
    swirl = noise(x + board * 997, y * 3, 26 * zoom, table.T)
    growth = sine(y * TURN // (5 * zoom) + swirl * 110) // 256  # -64 .. 64
    fibre = noise(x + board * 131, y * 9, 9 * zoom, table[::-1])
    seam = np.minimum(_gap(y, tall), _gap(shifted, length)) - zoom // 2
    mix = np.clip(110 + board // 3 + growth // 2 + fibre // 4, 0, 256) * _ramp(seam) >> 8
    return mix, growth // 5 + fibre // 10 - 12 - (256 - _ramp(seam - zoom, 2 * UNIT)) // 8


_TEXTURES: dict[str, Callable[[Ints, Ints, Dice, int], Look]] = {
    "bricks": _bricks,
    "checks": _checks,
    "clouds": _clouds,
    "dots": _dots,
    "grain": _grain,
    "hexagons": _hexagons,
    "lattice": _lattice,
    "marble": _marble,
    "planks": _planks,
    "rings": _rings,
    "scales": _scales,
    "stripes": _stripes,
    "triangles": _triangles,
    "waves": _waves,
    "weave": _weave,
    "zigzag": _zigzag,
}


def _rgb(hue: int, saturation: int, value: int) -> Ints:
    """(3,) of 0 .. 255 from a hue (1536 to the circle), a saturation and a value (0 .. 255)."""
    ramps = np.abs((np.array([hue, hue + 1024, hue + 512]) + 0) % 1536 - 768) - 256
    color: Ints = value * (255 * 256 - saturation * (256 - np.clip(ramps, 0, 256))) // (255 * 256)
    return color


def _part(dice: Dice, limits: tuple[float, float], scale: int) -> int:
    low, high = (round(limit * scale) for limit in limits)
    return dice.between(low, high)


def palette(scene: str, dice: Dice) -> tuple[Ints, Ints]:
    """The dark and the light color of one clip: its scene's typical pair, moved about.

    Args:
        scene: One of `SCENES`.
        dice: Where chance comes from.

    Returns:
        Two arrays (3,) of red, green, blue in 0 .. 255.
    """
    spread = round(HUE_SPREAD * 1536)
    drift = sum(dice.between(-spread, spread) for _ in range(3))  # three even steps: deviation = spread
    dark, light = (
        degrees * 1536 // 360 + drift + dice.between(-spread // 3, spread // 3) for degrees in HUES[scene]
    )
    return (
        _rgb(dark, _part(dice, SATURATION, 255), dice.between(78, 122)),
        _rgb(light, _part(dice, SATURATION, 255) * 3 // 4, dice.between(176, 226)),
    )


def still(scene: str, seed: int, size: int) -> np.ndarray:
    """The scene of a clip, without its sprites.

    Args:
        scene: One of `SCENES`.
        seed: The clip's seed; it sets the palette, the light and how the texture lies.
        size: Pixels per side.

    Returns:
        (size, size, 3) uint8 RGB.

    Example:
        >>> still("bricks", 7, 112).shape
        (112, 112, 3)
    """
    dice = Dice(seed, 1)
    dark, light = palette(scene, dice)
    gain = _part(dice, LIGHT, 256)
    zoom = _part(dice, ZOOM, UNIT)
    tilt = dice.between(-TILT * TURN // 360, TILT * TURN // 360)
    sun = dice.below(TURN)

    side = 2 * size  # (N,): twice as fine, averaged at the end
    places = (2 * np.arange(side, dtype=np.int64) + 1) * REFERENCE * UNIT // (
        2 * side
    ) - REFERENCE * UNIT // 2
    down, across = places[:, None], places[None, :]
    x = (across * cosine(tilt) - down * sine(tilt)) // ONE + _px(dice, -28, 28)  # (N, N)
    y = (across * sine(tilt) + down * cosine(tilt)) // ONE + _px(dice, -28, 28)
    mix, relief = _TEXTURES[scene](x, y, dice, zoom)

    half = REFERENCE * UNIT // 2
    slope = (across * cosine(sun) + down * sine(sun)) // (half * 512)  # -45 .. 45: light from one side
    corner = (across * across + down * down) * 56 // (half * half)  # 0 .. 112: darker corners
    lit = gain * np.clip(256 + relief, 96, 400) * (272 + slope - corner) >> 16  # (N, N)
    image = (dark * (256 - mix[..., None]) + light * mix[..., None]) * lit[..., None] >> 16
    image = np.minimum(image, 255).reshape(size, 2, size, 2, 3).sum((1, 3)) + 2 >> 2
    texture: np.ndarray = image.astype(np.uint8)
    return texture
