"""Makes five failures happen, and draws the symptom of each: `docs/figures/failure_*.png`.

    python experiments/failures.py

It prints the numbers that docs/failures.md quotes. Nothing takes longer than some seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course.figures import COLORS, new
from cvrl_lite.course.figures.style import PLAIN, save
from cvrl_lite.datasets.moving_scenes import SCENES, draw
from cvrl_lite.pretext import info_nce
from cvrl_lite.pretext.health import alignment

FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"

Made = tuple[Figure, dict[str, float]]


def collapse() -> Made:
    """A network that is only pulled together, and one that is also pushed apart."""
    torch.manual_seed(0)
    contents = torch.randn(256, 16)
    start = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16)).state_dict()
    figure, numbers = new("Without negatives, a falling loss means nothing", columns=2), {}
    losses: dict[str, Callable[..., torch.Tensor]] = {
        "pulled together only": alignment,
        "InfoNCE": lambda one, other: info_nce(one, other, 0.1)[0],
    }
    for (name, loss_of), color in zip(losses.items(), (COLORS["motion"], COLORS["context"]), strict=True):
        network = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16))
        network.load_state_dict(start)
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        curve, ranks = [], []
        for _ in range(200):
            views = [network(contents + 0.3 * torch.randn_like(contents)) for _ in range(2)]
            loss = loss_of(*views)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
            unit = nn.functional.normalize(views[0].detach(), dim=1)
            ranks.append((unit @ unit.T).mean().item())
        figure.axes[0].plot(np.array(curve) / curve[0], color=color, label=name)
        figure.axes[1].plot(ranks, color=color, label=name)
        numbers[f"{name}: loss, of its first"] = curve[-1] / curve[0]
        numbers[f"{name}: mean cosine of two samples"] = ranks[-1]
    figure.axes[0].set(xlabel="step", ylabel="loss, relative to the first")
    figure.axes[1].set(xlabel="step", ylabel="mean cosine of two samples")
    figure.axes[0].legend(frameon=False)
    return figure, numbers


def wrong_sign() -> Made:
    """A frame predicted from the one before, along its vectors and against them."""
    with CompressedVideo(data_path("lessons/pan.mp4")) as video:
        frames, motion = video.clip(0, 9).astype(int), video.motion(0, 9)
    height, width = frames.shape[1:3]
    rows, columns = np.mgrid[:height, :width]
    errors: dict[str, list[float]] = {"as stored": [], "not moved": [], "sign turned": []}
    for t in range(1, len(frames)):
        dx, dy = np.rint(motion.vectors[t]).astype(int).repeat(8, 1).repeat(8, 2)[:, :height, :width]
        for sign, name in ((1, "as stored"), (0, "not moved"), (-1, "sign turned")):
            there = (rows + sign * dy).clip(0, height - 1), (columns + sign * dx).clip(0, width - 1)
            errors[name].append(float(np.abs(frames[t] - frames[t - 1][there]).mean()))
    numbers = {name: float(np.mean(values)) for name, values in errors.items()}
    figure = new("With the sign turned, compensation is worse than none", size=(7.5, 2.2))
    figure.axes[0].barh(
        list(numbers), list(numbers.values()), color=[COLORS["context"], PLAIN, COLORS["motion"]]
    )
    figure.axes[0].set_xlabel("gray levels between a frame and its prediction")
    return figure, numbers


def leakage() -> Made:
    """Two views of a clip matched by thumbnails of their pixels: nothing is learned."""
    random, side, thumb = np.random.default_rng(0), 64, 8
    clips = [draw(name, "right", seed, frames=2) for seed in range(6) for name in SCENES]

    def view(frame: np.ndarray, corner: np.ndarray) -> np.ndarray:
        y, x = corner
        part = frame[y : y + side, x : x + side].astype(float)
        small = part.reshape(thumb, side // thumb, thumb, side // thumb, 3).mean((1, 3)).ravel()
        return (small - small.mean()) / small.std()

    found = {}
    for name in ("shared crop", "crop of its own"):
        corners = random.integers(0, 112 - side + 1, (2, len(clips), 2))
        if name == "shared crop":
            corners[1] = corners[0]
        one, other = (
            np.stack([view(clip[place], corner) for clip, corner in zip(clips, corners[place], strict=True)])
            for place in range(2)
        )
        found[name] = float(((one @ other.T).argmax(1) == np.arange(len(clips))).mean())
    figure = new("Views that share a crop are matched by their pixels", size=(7.5, 1.8))
    figure.axes[0].barh(list(found), list(found.values()), color=[COLORS["motion"], COLORS["context"]])
    figure.axes[0].set(
        xlim=(0, 1), xlabel=f"share of {len(clips)} clips that find their own, before any training"
    )
    return figure, found


def mixed_directions() -> Made:
    """The vectors of a steady pan as FFmpeg hands them out, and divided by direction and distance."""
    with CompressedVideo(data_path("lessons/steady_pan_b.mp4")) as video:
        motion = video.motion(fill="opposite")
    steps = [
        float(np.median(v[0][m])) if m.any() else np.nan
        for v, m in zip(motion.vectors, motion.mask, strict=True)
    ]
    raw = []
    with av.open(data_path("lessons/steady_pan_b.mp4")) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"flags2": "+export_mvs"}
        for frame in container.decode(stream):
            vectors = frame.side_data.get("MOTION_VECTORS")
            field = None if vectors is None else vectors.to_ndarray()
            raw.append(np.nan if field is None else float(np.mean(field["motion_x"] / field["motion_scale"])))
    figure = new("The camera is steady; mixed vectors say that it shakes", size=(7.5, 2.6))
    figure.axes[0].plot(
        raw, "o-", color=COLORS["motion"], label="all vectors of a frame, averaged as they are"
    )
    figure.axes[0].plot(steps, "s-", color=COLORS["context"], label="past only, divided by the distance")
    figure.axes[0].set(xlabel="frame", ylabel="pixels to the right", ylim=(-2, 18))
    figure.axes[0].legend(frameon=False)
    numbers = {"mixed, spread over frames": float(np.nanstd(raw)), "divided, spread": float(np.nanstd(steps))}
    return figure, numbers


def zeros_for_intra() -> Made:
    """How fast a clip moves by frame, with zeros in place of missing vectors and without."""
    with CompressedVideo(data_path("sample.mp4")) as video:
        motion = video.motion(0, 40)
    speed = np.hypot(motion.vectors[:, 0], motion.vectors[:, 1])
    filled = np.where(motion.mask, speed, 0).mean((1, 2))
    masked = [float(s[m].mean()) if m.any() else np.nan for s, m in zip(speed, motion.mask, strict=True)]
    figure = new("Filled with zeros, the scene stops at every I-frame", size=(7.5, 2.6))
    figure.axes[0].plot(filled, "o-", color=COLORS["motion"], label="zeros where there is no vector")
    figure.axes[0].plot(masked, "s", color=COLORS["context"], label="only where the mask is True")
    figure.axes[0].set(xlabel="frame", ylabel="mean length, pixels", ylim=(0, 1.7))
    figure.axes[0].legend(frameon=False)
    return figure, {"least, filled": float(filled.min()), "least, masked": float(np.nanmin(masked))}


FAILURES: dict[str, Callable[[], Made]] = {
    made.__name__: made for made in (collapse, wrong_sign, leakage, mixed_directions, zeros_for_intra)
}


def main() -> None:
    """Makes and draws each."""
    for name, make in FAILURES.items():
        figure, numbers = make()
        save(figure, FIGURES / f"failure_{name}.png", dpi=90)
        print(name, *(f"  {words}: {value:.3f}" for words, value in numbers.items()), sep="\n")


if __name__ == "__main__":
    main()
