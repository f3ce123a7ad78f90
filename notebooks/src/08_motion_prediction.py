# %% [markdown]
# # Motion prediction: what will move, and where?
#
# A clip ends. What will the next moments bring: which things will move, in which places, and how? No label is
# needed to ask that, as the answer lies in the file, a few frames further on: the motion vectors of the
# **near future**. The paper's second pretext task lets a network predict them; not as numbers, but as
# *features*, to be recognized among thousands of others, place by place. Here we take it apart.
#
# **Goals.** After this notebook you will be able to
# - say which vectors are to be predicted, and why not those of the clip itself,
# - follow a window of vectors into sixteen *points*, and a clip into sixteen predictions,
# - build the Transformer's answer step by step from its parts,
# - write the loss by hand, with every kind of negative, and leave out points that have no vectors,
# - test what a backbone knows of the future, and look at what the predictor looks at.
#
# **Needs.** [07_context_matching](07_context_matching.ipynb). About 1 minute on 2 cores, 1 GB of memory, and
# the 64 MB of clips on disk that `make lab` has drawn.

# %%
import numpy as np
import torch
import torch.nn.functional as F

import cvrl_lite
from cvrl_lite import train
from cvrl_lite.course import figures
from cvrl_lite.course.figures import show
from cvrl_lite.datasets import MemoryLoader, MovingScenes, Timeline, decode
from cvrl_lite.models import MotionEncoder, MotionPredictor, TinyR2Plus1D
from cvrl_lite.pretext import DensePrediction
from cvrl_lite.transforms import augment

torch.set_num_threads(1)  # our frames are so small that a second core would only wait
recipe = train.recipes.laptop(("motion",))


def first_clips(split, count):
    """The first clips of a split of MovingScenes, decoded with their vectors."""
    whole = MovingScenes(split)
    return decode(whole.subset(range(count)), size=recipe.decoded_size)


train_set, val_set = first_clips("train", 320), first_clips("val", 96)
print(len(train_set.videos), "clips to learn from,", len(val_set.videos), "to be judged by")

# %% [markdown]
# ## The near future
#
# The released code waits a little after the clip's last frame and takes the next eight vector maps, one a
# frame. Our recipe counts seconds: a gap of 0.12, which is 3 frames here. The figure shows one sample of one
# video. The lower lane is another window of the same video, for later.

# %%
video = train_set.videos[2]
cut = Timeline(video.times, video.keys, recipe.sampling).cut((0, 5))
last, window = int(cut.clip[-1]), int(cut.windows[0])
show(
    figures.sample_timeline(
        video.times,
        video.keys,
        clip=cut.clip,
        key=cut.key,
        windows=cut.windows,
        length=recipe.sampling.window,
    ),
    f"Lanes over 40 frames: the clip ends in frame {last}, the near future takes the frames {window} to "
    f"{window + 7}, another window lies elsewhere and does not touch it.",
)
print("frames from the clip's last one to the first vector map:", window - last)

# %% [markdown]
# Why a gap, and why the *future*? The vectors between the clip's own frames can be seen: compare two frames,
# and there is the motion. That trains an eye for shifts, and not more. What comes next has to be *concluded*:
# a thing that has slowed down will turn, one behind another will come out. The paper found that the future
# teaches more than the present, and so did we, on clips hard enough
# ([the study](../docs/study.md)). In our recipe a gap below zero would ask for the present.
#
# In MovingScenes the things that move do so by eight actions; four of them change on their way. Here is what
# the vectors of one window look like: arrows show where the content of a cell went. (The map of an I-frame,
# which has none, would be hatched; these three are of other frames.)

# %%
shown = [window, window + 3, window + 7]
maps = video.vectors[shown].astype(np.float32) / 16
frames = video.frames[[cut.clip[0], last]]
show(
    figures.batch_as_seen(
        frames[None],
        maps[None],
        video.mask[shown][None],
        columns=["clip: first", "clip: last", *(f"frame {frame}" for frame in shown)],
        magnify=4,
        title="From the two frames at the left to the arrows at the right",
    ),
    "Two frames of a clip in which sprites lie on a wall, and three maps of arrows of the near future: cells "
    "with a sprite have arrows, the wall has dots.",
)
moving = (np.abs(video.vectors[window]).max(0) >= 8) & video.mask[window]
print("cells of that window's first map that move by half a pixel or more:", int(moving.sum()), "of", 14 * 14)
assert 0 < moving.sum() < 100

