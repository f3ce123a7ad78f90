# %% [markdown]
# # The result first
#
# Before we build anything, let us see what it is good for. This notebook runs a small search engine for
# video. Show it a clip, and it finds clips of the same place, or clips in which things move the same way.
# Nobody ever told it what "bricks" are, or "clockwise". It learned from clips without
# [labels](../docs/glossary.md#learning-without-labels), in about eight minutes on one processor core, by
# solving two puzzles: *which [key frame](../docs/glossary.md#a-video-as-a-file) belongs to this clip?* and
# *which motion comes next?*
#
# **Goals.** After this notebook you will be able to
# - load a trained network and turn clips into feature vectors,
# - find a clip's nearest neighbors by place or by motion, and say how often the nearest one is right,
# - say what each of the two tasks teaches, and what it leaves out.
#
# **Needs.** [00_start_here](00_start_here.ipynb). About 1 minute on 2 cores, 1.8 GB of memory, and beside
# the clips (64 MB) 877 MB of disk for their decoded frames, which later notebooks use again. If `make lab`
# has not drawn the clips yet, they are drawn now (45 seconds more).

# %% tags=["hide-input"]
import json

import numpy as np

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.course.checks import check
from cvrl_lite.course.explorables import Clips, two_searches
from cvrl_lite.course.figures import (
    add_ways,
    architecture,
    beyond_the_line,
    by_weight,
    close_up,
    confusion,
    decoupling,
    filmstrip,
    grayed,
    neighbors,
    recall,
    show,
)
from cvrl_lite.course.truth import shape_centers
from cvrl_lite.datasets import MovingScenes, decode, moving_scenes

# %%
pretrained = cvrl_lite.load("joint")
backbone, recipe = pretrained.backbone, pretrained.recipe
weights = sum(weight.numel() for weight in backbone.parameters())
print(f"trained on {' and '.join(recipe.tasks)}; {weights} weights, {25.6e6 / weights:.0f} times fewer than")
print("a ResNet-50, a common network for photos")

# %% [markdown]
# What we have loaded is the [**backbone**](../docs/glossary.md#learning-without-labels), a network that
# turns a clip into a list of numbers, its [**feature
# vector**](../docs/glossary.md#learning-without-labels), and the
# [**recipe**](../docs/glossary.md#learning-without-labels), a record of every choice that led to it.
# Training needed more: small networks for each of the two tasks. They were thrown away when the training
# was over. Later notebooks take this diagram apart, piece by piece.

# %%
show(
    architecture(
        ["backbone"], shapes=False, title="Of all the networks in a training, only the backbone is kept"
    ),
    "A diagram. A video file gives a key frame, a clip and future vectors. The clip goes through shared"
    " layers, which split into a context branch and a motion branch: the backbone, framed. The context "
    "branch leads through a head to a loss that asks which key frame belongs to the clip, the motion "
    "branch through a predictor to a loss that asks which motion follows. Only the backbone is in full "
    "color; all other boxes and their arrows are pale.",
)

# %% [markdown]
# ## Clips the network has never seen
#
# [MovingScenes](../docs/glossary.md#measuring) comes in parts that share no clips. The network learned from
# `train`. Each clip of `test` is now a **query**, and the clips of `train` are the
# [**gallery**](../docs/glossary.md#measuring) that it searches.
#
# Note `vectors=False`: [motion vectors](../docs/glossary.md#motion-in-the-file) were the teacher, and the
# teacher has gone home. To search, the network looks at decoded frames only.

# %%
gallery = decode(MovingScenes("train"), size=recipe.decoded_size, vectors=False)
queries = decode(MovingScenes("test"), size=recipe.decoded_size, vectors=False)
print(len(queries.videos), "queries,", len(gallery.videos), "clips in the gallery")
assert not gallery.skipped and not queries.skipped

# %% [markdown]
# What does the network get to see? Three series of eight frames each, from the beginning, the middle and the
# end of a clip. Here is the first one for one clip: every second frame, from the first to the fifteenth.
# Which way do the shapes move?

# %%
video = queries.videos[0]
seen = video.frames[:15:2]
show(
    filmstrip(
        seen,
        labels=[f"{80 * number} ms" for number in range(8)],
        columns=4,
        title="One of three series that the network sees of a clip: eight frames, 80 ms apart",
    ),
    "Eight frames of a clip: a ring and other bright shapes over a dark texture. From frame to frame "
    "the shapes sink a little.",
)

