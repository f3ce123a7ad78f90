# %% [markdown]
# # Real video
#
# So far every network of this course has learned from drawings. Drawings are honest teachers, since we know
# what is in them, but nobody films bricks and triangles. This notebook moves to real footage: people who
# shoot arrows, ride horses and play the cello, filmed with phones and television cameras. One question leads
# through it:
#
# > **Does anything learned from drawings help on real video?**
#
# We ask it three times: of networks that have seen *nothing but* drawings; of drawings against real clips as
# teachers; and of what the drawings taught *us*, that a vector has one part for what stays and one for what
# moves.
#
# **Goals.** After this notebook you will be able to
# - tell some actions by their motion vectors alone,
# - set up a fair test on real clips: what has to be equal, what has to be kept apart,
# - put an interval on a score when several clips come from one source video, and compare two networks on
#   the same queries,
# - find out whether two networks know *different* things, or the same things,
# - run the same test on a folder of your own, or on UCF101.
#
# **Needs.** [10_retrieval](10_retrieval.ipynb) and [14_your_own_videos](14_your_own_videos.ipynb). Less
# than 1 minute on 2 cores, 0.3 GB of memory, no disk. Each training took 3 to 17 minutes on one core, all
# of them together hours, so this notebook reads their log. To run the last part on your own videos, put a
# path between quotes here; its sub-folders are the classes.

# %%
import os

MY_FOLDER = os.environ.get("CVRL_UCF101")  # or a path, such as "/media/sports"
SOURCE = "v_.+_g[0-9]+" if "CVRL_UCF101" in os.environ else None  # see "Your own clips"

# %%
import itertools
import json

import numpy as np

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.course import figures
from cvrl_lite.course.exercises import judge, show_certificate
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.judging import grid, range_panels, ranges_in_words
from cvrl_lite.course.figures.real import class_maps
from cvrl_lite.course.figures.search import confusion
from cvrl_lite.course.loops import show_loop
from cvrl_lite.datasets import VideoDataset, VideoFolder

experiments = cvrl_lite.data_path("README.md").parents[1] / "experiments"

# %% [markdown]
# ## A riddle: eleven actions, only their arrows
#
# UCF101 is a standard set of 13,320 clips from YouTube in 101 classes of action. We use eleven classes, 792
# clips. The clips belong to others, so we cannot show you a frame of them. But we can show what the files
# say about motion. Here is one clip of each class, three seconds long, and of each nothing but its motion
# vectors. An arrow points to where things go, and its color says the same again; the longer, the faster.
# (An arrow is the median over five frames; the shortest, and those without a neighbor, are left out as
# noise.) When a whole panel fills with one color, it is the camera that moves. (Where nothing can play, on
# GitHub or in print, you see one moment of it, and the riddle is harder.)

# %% tags=["hide-input"]
show_loop(
    "riddle",
    "Eleven dark panels, A to K, with small moving arrows, and a key of the colors. A: the shape of a "
    "person sways from side to side, a forearm going to and fro. B: the arrows of the upper half point "
    "down and inward, vanish, point up and outward. C: long arrows to the right all over the panel. D: "
    "mostly nothing, for moments a block of parallel arrows. E: most of the panel slides to the left, a "
    "few small groups go their own way. F: arms come from the left, hands at their ends. G: the panel "
    "trembles around someone in the middle. H: a broad band of arrows across the panel, some tumbling "
    "upwards. I: someone upright sways, and beside them something small moves to and fro. J: a small "
    "figure in the middle, then everything goes up and to the right. K: one person comes in from the "
    "left.",
)

# %% [markdown]
# Archery, basketball dunk, cricket bowling, cricket shot (batting), horse race, pizza tossing, playing
# cello, piano, sitar and violin, surfing: which is which?
#
# **Exercise 1** (easy, 5 minutes). Write down what you think, for at least three letters. A class is named as
# in this line: `Archery BasketballDunk CricketBowling CricketShot HorseRace PizzaTossing PlayingCello
# PlayingPiano PlayingSitar PlayingViolin Surfing`.

# %% tags=["exercise"]
guesses = {}  # such as {"A": "Archery"}

# %% tags=["check", "hide-input"]
maps = json.loads((experiments / "real_maps.json").read_text(encoding="utf-8"))
CLASSES = list(maps)  # in alphabetical order
ANSWERS = dict(zip("ABCDEFGHIJK", (CLASSES[number] for number in (9, 2, 4, 8, 1, 7, 0, 10, 6, 5, 3))))
unknown = [name for name in guesses.values() if name not in CLASSES]
right = [letter for letter, name in guesses.items() if ANSWERS.get(letter) == name]
if unknown:
    print(f"Not yet: no class is called {unknown[0]}; expected one of {', '.join(CLASSES)}.")
elif len(right) < 3:
    print(f"Not yet: expected three letters named rightly, got {', '.join(right) or 'none'}.")
