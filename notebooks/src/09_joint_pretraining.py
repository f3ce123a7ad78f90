# %% [markdown]
# # Joint pretraining: one network, two tasks
#
# Context matching teaches what stays, motion prediction what moves. Each one alone leaves the network half
# blind. Now we train one backbone with both. That sounds like adding two losses, and it nearly is. But both
# tasks pull at the same weights, and somebody has to decide how hard each may pull. That is what a
# [recipe](../docs/glossary.md#learning-without-labels) does.
#
# **Goals.** After this notebook you will be able to
# - read a recipe, and say what each number is for,
# - take one training step by hand, and measure whether the two tasks pull in the same direction,
# - interrupt a training and resume it, with exactly the same numbers,
# - read the curves of a short run and of a long one, with their plateau,
# - move the same code to UCF101 and to many GPUs, command by command.
#
# **Needs.** [07](07_context_matching.ipynb) and [08](08_motion_prediction.ipynb). About 1 minute on 2
# cores, 1 GB of memory, 2 MB of disk beside the clips.

# %%
import _thread
import json
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from cvrl_lite import data_path, train
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.explorables import stored
from cvrl_lite.course.figures import COLORS, architecture, curves, new, show
from cvrl_lite.course.figures.judging import grid
from cvrl_lite.datasets import MemoryLoader, MovingScenes, decode
from cvrl_lite.models import R2Plus1D26, describe
from cvrl_lite.transforms import augment

runs = Path(tempfile.mkdtemp())  # where this notebook trains
everything = MovingScenes("train")
few = decode(everything.subset(range(240)), size=72)
print(len(few.videos), "clips in memory")

# %% [markdown]
# This is everything that is trained at once. Follow a clip from the left: where do the two tasks share
# weights, and where do they part?

# %%
show(
    architecture(title="Joint pretraining: the tasks share the first layers and part at the branches"),
    "The diagram of notebook 01, all of it in full color: two paths, blue for context and orange for motion, "
    "from a video file to two losses. The clip's shared layers, in pink, belong to both.",
)

# %% [markdown]
# ## The recipe
#
# A **recipe** is a frozen record of every choice: the data, the networks, the losses and their weights, how
# samples are cut and augmented, how the optimizer moves the weights. Each run's folder keeps its recipe and
# refuses to continue with a different one. Here is the course's own.
#
# | number | what it is for |
# |---|---|
# | `steps`, `batch` | how often the weights are updated, and from how many clips each time |
# | `weight` of a task | how hard it pulls at the shared weights |
# | `temperature` | how much the hardest negatives count ([06_infonce](06_infonce.ipynb)) |
# | `sampling` | how clip, key frame and windows are cut ([05](05_clips_for_training.ipynb)) |
# | `networks` | the width of each part |
# | `optimization` | how far a step moves the weights, and how that changes over the run |

# %%
recipe = train.recipes.laptop()
print("tasks       ", ", ".join(recipe.tasks))
print("steps, batch", recipe.steps, recipe.batch)
for part in ("weight", "temperature"):
    print(f"{part + 's':12}", *(f"{name} {getattr(task, part)} " for name, task in recipe.tasks.items()))
for part in ("sampling", "networks", "optimization"):
    print(f"{part:12}", getattr(recipe, part))

# %% [markdown]
# The **learning rate** is not one number but a curve. It starts with a linear **warm-up**, because the first
# gradients of random weights are erratic. Then it follows a **cosine** down to zero, so that the weights
# settle.

# %%
rates = [train.optim.learning_rate(step, recipe) for step in range(recipe.steps)]
figure = new(f"The rate rises for {np.argmax(rates) + 1} steps and falls for the rest", size=(7.5, 2.4))
figure.axes[0].plot(rates, color=COLORS["joint"])
figure.axes[0].set(xlabel="step", ylabel="learning rate")
show(figure, "A curve that rises in a straight line in the first tenth and falls like half a cosine to zero.")
assert max(rates) == recipe.optimization.learning_rate and rates[-1] < 1e-6

# %% [markdown]
# ## One step by hand
#
# A step takes a batch of samples and turns them into views (notebook 05). The clips go through the backbone
# **once**, and its two maps go to the two tasks (07 and 08). Their losses are weighted and added, and one
# gradient flows back through everything. We use the smaller `laptop_fast` recipe.

