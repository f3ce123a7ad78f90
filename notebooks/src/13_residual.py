# %% [markdown]
# # The residual: a third task
#
# A compressed video holds three things: key frames, motion vectors, and **residuals**, what is left when the
# vectors have done their work (04). The paper learns from the first two and leaves the third out. A fair
# criticism is: why throw away what is there? A fair answer has two parts, and this notebook gives both.
# *Can* a network learn from residuals something that vectors cannot tell? And if it can, does it help with
# anything else?
#
# **Goals.** After this notebook you will be able to
# - name a change that vectors cannot tell and residuals can, and show it on four clips,
# - test that claim with a classifier before anything is trained by it,
# - say what residual prediction is, and what of motion prediction it keeps,
# - read a table of tasks and factors, and say whether the largest numbers really lie on its diagonal,
# - answer the harder question with numbers, also where the answer is "we see nothing".
#
# **Needs.** [04_residuals](04_residuals.ipynb), [08_motion_prediction](08_motion_prediction.ipynb) and
# [12_ablations](12_ablations.ipynb). About 1 minute on 2 cores, 1.4 GB of memory; 240 clips are drawn once,
# 12 MB of disk.

# %%
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cvrl_lite
from cvrl_lite import CompressedVideo, evaluate, train
from cvrl_lite.codec import encode
from cvrl_lite.course import figures
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.judging import grid, ranges
from cvrl_lite.datasets import MemoryLoader, MovingScenes, VideoDataset, decode
from cvrl_lite.datasets.moving_scenes import APPEARANCES, draw, hard_set
from cvrl_lite.transforms import augment

torch.set_num_threads(1)  # our frames are so small that a second core would only wait


def holds(claim, truth):
    """Prints a claim, and stops the notebook where it is not true."""
    print(f"{claim}: {bool(truth)}")
    assert truth, claim


# %% [markdown]
# ## A change that moves nothing
#
# Vectors say where a block comes from. So what can they not say? Whatever changes a thing *at its place*: it
# gets darker, flickers, changes its color, melts. We take the plainest: **light**. Here is one clip under
# four lights; shapes and motions are the same, only a number is added to all pixels of a
# frame. *Steady* adds nothing, *brightening* and *dimming* go on all through the clip by about a gray
# level a frame, and *wavering* goes up and down.

# %%
clips = {name: draw("planks", "right", 5, appearance=name) for name in APPEARANCES}
seen_at = [1, 7, 17, 26]  # wavering turns at the last three
show(
    figures.filmstrip(
        np.concatenate([frames[seen_at] for frames in clips.values()]),
        labels=[f"{name}, frame {at}" for name in clips for at in seen_at],
        columns=4,
        title="The same clip under four lights",
    ),
    "Four rows of four frames. Row one keeps its light, row two gets brighter from left to right, row three "
    "gets darker, row four goes up and down. Planks and shapes are the same in all.",
)

# %% [markdown]
# Now pack all four and read what the files say. On the left the mean length of the vectors in each frame, on
# the right the mean of the residual, both over the blocks that were predicted. Guess: on which side can the
# four be told apart? And what should the right side say for a clip that gets brighter by one level a frame?

# %%
work = Path(tempfile.mkdtemp())
lengths, means = {}, {}
for name, frames in clips.items():
    encode(frames, work / f"{name}.mp4", preset="slow")
    with CompressedVideo(work / f"{name}.mp4") as video:
        motion, residual = video.motion(), video.residuals()
    there = residual.mask.repeat(8, 1).repeat(8, 2)
    predicted = [frame for frame in range(len(frames)) if frame % 12]  # all but the I-frames
    lengths[name] = [np.hypot(*motion.vectors[t])[motion.mask[t]].mean() for t in predicted]
    means[name] = [residual.values[t][there[t]].mean() for t in predicted]