else:
    judge("guesses", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Who has to be followed by a camera, so that the ground runs the other way? Whose forearm goes to and fro?
# Which camera suddenly goes after something that flies? And where is water?
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# guesses = {
#     "A": "PlayingViolin",
#     "B": "CricketBowling",
#     "C": "HorseRace",
#     "D": "PlayingSitar",
#     "E": "BasketballDunk",
#     "F": "PlayingPiano",
#     "G": "Archery",
#     "H": "Surfing",
#     "I": "PlayingCello",
#     "J": "PizzaTossing",
#     "K": "CricketShot",
# }
# ```
#
# What gives them away: in A and I a body sways while, at its left, an arm draws a bow. In B the arrows point
# down and inward, rest, and then point outward: the camera draws back, waits, and closes in again. In C it
# follows the horses, so the ground runs to the right. In E it follows the players; in J it goes down after
# the dough. In F two arms come in from the left. G draws the bow, and then only the camera trembles. H is a
# wave. K steps in from the left. And of the sitar (D) only hands move: most of the time there is hardly an
# arrow; now and then, for a moment, the wall seems to slide.
# </details>
#
# Whatever you found, you found it from motion alone: no color, no edges, no faces. That is all that motion
# prediction gets as its target. And some of these clips are easy, others hopeless. Keep your guesses: further
# down the arrows come again with their names, and we shall see whether the networks find the same ones easy.
#
# ## The clips
#
# One clip a class could be an accident. So here is the mean speed at each place of the frame, over the 48
# training clips of each class. Does it fit the arrows?

# %% tags=["hide-input"]
maps = {name: np.array(values) for name, values in maps.items()}
show(
    class_maps(
        maps,
        label="pixels per frame; a frame is 72 wide",
        title="Horses and surfers fill the frame with motion, pianists hardly move it",
    ),
    "Eleven maps of mean speed over the frame. Mean over the map: "
    + "; ".join(f"{name} {values.mean():.2f}" for name, values in maps.items())
    + ".",
)

# %% [markdown]
# In four classes (horse race, surfing, pizza tossing, basketball dunk) most of the frame moves, often
# because the camera follows; the pale bands at the top and bottom are black bars of letterboxed videos. In
# the other classes little moves but hands, bows and arms. Some classes are easy to tell by *where* they
# happen: only surfing happens on waves. Others share a place and differ in motion: bowling and batting are
# filmed on the same cricket pitch. And the players of cello, piano, sitar and violin sit in rooms and move
# their hands. So we can ask what *kind* of knowledge a network has.
#
# **A trap in the files.** In the clips as published, the frame rate and the GOP nearly give the class away:
# two classes alone have 29.97 frames a second, and four alone have a key frame every 12. A network that
# reads motion vectors could learn *that* instead of the action. So every clip was decoded and encoded again
# in the same way: 256x192 pixels, 25 frames a second, at most 100 frames, a key frame every 12
# (`experiments/ucf11.py` makes the set from your copy of UCF101).
#
# **A second trap.** A class has 18 source videos, and four clips of each: same camera, same people, same
# minute. If one of the four is the query and another is in the gallery, the network only has to recognize
# the recording. So the sets are split by *source*:
#
# | set | source videos of each class | clips | what for |
# |---|---|---|---|
# | train | 12 | 528 | learning without labels, and the gallery that is searched |
# | val | 2 | 88 | every choice: the recipe, the penalty of the probe |
# | test | 4 | 176 | the queries of every score below |

# %% [markdown]
# ## The log
#
# `experiments/real.py` trains every network several times with different seeds and writes down, for each of
# the 176 queries, whether its nearest neighbor was of the right class. That is worth more than a single
# score: from the hits we can compute any interval and compare networks query by query.

# %%
runs = [json.loads(line) for line in (experiments / "real.jsonl").open(encoding="utf-8")]
CLIPS, TEST = 4, 4  # clips of a source video, and source videos of each class among the queries
QUERIES = len(CLASSES) * TEST * CLIPS  # in the order of classes, then sources
labels = np.arange(QUERIES) // (TEST * CLIPS)
sources = np.arange(QUERIES) // CLIPS


def hits(model, part="whole", measure="R@1"):
    """(seeds, 176) of 0 and 1: which queries each run of a model answers rightly."""
    mine = sorted((run for run in runs if run["model"] == model), key=lambda run: run["seed"])
    return np.array([[int(bit) for bit in run["parts"][part]["hits"][measure]] for run in mine])


for model in ("color histograms", "untrained", "joint, drawings"):
    found = hits(model)
    print(f"{model}: R@1 {found.mean():.2f}, {len(found)} seed{'s' * (len(found) > 1)}")
print(f"a guess: {1 / len(CLASSES):.2f}")

# %% [markdown]
# ## How sure? Count sources, not clips
#
# 176 queries sound like many. But they come from 44 source videos, and the four clips of one source succeed
# or fail together. What would the score be on *other* source videos? The **bootstrap** of
# [10_retrieval](10_retrieval.ipynb) draws 44 of our sources again and again, with replacement, with all
# their clips:


# %%
def interval(values):
    """The 95 % interval of the mean of (176,) values: whole sources are drawn again, 10,000 times."""
    by_source = values.reshape(-1, CLIPS).mean(1)
    drawn = np.random.default_rng(0).integers(0, len(by_source), (10_000, len(by_source)))
    return tuple(float(end) for end in np.quantile(by_source[drawn].mean(1), [0.025, 0.975]))


hit = hits("joint, drawings").mean(0)
by_clip = np.random.default_rng(0).choice(hit, (10_000, QUERIES)).mean(1)
print("drawing clips:   {:.2f} to {:.2f}".format(*np.quantile(by_clip, [0.025, 0.975])))
print("drawing sources: {:.2f} to {:.2f}".format(*interval(hit)))

# %% [markdown]
# The honest interval is wider. With 44 sources, two *separate* scores have to lie about .16 apart before luck
# is an unlikely explanation. That is a lot. But we do not have separate scores: both networks answer the
# *same* queries, and a hard query is hard for both.
#
# **Exercise 2** (medium, 10 minutes). Find out how much that helps. Draw whole sources, and in each draw
# take *the same* sources for both networks; return the differences of their shares. Use `random.integers(0,
# number of sources, number of sources)` for each draw. Sources may have different numbers of clips.


# %% tags=["exercise"]
def paired(one, other, sources, draws, random):
    """(draws,) differences: the share of hits of `one` minus that of `other`, over the same drawn sources."""
    ...


# %% tags=["check", "hide-input"]
def check_paired():
    """What is wrong with `paired`, or an empty string."""
    first = (
        np.repeat([1.0, 0, 1, 0, 1, 1], 4),
        np.repeat([0.0, 0, 1, 0, 0, 1], 4),
        np.repeat([7, 3, 9, 1, 4, 2], 4),
    )
    second = (np.array([1.0, 1, 1, 0, 0, 1]), np.array([0.0, 0, 1, 0, 1, 0]), np.array([0, 0, 0, 1, 2, 2]))
    for one, other, source in (first, second):
        said = paired(one, other, source, 4000, np.random.default_rng(0))
        if said is None or np.shape(said) != (4000,):
            return f"expected an array of shape (4000,), got {None if said is None else np.shape(said)}"
        rows = [np.flatnonzero(source == number) for number in np.unique(source)]
        draws = np.random.default_rng(1).integers(0, len(rows), (4000, len(rows)))
        clips = [np.concatenate([rows[place] for place in draw]) for draw in draws]
        expected = np.array([(one - other)[drawn].mean() for drawn in clips])
        for name, mine, right in (
            ("mean", np.mean(said), expected.mean()),
            ("spread", np.std(said), expected.std()),
        ):
            if not abs(mine - right) < 0.02:
                return (
                    f"for hits {one.astype(int).tolist()} and {other.astype(int).tolist()} of sources "
                    f"{source.tolist()} the differences should have the {name} {right:.2f}, "
                    f"yours have {mine:.2f}"
                )
    return ""


wrong = check_paired()
judge("paired", f"Not yet: {wrong}." if wrong else "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The difference can be taken first, clip by clip; then there is only one list of values to draw from.
# Collect the rows of each source, concatenate those of the drawn sources, and take one mean over all of
# them.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def paired(one, other, sources, draws, random):
#     rows = [np.flatnonzero(sources == source) for source in np.unique(sources)]
#     found = []
#     for _ in range(draws):
#         drawn = random.integers(0, len(rows), len(rows))
#         clips = np.concatenate([rows[number] for number in drawn])
#         found.append((one - other)[clips].mean())
#     return np.array(found)
# ```
# </details>

# %%
one, other = hits("joint").mean(0), hits("motion").mean(0)
apart = np.hypot(*[(high - low) / 2 for low, high in (interval(one), interval(other))])
low, high = interval(one - other)
print(
    f"difference {np.mean(one - other):+.2f}; as two separate scores ± {apart:.2f}, "
    f"query by query ± {(high - low) / 2:.2f}"
)

# %% [markdown]
# (This interval covers other *sources*. Another *training* with another seed would answer differently, too.
# So from here on, most intervals draw the trainings as well; where one draws sources alone, it says so.)
#
# ## First: do networks that saw only drawings find anything?
#
# Five contestants, none of which has seen a real frame: the **color histogram** of a clip (no network at
# all), an **untrained** network, and our networks trained on drawings: by context, by motion, by both tasks
# jointly. Where no part is named, scores are those of whole vectors. Put the five in order before you look.
# Will drawings beat plain color?

# %% tags=["hide-input"]
NO_REAL = {
    "color histograms": "color histograms",
    "untrained": "untrained",
    "context, drawings": "context",
    "motion, drawings": "motion",
    "joint, drawings": "both tasks",
}
MEASURES = ("R@1", "linear")
found = {
    measure: {name: hits(model, measure=measure).mean(1) for model, name in NO_REAL.items()}
    for measure in MEASURES
}
show(
    figures.seeds(
        found,
        guess=[1 / len(CLASSES)] * 2,
        title="Learned from drawings alone, by both tasks: half of the real clips find their class (R@1)",
        roles={"context": "context", "motion": "motion", "both tasks": "joint"},
    ),
    f"Two panels of five bars, a dot for each training. {figures.in_words(found)}",
)


# %%
def gap(one, other, measure, trainings=True, part="whole"):
    """Lower end, mean, upper end of the score of `one` minus that of `other`, sources drawn again."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, QUERIES // CLIPS, (10_000, QUERIES // CLIPS))  # the same for both
    both, means = [hits(model, part, measure) for model in (one, other)], []
    for hit in both:
        by_source = hit.reshape(len(hit), -1, CLIPS).mean(2)  # (seeds, sources)
        rows = random.integers(0, len(hit), (10_000, len(hit))) if trainings else [range(len(hit))]
        scores = np.broadcast_to(by_source[np.array(rows)].mean(1), drawn.shape)
        means.append(np.take_along_axis(scores, drawn, 1).mean(1))
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    return float(low), float(both[0].mean() - both[1].mean()), float(high)


print("both tasks, on drawings, minus ...")
for other in list(NO_REAL)[:4]:
    for measure in MEASURES:
        low, middle, high = gap("joint, drawings", other, measure)
        print(f"  {NO_REAL[other]:17} {measure:6} {middle:+.2f} ({low:+.2f} to {high:+.2f})")
assert all(gap("joint, drawings", "untrained", measure)[1] > 0.1 for measure in MEASURES)

# %% [markdown]
# **Yes, they do.** A network that has seen nothing but drawings, and no label, does better on real video
# than an untrained one of the same shape, by either measure, also when sources *and* trainings are drawn
# again. Color is a strong opponent, because a class is often filmed in the same kind of place: by a probe
# the lead over it is clear, by nearest neighbors the interval just contains zero. Two tasks are ahead of
# context alone, clear of zero; their lead over motion alone is not. (A few trainings say little about how
# trainings vary, so these intervals are rather too narrow than too wide.)
#
# **Why should drawings help at all?** How things move, left or right, together or apart, steadily or in
# jerks, is much the same in a drawing and in a film, and so are edges and textures to the first layers of a
# network. There is a hint that much of it sits in early layers. Here is what the two parts of the
# network that learned *motion* from drawings gain over those of an untrained one. Which will gain more?

# %%
for part in ("context", "motion"):
    for measure in MEASURES:
        before, now = (hits(model, part, measure).mean() for model in ("untrained", "motion, drawings"))
        low, _, high = gap("motion, drawings", "untrained", measure, part=part)
        print(f"{part} part, {measure}: {before:.2f} to {now:.2f} (gain {low:+.2f} to {high:+.2f})")

# %% [markdown]
# By nearest neighbors it is the *context* part that gains, the one that no task has trained; by the probe
# both do. Both branches stand on the same early layers, and an untrained branch can gain only through
# those. So a good share of what motion taught sits there.

# %% [markdown]
# ## Second: drawings or real clips, which is the better teacher?
#
# Now the 528 training clips, without their labels. The same method and almost the same recipe, but mind the
# differences: real clips are fewer, and were seen for fewer steps.

# %% tags=["hide-input"]
REAL = ["context", "motion", "joint", "joint, drawings then real"]
TRAINED = ["context, drawings", "motion, drawings", "joint, drawings", *REAL, "labels"]
print(f"{'network':28} {'clips':22} {'steps of 40 clips':18} seeds")
for model in TRAINED:
    mine = [run for run in runs if run["model"] == model]
    drawn, then = model.endswith("drawings"), model.endswith("then real")
    steps = f"1000 + {mine[0]['recipe']['steps']}" if then else mine[0]["recipe"]["steps"]
    clips = "1152 drawings" if drawn else "1152 drawings, 528 real" if then else "528 real"
    print(f"{model:28} {clips:22} {steps!s:18} {len(mine)}")

# %% [markdown]
# Three things differ at once between the two kinds of clip: the kind, how many, and how long they were seen.
# So what follows answers "are 1152 drawings as good as 528 real clips, with these two recipes?", not "is a
# drawing as good a teacher as a real clip?". For that, 528 drawings for 600 steps would have to be run.
#
# On drawings, motion came out above context, and both tasks above either. **Your bet**: the same order on
# real clips? And where among them is the network that learned from drawings? The dotted line is a
# network of the same shape, trained on the same real clips for as many steps, but *with* their labels.

# %% tags=["hide-input"]
SEEN_REAL = {
    "context": "context",
    "motion": "motion",
    "joint": "both tasks",
    "joint, drawings then real": "both tasks, drawings then real",
    "joint, drawings": "both tasks, drawings only",
}
found = {
    measure: {name: hits(model, measure=measure).mean(1) for model, name in SEEN_REAL.items()}
    for measure in MEASURES
}
figure = figures.seeds(
    found,
    guess=[1 / len(CLASSES)] * 2,
    title="Means on real clips stand in the same order as on drawings; both tasks are highest on either",
    roles={name: model.split(",")[0] for model, name in SEEN_REAL.items()},
)
told = {measure: hits("labels", measure=measure).mean() for measure in MEASURES}
for axes, score in zip(figure.axes, told.values()):
    axes.axvline(score, color=figures.INK, ls=":", lw=1.5)
    axes.text(score, len(SEEN_REAL) - 0.45, " dotted: with labels", va="top", fontsize=8)
show(
    figure,
    f"Two panels of five bars, a dot for each training. {figures.in_words(found)} A dotted line for a "
    f"network trained with labels, {told['R@1']:.2f} and {told['linear']:.2f}, right of all bars.",
)
for scores in found.values():
    context, motion, both, _, drawn = (np.mean(values) for values in scores.values())
    assert context < motion < both and abs(both - drawn) < 0.05

# %%
for measure in MEASURES:
    low, high = hits("untrained", measure=measure).mean(), told[measure]
    for model in ("joint", "joint, drawings"):
        score = hits(model, measure=measure).mean()
        way = (score - low) / (high - low)
        print(f"{measure:6} {low:.2f} untrained, {high:.2f} labels; {model}: {score:.2f}, {way:.0%} there")
        assert 0.4 < way < 0.6 if measure == "R@1" else 0.6 < way < 0.8

# %% [markdown]
# So without a single label, both tasks go about half of the way from an untrained network to one that was
# told the classes, and by the probe more than that; from drawings, without a single real frame, somewhat
# less by R@1, and by the probe about as far.
#
# These are means over a few trainings and 44 sources. Which differences are sure? Five of them, each by both
# measures. Before you look: which of them would you bet on?

# %% tags=["hide-input"]
BY = {"R@1": "R@1", "linear": "linear probe"}
PAIRS = {
    "motion minus context": ("motion", "context"),
    "both tasks minus context": ("joint", "context"),
    "both tasks minus motion": ("joint", "motion"),
    "real clips minus drawings": ("joint", "joint, drawings"),
    "drawings, then real, minus drawings": ("joint, drawings then real", "joint, drawings"),
}
thick, thin = (
    {
        words: {name: gap(*pair, measure, trainings) for name, pair in PAIRS.items()}
        for measure, words in BY.items()
    }
    for trainings in (False, True)
)
clear = [name for name in PAIRS if all(values[name][0] > 0 for values in thin.values())]
leads = f"{len(clear)} leads are" if len(clear) > 1 else "Only one lead is"
figure = range_panels(
    thick,
    label="difference, 95 % (thick: other sources; thin, and in numbers: other sources and trainings)",
    title=f"{leads} clear of zero by both measures: {', '.join(clear).replace(' minus ', ' over ')}",
    zero=0,
    roles=dict.fromkeys(clear, "joint"),
    pairs=thin,
)
show(
    figure,
    "Two panels of five whiskers around a dashed line at zero. "
    + " ".join(f"{words}, other sources: {ranges_in_words(values)}" for words, values in thick.items())
    + " With trainings drawn, too: "
    + " ".join(f"{words}: {ranges_in_words(values)}" for words, values in thin.items()),
)
assert clear == ["both tasks minus context"]
assert all(values["motion minus context"][0] < 0 for values in thin.values())

# %%
precisions = {}
for model in ("joint, drawings", "joint"):
    precisions[model] = sorted(run["parts"]["whole"]["mAP"] for run in runs if run["model"] == model)
    print(f"{model}: mean average precision", *(f"{value:.2f}" for value in precisions[model]))
assert max(precisions["joint, drawings"]) < min(precisions["joint"])

# %% [markdown]
# **Motion against context.** Motion comes out above context by both measures, but the intervals that allow
# for other trainings contain zero: *not seen*.
#
# **Both tasks against one.** On real clips, too, the joint network beats the one that learned context
# alone, by both measures. Its lead over motion alone is the narrow one: the thin line crosses zero by R@1
# and begins at zero by the probe, so the lead could be a matter of a few lucky trainings. This is what the
# method is for, so it is the comparison that deserves the most seeds.
#
# **Drawings against real clips.** By R@1 and probe we see no difference: the joint network that learned from
# 528 real clips and the one that learned from 1152 drawings score alike; by the intervals above, a lead of
# .16 by R@1, and of .09 by the probe, could have been missed. By the *whole* ranking, the mean average
# precision just printed, real clips come out higher: every training on them is above every training on
# drawings. (The log has one such number for each training, so sources could not be drawn again.) Going on
# from drawings to real clips has the highest scores (about .59 and .63), after 1600 steps in all; whether
# that beats drawings alone, these sources cannot tell. If that gain is small, one possible reason is that
# there are only 132 source videos, and a network can learn to tell *those* apart, which is of no use for
# new ones.
#
# > **What drawings did not teach us.** In [12_ablations](12_ablations.ipynb), after 200 steps on drawings,
# > the vectors themselves came out highest as targets, compared by direction or by contrast. On the real
# > clips, three networks of each kind that learned from them are not seen to know more than untrained ones;
# > only learned features taught. One possible reason: drawn vectors are clean, and many real ones are the
# > noise that we left out of the riddle. So a network may carry over to real video, and advice on how to
# > train one may not.
#
# ## And with a few labels?
#
# In practice one has some labels, and finetunes. **Your bet**: all 48 labels of each class, and 200 steps.
# How much of the test is named rightly from scratch, and how much from weights that saw only drawings?

# %% tags=["hide-input"]
tuned = [json.loads(line) for line in (experiments / "real_after.jsonl").open(encoding="utf-8")]
named = {
    (run["start"], run["steps"], run["per_class"], run["seed"]): np.array([int(bit) for bit in run["hits"]])
    for run in tuned
    if "hits" in run
}
seeds = sorted({seed for start, *_, seed in named if start == "joint, drawings"})


def named_by(start, steps, count):
    """(176,): how often each query was named rightly, over the trainings."""
    return np.mean([named[start, steps, count, seed] for seed in seeds], 0)


leads = {}
for count, words in ((10, "10 labels a class"), (None, "all 48 labels a class")):
    tuned_hits = named_by("joint, drawings", 200, count)
    print(f"{words}: from drawings, 200 steps {tuned_hits.mean():.2f}", end="; from scratch ")
    for steps in (200, 600):
        scratch = named_by("scratch", steps, count)
        print(f"{steps} steps {scratch.mean():.2f}", end=", " if steps == 200 else "\n")
        low, high = interval(tuned_hits - scratch)
        row = f"over scratch, {'as many' if steps == 200 else '3 times as many'} steps"
        leads.setdefault(words, {})[row] = (low, (tuned_hits - scratch).mean(), high)
show(
    range_panels(
        leads,
        label="lead of the start from drawings in the share named rightly; 95 %, other sources",
        title="From drawings: ahead after as many steps; no lead is seen over 3 times as many",
        zero=0.0,
        roles={"over scratch, as many steps": "joint"},
    ),
    "Two panels of two whiskers around a dashed line at zero. "
    + " ".join(f"{words}: {ranges_in_words(values)}" for words, values in leads.items()),
)
assert all(values["over scratch, as many steps"][0] > 0 for values in leads.values())

# %% [markdown]
# After as many steps, the start that has seen no real frame is ahead, with ten labels a class as with all.
# Against training from scratch for three times as long, .02 is left with ten labels and .05 with all (before
# rounding), and both intervals contain zero. All of this draws sources alone, of two trainings each
# ([the study](../docs/study.md) has every start).
#
# ## Third: is there still a part that stays, and a part that moves?
#
# On drawings, the context part knew scenes and the motion part actions, and each was nearly blind to the
# other. In real video, place and action are not drawn independently: nobody surfs in a concert hall.
# Whoever knows the place can guess the action. So do the two parts still know different things?
#
# Here is the riddle again, with its answers. Which of these would a motion part find? And which would you
# rather leave to the context part?

# %% tags=["hide-input"]
show_loop(
    "riddle_solved",
    "The eleven panels of arrows again, now with names: "
    + ", ".join(f"{letter} {name}" for letter, name in ANSWERS.items())
    + ".",
)

# %% tags=["hide-input"]
columns = {
    "color": hits("color histograms"),
    "drawings:\ncontext part": hits("joint, drawings", "context"),
    "drawings:\nmotion part": hits("joint, drawings", "motion"),
    "real:\ncontext part": hits("joint", "context"),
    "real:\nmotion part": hits("joint", "motion"),
}
columns = {name: found.mean(0).reshape(len(CLASSES), -1).mean(1) for name, found in columns.items()}
order = [CLASSES.index(name) for name in ANSWERS.values()]
ahead = {  # the better part of each of the two networks, where its parts differ by a quarter
    (line, first if values[0] > values[1] else first + 1): "context" if values[0] > values[1] else "motion"
    for line, row in enumerate(order)
    for first in (1, 3)
    if abs(np.subtract(*(values := [shares[row] for shares in list(columns.values())[first:][:2]]))) > 0.25
}
assert set(ahead.values()) == {"context"}
show(
    grid(
        [[[values[row]] for values in columns.values()] for row in order],
        rows=[f"{'* ' * (guesses.get(letter) == name)}{letter}  {name}" for letter, name in ANSWERS.items()],
        columns=list(columns),
        own=ahead,
        tints=["untrained", "context", "motion", "context", "motion"],
        title="Pianos and surfers are found most, archers hardly by any network (R@1; *: you named it)",
    ),
    "A table of shares: "
    + "; ".join(
        f"{name} by {part.replace(chr(10), ' ')} {values[row]:.2f}"
        for part, values in columns.items()
        for row, name in enumerate(CLASSES)
    )
    + ".",
)

# %% [markdown]
# A frame marks the part that is ahead of the other part of its network by more than a quarter. Read this
# table as examples: each class has four source videos, so a cell hangs on two or three of them.
#
# So which of them does a motion part find? *No* class belongs to one: every frame is around a context part.
# Surfers are easy for both motion parts, and horses for the one that learned from real clips; but color
# alone finds them about as well (.75 and .69). And pianos are found nearly always after training on real
# clips. Is so little motion a clue of its own? Hardly: cellos move as little (.09 in the maps above) and
# are found far less often, while color finds pianos, too (.75). Batters are the clearest case: after real
# clips the context part finds a third of them, the motion part hardly any. They share the pitch with
# bowlers, so perhaps it is what stays in the picture that tells them, not the stroke. Where a motion part
# is ahead, as in surfing after drawings, it is by less. Archery is hardly found by any network; color finds
# a third.
#
# Do the two parts make different mistakes? Some disagreement is luck: two trainings of the *same* part with
# other seeds disagree, too. So the question is whether the parts of one network disagree *more* than two
# seeds of one part.
#
# **Exercise 3** (medium, 10 minutes). Measure it. Given the hits of the context part and of the motion
# part, a row for each seed, compute both shares of queries on which two rows disagree: between the two
# parts of the same seed (mean over seeds), and between two seeds of the same part (mean over all pairs of
# seeds, and both parts).


# %% tags=["exercise"]
def disagreement(context, motion):
    """Two shares 0..1 from hits (seeds, queries): between the parts, and between two seeds of one part."""
    ...


# %% tags=["check", "hide-input"]
def check_disagreement():
    """What is wrong with `disagreement`, or an empty string."""
    random = np.random.default_rng(0)
    for seeds, queries in ((2, 4), (3, 10)):
        context, motion = random.integers(0, 2, (2, seeds, queries))
        pairs = list(itertools.combinations(range(seeds), 2))
        across = np.mean([np.mean(context[seed] != motion[seed]) for seed in range(seeds)])
        within = np.mean([np.mean(part[i] != part[j]) for part in (context, motion) for i, j in pairs])
        said = disagreement(context, motion)
        if said is None or np.shape(said) != (2,):
            return f"expected two numbers, got {said}"
        if not np.allclose(said, (across, within)):
            return (
                f"for context {context.tolist()} and motion {motion.tolist()} expected {across:.3f} between "
                f"parts and {within:.3f} between seeds, got {said[0]:.3f} and {said[1]:.3f}"
            )
    return ""


wrong = check_disagreement()
judge("disagreement", f"Not yet: {wrong}." if wrong else "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>np.mean(a != b)</code> is the share on which two rows disagree.
# <code>itertools.combinations(range(3), 2)</code> gives the pairs of three seeds, each once.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def disagreement(context, motion):
#     between = np.mean(context != motion)
#     pairs = itertools.combinations(range(len(context)), 2)
#     within = [np.mean(part[i] != part[j]) for i, j in pairs for part in (context, motion)]
#     return between, np.mean(within)
# ```
# </details>

# %%
more = {}
for model in ("joint, drawings", "joint"):
    parts = [hits(model, part) for part in ("context", "motion")]
    pairs = list(itertools.combinations(range(len(parts[0])), 2))
    apart = (parts[0] != parts[1]).mean(0)  # of each query, over seeds
    same = np.mean([part[i] != part[j] for part in parts for i, j in pairs], 0)
    more[model] = apart - same
    print(
        f"{model:15} the parts disagree on {apart.mean():.0%} of the queries, two seeds of one part on "
        f"{same.mean():.0%}: {more[model].mean():.0%} more"
        " ({:.0%} to {:.0%}, by sources)".format(*interval(more[model]))
    )
low, high = interval(more["joint, drawings"] - more["joint"])
print(f"drawings against real clips: {low:.0%} to {high:.0%} more")

print("\nR@1 by the whole vector and by each part")
for model in ("joint, drawings", "joint"):
    whole, *parts = (hits(model, part).mean() for part in ("whole", "context", "motion"))
    print(f"{model:16} whole {whole:.2f}, context part {parts[0]:.2f}, motion part {parts[1]:.2f}")
    assert whole > max(parts)

# %% [markdown]
# The parts of one network disagree more than two seeds of one part do, so they know different things, to a
# degree. After training on real clips they came out closer than after training on drawings, though the
# interval of that difference, which draws sources alone, begins at zero. And some of it has a simpler
# reason: the two parts of the drawings' network are not equally good here, and unequal parts disagree more.
# It would fit **context bias** ([00_start_here](00_start_here.ipynb)): in real video, what moves and where
# it happens go together, and a network that learns from such video has no reason to keep them apart. But
# these numbers are no proof of it.
#
# The last lines say what this means for searching. On drawings, a search by one part found far more than one
# by the whole vector ([10_retrieval](10_retrieval.ipynb)). Here no part comes out above the whole.
#
# And when the motion part is wrong, whom does it name? Would *you* have taken one of these for the other?

# %% tags=["hide-input"]
counts = np.zeros((len(CLASSES), len(CLASSES)), int)
joint = [run for run in runs if run["model"] == "joint"]
for run in joint:  # the log has one hexadecimal digit a query, the class of its nearest neighbor
    np.add.at(counts, (labels, [int(digit, 16) for digit in run["parts"]["motion"]["neighbors"]]), 1)
wrong = counts - np.diag(np.diag(counts))
asked, named = (CLASSES[place] for place in np.unravel_index(wrong.argmax(), wrong.shape))
show(
    confusion(
        counts,
        CLASSES,
        found=f"nearest neighbor by the motion part, of {len(joint) * TEST * CLIPS} searches a class",
        title=f"{asked} is most often taken for {named} ({len(joint)} trainings on real clips)",
        role="motion",
    ),
    f"A matrix of counts, {counts.trace()} of {counts.sum()} on the diagonal. The most frequent error: "
    f"{wrong.max()} times {asked} was taken for {named}.",
)

# %% [markdown]
# Archers are taken for bowlers, and batters, who are hardly ever found, for archers and bowlers;
# cellists for archers, sitar players for cellists, pizza for violins. Perhaps that is because in many of
# these clips a person stays in place and moves an arm. Horses and waves stand for each other: a frame full
# of motion.

# %% [markdown]
# ## Your own clips
#
# The same test on a folder of yours: sub-folders are classes, and a third of the source videos is held out.
# `SOURCE`, at the top, is a regular expression for what files of one source video have in common in their
# names, as `v_.+_g[0-9]+` for UCF101; `None` takes each file as a source of its own. At most 20 files of
# each class are used. Stored here is what it says without a folder.


# %% tags=["nbval-ignore-output"]
def some_of(videos, count=20):
    """At most so many files of each class, drawn at random."""
    random, kept = np.random.default_rng(0), []
    for number in range(len(videos.classes["class"])):
        rows = [entry for entry in videos.entries if entry.labels["class"] == number]
        kept += [rows[place] for place in random.permutation(len(rows))[:count]]
    return VideoDataset(kept, videos.classes)


if MY_FOLDER:
    gallery, queries = some_of(VideoFolder(MY_FOLDER, SOURCE)).split(holdout=1 / 3)
    model = cvrl_lite.load("joint")
    tables = [model.embed(data) for data in (gallery, queries)]
    for part in (None, "context", "motion"):
        score = evaluate.measure(*tables, part=part, protocols=["retrieval"])["R@1"]
        low, high = score.interval
        print(
            f"{part or 'whole'}: R@1 {score.share:.2f} ({low:.2f} to {high:.2f}), a guess {score.chance:.2f}"
        )
else:
    print("no folder: set MY_FOLDER above, or $CVRL_UCF101")

# %% [markdown]
# ## All of UCF101, and GPUs
#
# What you have read here took minutes a training on one core, at 64 pixels. The paper's recipe looks at 16
# frames of 112 pixels with a network fifty times as large, for 120 epochs. It is one command:
#
# ```bash
# cvrl-lite download ucf101 --out ~/ucf101          # or your own copy
# cvrl-lite pretrain --recipe ucf101_r2plus1d26 --root ~/ucf101 --out runs/ucf101
# torchrun --nproc-per-node 8 -m cvrl_lite.cli pretrain ...   # the same arguments, on eight GPUs
# ```
#
# [14_your_own_videos](14_your_own_videos.ipynb) works out what that costs, from a measured step on one H100
# ([benchmarks](../docs/benchmarks.md)). And the table of this notebook is made again by
#
# ```bash
# make ucf11 ROOT=~/ucf101 OUT=runs/ucf11           # the eleven classes, encoded alike
# python experiments/real.py --root runs/ucf11      # every network; resumable, hours
# ```
#
# ## What we have seen
#
# **Does anything learned from drawings help on real video?**
#
# - **The networks do.** One that has seen nothing but drawings, and no label, finds real actions better
#   than an untrained network does, by either measure.
# - **As teachers, 1152 drawings and 528 real clips** cannot be told apart by R@1 and by a probe; by the whole
#   ranking, every training on drawings came out below every training on real clips. Both tasks together
#   beat context alone on either kind of clip, and by R@1 go about half of the way to what labels give.
# - **The division of labor helps less.** Neither part beats the whole vector here, where on drawings one part
#   was far ahead. Perhaps the parts of a network that learned from real clips also differ less in what they
#   know; these sources cannot tell.
# - **Not every lesson carries over.** The targets that came out highest on drawings taught nothing that we
#   could see on real clips, in three trainings each.
#
# And about tests: keep source videos apart, remove what the file format gives away, draw whole sources (and
# trainings), and compare networks query by query.
#
# **The three questions of [00_start_here](00_start_here.ipynb), asked again on film.** *Which is the better
# teacher?* Motion comes out above context here, but the interval contains zero; both tasks together are
# clearly above context, and above motion perhaps. *Can we do without optical flow?* Nothing in this notebook
# has computed any. *How do we stop the network from taking the easy way out?* Real files offer easy ways that
# drawings do not have, from frame rates to clips of the same minute. Those can be closed by encoding and
# splitting well. That the place gives the action away is no flaw of the files; the world is like that.
#
# ## Quiz
#
# **1.** Somebody reports R@1 = .95 on UCF101 with "leave one out": each clip searches all other clips. What
# was measured?
#
# <details><summary>Answer</summary>
# Mostly whether a clip finds another clip of its own source video: the same camera, people and minute.
# </details>
#
# **2.** Two networks have the same R@1. Do they know the same?
#
# <details><summary>Answer</summary>
# Not necessarily: they may find different queries. Compare the share on which they disagree with that of
# two seeds of one network.
# </details>
#
# **3.** Why were all clips encoded again before the test?
#
# <details><summary>Answer</summary>
# As published, frame rate and GOP depend on the class. A network that reads motion vectors and key frames
# could learn those instead of the action.
# </details>
#
# ## Next, and further reading
#
# This was the last notebook. What comes next is your own question: a folder, a recipe with one thing
# changed, three seeds, and an honest table.
#
# - [The study](../docs/study.md): the whole table, with every seed.
# - [Model cards](../docs/model_cards.md): what the shipped networks are good for.
# - [UCF101](https://www.crcv.ucf.edu/research/data-sets/ucf101/): Soomro, Zamir and Shah, 2012.
# - Bradley Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979.
#
# ## Your certificate
#
# If you have solved every exercise of the course, the next cell shows a certificate with your name on it.
# If not, it says which exercise comes next.

# %% tags=["nbval-ignore-output"]
show_certificate("your name")