# %%
small = train.recipes.laptop_fast().replace(precision="float32")
torch.manual_seed(0)
model = train.Pretraining(small)
(batch,) = MemoryLoader(few, small.sampling, seed=0).batches(small.batch, 1)
views = augment(batch, small.augmentation)


def losses(model, views):
    """The two tasks' losses from one pass of the backbone."""
    maps = model.backbone.feature_maps(views.clip)
    return [task(maps, views).loss for task in model.tasks.values()]


torch.manual_seed(1)  # dropout draws from here
context, motion = losses(model, views)
torch.manual_seed(1)
total, parts = model(views, 1.0)
weights = [task.weight for task in small.tasks.values()]
assert torch.isclose(total, weights[0] * context + weights[1] * motion)
print("the weighted sum is the loss that Pretraining returns; beside it:", ", ".join(parts))

# %% [markdown]
# ## Do the tasks pull in the same direction?
#
# Each loss has its own gradient. Weights that only one task uses are no problem. On the backbone's **shared
# blocks** both tasks pull, and the angle between the two gradients says how well they get along. A cosine of
# 1 means they want the same change, 0 that they are unrelated, -1 that each undoes the other's work.


# %%
def pulls(model, views):
    """The gradients (two rows) of context and motion on the shared blocks, as the recipe weights them."""
    rows = []
    shared = [p for p in model.backbone.shared.parameters() if p.ndim > 1]
    for loss, weight in zip(losses(model, views), weights, strict=True):
        gradients = torch.autograd.grad(weight * loss, shared, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients]))
    return torch.stack(rows)


before = pulls(model, views)
angle = torch.cosine_similarity(before[0], before[1], dim=0)
print("at the start, the cosine of the two gradients is between -.5 and .5:", bool(angle.abs() < 0.5))

# %% [markdown]
# They are far from parallel: at the start, what helps one task says little about the other. (With other
# initial weights and other batches we found cosines between -.1 and .2. Further down we look again after some
# training.) If one gradient is much longer, it decides where the shared weights go. So the recipe gives
# context matching, the easier task, a weight of one half. And the backbone keeps the shared part small: two
# blocks, then one branch for what stays and one for what moves. With a single branch for both, one task
# always lost where the other gained ([the experiments](../docs/experiments.md)).
#
# ## Stop and resume
#
# A training that takes hours will be interrupted: somebody closes the laptop, somebody else needs the
# machine, the power fails. Then two things matter. Only a few steps may be lost, and the run must **resume
# exactly**, with the numbers it would have had without the break. Here every random choice of a step (which
# clips, which crops, which units drop out) follows from the seed and the number of the step. So weights and
# optimizer state are all that has to be saved. Let us check. First, one run of 16 steps without a break:

# %%
short = small.replace(steps=16, save_every=4)
whole_folder = runs / "whole"
whole = train.pretrain(short, whole_folder, few)
print(f"{whole.steps} steps; the folder holds", *sorted(p.name for p in whole_folder.iterdir()), sep="\n  ")

# %% [markdown]
# Now the same again, but a second thread waits until a few steps are logged and then presses Ctrl-C for us.
# The run finishes its current step, writes a checkpoint and reports that it was interrupted.


# %% tags=["nbval-ignore-output"]
def press_ctrl_c(metrics, steps):
    """Waits for this many lines of metrics, then interrupts the main thread."""
    while not metrics.exists() or len(metrics.read_text().splitlines()) < steps:
        time.sleep(0.005)
    _thread.interrupt_main()


metrics = runs / "parts" / train.METRICS
threading.Thread(target=press_ctrl_c, args=(metrics, 5), daemon=True).start()
broken = train.pretrain(short, runs / "parts", few)
print("interrupted:", broken.interrupted, "after", broken.steps, "steps")

# %%
again = train.pretrain(short, runs / "parts", few)  # the same call resumes


def numbers(folder):
    """What a run measured, without the clock."""
    lines = [json.loads(line) for line in (folder / train.METRICS).read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "clips_per_second")} for line in lines]


assert broken.interrupted and not again.interrupted
assert numbers(runs / "parts") == numbers(whole_folder)
for name, value in whole.model.state_dict().items():
    assert torch.equal(value, again.model.state_dict()[name]), name