# %% [markdown]
# <details><summary>Answer</summary>
# Down. The clip has two labels, which are for us and never reach the network: its <b>scene</b> is
# <code>marble</code>, its <b>action</b> is <code>down</code>.
# </details>
#
# ## From clips to feature vectors
#
# Each clip becomes one feature vector: the network looks at its three series of eight frames, and we average
# the results. This is the slowest cell of the notebook.

# %%
gallery_table, query_table = pretrained.embed(gallery), pretrained.embed(queries)
print("gallery", gallery_table.features.shape, " queries", query_table.features.shape)
for name, part in gallery_table.parts.items():
    print(f"{name} part: columns {part.start} to {part.stop - 1}")

# %% [markdown]
# A vector comes in two parts. The **context part** was trained on what stays in a clip, the
# **motion part** on what moves. So two clips can be alike in two ways, and we may choose which one to ask
# for.
#
# ## Which clips are alike?
#
# Two feature vectors are alike if they point in the same direction. We measure that by the
# [**cosine**](../docs/glossary.md#learning-without-labels) of the angle between them: 1 means the same
# direction, 0 means unrelated. For all queries and the whole gallery at once that is one product of two
# matrices.


# %%
def unit(rows):
    """The same vectors, each of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(part):
    """(queries, clips of the gallery)"""
    return unit(query_table.part(part).features) @ unit(gallery_table.part(part).features).T


context, motion = cosines("context"), cosines("motion")
same_scene, same_action = (
    queries.labels(label)[:, None] == gallery.labels(label) for label in ("scene", "action")
)
print("cosines", context.shape, " same scene?", same_scene.shape)

# %% [markdown]
# Now the score. For each query we look at the nearest clip of the gallery, and at nothing else.
# [**R@1**](../docs/glossary.md#measuring) ("recall at one") is the share of queries whose nearest clip has
# the same label. A [blind guess](../docs/glossary.md#learning-without-labels) would score 1/16 by scene and
# 1/8 by action.


# %%
def first_is_right(scores, same):
    """R@1: how often the clip with the highest score has the query's label."""
    return same[np.arange(len(same)), scores.argmax(1)].mean()


r1 = {
    "scene": {"context part": first_is_right(context, same_scene)},
    "action": {"motion part": first_is_right(motion, same_action)},
}
packaged = evaluate.retrieval(gallery_table, query_table, "scene", part="context")["R@1"]
assert np.isclose(packaged, r1["scene"]["context part"])  # the package computes the same
chance = {"scene": 1 / 16, "action": 1 / 8}
show(
    recall(r1, chance, title="The nearest clip shows the same scene, or the same action, 9 times in 10"),
    "Two bars, each about .9 long: scenes by the context part and actions by the motion part; dashed lines "
    "for chance near the left edge.",
)

# %% [markdown]
# Nine times in ten the first clip it brings up is the right one. For scenes that is 14
# times as often as a blind guess, for actions 7 times.
#
# A number hides what it counts, so let us look at the clips. On the left are four queries, each followed
# by its five nearest neighbors by the **context part**. A tick means that the **scene** agrees. Look at
# the crosses: what do they have in common with their query?

# %%
chosen = []  # four queries with different actions and different scenes
which = 0  # try 1, 2, ...
for action in ("right", "clockwise", "turn", "pulse"):
    taken = [queries.videos[row].entry.labels["scene"] for row in chosen]
    rows = np.flatnonzero(queries.labels("action") == queries.classes["action"].index(action))
    rows = [row for row in rows if queries.videos[row].entry.labels["scene"] not in taken]
    chosen.append(rows[which])


# %% tags=["hide-input"]
def compare(label, scores, same, image_of):
    """The chosen queries and their five neighbors, each clip as `image_of(frames)`, ticked by one label."""
    names, five = queries.classes[label], np.argsort(-scores, axis=1, kind="stable")[:, :5]
    share = np.take_along_axis(same, five, 1).mean()  # of all queries
    found = five[chosen]
    return neighbors(
        np.stack([image_of(queries.videos[row].frames) for row in chosen]),
        np.stack([[image_of(gallery.videos[n].frames) for n in row] for row in found]),
        [names[queries.labels(label)[row]] for row in chosen],
        [[names[gallery.labels(label)[n]] for n in row] for row in found],
        title=f"Of the five nearest, {np.take_along_axis(same, five, 1)[chosen].sum()} of 20 have the same "
        f"{label} here, {share:.0%} over all queries".replace("%", " %"),
    )


