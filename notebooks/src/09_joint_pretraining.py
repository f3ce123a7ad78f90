# %% [markdown]
# # Joint pretraining: one network, two tasks
#
# Context matching teaches what stays, motion prediction what moves. Each alone leaves the network half
# blind, so now we train one backbone with both. That sounds like adding two losses, and it nearly is. But
# both tasks pull at the same weights, and nobody has asked them whether they agree. So one question leads
# through this notebook: **two tasks in one network, do they help each other, fight, or just share the
# room? And what does the sharing cost?**
#
# Place a bet before you read on. We search for the nearest clip, with the part of the features that a task
# has trained. After context matching alone it shows the same scene in .90 of the cases; after motion
# prediction alone, the same action in .91. Trained together, in as many steps, **what will be left of .90 and
# .91?** Write two numbers down. The scores under "What each task trains" will tell.
#
# **The way there.** The recipe and one step by hand; how hard, and which way, the tasks pull at the weights
# they share; how to read the loss curves; and at last the scores, part by part, and a rope to pull yourself.
# Exercises 1 and 2 lie beside this thread, and so do two optional appendices after the quiz: how to stop a
# training and resume it, and what becomes of the loss on several GPUs.
#
# **Goals.** After this notebook you will be able to
# - read a [recipe](../docs/glossary.md#learning-without-labels), and say what each number is for,
# - take one training step by hand, and measure how two tasks pull at shared weights,
# - choose a yardstick for such a measurement,
# - tell a slow start from a plateau in a loss curve,
# - say what sharing costs, by each part of the features,
# - (appendix A) interrupt a training and resume it with exactly the same numbers.
#
# **Needs.** [07](07_context_matching.ipynb) and [08](08_motion_prediction.ipynb). About 1 minute on 2
# cores, 1.4 GB of memory, 57 MB of disk for decoded frames beside the clips.

# %%
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite import data_path, train
from cvrl_lite.course import figures
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.explorables import stored
from cvrl_lite.course.figures import COLORS, show
from cvrl_lite.course.figures.style import two_digits
from cvrl_lite.course.keyboard import press_ctrl_c_after
from cvrl_lite.datasets import MemoryLoader, MovingScenes, decode
from cvrl_lite.train.optim import learning_rate
from cvrl_lite.transforms import augment

runs = Path(tempfile.mkdtemp())  # where this notebook trains
experiments = data_path("README.md").parents[1] / "experiments"
few = decode(MovingScenes("train").subset(range(240)), size=72)
print(len(few.videos), "clips in memory")

# %% [markdown]
# This is everything that is trained at once. Follow a clip from the left: where do the two tasks share
# weights, and where do they part?

# %%
title = "The tasks share the first layers; the loss is .5 x context + 1 x motion"
show(
    figures.architecture(title=title),
    "The diagram of notebook 01, all of it in full color: two paths, blue for context and orange for motion, "
    "from a video file to two losses. The clip's shared layers, in pink, belong to both.",
)

# %% [markdown]
# ## The recipe
#
# A **recipe** is a frozen record of every choice. Each run's folder keeps its recipe and refuses to
# continue with another one. Here is the course's own, `laptop`, number by number.
#
# | number | value | what it is for |
# |---|---|---|
# | `steps`, `batch` | 1000, 40 | how often the weights are updated, and from how many clips each time |
# | `tasks.context.weight` | 0.5 | how hard context matching pulls at the shared weights |
# | `tasks.motion.weight` | 1 | how hard motion prediction pulls |
# | `tasks.context.temperature` | 0.2 | spares clips of one scene ([06](06_infonce.ipynb)) |
# | `tasks.motion.temperature` | 0.1 | low, so that the nearest wrong points count most |
# | `sampling` | 8 frames, one every 0.08 s | how samples are cut ([05](05_clips_for_training.ipynb)) |
# | `networks.widths` | 24, 48, 128, 128 | channels of the backbone's blocks; the first two are shared |
# | `networks.hidden`, `projection` | 256, 128 | layers of the heads, which are thrown away after training |
# | `networks.d_model`, `nhead` | 96, 4 | the predictor's Transformer ([08](08_motion_prediction.ipynb)) |
# | `optimization.learning_rate` | 0.002 | with AdamW, about the largest change of a weight in one step |
# | `optimization.warmup` | 0.1 | share of the steps in which that rate grows to its full value |
# | `optimization.weight_decay` | 0.05 | how fast weights shrink that no gradient holds up |
# | `optimization.clip_norm` | none | a limit to the gradient's length, against a single wild batch |

# %%
recipe = train.recipes.laptop()
context, motion, how = recipe.tasks["context"], recipe.tasks["motion"], recipe.optimization
assert (recipe.steps, recipe.batch, context.weight, motion.weight) == (1000, 40, 0.5, 1.0)
assert (context.temperature, motion.temperature, recipe.networks.widths) == (0.2, 0.1, (24, 48, 128, 128))
assert (how.learning_rate, how.warmup, how.weight_decay, how.clip_norm) == (2e-3, 0.1, 0.05, None)
small = train.recipes.laptop_fast().replace(precision="float32")
print("this notebook trains a smaller recipe, laptop_fast. What is different:")
print(*small.differences(recipe.replace(precision="float32")), sep="\n")

# %% [markdown]
# The **learning rate** is not one number but a curve. It starts with a linear **warm-up** over a tenth of the
# steps, because the first gradients of random weights point in erratic directions. Then it follows a
# **cosine** down to zero, so that the weights settle. Remember the warm-up, in gray. It will explain a curve
# further down.