tensors = len(whole.model.state_dict())
print(f"16 steps with a break = 16 steps without: all {tensors} tensors are equal to the last bit")

# %% [markdown]
# Not nearly the same: the same, to the last bit. (That holds on one machine with one number of threads.
# Another processor may add numbers in another order.) And a folder protects its run: a different recipe is
# refused.

# %%
try:
    train.pretrain(short.replace(tasks={"context": {"weight": 0.9}}), runs / "parts", few)
except ValueError as error:
    print("refused:", str(error).rpartition(": holds ")[2])

# %% [markdown]
# ## Live: the first minute looks like failure
#
# Let us train both tasks for 60 steps, a whole `laptop_fast` run. Do not expect much: the course's own run
# has 1000 steps, five times as many clips and wider networks. Compare the curves with a **blind guess**, the
# dashed lines of the next figure: it costs log N nats and is right once in N.

# %%
live = train.pretrain(small, runs / "live", few)
lines = [json.loads(line) for line in (runs / "live" / train.METRICS).read_text().splitlines()]
points = int(np.prod(model.tasks["motion"].predictor.points))
keys = small.batch * points * (1 + small.sampling.num_negative_windows)
ends = {name: np.mean([line[name] for line in lines[-20:]]) for name in parts}
print(f"a blind guess is right once in {small.batch} for context, about once in {keys} for motion")
print(
    "at the end, context accuracy is above a blind guess:", bool(ends["context_accuracy"] > 1 / small.batch)
)
print("at the end, motion accuracy is still under 5 %:", bool(ends["motion_accuracy"] < 0.05))
assert ends["context_accuracy"] > 1 / small.batch and ends["motion_accuracy"] < 0.05

# %%
show(
    curves(lines, keys={"context": small.batch, "motion": keys}),
    "Two panels, each with a dashed line for a blind guess of context and one of motion. Left: both losses "
    "fall a little; context ends a little below its guess, motion comes down to its own, far higher. Right: "
    "the accuracy of context ends a little above a blind guess, that of motion stays at zero.",
)

# %% [markdown]
# Context has begun to learn. Motion has come down to the value of a blind guess and gets no further. It is
# tempting to stop here and change something. But is it a failure, or a **plateau**, a flat stretch that ends?
# Sixty steps cannot tell: this learning rate has already gone to zero. A longer run can.
#
# And the tug of war? We measure the two gradients again, before and after these 60 steps, on three other
# batches. Do the tasks agree more? Which one pulls harder?


# %%
def tug_of_war(model):
    """Over three batches: the mean cosine of the two gradients, and how many times longer motion's is."""
    torch.manual_seed(0)
    found = []
    for batch in MemoryLoader(few, small.sampling, seed=5).batches(small.batch, 3):
        context, motion = pulls(model.train(), augment(batch, small.augmentation))
        found.append((torch.cosine_similarity(context, motion, dim=0), motion.norm() / context.norm()))
    return torch.tensor(found).mean(0).tolist()


(cosine, ratio), (cosine_later, ratio_later) = tug_of_war(model), tug_of_war(live.model)
print("before and after, the cosine is between -.5 and .5:", max(abs(cosine), abs(cosine_later)) < 0.5)
print("before, motion's gradient is over 1.3 times as long:", ratio > 1.3)
print("after 60 steps, that ratio is lower:", ratio_later < ratio)

# %% [markdown]
# The directions are still unrelated. Who pulls harder has changed: at first motion's gradient was much the
# longer one, and its lead has shrunk. So a weight that balances two tasks at the start need not balance them
# later.
#
# Take the rope yourself. In a training of 240 steps, with narrower networks, we measured both gradients every
# 30 steps. The slider multiplies them by other weights (context and motion add up to 1; the recipe's one half
# to one is a third to two thirds). The lower panel shows what whole trainings came to, three seeds each: with
# motion only, with the recipe, and with context only. Its dotted lines just connect these; in between we have
# not trained. Try this:
#
# - With the recipe's weights, who leads at step 0, at step 60 and at the end?
# - Give context a weight of .9. Which way does the sum of both point, and whose features would you expect to
#   suffer?
# - Is there a step at which the two arrows point against each other?

# %%
stored("tug_of_war")