# %% [markdown]
# ## Sixteen points
#
# Predicting each arrow would be a lesson in small offsets, most of them zero. So a small 3D network, the
# **motion encoder**, first looks at the window and makes a map of features. It halves time three times, and
# space twice. Each of the 1 x 4 x 4 places that remain is a **point**: it tells what moves in its part of the
# frame, in these eight frames. The encoder reads three channels: x, y, and the mask, so that "no vector"
# and "stands still" can be told apart (ours).

# %%
(batch,) = MemoryLoader(train_set, recipe.sampling, seed=1).batches(6, 1)
views = augment(batch, recipe.augmentation)
torch.manual_seed(0)
encoder = MotionEncoder()
values = views.motion[:, 0]  # window 0 is the near future
print("a window      ", tuple(values.shape))
for block in encoder.blocks:
    values = block(values)
    print("after a block ", tuple(values.shape))
times, rows, columns = encoder.map_size(recipe.sampling.window, recipe.augmentation.cells)
points = times * rows * columns
assert values.shape[2:] == (times, rows, columns) and points == 16
assert torch.equal(values, encoder(views.motion[:, 0])) or torch.allclose(
    values, encoder(views.motion[:, 0]), atol=1e-4
)

# %% [markdown]
# The encoder is not fixed, it is *learned together* with everything else. That sounds like a trap: could it
# not answer the same for every window, and make all predictions right? It could, if predictions only had to
# be close to their targets. With InfoNCE they have to be closer to their own target than to all others
# ([06_infonce](06_infonce.ipynb)), and a constant is as close to all.
#
# ## From clip to prediction
#
# The other side begins with the clip. The backbone's *moving* branch makes a map of 2 x 4 x 4 places. The
# predictor is a Transformer as in translation: an encoder lets the 32 places of the clip exchange what they
# know, a decoder has one **query** for each of the 16 future points and looks up what it needs. We go through
# its parts one by one and compare with the package.

# %%
backbone = TinyR2Plus1D(recipe.networks.widths)
clip_map = backbone.feature_maps(views.clip)[1].detach()
predictor = MotionPredictor(128, grid=clip_map.shape[2:], points=(times, rows, columns)).eval()
print("the clip's map", tuple(clip_map.shape))


