# %% [markdown]
# # Context matching: where does it happen?
#
# Every few frames a compressed video stores a whole frame, its I-frame. It shows where things happen and
# says nothing of how they move. That makes a riddle without any label: **here is a clip, and there are the
# key frames of many videos; which one is from the same video?** To find it, a network should look at the
# place; we shall see what else helps.
# This is the paper's first pretext task. We build it, train it, catch it cheating, and then ask what the
# course's long training made of it.
#
# **Goals.** After this notebook you will be able to
# - say which frames may be a clip's key frame, and build the task from two networks, two heads and one
#   loss,
# - say what "in both directions" adds, and why clips of one video must not be each other's negatives,
# - read the curves of a training against log N and 1/N, and judge it by something else than its own game,
# - show by a conflict of cues what a network goes by, and what color jitter changes,
# - say what context matching cannot learn, and prove it by playing films backwards.
#
# **Needs.** [06_infonce](06_infonce.ipynb). Between 1 and 2 minutes on 2 cores, 1 GB of memory, and the 64
# MB of clips on disk that `make lab` has drawn.

# %%
import json
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import cvrl_lite
from cvrl_lite import evaluate, train
from cvrl_lite.course import figures
from cvrl_lite.course.figures import show
from cvrl_lite.datasets import ClipSampling, MemoryLoader, MovingScenes, Timeline, decode, evaluation_clips
from cvrl_lite.models import ContextEncoder, TinyR2Plus1D
from cvrl_lite.pretext import ContextMatching, info_nce
from cvrl_lite.transforms import MEAN, STD, augment, eval_transform, normalize

torch.set_num_threads(1)  # our frames are so small that a second core would only wait
everything = MovingScenes("train")
train_set = decode(everything.subset(range(400)), size=72)
val_set = decode(MovingScenes("val"), size=72, vectors=False)
print(len(train_set.videos), "clips to learn from,", len(val_set.videos), "to be judged by")

# %% [markdown]
# ## A clip and its key frame
#
# A clip is a few frames of a video. Which frame goes with it? The released code takes one of the video's
# I-frames at random, from shortly before the clip to shortly after; so do we, with a **reach** of 0.2
# seconds. It may even be one of the clip's own frames. We work with small things in this notebook, so that
# a training takes seconds: four frames, 40 pixels a side, narrow networks. As always, each view gets its
# own random crop, flip and colors, and those of the course's recipe are strong.

# %%
SIZE, BATCH, STEPS, SEEDS = 40, 32, 120, (0, 1)
sampling = ClipSampling(frames=4, stride=0.16, window=1, num_negative_windows=0, max_keyframe_distance=0.2)
strong = replace(train.recipes.laptop(("context",)).augmentation, size=SIZE, cells=1)
batch = next(MemoryLoader(train_set, sampling, seed=1).batches(BATCH, 1))
views = augment(batch, strong)
print("clips", tuple(views.clip.shape), " key frames", tuple(views.keyframe.shape))


def to_show(images):
    """Images (B, 3, H, W) as the networks get them, made visible: (B, H, W, 3) in 0..1."""
    return (images * STD[0] + MEAN[0]).clamp(0, 1).permute(0, 2, 3, 1).numpy()  # all channels alike


shuffled = np.random.default_rng(0).permutation(8)
show(
    figures.filmstrip(
        [*to_show(views.clip[:8, :, 1]), *to_show(views.keyframe[:8])[shuffled]],
        labels=[*"12345678", *"ABCDEFGH"],
        title="Which key frame (below) is from the video of which clip (above)?",
    ),
    "Two rows of eight small images of textures with sprites on them, cropped, mirrored and in changed "
    "colors; above one frame of each of eight clips, below the shuffled key frames of the same videos.",
)

# %%
places = np.argsort(shuffled)
print("the pairs:", *[f"{clip + 1}{'ABCDEFGH'[place]}" for clip, place in enumerate(places)])

# %% [markdown]
# What did you go by? Color helps less than it would, as both views have changed colors, and a still frame
# does not tell what the sprites are doing. What is left is the wall. Whether a network goes by it, too, we
# shall test.
#
# **Exercise 1** (easy, 5 minutes). Which key frames may go with a clip? Those at most `reach` seconds
# before its first or behind its last frame. And if there is none, the one nearest to the clip's middle. All
# times are in seconds; an error of 1e-9 is none.


# %% tags=["exercise"]
def candidates(key_times, first, last, reach):
    """Places in `key_times` (K,) of the key frames that may go with a clip from `first` to `last`."""
    ...


# %% tags=["check"]
video, drawn = train_set.videos[0], {}
timeline = Timeline(video.times, video.keys, sampling)
for number in range(600):  # what the package draws for each beginning of a clip
    cut = timeline.cut((number,))
    drawn.setdefault(int(cut.clip[0]), set()).add(int(cut.key))
cases = [
    ([0.79, 0.9], 1.0, 1.3, 0.2, [1]),  # the first is .01 s too early
    ([1.45, 1.51], 1.0, 1.3, 0.2, [0]),  # the second is .01 s too late
    ([0.75, 0.8], 0.5, 0.7, 0.1, [0, 1]),  # .7 + .1 is a little less than .8 in floating point
    ([0.0, 2.0], 0.9, 1.2, 0.1, [1]),
    ([0.0, 2.0, 9.0], 0.5, 1.3, 0.1, [0]),  # the end is nearer to 2
    ([0.0, 2.0], 0.7, 1.5, 0.1, [1]),  # the beginning is nearer to 0
]
for start, drawn_keys in drawn.items():
    begin, expected = video.times[start], np.flatnonzero(np.isin(video.keys, [*drawn_keys])).tolist()
    cases.append((video.times[video.keys].round(4).tolist(), begin, begin + 0.48, 0.2, expected))