# %% tags=["hide-input"]
log = json.loads((data_path("README.md").parents[1] / "experiments" / "tug_of_war.json").read_text())
figure = new(
    "Motion pulls harder at the start, context by step 60; at the end they are even", size=(7.5, 2.6)
)
(axes,) = figure.axes
steps = [row["step"] for row in log["pulls"]]
pulled = {}
for name, style in (("context", "s-"), ("motion", "o--")):
    pulled[name] = [log["weights"][name] * row[name] for row in log["pulls"]]
    axes.plot(steps, pulled[name], style, color=COLORS[name], label=name)
axes.set(xlabel="step", ylabel="length of the gradient\ntimes its weight", ylim=(0, None))
axes.legend(frameon=False)
show(
    figure,
    "Two curves over 240 steps. Motion starts at twice the length of context and falls below it by step 60; "
    "later both stay close together, with one peak of context.",
)

# %%
for place in (0, 2, 8):
    lead = pulled["motion"][place] / pulled["context"][place]
    print(f"step {steps[place]:3}: motion's pull is {lead:.1f} times that of context")
cosines = [row["cosine"] for row in log["pulls"]]
print(f"the cosine of the two gradients stays between {min(cosines):.2f} and {max(cosines):.2f}")

# %% [markdown]
# ## The shipped run
#
# The network in `data/`, which you met in [01_result_first](01_result_first.ipynb), was trained with the full
# `laptop` recipe, in 473 seconds on one core. These are its curves, next to those of each task trained alone
# for the same number of steps. Each point is the mean of 20 steps.

# %%
log = json.loads((data_path("README.md").parents[1] / "experiments" / "joint_curves.json").read_text())
figure = new("", columns=2, size=(9.5, 3))
for axes, task in zip(figure.axes, ("context", "motion"), strict=True):
    for model_name, style in ((task, "--"), ("joint", "-")):
        steps, loss = np.array([(row["step"], row[f"{task}_loss"]) for row in log[model_name]]).T
        label = "both tasks" if model_name == "joint" else "alone"
        axes.plot(steps, loss, style, color=COLORS[model_name], label=label)
    axes.set(title=f"{task} loss", xlabel="step", ylim=(0, None))
    axes.legend(frameon=False)
last = {
    task: (log[task][-1][f"{task}_loss"], log["joint"][-1][f"{task}_loss"]) for task in ("context", "motion")
}
apart = max(abs(alone - both) / alone for alone, both in last.values())
figure.axes[0].set_ylabel("nats")
figure.suptitle(f"At the end each loss is within {np.ceil(100 * apart):.0f} % of what it is alone")
show(
    figure,
    "Two panels, the context loss and the motion loss over 1000 steps; in each, the curve of the joint run "
    "lies close to that of the task trained alone.",
)
assert apart < 0.1
start, early, later = (log["joint"][place]["motion_loss"] for place in (0, 2, 9))
print(f"the motion loss fell by {start - early:.1f} nats up to step 60,", end=" ")
print(f"and by {early - later:.1f} from step 60 to step 200")
assert early - later > 3 * (start - early)

# %% [markdown]
# After 60 steps the motion loss had hardly moved; then the plateau ended. If you give up too early, you never
# see that. But not every flat curve is a plateau: the two culprits of
# [08_motion_prediction](08_motion_prediction.ipynb) held the loss for good, and [the
# experiments](../docs/experiments.md) tell how we could tell.
#
# Sharing costs little in the *losses*. Whether the *features* keep both kinds of knowledge is another
# question. The next table answers it, on clips that no run has seen.
#
# ## What each task trains
#
# The feature vector has a **context part** and a **motion part**. Context matching reads only the context
# part, motion prediction only the motion part, and both send gradients into the two shared blocks. So we
# score each part separately, and then the whole vector. The score is R@1 on the `test` split; the networks
# are the two trained with one task each, and the joint one. (± is the standard deviation over seeds.)

# %%
experiments = data_path("README.md").parents[1] / "experiments"
runs_by_part = [json.loads(line) for line in (experiments / "parts.jsonl").open(encoding="utf-8")]
PARTS = {"context": "context part", "motion": "motion part", "whole": "whole vector"}


def by_part(model_name, part, label, measure="R@1"):
    """The scores of a model's runs, one for each seed, by one part of the features."""
    return [run["scores"][part][label][measure] for run in runs_by_part if run["model"] == model_name]