# %%
show(
    compare("scene", context, same_scene, lambda frames: frames[0]),
    "Four rows of stills: a query, then its five nearest neighbors by the context part, each with its scene "
    "and a tick or a cross.",
)

# %% [markdown]
# Some crosses are near misses, such as zigzag bands for waves; `triangles` for `marble` and `scales` for
# `grain` are less easy to understand. Color matters less than you might think: waves are found in green and
# in blue, and dots on walls from green to dark red. (The marbles found for the green marble are all green
# or teal, though; with four queries that may be chance.) In training, the colors of every clip were changed
# at random.
#
# Here are the same four queries with their neighbors by the **motion part**. Now a tick means that the
# **action** agrees. No single frame could tell you that, so you see the first frame in gray and the way of
# each shape during the first series, from blue to orange, with an arrowhead at its end. We drew the clips, so
# we know the ways; the network was never told. In the two lower rows the motions are small, so there you see
# a part of each frame, two and a half times as large. (Its lines are shifted a little to the right of their
# course, so that the way there and the way back lie side by side.) Follow one shape of a query, then one of a
# neighbor. A little further down, the same clips move.

# %% tags=["hide-input"]
five = np.argsort(-motion, axis=1, kind="stable")[:, :5]
shown = [video for row in chosen for video in (queries.videos[row], *(gallery.videos[n] for n in five[row]))]
figure = compare("action", motion, same_action, lambda frames: grayed(frames[0]))
seed_of = {clip.file: clip.seed for clip in moving_scenes.read_index(moving_scenes.course_set())}
for place, (axes, video) in enumerate(zip(figure.axes, shown)):
    action = queries.classes["action"][video.entry.labels["action"]]
    ways = shape_centers(action, seed_of[video.entry.source], frames=15, size=recipe.decoded_size)
    small = place >= 12  # the rows of turn and pulse
    add_ways(axes, ways - 0.5, aside=1.0 * small)  # a pixel's center is its number
    if small:
        close_up(axes, ways - 0.5, side=recipe.decoded_size / 2.5)
for row in (2, 3):
    figure.axes[6 * row].set_ylabel("a part, enlarged")
show(
    figure,
    "Four rows of gray stills: the same four queries, each with its nearest neighbors by the motion part, "
    "its action and a tick or a cross. A line with an arrowhead follows each shape: level ones to the right, "
    "arcs about the center, and in the two lower rows, enlarged, circles, and narrow loops that lead to the "
    "center and back. Most neighbors have lines as their query has.",
)

# %% [markdown]
# Within a row the scenes differ from clip to clip: here the motion part hardly cares *where* something
# happens. In the last row, `pulse` is taken for `turn` more than once; we will come to that.
#
# ## Two kinds of knowledge, kept apart
#
# What if we search by the *other* part, or by the whole vector?

# %%
r1["scene"] |= {
    "whole vector": evaluate.retrieval(gallery_table, query_table, "scene")["R@1"],
    "motion part": first_is_right(motion, same_scene),
}
r1["action"] |= {
    "whole vector": evaluate.retrieval(gallery_table, query_table, "action")["R@1"],
    "context part": first_is_right(context, same_action),
}
show(
    recall(r1, chance, title="Each part finds its own label; the whole vector finds both less often"),
    "Three bars for each label. Scenes: by the context part about .9, by the whole vector about .7, by the "
    "motion part about .1. Actions: by the motion part about .9, by the whole vector about .75, by the "
    "context part about .15. Chance is near the lowest bars.",
)

# %% [markdown]
# Searched by the other part, a label is found hardly more often than by chance. That is what *decoupled*
# means here. (A sharper test further down still finds traces.) And the whole vector? It knows both labels
# but finds either one less often, since a clip can now be near for either reason. So search by the part
# that holds what you are looking for.
#
# Between the two parts you can also mix: score = (1 - w) x cosine of the context parts + w x cosine of
# the motion parts. Run the next cell. The slider is w: at 0 only the place counts, at 1 only the motion.
# Drag it to 1 first: there are the neighbors of the last table again, and now they move. Each dot on the left
# is a clip of the gallery: the further to the right, the more it resembles the query in context, and the
# higher up, in motion. The five clips beyond the line are the five nearest, and they play above. Drag the
# slider, and watch the line turn. The figure below it shows the same for one query, at w = .5.


# %%
def clips(data, table):
    """What the explorable needs to know of a data set."""
    parts = [table.part(part).features for part in ("context", "motion")]
    return Clips([video.frames for video in data.videos], *parts, data.labels("scene"), data.labels("action"))