def attend(attention, queries, keys, values):
    """Multi-head attention by hand: (B, Q, D) and the weights, mean over heads, (B, Q, K)."""
    heads, width = attention.num_heads, attention.embed_dim
    weights, bias = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    q, k, v = (
        F.linear(x, w, b).unflatten(2, (heads, -1)).transpose(1, 2)  # (B, heads, N, D / heads)
        for x, w, b in zip((queries, keys, values), weights, bias)
    )
    looks = (q @ k.transpose(2, 3) / (width // heads) ** 0.5).softmax(3)  # rows sum to 1
    return attention.out_proj((looks @ v).transpose(1, 2).flatten(2)), looks.mean(1)


def predict(predictor, clip_map):
    """The predictor by hand: predictions (B, 16, D), and where its last layer looked (B, 16, 32)."""
    normed = predictor.norm(clip_map)
    tokens = predictor.entry(normed.flatten(2).transpose(1, 2))  # one a place and time
    where = predictor.key_positions
    for layer in predictor.encoder:  # the clip's places talk to each other
        tokens = layer.norms[0](tokens + attend(layer.attention, tokens + where, tokens + where, tokens)[0])
        tokens = layer.norms[1](tokens + layer.feed(tokens))
    here = normed.flatten(1, 2).flatten(2).transpose(1, 2)  # both times of a place side by side
    queries, place = predictor.start(here), predictor.query_positions
    for layer in predictor.decoder:  # the questions talk to each other, then look at the clip
        queries = layer.norms[0](
            queries + attend(layer.attention, queries + place, queries + place, queries)[0]
        )
        found, looks = attend(layer.cross, queries + place, tokens + where, tokens)
        queries = layer.cross_norm(queries + found)
        queries = layer.norms[1](queries + layer.feed(queries))
    return queries, looks


with torch.no_grad():
    by_hand, looks = predict(predictor, clip_map)
    assert torch.allclose(by_hand, predictor(clip_map), atol=1e-4)
assert torch.allclose(looks.sum(2), torch.ones(6, 16), atol=1e-5)
print("predictions   ", tuple(by_hand.shape), " as the package's: True")

# %% [markdown]
# Two things to note. Positions are added to queries and keys, never to what is *passed on*: an
# answer says what is there, not where. And a query does not start from zero, as released, but from what the
# clip shows *at its own place* (ours). From zero, our training stayed at a blind guess for hundreds of steps;
# [the experiments](../docs/experiments.md) tell that story.
#
# **Exercise 1** (easy, 5 minutes). How large is the comparison? A batch has B videos, each with one near
# future and N other windows, each window P points.


# %% tags=["exercise"]
def size_of_comparison(videos, others, points):
    """(queries, keys): how many predictions ask, and among how many points each has to find its own."""
    ...


# %% tags=["check"]
for case, expected in (((64, 3, 49), (3136, 12544)), ((40, 1, 16), (640, 1280)), ((1, 0, 1), (1, 1))):
    answer = size_of_comparison(*case)
    if answer is None or tuple(answer) != expected:
        print(f"Not yet: for (videos, others, points) = {case} you say {answer}, expected {expected}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Every point of a near future is predicted. Every point of every window is a key.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def size_of_comparison(videos, others, points):
#     return videos * points, videos * (1 + others) * points
# ```
#
# </details>

# %% [markdown]
# ## The loss by hand
#
# Each prediction looks for the one point of the same video, place and time. All others are negatives, of
# three kinds:
#
# - **places**: other points of the same window. To tell them apart one has to know *where* things move,
# - **windows**: points of other windows of the same video, the hard ones: the same things, at another time,
# - **videos**: everything of the other videos.
#
# We project both sides, take all cosines, and color each pair by its kind.

# %%
task = DensePrediction(predictor, encoder, temperature=recipe.tasks["motion"].temperature).eval()
valid = views.valid_points((times, rows, columns))  # (6, 2, 16): of which points there are vectors enough
with torch.no_grad():
    queries, keys = task.project(clip_map, views.motion)  # (6 x 16, 128) and (2 x 6 x 16, 128)
cosines = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T

owner = torch.arange(6).repeat_interleave(points)  # which video a query is from
key_owner, key_window = owner.repeat(2), torch.arange(2).repeat_interleave(6 * points)
same_video = owner[:, None] == key_owner
kinds = torch.where(same_video, torch.where(key_window == 0, 1, 2), 3)  # 1 places, 2 windows, 3 videos
kinds[torch.arange(96), torch.arange(96)] = 0  # the positive
figure = figures.new("Of 192 keys one is right, 15 are other places, 16 another time, 160 other videos")
image = figure.axes[0].imshow(kinds.numpy(), cmap="viridis", aspect="auto", interpolation="nearest")
figure.axes[0].set(xlabel="keys: near futures of 6 videos, then their other windows", ylabel="predictions")
bar = figure.colorbar(image, ax=figure.axes[0], ticks=[0, 1, 2, 3])
bar.ax.set_yticklabels(["positive", "places", "windows", "videos"])
show(
    figure,
    "A table of 96 predictions and 192 keys. A thin diagonal of positives runs through blocks of places; the "
    "same blocks in the right half are windows; the rest is other videos.",
)
print("keys of each kind for a prediction:", torch.bincount(kinds[0]).tolist())
assert torch.bincount(kinds[0]).tolist() == [1, 15, 16, 160]

# %% [markdown]
# An I-frame has no vectors, and where a window or a part of it has hardly any, there is nothing to predict.
# Points with vectors in less than a quarter of their cells are left out, as question and as answer (ours).
# With that the loss is a few lines. Is it the package's?

# %%
keys_valid = torch.cat([valid[:, 0].flatten(), valid[:, 1].flatten()])
logits = (cosines / task.temperature).masked_fill(~keys_valid, -torch.inf)
own = torch.arange(96)
counted = valid[:, 0].flatten()
loss = F.cross_entropy(logits[counted], own[counted])
accuracy = (logits[counted].argmax(1) == own[counted]).float().mean()
with torch.no_grad():
    package = task((None, clip_map), views)  # of a backbone's two maps it reads the second
assert torch.allclose(loss, package.loss, atol=1e-4)
assert torch.isclose(accuracy, package.metrics["accuracy"])
print(
    "loss and accuracy are the package's: True; near a blind guess, log 192:",
    bool(abs(loss - np.log(192)) < 1),
)

# %% [markdown]
# **Exercise 2** (medium, 10 minutes). Which points count? Write `valid_points` for one window.


# %% tags=["exercise"]
def points_that_count(mask):
    """(4, 4) bool: which points of a window see vectors in a quarter of their cells or more.

    mask: (8, 16, 16) bool, time, rows and columns of cells; a point sees 8 x 4 x 4 of them.
    """
    ...


# %% tags=["check"]
draws = torch.Generator().manual_seed(0)
share_of_points = 0.5 * torch.rand(4, 4, generator=draws)
half = torch.zeros(8, 16, 16, dtype=torch.bool)
half[:2, :8] = True  # exactly a quarter of the cells of the upper points
spread_out = torch.rand(8, 16, 16, generator=draws) < share_of_points.repeat_interleave(
    4, 0
).repeat_interleave(4, 1)
masks = {"a made-up mask": half, "a random mask": spread_out}
masks |= {f"sample {sample}, window {n}": views.mask[sample, n] for sample in range(6) for n in range(2)}
for name, mask in masks.items():
    blocks = [mask[:, r : r + 4, c : c + 4].float().mean() for r in (0, 4, 8, 12) for c in (0, 4, 8, 12)]
    expected, answer = torch.stack(blocks).view(4, 4) >= 0.25, points_that_count(mask)
    if answer is None or torch.as_tensor(answer).shape != (4, 4):
        print(f"Not yet: for {name} you return {answer}, expected (4, 4) truth values.")
        break
    if not torch.equal(torch.as_tensor(answer).bool(), expected):
        row, column = (torch.as_tensor(answer).bool() != expected).nonzero()[0].tolist()
        seen_share = blocks[4 * row + column].item()
        print(
            f"Not yet: in {name}, point ({row}, {column}) sees vectors in {seen_share:.0%} of its cells;",
            end=" ",
        )
        print(f"you say {bool(answer[row, column])}, expected {bool(expected[row, column])}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>mask.float().unflatten(2, (4, 4)).unflatten(1, (4, 4))</code> has the axes time, row of points, row
# inside, column of points, column inside.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def points_that_count(mask):
#     inside = mask.float().unflatten(2, (4, 4)).unflatten(1, (4, 4))
#     return inside.mean((0, 2, 4)) >= 0.25
# ```
#
# </details>

# %% [markdown]
# ## What does a backbone know of the future?
#
# A training from scratch needs some hundred steps before anything is to be seen, more than a notebook has.
# But we can ask the network that comes with the package, trained for 1000 steps with motion prediction
# alone. Only its backbone was kept. So we **freeze** it, and train a new predictor and a new motion encoder
# on top, for 80 short steps. Beside it the same on an untrained backbone, frozen, too. Whatever the first
# does better was in its features.

# %%
motion_backbone = cvrl_lite.load("motion").backbone
torch.manual_seed(0)
backbones = {"untrained": TinyR2Plus1D(recipe.networks.widths).eval(), "trained": motion_backbone}
STEPS, BATCH = 80, 16


def seen(backbone, batch):
    """The frozen backbone's maps of a batch's clips, and the views."""
    views = augment(batch, recipe.augmentation)
    with torch.no_grad():
        return backbone.feature_maps(views.clip), views


def learn(backbone):
    """A task trained on a frozen backbone, and its loss and accuracy at each step."""
    torch.manual_seed(1)
    predictor = MotionPredictor(128, grid=clip_map.shape[2:], points=(times, rows, columns), dropout=0.0)
    task = DensePrediction(predictor, MotionEncoder())
    optimizer = torch.optim.AdamW(task.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS, pct_start=0.1)
    log = []
    for batch in MemoryLoader(train_set, recipe.sampling, seed=2).batches(BATCH, STEPS):
        loss, metrics = task(*seen(backbone, batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        log.append((loss.item(), metrics["accuracy"].item()))
    return task.eval(), np.array(log)


tasks = {name: learn(backbone) for name, backbone in backbones.items()}

# %%
figure = figures.new("On features trained to predict motion, a new predictor learns it soon", columns=1)
(axes,) = figure.axes
for name, (_, log) in tasks.items():
    smooth = np.convolve(log[:, 0], np.full(10, 0.1), "valid")
    color = figures.COLORS["motion" if name == "trained" else "untrained"]
    axes.plot(np.arange(len(smooth)) + 10, smooth, lw=2, color=color, label=f"{name} backbone, frozen")
axes.axhline(np.log(2 * BATCH * points), color=figures.INK, ls="--", lw=1, label="a blind guess, log 512")
axes.set(xlabel="step", ylabel="loss in nats, mean of 10 steps", ylim=(0, None))
axes.legend(frameon=False)
ends = {name: log[-20:, 0].mean() for name, (_, log) in tasks.items()}
show(
    figure,
    "Two falling curves. On the trained backbone it falls far below the dashed line of a blind guess, log "
    f"512 = 6.2 nats, and ends at {ends['trained']:.1f}; on the untrained one it comes down to that line, "
    f"and ends at {ends['untrained']:.1f}.",
)
print("the trained backbone is ahead by more than .3 nats:", ends["untrained"] - ends["trained"] > 0.3)
assert ends["untrained"] - ends["trained"] > 0.3

# %% [markdown]
# On the untrained backbone 80 steps do not get below a blind guess (one seed of each; more steps might).
# Now questions it has never seen, from `val`. Does it find its point among negatives of every kind? We take
# batches of 16 videos, and ask each prediction to find its own point among negatives of one kind only.


# %%
def right_by_kind(name):
    """Accuracy against each kind of negative, and what guessing would score."""
    task, _ = tasks[name]
    found = {kind: [] for kind in ("places", "windows", "videos")}
    for batch in MemoryLoader(val_set, recipe.sampling, seed=3).batches(BATCH, 6):
        maps, views = seen(backbones[name], batch)
        for kind, answers in found.items():
            task.negatives = frozenset({kind})
            with torch.no_grad():
                answers.append(task(maps, views).metrics["accuracy"].item())
    return {kind: float(np.mean(answers)) for kind, answers in found.items()}


scores = {name: right_by_kind(name) for name in tasks}
guesses = {"places": 1 / 16, "windows": 1 / 17, "videos": 1 / (1 + 2 * 15 * points)}
figure = figures.new("It finds its own point among negatives of every kind", columns=1)
(axes,) = figure.axes
for shift, (name, found) in zip((-0.18, 0.18), scores.items()):
    color = figures.COLORS["motion" if name == "trained" else "untrained"]
    axes.bar(np.arange(3) + shift, list(found.values()), 0.34, color=color, label=f"{name} backbone")
axes.plot(np.arange(3), list(guesses.values()), "_", ms=60, color=figures.INK, label="a blind guess")
axes.set(ylabel="share that finds its own point", ylim=(0, 1.2))
axes.set_xticks(range(3), ["among 16 places", "among times (17)", "among other videos (481)"])
axes.legend(frameon=False, ncols=3, loc="upper center", markerscale=0.3)
words = "; ".join(
    f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in found.items()) for name, found in scores.items()
)
show(figure, f"Bars in three pairs. {words}.")
for kind in guesses:
    ahead = scores["trained"][kind] > max(1.2 * scores["untrained"][kind], 2 * guesses[kind])
    print(f"{kind:8} the trained backbone does better than the untrained one, and than twice a guess:", ahead)
    assert ahead

# %% [markdown]
# Among other videos it errs most often, but those are 480 against 15 and 16, so the bars do not say which
# kind is hardest; each says only how far it is above its own guess. (That another moment of the same video
# is a harder negative sounds likely. It is not seen here, and leaving those out cost nothing visible in the
# [study](../docs/study.md).)
#
# ## Where does it look?
#
# A query is one place of the future. The weights of its last attention say from which of the clip's 2 x 4 x 4
# places it takes what it needs. Let us lay them over a clip of `val` whose things move.

# %%
(batch,) = MemoryLoader(val_set, recipe.sampling, seed=4).batches(BATCH, 1)
(_, clip_map), views = seen(motion_backbone, batch)
motion, valid = views.motion, views.valid_points((times, rows, columns))
task, _ = tasks["trained"]
with torch.no_grad():
    _, looks = predict(task.predictor, clip_map)
    queries, keys = task.project(clip_map, motion)
own_clip = (F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T)[:16, :16]  # of the first clip
mean_look = looks.mean(0).view(16, 2, 4, 4)
figure = figures.new("The queries look alike, and yet each prediction is one of its place", columns=2)
left, right = figure.axes
grid = mean_look[:, 1].view(4, 4, 4, 4).permute(0, 2, 1, 3).reshape(16, 16)
image = left.imshow(grid.numpy(), cmap="viridis")
left.set_xticks(np.arange(0.0, 16, 4) - 0.5, [])
left.set_yticks(np.arange(0.0, 16, 4) - 0.5, [])
left.grid(color="white", lw=2)
left.set_title("attention to the clip's last half, a tile a query", fontsize=10)
figure.colorbar(image, ax=left, shrink=0.8)
image = right.imshow(own_clip.numpy(), cmap="RdBu", vmin=-1, vmax=1)
right.set(xlabel="point of the true future", ylabel="prediction")
right.set_title("one clip: predictions and what came", fontsize=10)
figure.colorbar(image, ax=right, shrink=0.8)
show(
    figure,
    "Left, sixteen tiles of four times four weights of attention. Right, sixteen times sixteen cosines of "
    "predictions and true points, with a blue diagonal.",
)
alike = torch.corrcoef(mean_look.flatten(1))[~torch.eye(16, dtype=torch.bool)].mean()
diagonal = own_clip.diagonal().mean() - own_clip[~torch.eye(16, dtype=torch.bool)].mean()
print("a query's weights sum to 1:", torch.allclose(looks.sum(2), torch.ones(BATCH, 16), atol=1e-5))
print("predictions are nearer to their own point than to other places, by over .2:", bool(diagonal > 0.2))
print("two queries' mean attention is alike, correlated by over .5:", bool(alike > 0.5))
assert diagonal > 0.2 and alike > 0.5

# %% [markdown]
# All sixteen tiles are much alike, and yet the predictions differ by place, as the diagonal at the right
# shows. So the attention fetches what is of use to *all* places (how do things move in this clip?), and
# what is local a query has from the start. Beware of reading more into such tiles: weights say where values
# were taken from, not what for. Is the Transformer needed at all? In our small world two linear layers,
# place by place, are a serious rival ([the study](../docs/study.md)). The paper found it useful, on real
# videos.
#
# **Exercise 3** (medium, 10 minutes). The same comparison by your own hand: which keys may stand beside which
# prediction, if only some kinds of negatives are used?


# %% tags=["exercise"]
def may_stand(videos, others, points, kinds):
    """(queries, keys) bool: the pairs that are compared.

    Keys lie as the package lays them: the near futures of all videos, then their other windows one after the
    other. `kinds` holds some of "places", "windows", "videos"; a positive is always in.
    """
    ...


# %% tags=["check"]
verdict = "Right."
for videos, others, points in ((3, 2, 4), (2, 1, 3)):
    for kinds in (("places",), ("windows",), ("videos",), ("places", "videos"), ()):
        answer = may_stand(videos, others, points, kinds)
        query, key = torch.arange(videos * points), torch.arange(videos * (1 + others) * points)
        own, future = query[:, None] // points == key % len(query) // points, key < len(query)
        expected = ("places" in kinds) & own & future | ("windows" in kinds) & own & ~future
        expected = expected | ("videos" in kinds) & ~own | (query[:, None] == key)
        case = f"Not yet: {videos} videos, {others} others, {points} points, kinds {kinds}:"
        if verdict != "Right.":
            continue
        if answer is None or torch.as_tensor(answer).shape != expected.shape:
            verdict = f"{case} you return {answer}, expected {tuple(expected.shape)} truth values."
        elif not torch.equal(torch.as_tensor(answer).bool(), expected):
            q, k = (torch.as_tensor(answer).bool() != expected).nonzero()[0].tolist()
            verdict = (
                f"{case} query {q}, key {k}: you say {bool(answer[q, k])}, expected {bool(expected[q, k])}."
            )
print(verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# A key's number, divided by the points with the rest thrown away, counts windows; that number modulo the
# videos is its video.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def may_stand(videos, others, points, kinds):
#     query = torch.arange(videos * points)
#     key = torch.arange(videos * (1 + others) * points)
#     own = (query // points)[:, None] == key // points % videos
#     future = key < videos * points
#     allowed = query[:, None] == key
#     if "places" in kinds:
#         allowed = allowed | (own & future)
#     if "windows" in kinds:
#         allowed = allowed | (own & ~future)
#     if "videos" in kinds:
#         allowed = allowed | ~own
#     return allowed
# ```
#
# </details>

# %% [markdown]
# ## What we have seen
#
# - The near future lies behind the clip; its vectors are turned into points, features of a place and time, by
#   an encoder that is learned as well.
# - A Transformer answers one query for each point; queries start from what the clip shows in their place.
# - Negatives are other places, other times, other videos; points without vectors are left out.
# - On a backbone that was trained so a new predictor learns in 80 steps what it did not on an untrained one.
#
# ## Quiz
#
# **1.** Somebody sets the gap to -0.56 s. What does the network have to predict now?
#
# <details><summary>Answer</summary>
# Nothing: the window lies inside the clip, and shows the motion between its frames.
# </details>
#
# **2.** Why does InfoNCE not let the motion encoder answer the same for every window?
#
# <details><summary>Answer</summary>
# Then all keys would be equal, no prediction could tell its own from the others, and the loss would stay at
# the logarithm of their number.
# </details>
#
# **3.** A clip in which nothing moves: can its points be told apart?
#
# <details><summary>Answer</summary>
# Hardly: all its vectors are zero. A whole window of equal keys costs at least log 16 for each of its
# predictions. They are counted all the same, since zeros with a mask of True are real vectors.
# </details>
#
# **4.** Why might another window of the same video be a harder negative than one of another video?
#
# <details><summary>Answer</summary>
# The same things move in it, in the same places or nearby. Only a network that predicts *how far* they have
# come, and which way they will have turned, tells it from the right one.
# </details>
#
# **5.** Mirrored clips get mirrored vectors. What if the sign of x were left as it was, as released?
#
# <details><summary>Answer</summary>
# Then the target of a thing that goes left in a mirrored clip would go right, in half of the samples.
# Direction could not be predicted from it, only speed and place.
# </details>
#
# ## Next, and further reading
#
# Next: [09_joint_pretraining](09_joint_pretraining.ipynb). Both tasks at once, on one backbone.
#
# - [The paper](https://arxiv.org/abs/2104.00862), for the task on real videos.
# - [Attention is all you need](https://arxiv.org/abs/1706.03762): the Transformer.
# - [DPC](https://arxiv.org/abs/1909.04656), which predicts features of *pixels*, point by point.