def mean_and_spread(values):
    """A mean, and the standard deviation where there are several values."""
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


trained = ("context", "motion", "joint")
columns = [(label, part) for label in ("scene", "action") for part in PARTS]
values = [[by_part(model_name, part, label) for label, part in columns] for model_name in trained]
figure = grid(
    values,
    rows=["context matching", "motion prediction", "both tasks"],
    columns=[f"{label} by the\n{PARTS[part]}" for label, part in columns],
    title="Joint training gives each part what its own task teaches",
)
words = (
    f"{model_name}: {label} by the {PARTS[part]} {mean_and_spread(cell)}"
    for model_name, row in zip(trained, values, strict=True)
    for (label, part), cell in zip(columns, row, strict=True)
)
show(figure, "A table of R@1 with three rows and six columns. " + "; ".join(words) + ".")
print("seeds:", *(f"{name} {len(by_part(name, 'whole', 'scene'))}" for name in trained))

# %%
for label, own, other in (("scene", "context", "motion"), ("action", "motion", "context")):
    cells = {
        f"{own} alone, {own} part": by_part(own, own, label),
        f"both tasks, {own} part": by_part("joint", own, label),
        "both tasks, whole vector": by_part("joint", "whole", label),
        f"both tasks, {other} part": by_part("joint", other, label),
    }
    print(f"R@1 of {label}")
    for name, cell in cells.items():
        print(f"  {name:27} {mean_and_spread(cell)}")
    alone, joint_part, joint_whole, joint_other = map(np.mean, cells.values())
    assert abs(joint_part - alone) < 0.1 and joint_part > joint_whole + 0.1 > joint_other + 0.2

# %% [markdown]
# Read the last row of the table. With the matching part, the joint network finds scenes and actions about as
# well as the network trained for that task alone. With the other part it finds little: the motion part is
# near a guess for scenes (1 in 16), the context part for actions (1 in 8). **So training together costs
# little. What costs is searching with the whole vector**, where a neighbor may be near for either reason.
# Choose the part that holds what you are looking for: `model.search(..., part="context")`, or
# `table.part("motion")`. [10_retrieval](10_retrieval.ipynb) looks at this more closely.
#
# The other rows hold a surprise: a part that no task reads is not empty. After motion prediction alone, the
# *context* part still finds many actions; after context matching alone, the *motion* part finds many scenes.
# Those branches were never trained. They pass on what the shared blocks have learned.
#
# A **linear probe** (a linear classifier on frozen features) can weight each number of the vector, which a
# nearest-neighbor search cannot. For the probe, the two kinds of knowledge hardly get in each other's way:

# %%
for model_name in trained:
    scene, action = (
        mean_and_spread(by_part(model_name, "whole", label, "linear")) for label in ("scene", "action")
    )
    print(f"{model_name:8} linear accuracy, whole vector: scene {scene}, action {action}")
for label, task in (("scene", "context"), ("action", "motion")):
    alone, both = (np.mean(by_part(name, "whole", label, "linear")) for name in (task, "joint"))
    assert both > 0.95 * alone

# %% [markdown]
# ## The same on UCF101
#
# Nothing in the training code is specific to MovingScenes. The paper's training is simply another recipe.
# Here is what changes; where each number comes from is noted in `cvrl_lite/train/recipes.py`.

# %%
paper = train.recipes.ucf101_r2plus1d26("ucf101")
changes = dict(line.split(": ", 1) for line in recipe.differences(paper))
for name in ("steps", "batch", "optimization.method", "optimization.learning_rate", "networks.backbone",
             "networks.hidden", "sampling.frames", "sampling.num_negative_windows",
             "augmentation.size"):  # fmt: skip
    print(f"{name:30} {changes[name].replace(', not', '  ->')}")

# %%
print(describe(R2Plus1D26().to("meta"), torch.zeros(1, 3, 16, 112, 112, device="meta"), depth=1))

# %% [markdown]
# The comparison inside the loss grows too. With 64 videos of 49 points each, every prediction is compared
# with all points of four windows of every video:

# %%
queries, all_keys = paper.batch * 49, paper.batch * 49 * (1 + paper.sampling.num_negative_windows)
print(
    f"{queries:,} queries x {all_keys:,} keys: {queries * all_keys * 4 / 2**20:.0f} MiB of cosines in float32"
)
assert (queries, all_keys) == (3136, 12544)

# %% [markdown]
# That still fits into memory. With the batch of 512 that was used for Kinetics-400 it would be 64 times as
# much. So the package never holds the whole matrix: it works through it in blocks, and computes each block
# again for the gradient (`cvrl_lite.pretext.info_nce` with `block=`).
#
# Command by command, in a terminal:
#
# ```bash
# cvrl-lite download ucf101 --out ucf101                    # 6.5 GB, and the official lists
# cvrl-lite inspect ucf101/UCF-101/Archery/*.avi            # what is in such a file?
# cvrl-lite transcode ucf101 --out ucf101_gop12 --gop 12 --short-side 240 --workers 8   # optional
# cvrl-lite pretrain --recipe ucf101_r2plus1d26 --root ucf101 --workers 8 --out runs/ucf101
# ```
#
# If you transcode, also copy `ucf101/ucfTrainTestlist` into `ucf101_gop12/`, and use `--root ucf101_gop12`
# below.
#
# With several GPUs in one machine, `torchrun` starts one process per GPU. They split the batch of the recipe
# between them:
#
# ```bash
# torchrun --standalone --nproc-per-node 4 -m cvrl_lite.cli pretrain \
#     --recipe ucf101_r2plus1d26 --root ucf101 --workers 8 --out runs/ucf101
# ```
#
# With several machines, run the same line on each, with the address of one of them as the meeting point:
#
# ```bash
# torchrun --nnodes 2 --nproc-per-node 8 --rdzv-id kinetics --rdzv-backend c10d \
#     --rdzv-endpoint first-machine:29500 -m cvrl_lite.cli pretrain \
#     --recipe kinetics_r2plus1d26 --root kinetics --workers 8 --out runs/kinetics
# ```
#
# Here `kinetics` holds a folder `train` with a folder for each class, and in those
# `<YouTube id>_<start>_<end>.mp4`.
#
# All processes must be able to read the run's folder; only the first one writes to it. To resume after a
# break, start the same command again. You can try this without a GPU: two processes on two cores run the
# laptop recipe, and a test of this project compares their gradients with those of one process.
#
# There is a trap in sharing InfoNCE between processes. Each process has its own clips as *queries*, but
# compares them with the *keys* of all processes. So every process contributes to the gradient of a key, and
# these contributions must be **summed**. Afterwards the gradients of the weights are averaged over processes,
# as usual. The paper's released code also divides the keys' gradients by the number of processes, which makes
# them too small by that factor: the more GPUs, the smaller the keys' gradients.
#
# ## Exercises
#
# **1. The schedule.** Write the learning rate of a step (counted from 0). During the first `round(warmup *
# steps)` steps it rises in a straight line, and the last of them has the full rate. After that it follows
# half a cosine towards zero.


# %% tags=["exercise"]
def rate_at(step, steps, highest, warmup):
    """The learning rate of a step; `warmup` is a share of the steps."""
    ...


# %% tags=["check"]
verdict = "Right."
for steps, highest, warmup in ((recipe.steps, 2e-3, 0.1), (37, 0.5, 0.29), (10, 1.0, 0.25)):
    how = recipe.replace(steps=steps, optimization={"learning_rate": highest, "warmup": warmup})
    for step in range(steps):
        answer, expected = rate_at(step, steps, highest, warmup), train.optim.learning_rate(step, how)
        if answer is None or not np.isclose(answer, expected, atol=1e-9):
            verdict = (
                f"Not yet: rate_at{step, steps, highest, warmup} says {answer}, expected {expected:.5f}."
            )
            break
    if verdict != "Right.":
        break