figure = figures.new("Vectors cannot tell the light, residuals can", columns=2, size=(9.5, 3.2))
looks = dict(zip(APPEARANCES, (("#777777", "-"), ("#B8860B", "--"), ("#332288", "-."), ("#882255", ":"))))
for axes, values, what in zip(
    figure.axes, (lengths, means), ("mean length of a vector, pixels", "mean residual, gray levels")
):
    for name, (color, style) in looks.items():
        axes.plot(predicted, values[name], style, color=color, label=name, lw=2)
    axes.set(xlabel="frame", ylabel=what)
figure.axes[0].set_ylim(0, 1.5)
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False, ncols=4)
show(
    figure,
    "Two panels over the frames. Left, four curves of vector length on top of each other near 0.8. Right, "
    "mean residuals: steady at 0, brightening near +0.8, dimming near -0.9, wavering up and down by 3.",
)
level = {name: float(np.mean(values)) for name, values in means.items()}
holds(
    "brightening leaves a mean above .5, dimming one below -.5",
    level["brightening"] > 0.5 > -0.5 > level["dimming"],
)
holds("steady leaves less than .2", abs(level["steady"]) < 0.2)
spread = np.ptp([np.mean(values) for values in lengths.values()])
holds("mean vector lengths of the four differ by less than a tenth of a pixel", spread < 0.1)

# %% [markdown]
# A clip that gets brighter by one level a frame comes out one level too dark when it is copied from the last
# frame, so the residual is about +1, everywhere and always. (A little less: the encoder drops a part of so
# faint a difference, and makes up for it later. The dips stand where a new GOP has just begun.)
#
# **Exercise 1** (easy, 10 minutes). Tell the light from a clip's mean residuals, one number for each
# predicted frame, by a rule that you can say in a sentence. Nothing is trained.


# %% tags=["exercise"]
def light_of(means):
    """One of `APPEARANCES`, from (T,) mean residuals in gray levels."""
    ...


