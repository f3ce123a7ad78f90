"""Pictures of context matching show the numbers they were given, sorted as they say."""

from __future__ import annotations

import numpy as np
import torch

from cvrl_lite.course import figures
from cvrl_lite.course.cues import as_images, conflicts, dressed, nearness, shuffled_blocks
from cvrl_lite.course.figures import by_change, by_network, games, played_and_learned
from cvrl_lite.models import ContextEncoder, TinyR2Plus1D
from cvrl_lite.pretext import ContextMatching


def test_each_game_shows_its_mean_its_seeds_and_somebodys_guess() -> None:
    runs = {"strong": np.array([[0.1, 0.2], [0.1, 0.4]]), "weak": np.array([[0.5, 0.9]])}
    guesses = {"strong": None, "weak": 0.7}
    axes = games(runs, every=10, keys=32, title="Won", guesses=guesses).axes[0]
    means = [
        line for line in axes.lines if line.get_linestyle() in ("-", "--") and len(line.get_xdata()) == 2
    ]
    assert np.allclose(means[0].get_ydata(), [0.1, 0.3]) and list(means[0].get_xdata()) == [10, 20]
    assert np.allclose(means[1].get_ydata(), [0.5, 0.9])
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert [list(np.ravel(line.get_ydata())) for line in stars] == [[0.7]]
    said = [text.get_text() for text in axes.texts]
    assert said == ["strong", "weak", "your guess: weak"]
    assert axes.get_title(loc="right") == "dashed: a guess, 1 in 32"