# %% tags=["hide-input"]
rates, warm = [learning_rate(step, recipe) for step in range(recipe.steps)], round(how.warmup * recipe.steps)
title = f"The learning rate climbs for {warm} steps, then follows a cosine to zero"
figure = figures.new(title, size=(7.5, 2.3))
(axes,) = figure.axes
axes.axvspan(0, warm, color=COLORS["untrained"], alpha=0.4, lw=0)
axes.plot(np.arange(1, recipe.steps + 1), rates, color=figures.INK, lw=2)
axes.text(warm / 2, 0.0001, "warm-up", ha="center", fontsize=8, color=figures.INK)
axes.set(xlabel="step", ylabel="learning rate", xlim=(0, recipe.steps), ylim=(0, 0.0022))
axes.set_yticks([0, 0.001, 0.002], ["0", ".001", ".002"])
show(
    figure,
    f"One curve over {recipe.steps} steps: a straight line from 0 to {max(rates):g} at step {warm}, over a "
    "gray band, then half a wave of a cosine, slow at both ends, down to 0.",
)

# %% [markdown]
# ## One step by hand
#
# A step takes a batch of samples and turns them into views (notebook 05). The clips go through the backbone
# **once**, and its two maps go to the two tasks (07 and 08). Their losses are weighted and added, and one
# gradient flows back through everything.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
model = train.Pretraining(small)
(batch,) = MemoryLoader(few, small.sampling, seed=0).batches(small.batch, 1)
views = augment(batch, small.augmentation)


def losses(model, views):
    """The two tasks' losses, unweighted, from one pass of the backbone."""
    maps = model.backbone.feature_maps(views.clip)
    return [task(maps, views).loss for task in model.tasks.values()]


torch.manual_seed(1)  # dropout draws from here
context, motion = losses(model, views)
torch.manual_seed(1)
total, parts = model(views, 1.0)
assert torch.isclose(total, 0.5 * context + 1.0 * motion)
print(f".5 x {context:.2f} (context) + 1 x {motion:.2f} (motion) = {total:.2f}, as the package says")

# %% [markdown]
# Behind these numbers are pictures, and you can play both tasks yourself. Here are four of the batch's 24
# clips, and below them, shuffled, what the two losses ask for. Blue: which key frame is from the same video?
# Orange: what will move after the clip's end, where, and which way? (Of the eight maps of the near future,
# this is the last.) **Give each clip its letter from A to D, and its letter from W to Z.** Two of the walls
# are alike, and twice things go round.


# %% tags=["hide-input", "nbval-ignore-output"]
def to_see(frames):
    """Normalized frames (4, 3, H, W) as bytes (4, H, W, 3)."""
    return ((frames * 0.25 + 0.45).clamp(0, 1) * 255).movedim(1, -1).byte().numpy()


asked = np.array([5, 17, 9, 11])
key_of, future_of = asked[[2, 0, 3, 1]], asked[[1, 3, 0, 2]]
figure = figures.batch_by_task(
    {"clip: first": to_see(views.clip[asked, :, 0]), "clip: last": to_see(views.clip[asked, :, -1])},
    to_see(views.keyframe[key_of]),
    views.motion[future_of, 0, :2, -1].numpy() * small.augmentation.vector_scale,
    views.mask[future_of, 0, -1].numpy(),
    magnify=4,
    title="One step, two questions: which key frame, and which near future?",
)
for axes, letter in zip(figure.axes, [*"1234", *[""] * 4, *"ABCDWXYZ"]):
    axes.set_title(letter, fontsize=9, weight="bold", pad=3)
show(
    figure,
    "Above, two frames each of four clips. Below, in blue, key frames A to D in other colors: scales, "
    "triangles, wood, triangles. In orange, maps W to Z of what will move: W and X turn against the clock, Y "
    "goes right, Z down.",
)

# %% [markdown]
# <details><summary>Answer</summary>
# Clip 1 has B and Y, clip 2 has D and W, clip 3 has A and Z, clip 4 has C and X. Both 2 and 4 turn against
# the clock; what tells W from X is where the shapes are. The network has it harder: it chooses among 24 key
# frames, and each of its predictions among hundreds of points.
# </details>
#
# ## Two pulls
#
# Each loss has its own gradient. Weights that only one task uses are no problem. On the **shared layers**
# both tasks pull, and the angle between their gradients says how well they get along. A cosine of 1 means
# that they want the same change, 0 that the two changes have nothing to do with each other, -1 that each
# undoes the other's work.
#
# But what is a *high* cosine? Two random directions among thousands of weights have one of about .01, so .1
# would be enormous. That yardstick does not fit: gradients are no random directions, and each comes from a
# few clips. A better one costs nothing. **Compare each task with itself, on another batch.** We would hardly
# expect two tasks to agree better than one task agrees with itself. (Two tasks on the *same* batch might:
# what is special about its clips may turn both gradients the same way.)


# %%
def pull(model, views):
    """The gradients of context and motion on the shared layers, unweighted: (2, weights)."""
    rows, shared = [], [p for p in model.backbone.shared.parameters() if p.ndim > 1]
    for loss in losses(model, views):
        gradients = torch.autograd.grad(loss, shared, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients]))
    return torch.stack(rows)


gradients = pull(model, views)
print(f"the tasks share {gradients.shape[1]:,} weights here")

# %% [markdown]
# **Exercise 1** (medium, 10 minutes). *Settle a conflict.* Suppose the cosine is negative: a step for one
# task undoes some of the other's work. One cure ([PCGrad](https://arxiv.org/abs/2001.06782)) takes from
# each gradient the component that points against the other, and adds what is left. If they do not conflict,
# they are added as they are. Write it for two gradients. What must the sum's inner product with either
# gradient be, at least?


# %% tags=["exercise"]
def settled(first, second):
    """The sum of two gradients (P,), each without its component against the other."""
    ...