two_searches(
    clips(queries, query_table), clips(gallery, gallery_table), queries.classes, chosen=chosen, side=72
)

# %%
one = chosen[1]
nearest = np.argsort(-(context[one] + motion[one]), kind="stable")[:5]
both = (same_scene & same_action)[one, nearest].sum()
show(
    beyond_the_line(
        (context[one], motion[one]),
        (same_scene[one], same_action[one]),
        weight=0.5,
        title=f"At w = .5, of the five nearest clips {both or 'none'} shares both labels",
    ),
    "A cloud of dots, one for each clip of the gallery, by its cosine with a query in the context parts and "
    "in the motion parts. Most clips of the same scene lie to the right, most of the same action high up; a "
    "slanted line cuts off the five nearest in the upper right corner. A second panel enlarges that corner; "
    "there they are ringed and numbered: the nearest shares the action, the second and fifth the scene, the "
    "third and fourth neither.",
)

# %% [markdown]
# Most clips of the same scene lie to the right and most of the same action high up, but both clouds are wide.
# Of the five nearest, two share the scene, one the action and two neither. None of the nine clips that share
# both is among them. Read the numbers on the axes, too: the cosines of the context parts spread four times as
# widely as those of the motion parts, so at equal weights context has the greater say.
#
# **Exercise** (medium, 10 minutes). Suppose you want *both*, the same scene and the same
# action, and must not neglect either. Find the weight at which the **smaller** of the two R@1 is as large
# as it can be. Then compare: how much do you lose by asking for both at once?


# %% tags=["exercise"]
def best_weight(context, motion, same_scene, same_action, weights):
    """The one of `weights` for which the smaller of R@1 by scene and R@1 by action is largest.

    context and motion are cosines, same_scene and same_action are True where the label agrees; all four have
    the shape (queries, clips of the gallery).
    """
    ...


# %% tags=["check", "hide-input"]
mixes = np.linspace(0, 1, 51)


def smaller(w, scores, same):
    return min(first_is_right((1 - w) * scores[0] + w * scores[1], label) for label in same)


def as_good(answer, case):
    best, scores, same = case
    return np.isin(answer, mixes) and smaller(answer, scores, same) == best


cases = []
for words, rows in (
    ("all queries", slice(None)),
    ("the first 32 queries", slice(32)),
    ("the last 32", slice(-32, None)),
):
    four = [table[rows] for table in (context, motion, same_scene, same_action)]
    best = max(smaller(w, four[:2], four[2:]) for w in mixes)
    cases.append((words, (*four, mixes), (best, four[:2], four[2:])))
check(
    best_weight,
    cases,
    same=as_good,
    says=lambda case: "a better one" if isinstance(case, tuple) else f"{case}",
)

# %% [markdown]
# <details><summary>Hint</summary>
# For each weight, mix the two tables of cosines and call <code>first_is_right</code> twice. Keep the
# smaller of the two numbers. <code>np.argmax</code> tells you where the largest of a list stands.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def best_weight(context, motion, same_scene, same_action, weights):
#     smaller = []
#     for w in weights:
#         scores = (1 - w) * context + w * motion
#         smaller.append(min(first_is_right(scores, same_scene), first_is_right(scores, same_action)))
#     return weights[np.argmax(smaller)]
# ```
#
# </details>
#
# Here is R@1 for every weight. Is it where you expected?

# %%
curves = {
    label: [first_is_right((1 - w) * context + w * motion, same) for w in mixes]
    for label, same in (("scene", same_scene), ("action", same_action))
}
balanced = np.argmax(np.minimum(*curves.values()))
show(
    by_weight(
        mixes,
        curves,
        best=mixes[balanced],
        title="No mix finds both labels as often as the two parts do, each its own",
    ),
    "Two curves over the weight. The same scene: .9 at the left, falling to .1 at the right. The same "
    "action: the other way round. They cross at about .7, in the middle of the right half.",
)
for name, part in gallery_table.parts.items():
    print(f"length of the {name} part: {np.linalg.norm(gallery_table.features[:, part], axis=1).mean():.1f}")
w = mixes[balanced]
both_right = first_is_right((1 - w) * context + w * motion, same_scene & same_action)
print(f"at w = {w:.2f}, the nearest clip has both labels: {both_right:.2f} of the queries")
assert both_right < 0.7