# %% tags=["check"]
for number, expected in enumerate(APPEARANCES * 3):
    path = work / f"question{number}.mp4"
    if not path.exists():
        encode(draw("bricks", "shake", 100 + number, appearance=expected), path, preset="slow")
    with CompressedVideo(path) as video:
        question = video.residuals()
    inside = question.mask.repeat(8, 1).repeat(8, 2)
    values = [v[m].mean() for v, m in zip(question.values.astype(float), inside) if m.any()]
    answer = light_of(np.array(values))
    if answer != expected:
        low, high, mean = (round(float(value)) for value in (min(values), max(values), 10 * np.mean(values)))
        print(f"Not yet: for mean residuals from {low} to {high}, on average {mean / 10}:", end=" ")
        print(f"you say {answer!r}, expected {expected!r}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Wavering goes up <em>and</em> down, so its residuals have both signs: what is their standard deviation
# beside that of the others? The other three differ in their mean.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def light_of(means):
#     if np.std(means) > 1:
#         return "wavering"
#     if abs(np.mean(means)) < 0.3:
#         return "steady"
#     return "brightening" if np.mean(means) > 0 else "dimming"
# ```
#
# </details>

# %% [markdown]
# ## First test the question
#
# An experiment about "what vectors cannot tell" is worth nothing if vectors *can* tell, by some back door.
# There are such doors. When a lamp flashes, an encoder in search of similar blocks finds them in odd places,
# and odd vectors give the flash away; with a first version of these clips, a classifier read the light from
# vectors alone for .45 of the clips, where guessing scores .25. (How that was closed:
# [the study](../docs/study.md).)
#
# So, before any training: 240 clips with all three labels independent, drawn as in the study (these are no
# test clips of the study, so we may look at all of them). From each we
# keep only **statistics**: for vectors, means and deviations over time of both parts, of their sizes, and of
# the share of blocks that have one; for residuals, of mean and mean size. A linear classifier reads the
# light from either.

# %%
root = hard_set(240)
splits = {name: MovingScenes(name, root) for name in ("train", "val", "test")}
others = VideoDataset(splits["val"].entries + splits["test"].entries, splits["val"].classes)
train_set, test_set = (decode(videos, residuals=True) for videos in (splits["train"], others))
print(
    "to learn from:",
    len(train_set.videos),
    " to test on:",
    len(test_set.videos),
    " labels:",
    *train_set.classes,
)


def statistics(values, mask):
    """Some numbers about maps (T, 2, G, G) and their mask (T, G, G): no pixels, no places."""
    there = mask[:, None]
    count = np.maximum(there.sum((2, 3)), 1)
    mean, size = ((part * there).sum((2, 3)) / count for part in (values / 16, np.abs(values) / 16))
    series = np.concatenate([mean, size, mask.mean((1, 2))[:, None]], 1)  # (T, 5)
    return np.concatenate([series.mean(0), series.std(0)])


KINDS = {"vectors": ("vectors", "mask"), "residuals": ("residuals", "residual_mask")}
accuracy = {}
for kind, (maps, mask) in KINDS.items():
    X, X_test = (
        np.stack([statistics(getattr(video, maps), getattr(video, mask)) for video in data.videos])
        for data in (train_set, test_set)
    )
    for factor in train_set.classes:
        reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        reader.fit(X, train_set.labels(factor))
        accuracy[kind, factor] = reader.score(X_test, test_set.labels(factor))

panels = {
    factor: {f"statistics of {kind}": [accuracy[kind, factor]] for kind in KINDS}
    for factor in train_set.classes
}
guess = [1 / len(names) for names in train_set.classes.values()]
show(
    figures.seeds(panels, guess=guess, title="The light is in the residual, and hardly in the vectors"),
    f"Three panels of two bars. {figures.in_words(panels)}",
)
holds("residuals tell the light of more than 9 in 10", accuracy["residuals", "appearance"] > 0.9)
holds("vectors are at most .15 above guessing", accuracy["vectors", "appearance"] < 0.4)

# %% [markdown]
# With 66 clips to test on, a share has a standard error of up to .06, so this is a sketch: the bar of the
# vectors could be one or two errors above a guess by luck, or a little of the light could show. The study did
# it with all clips and with a whole network that sees *nothing but vectors and mask*, trained with labels:
# .30 where guessing scores .25 and 192 clips leave an error of .03. That is what we build on.
#
# ## The task
#
# **Residual prediction** is motion prediction (08) with other maps: from the clip, predict the features of
# the residual of the near future, at every place and time; the positive is the same video, place and time;
# all else in the batch is negative. It predicts from the same map of the backbone, that of the motion part.
# The maps to be predicted have three channels, as those of motion prediction, but other ones: where vectors
# have *x*, *y* and mask, there are of each cell the mean residual, the mean *size* of the residual, and
# whether there is one. They are read by a small network of their own. What else differs? Let the recipes say.

# %%
motion_recipe, residual_recipe = (train.recipes.laptop((task,)) for task in ("motion", "residual"))
print(*motion_recipe.differences(residual_recipe), sep="\n")

# %% [markdown]
# One task instead of the other. Why mean *and* mean size? Where an edge came out one pixel from where it was
# predicted, a cell holds +40 and -40 side by side: its mean is 0, its size is not. Light has both. Look at a
# batch as the task gets it, and at its loss by an untrained network.

# %%
batch = next(MemoryLoader(train_set, residual_recipe.sampling, seed=0).batches(8, 1))
views = augment(batch, residual_recipe.augmentation)
print("clip", tuple(views.clip.shape), " residual", tuple(views.residual.shape))
torch.manual_seed(0)
model = train.Pretraining(residual_recipe).eval()
with torch.no_grad():
    _, parts = model(views, progress=0.0)
points = model.tasks["residual"].predictor.points
keys = views.residual.shape[0] * views.residual.shape[1] * np.prod(points)
print("windows, points of each, keys:", views.residual.shape[0] * views.residual.shape[1], points, keys)
off = abs(parts["residual_loss"].item() - np.log(keys))
holds("untrained, the loss is within 1.5 nats of a blind guess", off < 1.5)

# %% [markdown]
# Nothing else is new: the predictor, InfoNCE, what is a negative, all as in 08. So it trains like 08, too:
# a plateau first, then it falls. Light is easy to predict, and a small network gets off the plateau within
# a notebook's patience. We train `laptop_fast`, whose network is narrower, from scratch, on the 174 clips,
# with nothing but their residuals, and look for clips under the same light. It takes about half a minute;
# how far it gets in so few steps depends on the seed. Does it find light? And scenes, and actions?

# %% tags=["nbval-ignore-output"]
quick = train.recipes.laptop_fast(("residual",), seed=1).replace(steps=150)
run = train.pretrain(quick, data=train_set)

# %%
torch.manual_seed(1)
networks = {"untrained": train.Pretraining(quick).backbone, "residual, 150 steps": run.backbone}


def found_by(backbone, recipe):
    """R@1 of `test_set` in `train`, by each label."""
    X, X_test = (
        evaluate.features(backbone, data, recipe.sampling, size=recipe.augmentation.size)
        for data in (train_set, test_set)
    )
    return {
        factor: evaluate.retrieval((X, train_set.labels(factor)), (X_test, test_set.labels(factor)), ks=(1,))[
            "R@1"
        ]
        for factor in train_set.classes
    }


live = {name: found_by(backbone, quick) for name, backbone in networks.items()}
panels = {factor: {name: [r1[factor]] for name, r1 in live.items()} for factor in train_set.classes}
show(
    figures.seeds(panels, guess=guess, title="150 steps with residuals alone: it finds clips by their light"),
    f"Three panels of two bars. {figures.in_words(panels)}",
)
gained = {
    factor: live["residual, 150 steps"][factor] - live["untrained"][factor] for factor in train_set.classes
}
holds("light: more than .15 above the untrained network", gained["appearance"] > 0.15)
holds("that is more than it gained on scenes and actions", gained["appearance"] == max(gained.values()))

# %% [markdown]
# Light: yes, already. Of scenes and actions it has learned little or nothing so far.
#
# **Exercise 2** (medium, 10 minutes). A network might find light by an easier way than *change*: a clip
# that has been getting brighter for a while *is* bright. Give a baseline that sees no change at all: for
# each video the mean color of one frame in its **middle**, nearest neighbor by distance. Write these
# features.


# %% tags=["exercise"]
def middle_color(video):
    """(3,) float: the mean red, green and blue of the middle frame of `video.frames`, (T, S, S, 3) uint8."""
    ...


# %% tags=["check"]
random_frames = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), dtype=np.uint8)
made_up = replace(train_set.videos[3], frames=random_frames)
for name, video in (("a made-up video of seven frames", made_up), ("one of the videos", train_set.videos[3])):
    answer, expected = middle_color(video), video.frames[len(video.frames) // 2].mean((0, 1))
    if answer is None or np.shape(answer) != (3,) or not np.allclose(answer, expected):
        print(f"Not yet: for {name} you say {answer}, expected {expected.round(1)}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The middle frame is <code>video.frames[len(video.frames) // 2]</code>; take its mean over both sides.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def middle_color(video):
#     return video.frames[len(video.frames) // 2].mean((0, 1))
# ```
#
# In the middle of a clip its light is neither risen nor fallen, by construction. At the ends a single frame
# does tell something, .45 to .52 by the study's measurements; so three clips a video are averaged.
#
# </details>

# %%
colors = [
    np.stack([v.frames[len(v.frames) // 2].mean((0, 1)) for v in d.videos]) for d in (train_set, test_set)
]
nearest = np.linalg.norm(colors[1][:, None] - colors[0][None], axis=2).argmin(1)
same = train_set.labels("appearance")[nearest] == test_set.labels("appearance")
holds("the nearest color of the middle frame has the right light for less than .4", same.mean() < 0.4)

# %% [markdown]
# ## Three tasks, three factors
#
# Now the runs that a notebook cannot do: 1152 clips, 600 steps of 40, each task alone, the backbone, data and
# budget the same for all. `experiments/study.py` made them, and every number below is read from its log. Each
# cell is R@1 on `test`, the mean over seeds, with the standard deviation. If each signal teaches its own
# factor and nothing else, the largest numbers stand on the diagonal that begins below the first row. Do they?

# %%
log = cvrl_lite.data_path("README.md").parents[1] / "experiments" / "study.jsonl"
rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
FACTORS = ("scene", "action", "appearance")
CHANCE = dict(zip(FACTORS, (1 / 16, 1 / 8, 1 / 4)))


def scores(model, factor, measure):
    """(seeds,): what the runs of a model score on `test`, seeds in order."""
    runs_of = sorted((row for row in rows if row["model"] == model), key=lambda row: row["seed"])
    return np.array([row["scores"][factor][measure] for row in runs_of])


tasks = ("untrained", "context", "motion", "residual")
seeds = len(scores("residual", "scene", "R@1"))
print("seeds of each:", *(len(scores(task, "scene", "R@1")) for task in tasks))
for measure in ("R@1", "linear"):
    table = [[scores(task, factor, measure) for factor in FACTORS] for task in tasks]
    best = [int(np.argmax([np.mean(row[n]) for row in table])) for n in range(3)]
    show(
        grid(
            table,
            rows=["nothing (untrained)", "I-frames", "motion vectors", "residuals"],
            columns=[f"{factor}\nguess {CHANCE[factor]:.3g}" for factor in FACTORS],
            title=f"{measure}: each signal teaches its own factor best",
        ),
        "A table of four rows and three columns. "
        + " ".join(
            f"{task}: " + ", ".join(f"{f} {np.mean(v):.2f}" for f, v in zip(FACTORS, row)) + "."
            for task, row in zip(tasks, table)
        ),
    )
    holds(f"{measure}: scene is told best by context, action by motion, light by residual", best == [1, 2, 3])

# %% [markdown]
# Read it row by row. Context matching knows scenes, and no actions. Motion prediction knows actions.
# Residual prediction knows the light, practically without an error, and by linear probe it also knows
# actions, .56, where an untrained network has .18. No wonder, if you remember 04: what moves leaves a
# residual at its edges, however well the vectors fit. A residual is not the rest of the *information*, only
# the rest of a prediction.
#
# Look at the untrained row, too: a probe finds light in .53 of the cases there, and after training by
# I-frames in .27. By intervals as in 12 (printed below) that is more than the luck of three runs; after
# motion vectors it is .37, and there the interval reaches zero. Context matching does not need light, and its
# recipe even jitters it, so it may well lose it. Scenes go the same way: by R@1 from .30 to .18 with vectors
# and to .16 with residuals.

# %%
edges = scores("residual", "action", "linear").mean() - scores("untrained", "action", "linear").mean()
holds("by linear probe, residuals alone teach actions: .2 or more above an untrained network", edges > 0.2)
blind = [scores(task, "appearance", "R@1").mean() - CHANCE["appearance"] for task in ("context", "motion")]
holds("neither I-frames nor vectors teach light: R@1 within .1 of guessing", max(np.abs(blind)) < 0.1)
seen = [scores(task, "appearance", "linear").mean() for task in ("untrained", "context", "motion")]
holds("by linear probe, both means are lower than an untrained network's", seen[0] > max(seen[1:]) + 0.1)
for task in ("context", "motion"):
    a, b = (scores(name, "appearance", "linear") for name in (task, "untrained"))
    half = 2.78 * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2 * 2 / 3)  # as in 12, three runs of each
    print(f"light, linear, {task} against untrained: {a.mean() - b.mean():.2f} ± {half:.2f}")

# %% [markdown]
# ## Does it have to be the residual?
#
# What tells light is a difference between a frame and the one before it. One can have such a difference
# without any codec: subtract the frames. What the encoder adds is that it moves the blocks first. Does that
# matter for what is learned? The same task with plain **frame differences** in place of residuals, everything
# else the same (but for the arithmetic: these runs were made in float32, the others in bfloat16):

# %%
SOURCES = {"residual": "residuals", "differences": "frame differences"}
panels = {
    f"{factor}, {measure}": {name: scores(model, factor, measure) for model, name in SOURCES.items()}
    for factor, measure in (("appearance", "R@1"), ("action", "R@1"), ("action", "linear"))
}
show(
    figures.seeds(
        panels,
        guess=[CHANCE["appearance"], CHANCE["action"], CHANCE["action"]],
        title="Subtracting frames teaches the light nearly as well",
    ),
    f"Three panels of two bars. {figures.in_words(panels)}",
)
light = [scores(model, "appearance", "R@1").mean() for model in SOURCES]
holds("light by R@1: both find more than nine in ten", min(light) > 0.9)
holds("and frame differences at most .05 less", light[0] - light[1] < 0.05)

# %% [markdown]
# So it does not have to be the residual. Nearly all that it says of light a subtraction says, too (.98
# against
# 1.00; three runs of each suffice to see that small a difference). Nor is the
# residual the cheaper of the two: the file holds it, but FFmpeg does not hand it out, so the package
# decodes the frames, moves them by the vectors and subtracts (04). With the frames at hand one can leave out
# the step in the middle. A reader that took residuals out of the stream itself, before they are added, would
# change that sum; this course has none.

# %% [markdown]
# ## The harder question
#
# That a signal teaches what only it shows was to be expected. Would you add a third task to your own
# training, though, where nobody asks about light? Then it should help with scenes or actions, or at least
# do no harm. Three runs with the third task and three without, and the interval of the difference as in
# [12_ablations](12_ablations.ipynb). A whisker left of zero is a loss.

# %%
T95 = {2: 4.30, 3: 2.78, 4: 2.45, 5: 2.31}  # by runs of each kind


def difference(with_it, without, factor, measure):
    """(lower, mean, upper) of what it changes."""
    a, b = scores(with_it, factor, measure), scores(without, factor, measure)
    n = min(len(a), len(b))
    change, s = a[:n].mean() - b[:n].mean(), np.sqrt((a[:n].var(ddof=1) + b[:n].var(ddof=1)) / 2)
    half = T95[n] * s * np.sqrt(2 / n)
    return change - half, change, change + half


pairs = {"joint": "three", "motion": "motion and residual"}
changes = {
    f"{factor}, {measure}: {without} + residual": difference(with_it, without, factor, measure)
    for measure in ("R@1", "linear")
    for without, with_it in pairs.items()
    for factor in ("scene", "action")
    if without == "joint" or factor == "action"
}
below = sum(high < 0 for _, _, high in changes.values())
above = sum(low > 0 for low, _, _ in changes.values())
title = f"Of {len(changes)} intervals {below} show a loss, and {above} a gain"
show(
    ranges(changes, label="change when the residual joins, 95 % over seeds", title=title, zero=0.0),
    "Whiskers around a dashed line at zero. "
    + " ".join(f"{name}: {low:.2f} to {high:.2f}." for name, (low, _, high) in changes.items()),
)

holds("no interval lies above zero: no gain is seen", above == 0)
joint = [changes[f"{factor}, R@1: joint + residual"] for factor in ("scene", "action")]
holds("the joint training loses R@1 of scenes and of actions", all(high < 0 for _, _, high in joint))

# %% [markdown]
# So the answer, in this world and at this size, is **no gain is seen**. The third task teaches light. By R@1
# it takes from scenes and from actions. The vector has a third thing to hold now, and a nearest
# neighbor a third thing to weigh. By probe the loss of the joint training is about half for actions, and
# about the same for scenes, though for scenes the paired interval (12) holds zero. Beside motion prediction
# alone, the probe's loss may be luck either way. If nobody asks about what the residual tells, leave it out.
# In this world nothing speaks against the paper's choice.
#
# One may object that three tasks share 600 steps and one small backbone; with ten times of both, they might
# not be in each other's way. That is possible, and it is not what we measured.
#
# **Exercise 3** (easy, 5 minutes). "It falls by .2" means little without knowing from where. Say it as a
# share: of what a model scored *above guessing*, how much is left with the third task? Use means over the
# seeds.


# %% tags=["exercise"]
def share_kept(with_it, without, guess):
    """What is left of the score above `guess`, from scores (seeds,) with and without the third task."""
    ...


# %% tags=["check"]
examples = [((0.3, 0.5), (0.5, 0.7), 0.2, 0.5), ((0.2, 0.4), (0.5, 0.7), 0.2, 0.25)]
examples += [((0.3, 0.3, 0.6), (0.5, 0.5, 0.8), 0.1, 0.6)]
for with_it, without, guess_at, expected in examples:
    answer = share_kept(np.array(with_it), np.array(without), guess_at)
    if answer is None or not np.isclose(answer, expected):
        print(
            f"Not yet: from {without} to {with_it}, guess {guess_at}: you say {answer}, expected {expected}."
        )
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Subtract the guess from both means, then divide.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def share_kept(with_it, without, guess):
#     return (np.mean(with_it) - guess) / (np.mean(without) - guess)
# ```
#
# The linear probe keeps far more than the nearest neighbor: most of the knowledge is there, in a vector in
# which it no longer has the loudest voice.
#
# </details>

# %%
for measure in ("R@1", "linear"):
    three, two = (scores(model, "action", measure).mean() - 1 / 8 for model in ("three", "joint"))
    print(f"of the joint training's actions by {measure}, {three / two:.0%} is left with the residual")

# %% [markdown]
# ## What did not work
#
# The four lights above are not the first attempt. At first the classes were *waves* of three lengths. A
# classifier with labels told them apart (.79), but residual prediction did not learn them in 600 steps
# (.29, where .25 is guessing): a wave turns within the clip and its near future, so one had to know length
# and phase before the future could be predicted. A second attempt gave the waves to the shapes' light alone,
# and a third took away the negatives of the same place; neither helped. Light that goes on as it goes is
# easy to predict. So the answer is narrow: *if* there is something steady that vectors cannot tell, the
# residual teaches it. That it teaches *whatever* vectors miss is refuted by the waves.
#
# And one thing has been left out altogether: the mean over a cell throws away what a residual *looks* like.
# A task on residual *images* would see texture and letters. It would also cost a convolution at full size.
#
# ## What we have seen
#
# - Light changes what a thing looks like and not where it is; residuals tell it and vectors do not, which
#   was tested with a classifier *before* anything was learned from it.
# - Residual prediction is motion prediction with other maps, a line in the recipe.
# - Each signal teaches its own factor best. The residual teaches some motion besides, since edges leave
#   traces. Plain frame differences teach the light nearly as well.
# - We see no gain for scenes or actions from the residual. With three tasks on one small backbone, it costs
#   some of both by R@1.
#
# ## Quiz
#
# **1.** A reviewer asks: "does your network not simply see that the last frame is brighter than the first?"
# What do you answer?
#
# <details><summary>Answer</summary>
# Yes, it sees just that, and it shall: the change *is* the factor. What had to be excluded is that the
# vectors give it away, and they were tested. That one frame does is excluded for the middle of a clip only.
# Frames at its ends tell something, and averaging three clips makes that less, not nothing.
# </details>
#
# **2.** Why must the encoder's vectors be tested, when light moves nothing?
#
# <details><summary>Answer</summary>
# An encoder looks for similar blocks, not for motion. Where light changes much, the most similar block may
# lie elsewhere, and the odd vectors tell the light.
# </details>
#
# **3.** Residual prediction scores 1.00 on light. What does that say about its use on real video?
#
# <details><summary>Answer</summary>
# That it learns a steady change of light when there is one. How much of what matters in real video is of
# that kind was not measured here.
# </details>
#
# **4.** In a table of tasks and factors all columns but one have their maximum on the diagonal. What do you
# do with the other one?
#
# <details><summary>Answer</summary>
# Show it. Then look for the reason, and say what you expected.
# </details>
#
# ## Next, and further reading
#
# Next comes [14_your_own_videos](14_your_own_videos.ipynb): the whole way on a folder of yours.
#
# - [The study](../docs/study.md): all numbers, and how the world was chosen.
# - [04_residuals](04_residuals.ipynb): what a residual is, and when it is exact.
# - [CoViAR](https://arxiv.org/abs/1712.00636): a network that reads I-frames, vectors and residuals, with
#   labels.