# %% tags=["check"]
draws = torch.Generator().manual_seed(0)
a, b = torch.randn(2, 6, generator=draws)
cases = {"a conflict": (torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])), "no conflict": (a, a + 0.1 * b)}
cases |= {"a long and a short one": (3 * a, b - a), "the two of our step": tuple(gradients)}
verdict = "Right."
for name, (one, two) in cases.items():
    answer, inner = settled(one.clone(), two.clone()), min(0.0, (one @ two).item())
    expected = one - inner / (two @ two) * two + two - inner / (one @ one) * one
    if answer is None or torch.as_tensor(answer).shape != one.shape:
        verdict = f"Not yet: for {name} you return {answer}, expected one gradient {tuple(one.shape)}."
    elif not torch.allclose(answer, expected, atol=1e-5, rtol=1e-4):
        verdict = (
            f"Not yet: for {name} your sum has inner products {answer @ one:.2f} and {answer @ two:.2f} "
        )
        verdict += f"with the two gradients, expected {expected @ one:.2f} and {expected @ two:.2f}."
    if verdict != "Right.":
        break
judge("settled", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# The component of <code>first</code> along <code>second</code> is <code>(first @ second) / (second @
# second) * second</code>. Take it away only where the inner product is negative; and both times use the
# gradients as they were given.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def settled(first, second):
#     against = torch.clamp(first @ second, max=0)
#     return first - against / (second @ second) * second + second - against / (first @ first) * first
# ```
#
# The inner product with either is 0 or more, so a small enough step against the sum raises neither loss.
# </details>
#
# ## Live: one minute of tug of war
#
# Now we train both tasks for 60 steps, a whole `laptop_fast` run. Every ten steps we stop and compute both
# gradients on three fixed batches. **Before you look: what will be the cosine of context and motion, and what
# that of each task with itself? And which task's gradient will be longer?**

# %%
fixed = [
    augment(batch, small.augmentation)
    for batch in MemoryLoader(few, small.sampling, seed=5).batches(small.batch, 3)
]
measured = {}  # step: what `compared` returns


def compared(pulls):
    """Cosines and lengths of the gradients (3 batches, 2 tasks, weights): five rows of three."""
    unit = F.normalize(pulls, dim=2)
    again = unit.roll(1, 0)  # each batch meets another one
    cosines = [(unit[:, 0] * unit[:, 1]), *(unit * again).unbind(1)]
    return torch.stack([*(product.sum(1) for product in cosines), *pulls.norm(dim=2).unbind(1)])


# %%
def measure(step, model, _=None):
    """Measures the pulls; the training calls it every ten steps."""
    torch.manual_seed(0)
    measured[step] = compared(torch.stack([pull(model.train(), views) for views in fixed]))
    return {}


measure(0, model)
live = train.pretrain(small, runs / "live", few, callbacks=[train.Callback(10, measure)])
lines = [json.loads(line) for line in (runs / "live" / train.METRICS).read_text().splitlines()]

# %% tags=["hide-input", "nbval-ignore-output"]
points = int(np.prod(model.tasks["motion"].predictor.points))
keys = {"context": small.batch, "motion": small.batch * points * (1 + small.sampling.num_negative_windows)}
ends = {name: np.mean([line[name] for line in lines[-20:]]) for name in parts}
better = ends["context_accuracy"] * keys["context"]
below = np.log(keys["context"]) - ends["context_loss"]
title = f"After 60 steps, context is {two_digits(below)} nats better than a guess; motion no better"
figure = figures.new(title, columns=2, size=(9.5, 3))
left, right = figure.axes
for axes, task, kind in ((left, "motion", "loss"), (left, "context", "loss"), (right, "context", "accuracy")):
    values = np.array([line[f"{task}_{kind}"] for line in lines])
    values -= np.log(keys[task]) if kind == "loss" else 0
    look, mean = {"color": COLORS[task]}, np.convolve(values, np.full(20, 1 / 20), "valid")
    axes.plot(np.arange(1, 61), values, "-", lw=0.7, alpha=0.4, **look)
    axes.plot(np.arange(20, 61), mean, "--" if task == "motion" else "-", lw=2, label=task, **look)
left.axhline(0, color="#777777", ls=":", label="a blind guess")
right.axhline(1 / keys["context"], color="#777777", ls=":", label=f"a blind guess, 1 in {keys['context']}")
left.set(xlabel="step", ylabel="loss above a guess, nats")
right.set(xlabel="step", ylabel="share of key frames found")
right.set_ylim(0, 1.3 * right.get_ylim()[1])  # a free band for the legend
figure.get_layout_engine().set(wspace=0.06)
for axes in figure.axes:
    axes.legend(frameon=False, loc="upper right" if axes is left else "upper left", fontsize=8)
show(
    figure,
    "Two panels; thin lines are single steps, thick ones means of 20. Left: how far each loss is above a "
    "blind guess; both begin above it, motion comes down to the guess, and context ends a little below. "
    f"Right: the share of key frames that context finds climbs slowly to {ends['context_accuracy']:.2f}.",
)
print(f"in the last 20 steps, context is right {better:.1f} times as often as a guess")
assert ends["context_accuracy"] > 1.3 / small.batch and ends["motion_accuracy"] < 0.05

# %% [markdown]
# Context has begun to learn. Motion has come down to about a blind guess and is no better yet. And the pulls?

# %%
table = torch.stack([*measured.values()]).numpy()  # (7 steps, 5 rows, 3 batches)
both, context_again, motion_again, context_length, motion_length = table.transpose(1, 0, 2)
title = "From batch to batch, a task hardly agrees even with itself"

# %%
show(
    figures.pulls(
        [*measured],
        {
            "context and motion, same batch": both,
            "context on two batches": context_again,
            "motion on two batches": motion_again,
        },
        {"context": context_length, "motion": motion_length},
        title=title,
    ),
    f"Left: three curves of cosines over 60 steps: the cosine of the two tasks, mean {both.mean():.2f}; of "
    f"context with itself on another batch, {context_again.mean():.2f}; of motion with itself, "
    f"{motion_again.mean():.2f}. Right: the length of each batch's gradient; motion's falls below context's.",
)
assert max(abs(cosines.mean()) for cosines in (both, context_again, motion_again)) < 0.3

# %% [markdown]
# Left: context and motion, on the same batch, have a cosine around 0. Peace, then? Look at the yardstick. A
# task and *itself*, on another batch, agree hardly better, and in our run worse at steps 10 to 30. (Context
# and motion share the clips of their batch, a task and itself do not. And one of the two may get to about .2
# in the end. Which one changes with no more than the number of threads, that is, with the last digits of a
# sum.) With 24 clips a step, a gradient is mostly about these 24 clips. And if even a task and itself can
# have a cosine of 0, then a 0 between motion and context means nothing. So this measurement **cannot tell
# friendship from war**. (Had we only compared it with random directions, nearly every dot would have looked
# like a discovery.)
#
# Right: unweighted, the two tasks' gradients of one batch begin about equally long. Then motion's shrinks, to
# about a third of context's. With the recipe's weights, .5 and 1, it is twice as long at first, and about two
# thirds as long in the end. So **in this run no fixed weight keeps the two equally long**. How much of that
# length is a pull in a lasting direction, and how much is about the batch's clips, one batch does not say
# (nor is a task with a short gradient done: motion is still at a guess). Weights have to be tried, and [the
# experiments](../docs/experiments.md) tell how these were. They also tell of a backbone with a single branch
# for both tasks: there, one task always lost where the other gained. That is why the shared part is small,
# two blocks, and each task has a branch of its own.
#
# ## Friends or enemies?
#
# What *would* tell? A mean over many batches: what is only about their clips averages out, and what all
# batches share stays. So in a run of 240 steps we split the clips of `train` into two halves at random. Every
# 30 steps we computed both gradients on 40 batches from each half, and compared the mean over one half with
# the mean over the other: of context with itself, of motion with itself, and of context with motion (which so
# no longer share any clips). For one batch you know the picture, cosines near 0. **Your bet: where will each
# of the three be with 40?**

# %% tags=["hide-input"]
agreed = json.loads((experiments / "gradients.json").read_text(encoding="utf-8"))
rows = agreed["agreement"]
over_40 = {name: [row[name][-1][0] for row in rows] for name in ("context", "motion", "both")}
listed = {name: ", ".join(map(two_digits, values)) for name, values in over_40.items()}
show(
    figures.agreement(
        rows,
        agreed["batches"],
        title="One batch shows little; 40 show two tasks that pull together at step 120, apart at step 150",
    ),
    "Two panels with three curves over 240 steps. Left, single batches: all are low, with long bars. "
    f"Right, means over 40 batches: context with itself {listed['context']}; motion with itself "
    f"{listed['motion']}; context with motion {listed['both']}.",
)
print("cosines with 40 batches, at steps", *(row["step"] for row in rows))
for name, words in {"context": "with itself", "motion": "with itself", "both": "context with motion"}.items():
    print(f"  {words if name == 'both' else f'{name} {words}':20} {listed[name]}")
_, low, high = np.transpose([row["both"][-2] for row in rows])
for place in (4, 5, 6):
    print(f"context with motion, 20 batches, step {rows[place]['step']}:", end=" ")
    print(f"{two_digits(low[place])} to {two_digits(high[place])}")
assert min(over_40["context"][1:6] + over_40["motion"][2:]) > 0.7
assert over_40["both"][5] < -0.1 and over_40["both"][4] > 0.3

# %% [markdown]
# (Bars and ranges: from 5 to 95 % of a hundred draws out of the 40 batches; of 40 there is only one draw.)
# So each task does have a direction of its own, and a single batch hides it: with 40 batches, motion agrees
# with itself from step 60 on by .72 or more, and context by .80 or more from step 30 to 150. (What makes
# context waver after that, we do not know.)
#
# Now the question has an answer, for this run. At step 120 the tasks pull *together* (.39), only 30 steps
# later *against* each other (-.23), then together again (.21); at the other six steps the cosine is within
# .12 of 0. At the three steps the ranges of 20 batches do not reach 0, so this is more than the luck of the
# batches. **Neither friends nor enemies for good:** ask them at one moment, and you learn about that moment.
# (It is one training; another may take its turns at other steps.)
#
# > **Your turn: shift the balance.** Train again with `small.replace(tasks={"context": {"weight": 5.0}})`
# > in another folder, then with `0.05`. Which loss will pay, and how much? Write down a guess, and compare
# > the means of the last 20 steps.
#
# <details><summary>Our results</summary>
# With 5.0, context ended at 3.00 nats and motion at 6.69; with 0.05, at 3.11 and 6.70. A hundredfold weight
# moved context by a tenth of a nat, and motion not at all: in 60 steps there was little to take away. In
# trainings of 500 steps with a single branch it did matter. From a weight of 1 for context to one of .4, the
# R@1 of scenes on <code>val</code> fell from .68 to .61, and that of actions rose from .52 to .73. (One run
# each, and the second of these two also had a wider block, so the weight need not be the whole reason.)
# </details>
#
# **Exercise 2** (hard, 15 minutes). *Equal progress.* A small step against the gradient `weight * context +
# motion` changes both losses, each in proportion to the inner product of its own gradient with that sum:
# where it is positive, the loss falls. At which weight do both change by the *same* number of nats?


# %% tags=["exercise"]
def equal_progress(gradients):
    """The weight of the context loss, from the two unweighted gradients (2, P): context, motion."""
    ...


# %% tags=["check"]
made_up = {
    "at right angles, lengths 5 and 10": torch.tensor([[3.0, 4.0, 0.0], [-8.0, 6.0, 0.0]]),
    "at 60 degrees, lengths 2 and 1": torch.tensor([[2.0, 0.0], [0.5, 0.75**0.5]]),
    "in conflict, lengths 1 and 2": torch.tensor([[1.0, 0.0], [-1.0, 3**0.5]]),
}
verdict = "Right."
for name, pair in {**made_up, "the two of our step": gradients}.items():
    answer, (c, m) = equal_progress(pair.clone()), pair
    expected = ((m @ m - c @ m) / (c @ c - c @ m)).item()
    if answer is None or not np.isclose(float(answer), expected, rtol=1e-3):
        verdict = f"Not yet: for two gradients {name} you say {answer}, expected {expected:.3f}."
        if answer is not None:
            step = float(answer) * c + m
            verdict += f" With your weight, the losses fall by {c @ step:.2f} and {m @ step:.2f}."
        break
judge("equal_progress", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# With <code>step = weight * context + motion</code>, set <code>context @ step</code> equal to <code>motion
# @ step</code>, and solve for the weight.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def equal_progress(gradients):
#     context, motion = gradients
#     both = context @ motion
#     return (motion @ motion - both) / (context @ context - both)
# ```
#
# At right angles that is the *squared* ratio of the lengths. If two gradients agree and one is much longer,
# the result can be 0 or negative: then no positive weight gives equal progress. (Nor need equal nats be what
# you want: the last nat of one task may be worth more than the first of another.)
# </details>
#
# ## A slow start, or a plateau?
#
# Our live run ended with motion at a blind guess. Had it failed, or had it only just begun? Play the doctor.
# Here are the first 40 steps of two trainings of motion prediction, as means of 20 steps. They have different
# sizes, so that a guess costs 6.93 nats in one and 7.15 in the other. What is printed is how much *more* than
# a guess each of them loses. One of the two will learn nothing in its whole run. **Which?**

# %% tags=["hide-input"]
blank = json.loads((experiments / "plateau.json").read_text(encoding="utf-8"))
long_runs = json.loads((experiments / "joint_curves.json").read_text(encoding="utf-8"))
patients = {  # every 20 steps the loss above that of a guess
    "A": np.reshape(blank["loss"], (-1, 20)).mean(1) - np.log(blank["keys"]),
    "B": np.array([row["motion_loss"] for row in long_runs["motion"]]) - np.log(40 * 16 * 2),
}
for name, above in patients.items():
    print(f"patient {name}: steps 1 to 20 {above[0]:.2f}, steps 21 to 40 {above[1]:.2f} nats above a guess")

# %% [markdown]
# Nobody can tell from that. Both lose a little more than a guess, and both get better. Two questions help.
# *Has the learning rate been at its peak for a while?* A is past its warm-up of 20 steps; B's takes 100, so
# its rate has come to four tenths. And *can you explain the height* at which a loss stands? At log N the
# network tells nothing apart, because it has only begun or because a path is cut; a lower level may be the
# logarithm of what a leak would leave, as in [08](08_motion_prediction.ipynb). Now 160 steps more.


# %% tags=["hide-input"]
figure = figures.new("After 200 steps: A stands on a plateau, B had a slow start", size=(7.5, 3.2))
(axes,) = figure.axes
axes.axhline(0, color="#777777", ls=":", label="a blind guess")
looks = {"A": (figures.INK, "s-", 20, 0.6), "B": (COLORS["motion"], "o--", 100, 0.47)}
for name, (color, line, warm, height) in looks.items():
    axes.plot(20 * np.arange(1, 11), patients[name][:10], line, color=color, label=f"patient {name}")
    place = {"transform": axes.get_xaxis_transform(), "color": color}
    axes.plot([0, warm], [height] * 2, lw=4, solid_capstyle="butt", **place)
    axes.text(0, height + 0.025, f"warm-up of {name}: {warm} steps", va="bottom", fontsize=8, **place)
axes.set(xlabel="step", ylabel="motion loss above a guess, nats", xlim=(0, 205))
axes.legend(frameon=False, loc="lower left")
a_end, b_end = (losses[9] for losses in patients.values())
show(
    figure,
    f"Two curves over 200 steps. A stays {a_end:.2f} nats above a guess, B falls to {-b_end:.1f} below one.",
)
assert abs(a_end) < 0.1 and b_end < -4

# %% [markdown]
# A was the patient. Its questions are **blank**, the second culprit of 08: the clip does not get through. The
# loss comes down to a guess, long after the warm-up, and stands there: 6.932 nats in the last 20 steps, where
# log 1024 is 6.931. That is a **plateau**, and its height gives the cause away. A plateau may end by itself;
# a longer run like this one had not moved in 300 steps ([the experiments](../docs/experiments.md)). B is
# motion prediction with the course's recipe. It passed the line within its warm-up, ever faster: a **slow
# start**. And our live run? It ended at a guess with the rate back at zero, too short a schedule for either
# word.
#
# ## The shipped run
#
# The network in `data/`, which you met in [01_result_first](01_result_first.ipynb), was trained with the
# full `laptop` recipe, in 473 seconds on one core. Below are its losses, each point the mean of 20 steps,
# next to those of each task trained alone. The gray band is the warm-up. **Look for the price of sharing:
# how far apart are the curves at the end?**

# %% tags=["hide-input"]
last = {
    task: [long_runs[run][-1][f"{task}_loss"] for run in (task, "joint")] for task in ("context", "motion")
}
apart = max(abs(alone - both) / alone for alone, both in last.values())
title = (
    f"After 1000 steps, each loss is within {np.ceil(100 * apart):.0f} % of what it is alone (one run each)"
)
figure = figures.new(title, columns=2, size=(9.5, 3))
for axes, task, keys_of in zip(figure.axes, ("context", "motion"), (40, 40 * 16 * 2), strict=True):
    axes.axvspan(0, 100, color=COLORS["untrained"], alpha=0.4, lw=0)
    axes.axhline(np.log(keys_of), color="#777777", ls=":", lw=1)
    axes.annotate(f"a guess among {keys_of}", (990, np.log(keys_of)), ha="right", va="bottom", fontsize=8)
    for name, look in ((task, "--"), ("joint", "-")):
        steps, loss = np.array([(row["step"], row[f"{task}_loss"]) for row in long_runs[name]]).T
        axes.plot(steps, loss, look, color=COLORS[name], label="both tasks" if name == "joint" else "alone")
    axes.set(xlabel="step", ylabel=f"{task} loss, nats", ylim=(0, None), xlim=(0, 1000))
    axes.legend(frameon=False)
show(
    figure,
    "Two panels, the context loss and the motion loss over 1000 steps; in each, the curve of the joint run "
    "lies close to that of the task trained alone. Both start slowly; motion falls fast from step 60 on.",
)

# %% [markdown]
# Hardly at all. Looked at closely, context does a little better with motion beside it than alone (1.12 nats
# at the end, not 1.16), and motion a little worse (1.17, not 1.15). With one run each, that may be luck. In
# the gray band you see patient B once more, and beside it the shipped run, which had the same slow start.
#
# ## What each task trains
#
# So sharing costs little in the *losses*. Whether the *features* keep both kinds of knowledge is another
# question, and the one you have bet on. The feature vector has a **context part** and a **motion part**.
# Context matching reads only the first, motion prediction only the second, and both send gradients into the
# shared layers. So we score each part separately, and then the whole vector, on clips of `test` that no run
# has seen. (These are three seeds of each network; for seeds 1 and 2 they are new trainings, so the numbers
# differ by a few hundredths from those in 01. ± is the standard deviation over seeds.)

# %%
scored = [json.loads(line) for line in (experiments / "parts.jsonl").open(encoding="utf-8")]


def by_part(network, part, label, measure="R@1"):
    """The scores of a network's runs, one for each seed, by one part of the features."""
    return [run["scores"][part][label][measure] for run in scored if run["model"] == network]


guess = {"scene": 1 / 16, "action": 1 / 8}
show(
    figures.by_parts(scored, guess, title="Joint training gives each part what its own task teaches"),
    figures.by_parts_in_words(scored, guess),
)
alone, together = by_part("context", "context", "scene"), by_part("joint", "context", "scene")
assert abs(np.mean(alone) - np.mean(together)) < 0.1

# %% [markdown]
# Read the row *both tasks*, and pay out your bet. By its own part, the joint network finds scenes and
# actions about as well as the network that was trained for that task alone: .88 against .90, and .91 both.
# By the other part it finds little: the motion part is near a guess for scenes (1 in 16), the context part
# for actions (1 in 8). **So training together costs nothing that three seeds could show. What costs is
# searching with the whole vector**: that finds .72 of the scenes and .71 of the actions, because a neighbor
# may be near for either reason. Choose the part that holds what you are looking for: `model.search(...,
# part="context")`, or `table.part("motion")`. [10_retrieval](10_retrieval.ipynb) looks at this more
# closely.
#
# A part that no task reads is not empty, either. After motion prediction alone, the *context* part finds
# .61 of the actions, where the one trained by context matching finds .15. That branch has random weights:
# it passes on what the shared layers have learned. (Random weights all the way, the first row, find .17.)
#
# A **linear probe** (a linear classifier on frozen features) can weight each number of the vector, which a
# nearest-neighbor search cannot. Ask it what the table has left open: does each part of the joint network
# stay blind to the *other* task's subject? The yardstick is not a guess, since a probe finds more than that
# in random weights. It is the same part, untrained. **Your bet: which of the four networks knows most about
# actions in its context part, and which most about scenes in its motion part?**

# %% tags=["hide-input"]
NETWORKS = {"untrained": "untrained", "context": "context matching alone"}
NETWORKS |= {"motion": "motion prediction alone", "joint": "both tasks"}
probed = {
    f"{label}s found by a probe of the {part} part": {
        words: by_part(network, part, label, "linear") for network, words in NETWORKS.items()
    }
    for label, part in (("action", "context"), ("scene", "motion"))
}
show(
    figures.seeds(
        probed,
        guess=[guess["action"], guess["scene"]],
        roles={words: network for network, words in NETWORKS.items()},
        title="The other task's subject: trained layers below, an untrained branch above tell most of it",
    ),
    "Two panels with four bars each, and three dots on each bar. " + figures.in_words(probed),
)

# %% [markdown]
# Surprised? The longest bar in each panel is that of trained shared layers with an *untrained* branch. Motion
# prediction alone leaves the context branch as it was drawn, and through these random weights .84 of the
# actions can still be read; after context matching alone, the motion branch passes on .70 of the scenes. So
# the shared layers know much of what their task has taught them, whatever stands behind. Where its own task
# trains the branch, much of that no longer comes through.
#
# And *both tasks*? Its context part is not blind to actions: .47, instead of .29 alone and .24 untrained. For
# scenes, look twice. Its motion part has .32 instead of .20, but random weights give .32, too. So motion
# prediction alone *loses* scenes, and with context matching beside it, it does not; nothing is gained.
#
# Each part is offered the other task's knowledge and takes little of it. That is less help than **sharing the
# room**, with a good wall between the two branches.
#
# ## Take the rope yourself
#
# The pulls above were those of a short run. Here is again the run of 240 steps in which 40 batches told more
# (its networks are narrower than the shipped ones). The *angle* between the arrows is the one that you have
# just seen, of means over 40 batches. Their *lengths* are the mean lengths of the gradients of three single
# batches. So the drawing joins two measurements: whether the tasks agree, and how long a gradient *one step*
# gets from each, most of which may be about its batch. It does not say who wins in the long run. The slider
# multiplies the lengths by other weights (context and motion add up to 1; the recipe's one half to one is a
# third to two thirds). The lower panel shows what whole trainings came to, three seeds each: with motion
# only, with the recipe, and with context only, numbers that you know from the framed columns of the table.
# Its dotted lines just connect these; in between we have not trained. Try this:
#
# - With the recipe's weights, whose gradient is longer at step 0, at step 60 and at the end?
# - Press *Play* and watch the angle. At which step does each task undo some of the other's work?
# - Give context a weight of .9. Which way does the sum of both point, and whose features would you expect to
#   suffer?

# %%
stored("tug_of_war")

# %% tags=["hide-input"]
log = json.loads((experiments / "tug_of_war.json").read_text())
figure = figures.new(
    "In single batches, motion's gradient is longer at first, context's from step 60 to 150, and at 210",
    size=(7.5, 2.6),
)
(axes,) = figure.axes
steps = [row["step"] for row in log["pulls"]]
pulled = {}
for name, style in (("context", "s-"), ("motion", "o--")):
    pulled[name] = [log["weights"][name] * row[name] for row in log["pulls"]]
    axes.plot(steps, pulled[name], style, color=COLORS[name], label=name)
axes.set(xlabel="step", ylabel="length of one batch's\ngradient times its weight", ylim=(0, None))
axes.legend(frameon=False)
show(
    figure,
    "Two curves over 240 steps. Motion starts at twice the length of context and falls below it by step 60; "
    "later both stay close together, with one peak of context.",
)

# %%
for place in (0, 2, 8):
    lead = pulled["motion"][place] / pulled["context"][place]
    print(f"step {steps[place]:3}: motion's gradient is {lead:.1f} times as long as that of context")
angles = dict(zip(steps, np.degrees(np.arccos(over_40["both"]))))
least, most = min(angles, key=angles.get), max(angles, key=angles.get)
print(f"the angle goes from {angles[least]:.0f} degrees (step {least}) to {angles[most]:.0f} (step {most})")
leads = [9 * row["context"] / row["motion"] for row in log["pulls"]]  # at .9 and .1
print(f"with .9 for context, its gradient is {min(leads):.0f} to {max(leads):.0f} times as long")

# %% [markdown]
# These are the answers, also where the slider does not run. With the recipe's weights, now one gradient is
# the longer, now the other. Most clearly at step 150, the arrows are more than a right angle apart (103°),
# so each task undoes some of the other's work; at 60 and 240 they are only just (96°, 92°). With .9 for
# context, the sum points nearly where context points, and it is the actions that we would expect to suffer.
#
# ## What we have seen
#
# *Do the tasks help each other, fight, or share the room?* Mostly, they share it. We saw no price:
# .88 of the scenes instead of .90, and .91 of the actions either way, by each task's own part and within
# the spread of three seeds. One sign of help: by a probe, the context part has learned something of
# actions. (What the motion part knows of scenes is no more than random weights give.) And do their gradients
# agree? Single batches could not tell. In another, longer run, means over 40 batches could: now they pulled
# together, now against each other.
#
# - A joint step is one pass through the backbone, two losses, one weighted sum. Before you read anything into
#   the angle of two gradients, ask how well one task agrees with itself on another batch.
# - A loss at a guess is no failure within the warm-up. If it still stands at log N long after, look for the
#   cause.
# - In a search, each part of the joint network does about as well as its own task alone. The whole vector
#   mixes the two.
#
# ## Quiz
#
# **1.** Why is one pass of the backbone enough for two tasks?
#
# <details><summary>Answer</summary>
# Both read feature maps of the same clip. Only what comes after the backbone differs, and on the way back
# the gradients of both losses add up.
# </details>
#
# **2.** Two gradients have a cosine of 0. Can both losses still fall?
#
# <details><summary>Answer</summary>
# Yes: a small step along their sum goes downhill for each, as neither undoes the other. What they compete
# for is capacity: the shared weights have to serve both.
# </details>
#
# **3.** A loss has stood at log N for 80 steps of a 1000-step run with a tenth of warm-up. Do you stop it?
#
# <details><summary>Answer</summary>
# Not yet: the learning rate has not been at its full value for one step. If it is still there some hundred
# steps later, look for a leak or for a path that is cut, as in notebook 08.
# </details>
#
# ## Next, and further reading
#
# Next comes [10_retrieval](10_retrieval.ipynb): what you can find with these features, and how sure a score
# is.
#
# - [Experiments](../docs/experiments.md): what was tried before this recipe was found.
# - [Paper map](../docs/paper_map.md): what is the paper's and what is ours.
# - [PCGrad](https://arxiv.org/abs/2001.06782) and [GradNorm](https://arxiv.org/abs/1711.02257): two ways to
#   let the gradients themselves decide about weights.

# %% [markdown]
# ## Appendix A (optional): stop and resume
#
# A long training will be interrupted: somebody closes the laptop, somebody else needs the machine, the
# power fails. Then two things matter. Only a few steps may be lost, and the run must **resume exactly**,
# with the numbers it would have had without the break. Here every random choice of a step (which clips,
# which crops, which units drop out) follows from the seed and the number of the step. So weights and
# optimizer state are all that has to be saved. First, one run of 16 steps without a break. Then the same
# again, but somebody presses Ctrl-C after five. The run finishes its step, writes a checkpoint, and says
# that it was interrupted.

# %% tags=["nbval-ignore-output"]
short = small.replace(steps=16, save_every=4)
whole = train.pretrain(short, runs / "whole", few)
press_ctrl_c_after(5, runs / "parts" / train.METRICS)
broken = train.pretrain(short, runs / "parts", few)
print(f"one run went through {whole.steps} steps; the other was interrupted after {broken.steps}")
assert broken.interrupted

# %%
again = train.pretrain(short, runs / "parts", few)  # the same call resumes


def numbers(folder):
    """What a run measured, without the clock."""
    rows = [json.loads(line) for line in (folder / train.METRICS).read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("seconds", "clips_per_second")} for row in rows]


assert numbers(runs / "parts") == numbers(runs / "whole")
ours, theirs = whole.model.state_dict(), again.model.state_dict()
equal = sum(torch.equal(ours[name], theirs[name]) for name in ours)
print(f"with a break and without: {equal} of {len(ours)} tensors are equal to the last bit")
assert equal == len(ours)

# %% [markdown]
# They are not nearly the same, but the same to the last bit. (That holds on one machine with one number of
# threads. Another processor may add numbers in another order.) A run that is killed outright goes back to
# its last checkpoint: with one every 200 steps, a run killed at step 730 repeats 130 steps, with the same
# numbers. And a folder protects its run: it refuses a different recipe.

# %%
try:
    train.pretrain(short.replace(tasks={"context": {"weight": 0.9}}), runs / "parts", few)
except ValueError as error:
    print("refused:", str(error).rpartition(": holds ")[2])

# %% [markdown]
# **Exercise 3** (medium, 10 minutes). *Find the bug.* This loader draws a crop for each clip of each step.
# A run that resumes at step 40 should get the crops of step 40, and it does not. Mend it. Two seeds should
# still share no crops, and you may not draw the 40 steps before.


# %% tags=["exercise"]
def crops(seed, first, steps, batch=4):
    """(steps - first, batch) numbers in 0..1, from step `first` on."""
    draws = np.random.default_rng(seed)
    return np.array([draws.random(batch) for _ in range(first, steps)])


# %% tags=["check"]
whole_run, resumed, later = crops(0, 0, 6), crops(0, 4, 6), crops(0, 100_000_000, 100_000_002)
others = [crops(seed, 0, 6) for seed in range(1, 8)]
if np.shape(resumed) != (2, 4) or np.shape(later) != (2, 4):
    print(f"Not yet: crops(0, 4, 6) has the shape {np.shape(resumed)}, expected (2, 4).")
elif not np.array_equal(whole_run[4:], resumed):
    print(f"Not yet: step 4 gets {resumed[0].round(2)} after a resume, expected {whole_run[4].round(2)}.")
elif len(np.unique(whole_run)) < whole_run.size:
    print(f"Not yet: two steps share crops, {whole_run[:2].round(2).tolist()}, expected new ones in each.")
elif any(np.isin(whole_run, other).any() for other in others):
    seed = next(n for n, other in enumerate(others, 1) if np.isin(whole_run, other).any())
    print(f"Not yet: seeds 0 and {seed} share crops, expected none in common.")
else:
    judge("crops", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>np.random.default_rng</code> also takes a list of integers as its seed. Why is <code>seed +
# step</code> no good?
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def crops(seed, first, steps, batch=4):
#     return np.array([np.random.default_rng([seed, step]).random(batch) for step in range(first, steps)])
# ```
#
# With `seed + step`, step 1 of seed 0 is step 0 of seed 1: two seeds that should differ by chance share
# their numbers.
# </details>

# %% [markdown]
# ## Appendix B (optional): many processes, one loss
#
# Nothing in the training code is specific to MovingScenes. The paper's training on UCF101 is another recipe
# and one command; [the README](../README.md#the-package) has it, for one GPU and for several. (We have not
# run the paper's 120 epochs; what we did run, on real clips in this course's size, is in
# [15_real_video](15_real_video.ipynb).) Here are some of the differences between the two recipes.

# %%
paper = train.recipes.ucf101_r2plus1d26("ucf101")
changes = dict(line.split(": ", 1) for line in recipe.differences(paper))
for name in ("batch", "networks.backbone", "sampling.frames", "augmentation.size", "optimization.method",
             "optimization.learning_rate", "optimization.clip_norm"):  # fmt: skip
    print(f"{name:26} {changes[name].replace(', not', '  ->')}")

# %% [markdown]
# One thing about several GPUs belongs here, because it is easy to get wrong, and nothing crashes.
#
# Each process has its own clips as queries, but compares them with the keys of *all* processes. So every
# process has a say in the gradient of a key, and these contributions have to be added up before the key's
# owner goes on. Some code adds them up and then divides by the number of processes; the paper's released
# code does. What is lost? Let us act as eight processes with eight clips each.

# %%
draws = torch.Generator().manual_seed(0)
queries, key_inputs = F.normalize(torch.randn(2, 64, 16, generator=draws), dim=2)
weights = torch.eye(16, requires_grad=True)  # of a network that makes keys
keys_of_all = key_inputs @ weights
logits, own = queries @ keys_of_all.T / 0.1, torch.arange(64)
(one_process,) = torch.autograd.grad(F.cross_entropy(logits, own), weights, retain_graph=True)

shares = [
    F.cross_entropy(logits[rows], own[rows]) for rows in own.chunk(8)
]  # one process's queries, all keys
to_keys = [torch.autograd.grad(loss, keys_of_all, retain_graph=True)[0] for loss in shares]
mean = sum(to_keys) / 8  # by 8, since the gradients of weights are averaged over processes
(summed,) = torch.autograd.grad(keys_of_all, weights, mean, retain_graph=True)
(divided,) = torch.autograd.grad(keys_of_all, weights, mean / 8)
for name, gradient in {"added up": summed, "added up, then divided by 8": divided}.items():
    part = (gradient * one_process).sum() / one_process.square().sum()
    print(f"{name:28} {part:.3f} of one process's gradient")

# %% [markdown]
# Added up, eight processes are as good as one. (The further division by 8 happens in either case: gradients
# of weights are averaged over processes, because each loss is a mean over its own queries.) Divided once
# more, the keys' side of the network gets an eighth of its gradient (with plain SGD, as in the paper, an
# eighth of the step), and the more GPUs, the less. A test of this project runs two real processes and
# compares their gradients with those of one.