judge("rate_at", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# In the warm-up the factor is <code>(step + 1) / warm</code>; after it, with <code>done</code> going
# from 0 to 1, it is <code>(1 + cos(pi * done)) / 2</code>.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def rate_at(step, steps, highest, warmup):
#     warm = round(warmup * steps)
#     if step < warm:
#         return highest * (step + 1) / warm
#     done = (step - warm) / (steps - warm)
#     return highest * (1 + np.cos(np.pi * done)) / 2
# ```
# </details>
#
# **2. Many GPUs.** You have a number of GPUs, and 16 clips fit on each. The paper's learning rate is 5e-4 per
# clip in the batch. Train for 120 epochs of 9,537 videos, and drop the last, incomplete batch of each epoch.
# Return the batch, the learning rate and the number of steps.


# %% tags=["exercise"]
def plan(gpus):
    """(batch, learning rate, steps) on this many GPUs."""
    ...


# %% tags=["check"]
verdict = "Right."
for gpus in (1, 4, 32):
    how = train.recipes.ucf101_r2plus1d26(batch=16 * gpus)
    expected, answer = (how.batch, how.optimization.learning_rate, how.steps), plan(gpus)
    if answer is None or len(answer) != 3 or not np.allclose(answer, expected, rtol=1e-6):
        verdict = f"Not yet: for {gpus} GPUs you say {answer}, expected {expected}."
        break
judge("plan", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# An epoch has <code>9537 // batch</code> steps.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def plan(gpus):
#     batch = 16 * gpus
#     return batch, 5e-4 * batch, 120 * (9537 // batch)
# ```
# </details>
#
# **3. Keep the peace.** `pulls` returned the two gradients on the shared blocks, already weighted. Suppose
# both tasks should pull equally hard there. By what factor must the weight of the context loss be multiplied?


# %% tags=["exercise"]
def balance(gradients):
    """The factor for the context weight, from the two gradients: context and motion, (2, parameters)."""
    ...


# %% tags=["check"]
verdict = "Right."
made_up = torch.tensor([[3.0, 4.0, 0.0], [-6.0, 0.0, 8.0]])  # of lengths 5 and 10
for name, gradients in (("made-up gradients of lengths 5 and 10", made_up), ("the two of our step", before)):
    answer, expected = balance(gradients), (gradients[1].norm() / gradients[0].norm()).item()
    if answer is None or not np.isclose(float(answer), expected, rtol=1e-4):
        verdict = f"Not yet: for {name} you say {answer}, expected {expected:.3f}."
        break
judge("balance", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# Multiply a loss by 3, and its gradient is 3 times as long.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def balance(gradients):
#     return gradients[1].norm() / gradients[0].norm()
# ```
# </details>
#
# ## What we have seen
#
# - A joint step is one pass through the backbone, two losses, one weighted sum. Before training, the tasks'
#   gradients on shared weights are far from parallel, so a recipe has to settle how hard each one pulls.
# - An interrupted run resumes with the same numbers, since every random choice follows from seed and step.
# - At the end the joint run's losses are close to those of each task alone (one run each). Each part of its
#   features finds what its own task teaches about as well as after that task alone. The whole vector mixes
#   them and is worse at both in a search.
# - For UCF101 and many GPUs you need another recipe and another command. Gradients of keys are summed over
#   processes.
#
# ## Quiz
#
# **1.** Why is one pass of the backbone enough for two tasks?
#
# <details><summary>Answer</summary>
# Both read feature maps of the same clip. Only what comes after the backbone differs, and on the way back the
# gradients of both losses add up.
# </details>
#
# **2.** Two gradients have a cosine of 0. Can both losses still fall?
#
# <details><summary>Answer</summary>
# Yes: a small step along their sum goes downhill for each, as neither undoes the other. What they compete for
# is capacity: the shared weights have to serve both.
# </details>
#
# **3.** A run is killed at step 730; checkpoints are written every 200 steps. How many steps are repeated,
# and will the metrics differ?
#
# <details><summary>Answer</summary>
# 130, because it resumes from step 600. On the same machine, the metrics are the same.
# </details>
#
# **4.** With 8 GPUs instead of 1 and the same recipe, what changes for the loss?
#
# <details><summary>Answer</summary>
# Only the statistics of batch norm, and only if they are not shared between GPUs. The batch is the same, each
# GPU takes an eighth of it, and all keys are gathered.
# </details>
#
# ## Next, and further reading
#
# Next comes [10_retrieval](10_retrieval.ipynb): what you can find with these features, and how sure a score
# is.
#
# - [Experiments](../docs/experiments.md): what was tried before this recipe was found.
# - [Paper map](../docs/paper_map.md): what is the paper's and what is ours.
# - [PyTorch on torchrun](https://docs.pytorch.org/docs/stable/elastic/run.html).