for key_times, first, last, reach, expected in cases:
    answer = candidates(np.array(key_times), first, last, reach)
    answer = None if answer is None else sorted(np.atleast_1d(answer).tolist())
    if answer != expected:
        print(f"Not yet: keys at {key_times}, clip from {first:.2f} to {last:.2f}, reach {reach}:", end=" ")
        print(f"you say {answer}, expected {expected}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>np.flatnonzero(condition)</code> gives the places where a condition holds; it may be empty.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def candidates(key_times, first, last, reach):
#     near = (key_times >= first - reach - 1e-9) & (key_times <= last + reach + 1e-9)
#     if near.any():
#         return np.flatnonzero(near)
#     return np.array([np.argmin(np.abs(key_times - (first + last) / 2))])
# ```
#
# </details>

# %% [markdown]
# ## Two networks, two heads
#
# The clip goes through the **backbone**, the network that we want to keep. It has two branches; context
# matching reads the one for what stays, the **still map**: two blocks that all share, the mean over time,
# two blocks of spatial convolutions. The key frame goes through a small 2D network of its own, the
# **context encoder**. Two **projection heads** (linear, batch norm, ReLU, linear, batch norm) bring both to
# vectors of equal width. Encoder and heads are scaffolding and are thrown away in the end. Follow the
# shapes.

# %%
WIDTHS, OUT, TEMPERATURE = (16, 32, 64, 64), 64, 0.2


def still_map(backbone, clips):
    """The backbone's still branch alone, without the work of the other one: (B, 64, 1, h, w)."""
    return backbone.still(backbone.shared(clips).mean(2, keepdim=True))


def head():
    """A projection head by hand."""
    first, second = nn.Linear(WIDTHS[2], 128), nn.Linear(128, OUT, bias=False)
    return nn.Sequential(first, nn.BatchNorm1d(128), nn.ReLU(), second, nn.BatchNorm1d(OUT))


torch.manual_seed(0)
backbone, encoder = TinyR2Plus1D(WIDTHS), ContextEncoder(WIDTHS)
clip_head, frame_head = head(), head()
clip_map = still_map(backbone, views.clip)
pooled = clip_map.mean((2, 3, 4))
clips = F.normalize(clip_head(pooled), dim=1)
frames = F.normalize(frame_head(encoder(views.keyframe)), dim=1)
for name, values in {"still map": clip_map, "pooled": pooled, "clips": clips, "key frames": frames}.items():
    print(f"{name:10} {tuple(values.shape)}")
assert torch.allclose(clip_map, backbone.feature_maps(views.clip)[0], atol=1e-5)
assert torch.allclose(clips.norm(dim=1), torch.ones(BATCH)) and torch.allclose(
    frames.norm(dim=1), torch.ones(BATCH)
)

# %% [markdown]
# Both are of length 1, so one matrix product gives all cosines: a row is a clip, the query, and a column a
# key frame. Softmax over a temperature of 0.2, minus the logarithm of the diagonal, mean. Nothing is
# trained yet; where will the loss be?

# %%
similarity = clips @ frames.T  # (32 clips, 32 key frames)
loss = F.cross_entropy(similarity / TEMPERATURE, torch.arange(BATCH))
show(
    figures.quiz(similarity[:12, :12].detach().numpy(), TEMPERATURE),
    "Two squares of 12 times 12, cosines and probabilities, without any diagonal to be seen.",
)
print("within half a nat of a blind guess, log 32:", abs(loss.item() - np.log(BATCH)) < 0.5)

# %% [markdown]
# That is the whole task. The package's `ContextMatching` holds encoder and heads and returns loss and
# accuracy. Give it our weights: does it agree, also in the gradient of every weight?

# %%
HOW = {"temperature": TEMPERATURE, "hidden": 128, "projection": OUT}
task = ContextMatching(WIDTHS[2], ContextEncoder(WIDTHS), **HOW)
for theirs, ours in ((task.encoder, encoder), (task.clip_head, clip_head), (task.frame_head, frame_head)):
    theirs.load_state_dict(ours.state_dict())
loss.backward()
by_hand = [weight.grad.clone() for net in (backbone.shared, backbone.still) for weight in net.parameters()]
by_hand += [weight.grad for net in (encoder, clip_head, frame_head) for weight in net.parameters()]
backbone.zero_grad()
package_loss, metrics = task((still_map(backbone, views.clip),), views)  # of a backbone's maps the first
package_loss.backward()
package = [weight.grad for net in (backbone.shared, backbone.still, task) for weight in net.parameters()]
assert torch.allclose(package_loss, loss, atol=1e-5)
assert metrics["accuracy"] == (similarity.argmax(1) == torch.arange(BATCH)).float().mean()
assert len(by_hand) == len(package)
assert all(torch.allclose(a, b, atol=1e-5, rtol=1e-3) for a, b in zip(by_hand, package))
print(f"loss, accuracy and the gradients of {len(package)} tensors agree")
print("the moving branch has no gradient at all:", all(w.grad is None for w in backbone.moving.parameters()))

# %% [markdown]
# Two things to note. The key frames' network learns as well: gradients flow to both sides, there is no
# frozen or slowly following copy (MoCo and BYOL keep such). And the moving branch gets nothing. Remember
# that for the end.
#
# ## One direction or both?
#
# As released, clips look for key frames. One may also let **key frames look for clips**: the same matrix,
# read by columns. CLIP does so with images and texts; `symmetric=True` does it here and is ours, off by
# default. It is not the same question. Below, key frame 0 attracts every clip a little. Who errs?

# %%
hub = torch.tensor([[0.9, 0.1, 0.0, 0.2], [0.8, 0.6, 0.1, 0.0], [0.8, 0.0, 0.6, 0.1], [0.7, 0.2, 0.0, 0.6]])
own = torch.arange(4)
show(
    figures.similarity_matrix(hub.numpy(), title="By rows one of four is right; by columns all are"),
    "Four times four cosines; the first column is high in every row, and the diagonal is the highest of "
    "each column.",
)
print("clips that find their key frame:", int((hub.argmax(1) == own).sum()), "of 4")
print("key frames that find their clip:", int((hub.argmax(0) == own).sum()), "of 4")
rows, columns = (F.cross_entropy(table / TEMPERATURE, own) for table in (hub, hub.T))
assert rows > 1.5 * columns and [int((hub.argmax(d) == own).sum()) for d in (1, 0)] == [1, 4]

# %% [markdown]
# Such a favorite is called a **hub**. The rows are furious about it, and the columns do not mind it. With
# both, each vector has to stand apart in either view; whether that is better is a matter of trying. It
# costs next to nothing, as all vectors are there already.
#
# **Exercise 2** (easy, 5 minutes). Write the loss in both directions, the mean of the two.


# %% tags=["exercise"]
def both_directions(clips, frames, temperature):
    """Loss in nats, from clips (B, D) and key frames (B, D) of any length."""
    ...


# %% tags=["check"]
task.symmetric, task.temperature = True, 0.3
with torch.no_grad():
    expected = task((clip_map,), views).loss.item()
    answer = both_directions(3 * task.clip_head(pooled), task.frame_head(task.encoder(views.keyframe)), 0.3)
    pair = torch.eye(3), torch.eye(3)[[0, 1, 1]]  # the third clip is nearest to the second's key frame
    easy, easy_expected = (
        both_directions(*pair, 1.0),
        sum(info_nce(*p, 1.0)[0] for p in (pair, pair[::-1])) / 2,
    )
task.symmetric, task.temperature = False, TEMPERATURE
if easy is None or not np.isclose(float(easy), float(easy_expected), atol=1e-4):
    print(f"Not yet: for three made-up pairs you say {easy}, expected {easy_expected:.3f}.")
elif not np.isclose(float(answer), expected, atol=1e-4):
    print(f"Not yet: for the batch you say {float(answer):.3f}, expected {expected:.3f}.")
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>info_nce(clips, frames, temperature)</code> scales to length 1 itself, and returns loss and accuracy.
# What does it say if you exchange the two?
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def both_directions(clips, frames, temperature):
#     there, _ = info_nce(clips, frames, temperature)
#     back, _ = info_nce(frames, clips, temperature)
#     return (there + back) / 2
# ```
#
# </details>

# %% [markdown]
# ## Training
#
# The loop is short enough to be read. 120 steps of 32 clips, and two **seeds**, that is, two trainings that
# differ in their first weights and in all random choices: one number alone says nothing about its luck.


# %%
def train(how, seed):
    """Backbone, task, and loss and accuracy of each step (STEPS, 2), trained with these augmentations."""
    torch.manual_seed(seed)
    backbone = TinyR2Plus1D(WIDTHS)
    task = ContextMatching(WIDTHS[2], ContextEncoder(WIDTHS), **HOW)
    weights = [w for net in (backbone.shared, backbone.still, task) for w in net.parameters()]
    optimizer = torch.optim.AdamW(weights, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS, pct_start=0.1)
    log = []
    for batch in MemoryLoader(train_set, sampling, seed).batches(BATCH, STEPS):
        views = augment(batch, how)
        loss, metrics = task((still_map(backbone, views.clip),), views)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        log.append((loss.item(), metrics["accuracy"].item()))
    return backbone, task, np.array(log)


trained = {"strong": [train(strong, seed) for seed in SEEDS]}

# %%
runs = np.stack([log for _, _, log in trained["strong"]])
show(
    figures.learning(runs, BATCH, title="Context matching with strong changes of color: it begins to learn"),
    "Two panels over 120 steps: the loss falls slowly below the dashed line of a blind guess, 3.47 nats, and "
    f"the accuracy climbs above 1 in 32, to about {runs[:, -20:, 1].mean():.2f}.",
)
ends = runs[:, -20:].mean(1)  # (seeds, loss and accuracy)
print("in each seed, the loss is below log 32:", bool((ends[:, 0] < np.log(BATCH)).all()))
print("on average, the accuracy is above 1.5 times 1/32:", ends[:, 1].mean() > 1.5 / BATCH)
assert (ends[:, 0] < np.log(BATCH)).all() and ends[:, 1].mean() > 1.5 / BATCH

# %% [markdown]
# A modest beginning, and a real one. But the game is not what we want. Has the network learned anything
# about *scenes*? For that we take what will be kept, the pooled still map. Two questions, on clips of `val`
# it has never seen. **R@1**: has the nearest training clip the same scene? **Linear**: can a straight-line
# classifier tell the scene? Beside it stand the same networks before training, as random filters see a good
# deal of texture.


# %%
def still_vectors(backbone, data):
    """(N, 64): the context part of each clip's feature vector."""
    found = evaluate.features(backbone, data, sampling, size=SIZE, clips=2)
    return found[:, : backbone.context_channels]


def knows(backbone, label):
    """R@1 and linear accuracy on `val`, by one label."""
    X, X_val = still_vectors(backbone, train_set), still_vectors(backbone, val_set)
    y, y_val = train_set.labels(label), val_set.labels(label)
    first = evaluate.retrieval((X, y), (X_val, y_val), ks=(1,))["R@1"]
    return first, evaluate.linear_probe((X, y), (X_val, y_val))


def untrained(seed):
    """The backbone as `train` begins with it."""
    torch.manual_seed(seed)
    return TinyR2Plus1D(WIDTHS)


scene = {"untrained": [knows(untrained(seed), "scene") for seed in SEEDS]}
scene["strong"] = [knows(backbone, "scene") for backbone, _, _ in trained["strong"]]
NAMES = {"untrained": "untrained", "strong": "trained"}
measures = {
    f"scene, {measure}": {shown: [run[n] for run in scene[name]] for name, shown in NAMES.items()}
    for n, measure in enumerate(("R@1", "linear"))
}
show(
    figures.seeds(
        measures, guess=[1 / 16, 1 / 16], title="Some seconds of a game, and scenes are told better"
    ),
    figures.in_words(measures),
)
before, after = (np.mean(scene[name], axis=0) for name in ("untrained", "strong"))
print("linear accuracy is up by more than .04:", after[1] > before[1] + 0.04)
print("R@1 is up:", after[0] > before[0])
assert after[1] > before[1] + 0.04 and after[0] > before[0]

# %% [markdown]
# With 192 clips to be judged by, a share of .3 has a standard error of .03, so read no more into it than
# that training helps. A game about single videos has taught something about *kinds* of scenes.
#
# ## The open door
#
# The accuracy was low. Surely our changes of color are too strong? Make them weak, leave crops and flips
# as they are, and train with the same budget. What will the accuracy do? And the scenes?

# %%
weak = replace(strong, brightness=0.1, hue=0.02, saturation=0.1, grayscale_prob=0.0)
trained["weak"] = [train(weak, seed) for seed in SEEDS]

# %%
scene["weak"] = [knows(backbone, "scene") for backbone, _, _ in trained["weak"]]
won = {name: [log[-20:, 1].mean() for _, _, log in models] for name, models in trained.items()}
points = {
    f"{name} color changes": [(game, first) for game, (_, first) in zip(won[name], scene[name])]
    for name in ("strong", "weak")
}
points["untrained"] = [(1 / BATCH, first) for _, first in scene["untrained"]]
show(
    figures.played_and_learned(
        points,
        played="the game: share of clips that find their key frame among 32, while training",
        learned="scenes: linear accuracy",
        title="One wins many times as often, and is not seen to know more",
        guess=(1 / BATCH, 1 / 16),
    ),
    "Marks for two seeds each. Untrained: at the left, low. Strong color changes: far left and "
    "higher. Weak ones: at the far right and about as high as the strong ones.",
)
ratio = np.mean(won["weak"]) / np.mean(won["strong"])
ahead = np.mean(scene["weak"], axis=0)[1] - np.mean(scene["strong"], axis=0)[1]
print("with weak changes the game is won more than 4 times as often:", ratio > 4)
print("and scenes are known better by less than .08, if at all:", ahead < 0.08)
assert ratio > 4 and ahead < 0.08

# %% [markdown]
# Each video of MovingScenes has a palette and a light of its own, only *loosely* typical of its scene. With
# weak changes of color clip and key frame share it, and the game is over: hardly any texture is needed. Is
# that really what happens? We ask directly, by a **conflict of cues**. Take two videos of different scenes.
# Paint the key frame of the first in the colors of the second, and the other way round (each color
# channel gets the other's mean and deviation). Now hand both to the first one's clip: one has *its wall in
# strange colors*, one *a strange wall in its colors*. Which one is nearer?


# %%
def dressed(images, colors):
    """Images (B, 3, H, W) in 0..1, with each channel's mean and deviation taken from others."""
    (mean, deviation), (new_mean, new_deviation) = (
        (part.mean((2, 3), keepdim=True), part.std((2, 3), keepdim=True)) for part in (images, colors)
    )
    return ((images - mean) / deviation * new_deviation + new_mean).clamp(0, 1)


def small(images):
    """Images (B, S, S, 3) uint8 as (B, 3, SIZE, SIZE) in 0..1."""
    images = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255
    return F.interpolate(images, size=(SIZE, SIZE), mode="bilinear")


keyframes = small([video.frames[video.keys[2]] for video in val_set.videos])
val_clips = np.concatenate([evaluation_clips(video, sampling, 1) for video in val_set.videos])
val_scenes = val_set.labels("scene")
draws = np.random.default_rng(0)
other = torch.tensor([int(draws.choice(np.flatnonzero(val_scenes != own_scene))) for own_scene in val_scenes])
wall, palette = dressed(keyframes, keyframes[other]), dressed(keyframes[other], keyframes)
three = torch.cat([small(val_clips[:8, 1]), wall[:8], palette[:8]])
show(
    figures.filmstrip(
        three.permute(0, 2, 3, 1).numpy(),
        labels=["clip"] * 8 + ["its wall only"] * 8 + ["its colors only"] * 8,
        title="Which of the two lower images belongs to the clip?",
    ),
    "Eight columns. From above: a frame of a clip, the same wall in strange colors, and a strange wall in "
    "the clip's colors.",
)


# %%
@torch.no_grad()
def nearness(model, images, clips=val_clips):
    """Cosines (N, B) of clips (N, 4, S, S, 3) uint8 and images (B, 3, SIZE, SIZE) in 0..1."""
    backbone, task, _ = model
    for net in (backbone, task):
        net.eval()
    seen = eval_transform(torch.from_numpy(np.ascontiguousarray(clips)), SIZE)
    clips = task.clip_head(still_map(backbone, seen).mean((2, 3, 4)))
    frames = task.frame_head(task.encoder(normalize(images, MEAN, STD, dim=-3)))
    return F.normalize(clips, dim=1) @ F.normalize(frames, dim=1).T


def by_colors(model):
    """The share of clips that choose their colors on a strange wall, not their wall in strange colors."""
    walls, palettes = (nearness(model, images).diagonal() for images in (wall, palette))
    return (palettes > walls).float().mean().item()


choice = {name: [by_colors(model) for model in models] for name, models in trained.items()}
measures = {
    "chooses its colors rather than its wall": {f"{n} changes": choice[n] for n in ("weak", "strong")}
}
show(
    figures.seeds(measures, guess=[0.5], title="With weak changes of color, the palette decides"),
    figures.in_words(measures),
)
print("weak changes: at least 97 of 100 go by color:", np.mean(choice["weak"]) >= 0.97)
print("strong changes: clearly fewer:", np.mean(choice["strong"]) < np.mean(choice["weak"]) - 0.04)
assert np.mean(choice["weak"]) >= 0.97 and np.mean(choice["strong"]) < np.mean(choice["weak"]) - 0.04

# %% [markdown]
# The weakly changed training goes by color alone, nearly without exception. The other one still likes
# colors, too: the palette *is* loosely typical, and a few seconds are not enough for walls. But in
# its training color could not be trusted, and there is much left for it to learn, while the first has
# hardly a reason to go on. So the game's accuracy is a poor judge, and the budget of this notebook too
# small to settle the matter. What happens in the long run was measured elsewhere: the course's own
# training, 1000 steps of 40 clips with the strong changes.

# %%
experiments = cvrl_lite.data_path("README.md").parents[1] / "experiments"
long_run = json.loads((experiments / "joint_curves.json").read_text(encoding="utf-8"))["context"]
figure = figures.new("In the long run the hard game is won, too; ours ended where the gray ends", columns=2)
guesses = {"context_loss": np.log(40), "context_accuracy": 1 / 40}
for axes, (name, guess) in zip(figure.axes, guesses.items()):
    axes.plot(
        [line["step"] for line in long_run], [line[name] for line in long_run], figures.COLORS["context"]
    )
    axes.axhline(guess, color=figures.INK, ls="--", lw=1)
    axes.axvspan(0, STEPS, color=figures.COLORS["untrained"], alpha=0.4)
    axes.set(xlabel="step; dashed: a blind guess", ylabel=name.replace("_", " "), ylim=(0, None))
show(
    figure,
    "The loss and the accuracy of context matching over 1000 steps. Within the first 120 steps, in gray, the "
    "accuracy stays near a blind guess; then it rises to .7.",
)
lines = (experiments / "joint.jsonl").read_text(encoding="utf-8").splitlines()
finals = [json.loads(line) for line in lines]
table = {
    model: [run["scores"] for run in finals if run["model"] == model] for model in ("untrained", "context")
}
print("                 scene R@1, linear   action R@1, linear   (three seeds each)")
for model, scores in table.items():
    cells = [
        np.mean([s[label][m] for s in scores]) for label in ("scene", "action") for m in ("R@1", "linear")
    ]
    print(f"{model:16} {cells[0]:9.2f} {cells[1]:9.2f} {cells[2]:10.2f} {cells[3]:9.2f}")
accuracy = {line["step"]: line["context_accuracy"] for line in long_run}
assert accuracy[100] < 0.12 and accuracy[1000] > 0.7

# %% [markdown]
# After 100 steps the accuracy was as low as ours; after 1000 it is above .7, *with* the strong changes, and
# scenes are found. **Patience with a hard game pays.** Whether the easy one would have stopped where it was
# we did not train long enough to say. Too strong is possible as well: hues turned by half the circle hide
# the loose tie between palette and scene and were worse. [The experiments](../docs/experiments.md) tell
# what was tried.
#
# ## Twins
#
# What if two clips of *one* video are in a batch? With 1152 videos and a batch of 40 that need not happen;
# a loader that cuts several clips from each file it opens (`clips_per_video`) makes it the rule. Each twin's
# key frame is then a right answer that counts as wrong, a **false negative**. We give twins to a network
# that recognizes videos well, the one with weak changes. Once the task knows of them by `sources`; once it
# takes all for strangers.

# %%
twins = next(MemoryLoader(train_set, replace(sampling, clips_per_video=2), seed=5).batches(BATCH, 1))
assert (torch.bincount(twins.sources)[twins.sources] == 2).all()
twin_views, strangers = augment(twins, weak), torch.arange(BATCH)
twin = twins.sources[:, None] == twins.sources
twin.fill_diagonal_(False)
shares, costs = [], []
for backbone, task, _ in trained["weak"]:
    for net in (backbone, task):
        net.eval()
    with torch.no_grad():
        clip_map = still_map(backbone, twin_views.clip)
        pair = [task((clip_map,), replace(twin_views, sources=s)) for s in (twins.sources, strangers)]
        clips, frames = (F.normalize(rows, dim=1) for rows in task.partners((clip_map,), twin_views))
    pushes = (clips @ frames.T / TEMPERATURE).softmax(1).fill_diagonal_(0)
    shares.append((pushes[twin].sum() / pushes.sum()).item())
    costs.append([part.loss for part in pair] + [part.metrics["accuracy"] for part in pair])
knowing, naive, knowing_right, naive_right = np.mean(costs, axis=0)
show(
    figures.bars(
        {"with sources": knowing, "twins taken for strangers": naive},
        label="loss in nats, 32 clips of 16 videos",
        title="The same vectors, and a far higher loss for being right",
        role="context",
        form=".2f",
    ),
    f"Two bars: {knowing:.2f} nats with sources, {naive:.2f} where twins are taken for strangers.",
)
print("taken for strangers, the loss is over .3 nats higher:", naive > knowing + 0.3)
print("and the accuracy falls by more than .2:", naive_right < knowing_right - 0.2)
print("over 30 % of the push hits the one twin among 31 negatives:", min(shares) > 0.3)
assert naive > knowing + 0.3 and naive_right < knowing_right - 0.2 and min(shares) > 0.3

# %% [markdown]
# The one key frame that should *not* be pushed away gets by far the largest share of the push, because it
# is so near. `sources` leaves such pairs out, in both directions. Other videos of the same *scene* stay
# negatives, though: the task does not know of scenes. A softer temperature makes that less
# harmful; see the experiments.
#
# **Exercise 3** (medium, 10 minutes). What does a *perfect* network pay if the task does not know of
# `sources`? Perfect means: vectors of one video are equal, others are so far away that they get no
# probability at all. Each row can then only guess among its equals.


# %% tags=["exercise"]
def price(sources):
    """Mean loss in nats of a perfect network, from the videos (N,) that the rows come from."""
    ...


# %% tags=["check"]
for numbers in ([0, 1, 2, 3], [0, 0, 1, 2], [4, 4, 4, 7, 7, 1], [2, 2, 2, 2]):
    videos = torch.tensor(numbers)
    rows = torch.eye(8)[videos]
    answer, expected = price(videos), info_nce(rows, rows, 0.01)[0].item()
    if answer is None or torch.as_tensor(answer).numel() != 1 or abs(float(answer) - expected) > 1e-3:
        print(f"Not yet: for {numbers} you say {answer}, expected {expected:.3f}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# A row with one twin has two equally good answers: log 2.
# <code>torch.bincount(sources)[sources]</code> counts each row's equals.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def price(sources):
#     return torch.bincount(sources)[sources].float().log().mean()
# ```
#
# </details>

# %% [markdown]
# ## What did the long training make of it?
#
# The network in `data/` was trained for 1000 steps with context matching and motion prediction together.
# Only its backbone was kept; encoder and heads are gone. But a still picture can be had without them: show
# the backbone the key frame eight times, a film in which nothing happens, and take the context part. So clips
# and key frames of `val` lie in one space. We compare each clip with the key frames of *all* videos, sorted
# by scene.

# %%
pretrained = cvrl_lite.load("joint")
joint, recipe = pretrained.backbone, pretrained.recipe
size, context_part = recipe.augmentation.size, slice(0, joint.context_channels)


@torch.no_grad()
def vectors(clips):
    """(N, 256): features of clips (N, 8, S, S, 3) uint8; the context part comes first."""
    parts = [joint(eval_transform(torch.from_numpy(part), size)) for part in np.array_split(clips, 8)]
    return torch.cat(parts).numpy()


eight = np.concatenate([evaluation_clips(video, recipe.sampling, 1) for video in val_set.videos])
stills = np.stack([np.repeat(video.frames[video.keys[2]][None], 8, 0) for video in val_set.videos])
of_clips, of_stills = vectors(eight), vectors(stills)[:, context_part]


def centered(rows):
    """Rows minus their mean, of length 1: what all have in common says nothing."""
    rows = rows - rows.mean(0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


table = centered(of_clips[:, context_part]) @ centered(of_stills).T
same = val_scenes[:, None] == val_scenes
others = np.where(np.eye(len(table), dtype=bool), -2, table)  # without the clip's own video
hits = (val_scenes[others.argmax(1)] == val_scenes).mean()
show(
    figures.by_class(
        table,
        val_scenes,
        val_scenes,
        val_set.classes["scene"],
        rows="192 clips",
        columns="192 key frames",
        title=f"Among other videos' key frames, the nearest has the clip's scene in {hits:.0%}",
    ),
    "Left, 192 times 192 cosines with blue blocks along the diagonal, one for each scene, and blue and red "
    "blocks beside it. Right, the means for each two of the sixteen scenes: a blue diagonal.",
)
outside = same & ~np.eye(len(table), dtype=bool)
print("mean cosine with other videos of the same scene above .5:", table[outside].mean() > 0.5)
print("with videos of other scenes below .1:", table[~same].mean() < 0.1)
print("over half of the clips are nearest to their scene (a guess: 1 in 16):", hits > 0.5)
assert table[outside].mean() > 0.5 and table[~same].mean() < 0.1 and hits > 0.5

# %% [markdown]
# Blocks: although each other video of the same scene was a *negative* in its training, it is near. It takes
# the same features to tell bricks from waves as to tell these bricks from those. Now the usual search,
# clips among training clips, and what it gets wrong.

# %%
gallery = vectors(np.concatenate([evaluation_clips(video, recipe.sampling, 1) for video in train_set.videos]))
train_scenes = train_set.labels("scene")
nearest = evaluate.nearest(of_clips[:, context_part], gallery[:, context_part], 5)
errors = np.flatnonzero(train_scenes[nearest[:, 0]] != val_scenes)
chosen = [int(n) for n in (*np.setdiff1d(np.arange(192), errors)[:1], *errors[[0, 8, 16]])]
names = val_set.classes["scene"]
show(
    figures.neighbors(
        np.stack([val_set.videos[n].frames[0] for n in chosen]),
        np.stack([[train_set.videos[m].frames[0] for m in nearest[n]] for n in chosen]),
        [names[val_scenes[n]] for n in chosen],
        [[names[train_scenes[m]] for m in nearest[n]] for n in chosen],
        title="One search that went well, and three that did not",
    ),
    "Four rows: a query and its five nearest training clips, each with its scene and a tick or a cross. In "
    "the last three rows the nearest one is of another scene.",
)

means = np.array([[table[val_scenes == a][:, val_scenes == b].mean() for b in range(16)] for a in range(16)])
means[np.eye(16, dtype=bool)] = -2
confused = [means[val_scenes[n], train_scenes[nearest[n, 0]]] for n in errors]
ranks = [(means[val_scenes[n]] > value).sum() for n, value in zip(errors, confused)]
print("R@1 by scene of the context part above .7:", len(errors) < 0.3 * 192)
near = np.mean(np.array(ranks) < 4)
print("over half of the errors fall on one of the 4 scenes (of 15) nearest by the matrix:", near > 0.5)
assert len(errors) < 0.3 * 192 and near > 0.5
assert names.index("planks") in np.argsort(-means[names.index("bricks")])[:2]

# %% [markdown]
# Over half of its errors fall on scenes that the matrix above already said to be alike to it; bricks and
# planks are such a pair. In some rows the colors should have told, and did not. Does it ignore them? We
# change the queries,
# and leave the gallery as it is: played backwards, mirrored, with the color channels exchanged, without
# any color, turned, and cut into 36 blocks that are put together at random. What will hurt?


# %%
def shuffled_blocks(clips, side):
    """Clips (N, T, S, S, 3) cut into blocks of side x side pixels, put together in another order."""
    count, steps, size = clips.shape[:3]
    many = size // side
    blocks = clips.reshape(count, steps, many, side, many, side, 3).swapaxes(3, 4)
    order = np.random.default_rng(0).permutation(many * many)
    blocks = blocks.reshape(count, steps, -1, side, side, 3)[:, :, order].reshape(blocks.shape)
    return blocks.swapaxes(3, 4).reshape(clips.shape)


query_clips = eight[:96]
changes = {
    "as they are": query_clips,
    "played backwards": query_clips[:, ::-1],
    "mirrored": query_clips[:, :, :, ::-1],
    "channels exchanged": query_clips[..., [1, 2, 0]],
    "without color": np.repeat(query_clips.mean(-1, keepdims=True), 3, axis=-1).astype(np.uint8),
    "turned by 90 degrees": np.rot90(query_clips, axes=(2, 3)),
    "blocks shuffled": shuffled_blocks(query_clips, 12),
}
changed = {name: vectors(np.ascontiguousarray(clips)) for name, clips in changes.items()}


def first(rows, label, half):
    """R@1 of the changed queries by one half of the vector."""
    y_query, y_gallery = val_set.labels(label)[:96], train_set.labels(label)
    return evaluate.retrieval((gallery[:, half], y_gallery), (rows[:, half], y_query), ks=(1,))["R@1"]


found = {name: first(rows, "scene", context_part) for name, rows in changed.items()}
show(
    figures.bars(
        found,
        label="scene R@1 of the context part, 96 clips",
        title="It goes by the wall's texture, and no longer by color",
        role="context",
        form=".2f",
    ),
    "Bars: " + ", ".join(f"{name} {share:.2f}" for name, share in found.items()) + ".",
)
as_is, backwards, mirrored, exchanged, gray, turned, blocks = found.values()
print("backwards, mirrored, in other colors or without: within .06 of the queries as they are:", end=" ")
print(max(abs(share - as_is) for share in (backwards, mirrored, exchanged, gray)) < 0.06)
print("turned by 90 degrees: over .08 lower, with the blocks shuffled: over .2 lower:", end=" ")
print(turned < as_is - 0.08 and blocks < as_is - 0.2)
assert max(abs(share - as_is) for share in (backwards, mirrored, exchanged, gray)) < 0.06
assert turned < as_is - 0.08 and blocks < as_is - 0.2

# %% [markdown]
# Now the door is shut: its nearest neighbors go neither by color nor by the mirror (96 clips, one network).
# That fits the training, which changed both at random; to prove that training did it, an untrained network
# would have to stand beside it. Structure counts: which way lines run (no view was ever turned), and how the
# pieces of a wall hang together. **What augmentation changes tends to be forgotten, what it leaves alone may
# be used.** If colors matter for what you want to tell apart, this recipe is the wrong one for you.
#
# ## What context matching cannot learn
#
# Look at the second bar again: clips played backwards are found as well as before. A network that knew of
# actions would be confused, since "right" played backwards goes left. Back to our small trainings, now
# judged by *actions*: eight of them, so a guess is right in one of eight.

# %%
models = {"untrained": [untrained(seed) for seed in SEEDS]}
models |= {f"{name} changes": [backbone for backbone, _, _ in runs] for name, runs in trained.items()}
action = {name: [knows(backbone, "action") for backbone in nets] for name, nets in models.items()}
measures = {
    f"action, {measure}": {name: [scores[n] for scores in found] for name, found in action.items()}
    for n, measure in enumerate(("R@1", "linear"))
}
show(
    figures.seeds(measures, guess=[1 / 8, 1 / 8], title="Of actions nothing is seen to be learned"),
    figures.in_words(measures),
)
means_of_both = [np.mean(found, axis=0) for found in action.values()]
print("every mean is within .1 of guessing:", max(mean.max() for mean in means_of_both) < 1 / 8 + 0.1)
assert max(mean.max() for mean in means_of_both) < 1 / 8 + 0.1

# %% [markdown]
# And does time matter for the *game*? We let the network that plays it best look for key frames of `val`,
# once with the frames of each clip in order and once in disorder.

# %%
own = torch.arange(BATCH).repeat(len(val_clips) // BATCH)


def game(model, clips):
    """The share of clips that find their key frame among 32."""
    table = nearness(model, keyframes, clips)
    parts = [table[at : at + BATCH, at : at + BATCH] for at in range(0, len(table), BATCH)]
    return (torch.cat([part.argmax(1) for part in parts]) == own).float().mean().item()


ordered = np.mean([game(model, val_clips) for model in trained["weak"]])
disordered = np.mean([game(model, val_clips[:, [2, 0, 3, 1]]) for model in trained["weak"]])
print("in order, over 7 of 10 find their key frame:", ordered > 0.7)
print("in disorder it is the same, within .03:", abs(ordered - disordered) < 0.03)
assert ordered > 0.7 and abs(ordered - disordered) < 0.03

# %% [markdown]
# That is the reason. **A still frame is the answer, and no motion helps to find it.** Whatever the clip's
# frames tell of time, the gradient never asks for it. Here the network's shape says the same: the still
# branch averages over time, and the moving branch got no gradient at all. With one branch for everything it
# was not learned either, as [the experiments](../docs/experiments.md) tell. What about the joint model? Its
# motion part was trained by the *other* task. Play films backwards once more, and see which half of the
# vector turns.

# %%
turns = {}
for name, half in (("context part", context_part), ("motion part", slice(joint.context_channels, None))):
    base = of_clips[:, half].mean(0)
    forth, back = ((changed[key][:, half] - base) for key in ("as they are", "played backwards"))
    cosine = (forth * back).sum(1) / np.linalg.norm(forth, axis=1) / np.linalg.norm(back, axis=1)
    turns[name] = float(cosine.mean())
show(
    figures.bars(
        turns,
        label="mean cosine of a clip with itself, played backwards",
        title="What stays does not mind the arrow of time; what moves does",
        role="joint",
        form=".2f",
    ),
    f"Two bars: the context part {turns['context part']:.2f}, the motion part {turns['motion part']:.2f}.",
)
print(
    "context part: above .95;  motion part: below .5:",
    turns["context part"] > 0.95,
    turns["motion part"] < 0.5,
)
assert turns["context part"] > 0.95 and turns["motion part"] < 0.5
moving = {
    way: first(changed[way], "action", slice(joint.context_channels, None)) for way in list(changes)[:2]
}
print("R@1 of actions by the motion part: above .85:", moving["as they are"] > 0.85, end="; ")
print("backwards, over .2 lower:", moving["played backwards"] < moving["as they are"] - 0.2)
X_train, X_val = gallery[:, context_part], of_clips[:, context_part]
traces = evaluate.linear_probe((X_train, train_set.labels("action")), (X_val, val_set.labels("action")))
print("linear accuracy of actions by the context part: above a guess, below .7:", 0.2 < traces < 0.7)
assert (
    0.2 < traces < 0.7
    and moving["as they are"] > 0.85
    and moving["played backwards"] < moving["as they are"] - 0.2
)

# %% [markdown]
# (Shaking and pulsing look the same both ways, so not every action turns.) To be fair: the two blocks that
# both halves share were trained by both tasks, and a classifier can read traces of motion even from the
# context part. How much of them the other task brought was not measured: after context matching alone a probe
# of the whole vector reads .34 of the actions, where before it was .27, and with three seeds the interval
# of that difference holds zero. For the other half of what a video tells, one needs a riddle whose answer
# moves. Motion vectors are such answers.
#
# ## What we have seen
#
# - Context matching: a clip has to find the key frame of its own video. Backbone, encoder, two heads, one
#   InfoNCE; clips of one video are left out by `sources`; both directions are possible and ours.
# - Weak changes of color open a shortcut: the game is won many times as often, and scenes are not seen to
#   be known better (two seeds, 120 steps). Judge by what you want, not by the game; a conflict of cues
#   tells what a network goes by.
# - After a long training with strong changes the context part knows walls and does not go by colors. A still
#   frame never asks for motion, and hardly any is found.
#
# ## Quiz
#
# **1.** Why do clip and key frame get different crops and colors, though the same would be less work?
#
# <details><summary>Answer</summary>
# With the same crop and colors the two could be matched pixel by pixel or by their palette. What differs
# at random tells nothing, so something else has to be learned.
# </details>
#
# **2.** Two trainings reach an accuracy of .95 and .10 at their game. Which backbone do you keep?
#
# <details><summary>Answer</summary>
# One cannot know from that. Ask both for what you want, scenes say, on clips they have never seen.
# </details>
#
# **3.** In a batch of 64 clips every video occurs twice, and <code>sources</code> is ignored. What does a
# perfect network pay at least?
#
# <details><summary>Answer</summary>
# log 2, .69 nats, in every row: it cannot tell its key frame from that of its twin.
# </details>
#
# **4.** All videos of a data set are filmed indoors and outdoors in equal parts; outdoors people run,
# indoors they sit. Can context matching teach running?
#
# <details><summary>Answer</summary>
# Not running, but outdoors. Where scene and action go together, a probe for actions would look good all the
# same. In MovingScenes the two are independent, so it cannot.
# </details>
#
# **5.** The I-frame is one of the clip's own frames in some samples. Is that cheating?
#
# <details><summary>Answer</summary>
# It makes these samples easier, as the sprites stand at the same places. Crop, flip and colors still
# differ, and the released code does the same.
# </details>
#
# ## Next, and further reading
#
# Next: [08_motion_prediction](08_motion_prediction.ipynb). The answer is the motion of the near future, and
# the wall is of no use.
#
# - [The experiments](../docs/experiments.md): what was tried, weights and temperatures among it.
# - [MovingScenes](../docs/moving_scenes.md): why colors alone cannot tell its scenes.
# - [The paper](https://arxiv.org/abs/2104.00862), for the task on real videos.
# - [ImageNet-trained CNNs are biased towards texture](https://arxiv.org/abs/1811.12231): a conflict of cues
#   between shape and texture, where the idea comes from.