# %% [markdown]
# The curves cross to the right of .5, since the cosines of the motion parts spread less and need the greater
# weight. There each R@1 is between .7 and .75, two hits in ten less than by its own part. And a clip that has
# *both* labels comes first less often still: see the last line.
#
# <details><summary>Why the whole vector behaves like w = .69</summary>
# The whole vector is such a mix, too. Its motion part is 1.5 times as long as its context part, as printed
# above, so in a cosine it counts 1.5 x 1.5 = 2.25 times as much: the weight 2.25 / 3.25 = .69.
# </details>
#
# ## Where it goes wrong
#
# Here each row is the action of a query, and each column the action of the clip that was found first, by
# the motion part. A perfect search would fill the diagonal and nothing else.

# %%
actions = queries.classes["action"]
table = np.zeros((len(actions), len(actions)), int)
np.add.at(table, (queries.labels("action"), gallery.labels("action")[motion.argmax(1)]), 1)
weak = [name for name, hits in zip(actions, table.diagonal()) if hits < 0.95 * 32]
print("actions that are found less than 95 times in 100:", ", ".join(weak))
show(
    confusion(
        table,
        actions,
        found="the nearest clip",
        title="turn, shake and pulse are taken for each other",
        role="motion",
    ),
    "A table of eight actions by eight. 32 in five places on the diagonal, about 25 in those of "
    "turn, shake and pulse; the misses lie among turn, shake and pulse.",
)

# %% [markdown]
# Five actions are found every time. The misses are among `turn`, `shake` and `pulse`, the
# three whose shapes swing about one place, and these are mostly taken for each other.
#
# > **Tip.** Look at other queries: set `which` to 1 or 2 in the cell that chooses them, and run on from
# > there. A network's mistakes tell you more about it than its successes.
#
# ## What each task leaves out
#
# Were both tasks needed? We trained the same network on [context
# matching](../docs/glossary.md#learning-without-labels) alone, on [motion
# prediction](../docs/glossary.md#learning-without-labels) alone and on both, three times each from
# different random weights. That took over an hour on one core, so here we read the stored results. (The
# network we loaded is the first of the three joint trainings.) An
# [**untrained**](../docs/glossary.md#measuring) network shows what the architecture alone gives.
#
# To compare like with like, we ask all of them in the same way: for the scene by the context part, for the
# action by the motion part. (Each network has both parts. If a task was left out, its part was not trained.)
# Beside R@1 there is a more forgiving measure, the [**linear probe**](../docs/glossary.md#measuring): a
# simple linear classifier, trained *with* labels on the finished feature vectors. It tells us whether the
# knowledge is *there*, even where it does not decide which neighbor is nearest.
#
# Before you look: can one network be as good at both as two specialists, each at its own?

# %%
stored = cvrl_lite.data_path("README.md").parents[1] / "experiments" / "parts.jsonl"
scored = [json.loads(line) for line in stored.read_text(encoding="utf-8").splitlines()]
own = {"scene": "context", "action": "motion"}  # the part that we ask for a label
runs = [(run["model"], {label: run["scores"][part][label] for label, part in own.items()}) for run in scored]
mean = {
    model: {
        label: {
            measure: np.mean([scores[label][measure] for name, scores in runs if name == model])
            for measure in ("R@1", "linear")
        }
        for label in own
    }
    for model in ("untrained", "context", "motion", "joint")
}

# %% tags=["hide-input"]
figure = decoupling(
    mean | {"chance": evaluate.chance(gallery)},
    runs=runs,
    title="Asked by the right part, one network with both tasks does about as well as two with one each",
)
for axes, words in zip(figure.axes, ("scenes, by the context part", "actions, by the motion part")):
    axes.set_title(words, loc="left", fontsize=10)
    axes.set_xticks(range(4), ["untrained", "context\nalone", "motion\nalone", "both tasks"])
show(
    figure,
    "Two bar charts with R@1 and linear accuracy of four networks; a dot for each of three trainings, and a "
    "dashed line for chance. Scenes, by the context part: R@1 .28 untrained, .90 with context matching, .15 "
    "with motion prediction, .88 with both tasks. Actions, by the motion part: .15, .16, .91 and .91.",
)

# %% [markdown]
# **Each task teaches what its answers contain.** You can match a clip with its key frame
# without ever looking at the motion, and you can predict motion without looking at the wall behind it. So
# after context matching alone, the motion part is no better at actions than that of an untrained network;
# after motion prediction alone, the context part no better at scenes. Neither part was trained. (By R@1 the
# latter is even worse than untrained: the parts share their first layers, and presumably these have learned
# to look at motion.)
#
# And one network that learned both tasks finds scenes as well as one that learned nothing but scenes, and
# actions as well as one that learned nothing but actions, *if asked by the right part*. Between the means the
# difference is .02 at most, less than between two trainings of the same network. (With three trainings each,
# a difference of a few hundredths would escape us.) By the whole vector it falls behind, as there both
# parts count, each for its own label. And how clean is the separation? By R@1, next to perfect. By the linear
# probe, less so:


# %%
def score(model, part, label, measure):
    """The mean of a model's three trainings."""
    return np.mean([run["scores"][part][label][measure] for run in scored if run["model"] == model])


print("R@1 by the whole vector, means of three")
for label, alone in own.items():
    one, both = (score(model, "whole", label, "R@1") for model in (alone, "joint"))
    print(f"{label:6} {alone} alone: {one:.2f}   both tasks: {both:.2f}")
print("linear probe on the part for the *other* label, means of three")
for label, part, guess in (("action", "context", 1 / 8), ("scene", "motion", 1 / 16)):
    joint, alone, bare = (score(model, part, label, "linear") for model in ("joint", part, "untrained"))
    print(f"{label:6} from the {part} part: both tasks {joint:.2f}, {part} alone {alone:.2f},", end=" ")
    print(f"untrained {bare:.2f}, guess {guess:.2f}")

# %% [markdown]
# By its context part the network with both tasks lets a probe name almost half of the actions: about twice as
# many as an untrained one, and many more than after context matching alone. So most of that gain comes from
# the motion task, presumably by the shared layers. The part does not put clips of one action *near* each
# other, but it does know something about them. The motion part knows no more of scenes than before it was
# trained, and that is still far from nothing.
#
# This *decoupling*, in the paper's title, is a first answer to our first question, **for clips in which scene
# and action are independent because we drew them so**: there neither task is the better teacher. They teach
# different things, and one network can learn both. In real video the two go together;
# [15_real_video](15_real_video.ipynb) asks again.
#
# **An experiment of your own.** Put `cvrl_lite.load("motion")` into the cell that loads the network, near
# the top, and run the notebook again. Before you do, write down what you expect of its *context part*,
# which was never trained for anything: how often will it find the scene, and how often the action?
#
# <details><summary>Our result</summary>
# It finds the scene in .18 of the queries, far less than the .90 of the joint network; and the action in
# .61. Nobody trained that part, but it shares its first layers with the part that was trained, and presumably
# these had learned to look at motion.
# </details>
#
# ## What we have seen
#
# - A backbone turns a clip into a feature vector. Its nearest neighbors, and R@1, show what the vector is
#   about.
# - The vector has two parts. The context part finds clips of the same scene, the motion part clips with the
#   same action, each nine times in ten. On the other label the R@1 of each is close to a blind guess,
#   though a linear probe still finds traces.
# - On these clips, context matching teaches the scene and motion prediction the action. Trained together,
#   without a single label, they hardly get in each other's way, if we ask each part for its own label.
#
# ## Quiz
#
# **1.** By action, a network has an R@1 of 1/8. How much does it know about actions: a lot, a little, or
# nothing?
#
# <details><summary>Answer</summary>
# By R@1, nothing: with eight actions, guessing scores 1/8. A linear probe may still find
# something, as it did in the context part.
# </details>
#
# **2.** An untrained network scores .28 by scene, more than four times chance. How is that possible, when it
# has not learned anything?
#
# <details><summary>Answer</summary>
# Even random filters respond to textures. That is why we always compare with an untrained
# network, and not only with chance.
# </details>
#
# **3.** The joint network's whole vector has an R@1 of about .7 for actions, and a linear probe on the
# same vector gets .99. Why the difference?
#
# <details><summary>Answer</summary>
# The cosine weighs all columns in the same fixed way, so the nearest clip may be near because of its
# scene. The probe can pick the columns that reveal the action and ignore the rest.
# </details>
#
# **4.** Why are our queries from <code>test</code> and not from <code>train</code>?
#
# <details><summary>Answer</summary>
# The network has seen the clips of <code>train</code>. It may know them by heart without having learned
# anything that helps with new clips.
# </details>
#
# ## Next, and further reading
#
# Next: [02_inside_a_video_file](02_inside_a_video_file.ipynb). Nobody labeled anything, so where did the
# right answers for the two tasks come from? We open a file and look.
#
# - The [paper](https://arxiv.org/abs/2104.00862), for how the authors measure on real videos, and [our map
#   of it](../docs/paper_map.md).
# - [The data card](../data/README.md): what is in `data/`, and how it was made.