def test_each_change_is_joined_to_where_its_network_began() -> None:
    shares = {"as they are": {"a": 0.8, "b": 0.3}, "in gray": {"a": 0.7, "b": 0.1}}
    words = {"roles": {"a": "context", "b": "untrained"}, "label": "R@1", "guess": 0.06, "title": "Lost"}
    axes = by_change(shares, **words).axes[0]
    joins = [
        list(line.get_xdata())
        for line in axes.lines
        if line.get_linewidth() == 2 and len(line.get_xdata()) == 2
    ]
    assert [0.8, 0.7] in joins and [0.3, 0.1] in joins
    assert [text.get_text() for text in axes.texts] == [".80", ".70", ".30", ".10"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(shares)


def test_each_change_has_a_group_of_bars_and_each_network_its_own_look() -> None:
    shares = {
        "strong": {"as they are": 0.5, "in gray": 0.45},
        "weak": {"as they are": 0.4, "in gray": 0.1},
        "untrained": {"as they are": 0.2, "in gray": 0.15},
    }
    roles = {"strong": "context", "weak": "context", "untrained": "untrained"}
    words = {"label": "scenes", "guess": 0.06, "title": "It falls"}
    figure = by_network(shares, roles=roles, hatched=["weak"], **words)
    axes = figure.axes[0]
    strong, weak, untrained = axes.containers
    for bars, row in zip(axes.containers, shares.values(), strict=True):
        assert [bar.get_height() for bar in bars] == list(row.values())
        assert [round(bar.get_center()[0]) for bar in bars] == [0, 1]
    assert strong[0].get_center()[0] < weak[0].get_center()[0] < untrained[0].get_center()[0]
    assert strong[0].get_facecolor() == weak[0].get_facecolor() != untrained[0].get_facecolor()
    assert weak[0].get_hatch() and not strong[0].get_hatch()
    assert [text.get_text() for text in axes.texts] == [".50", ".45", ".40", ".10", ".20", ".15"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["as they are", "in gray"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {*shares, "guessing"}


def test_each_seed_has_a_mark_and_each_training_its_own_shape() -> None:
    runs = {"weak": [(0.9, 0.2), (0.8, 0.3)], "strong": [(0.1, 0.3)]}
    figure = played_and_learned(
        runs, played="game", learned="R@1", title="Won", guess=(0.03, 0.06), hollow=["weak"]
    )
    axes = figure.axes[0]
    weak, strong, *guesses = axes.lines
    assert list(zip(weak.get_xdata(), weak.get_ydata())) == runs["weak"]
    assert list(zip(strong.get_xdata(), strong.get_ydata())) == runs["strong"]
    assert weak.get_marker() != strong.get_marker()
    blue = figures.COLORS["context"]
    assert weak.get_markerfacecolor() == "white" and weak.get_markeredgecolor() == blue
    assert strong.get_markerfacecolor() == blue
    assert guesses[0].get_xdata()[0] == 0.03 and guesses[1].get_ydata()[0] == 0.06
    assert {"weak", "strong"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlim()[1] >= 1 and axes.get_ylim()[1] > 0.3 and axes.get_ylim()[0] == 0
    assert figures.png(figure).startswith(b"\x89PNG")


def test_whiskers_are_a_standard_error_either_way() -> None:
    words = {"title": "Won", "clips": 100}
    runs = {"weak": [(0.9, 0.5), (0.8, 0.2)]}
    axes = played_and_learned(runs, played="game", learned="R@1", guess=(0, 0), **words).axes[0]
    (bars,) = axes.containers[0].lines[2]
    ends = [segment[:, 1] for segment in bars.get_segments()]
    assert np.allclose(ends, [[0.45, 0.55], [0.16, 0.24]])
    shares = {"weak": {"as they are": 0.5}}
    axes = by_network(shares, roles={"weak": "context"}, label="scenes", guess=0, **words).axes[0]
    (bars,) = axes.containers[0].lines[2]
    assert np.allclose([segment[:, 1] for segment in bars.get_segments()], [[0.45, 0.55]])


def test_dressed_images_keep_their_pattern_and_take_the_colors() -> None:
    draws = torch.Generator().manual_seed(0)
    images, colors = 0.4 + 0.05 * torch.rand(2, 2, 3, 8, 8, generator=draws)
    changed = dressed(images, colors)
    assert torch.allclose(changed.mean((2, 3)), colors.mean((2, 3)), atol=1e-4)
    assert torch.allclose(changed.std((2, 3)), colors.std((2, 3)), atol=1e-4)
    flat = torch.stack([images[0, 0].flatten(), changed[0, 0].flatten()])
    assert torch.corrcoef(flat)[0, 1] > 0.999


def test_a_conflict_has_the_pattern_of_one_scene_and_the_colors_of_another() -> None:
    images = 0.4 + 0.05 * torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    images[2:] += 0.3  # the other scene is lighter
    wall, colors = conflicts(images, np.array([0, 0, 1, 1]))
    own, foreign = images.mean((1, 2, 3)), images.mean((1, 2, 3))[[2, 2, 0, 0]]
    assert torch.allclose(wall.mean((1, 2, 3)), foreign, atol=0.02)
    assert torch.allclose(colors.mean((1, 2, 3)), own, atol=0.02)
    for image, same in zip(images, wall):
        assert torch.corrcoef(torch.stack([image[0].flatten(), same[0].flatten()]))[0, 1] > 0.999


def test_nearness_is_the_games_own_comparison() -> None:
    torch.manual_seed(0)
    widths = (4, 4, 8, 8)
    backbone = TinyR2Plus1D(widths)
    task = ContextMatching(8, ContextEncoder(widths), hidden=8, projection=8)
    clips = np.random.default_rng(0).integers(0, 256, (3, 2, 24, 24, 3), dtype=np.uint8)
    images = as_images([*clips[:, 0]], 16)
    table = nearness(backbone, task, clips, images)
    assert table.shape == (3, 3) and table.abs().max() <= 1 + 1e-5
    assert not backbone.training and not task.training
    assert torch.allclose(nearness(backbone, task, clips[1:], images), table[1:], atol=1e-5)


def test_shuffled_blocks_are_whole_and_the_same_in_every_frame() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    clips[:, 1:] = clips[:, :1]
    mixed = shuffled_blocks(clips, 4)
    assert mixed.shape == clips.shape and not np.array_equal(mixed, clips)
    assert (mixed[:, 1:] == mixed[:, :1]).all()

    def blocks(frame: np.ndarray) -> set[bytes]:
        return {frame[r : r + 4, c : c + 4].tobytes() for r in (0, 4) for c in (0, 4)}

    assert blocks(mixed[1, 0]) == blocks(clips[1, 0])
