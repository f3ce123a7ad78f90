# %% [markdown]
# # Your own videos
#
# Until now every clip was drawn to teach one lesson. A folder of real videos is different: it has
# collected years of cameras, editors and downloads, each with its own codec, frame rate and habits, and
# some of its files are not videos at all. This notebook takes such a folder through the whole process:
# inspect it, transcode it, label it, train on it and search it. Two appendices show how to do the same with
# UCF101 on several GPUs, and work out what that costs.
#
# **Goals.** After this notebook you will be able to
# - decide for each file in a folder whether it can be used, and if not, why not,
# - transcode a folder for training, and say what you pay and what you gain,
# - tell which files were cut from the same video, and what goes wrong if you ignore it,
# - train on your folder, and resume after a crash,
# - say what a shipped network can find in a new folder and what it cannot,
# - (with the appendices) start the paper's training on UCF101 on one or two multi-GPU machines, and estimate
#   the cost beforehand.
#
# **Needs.** [09_joint_pretraining](09_joint_pretraining.ipynb) and
# [01_result_first](01_result_first.ipynb). About 2 minutes on 2 cores, 2.1 GB of memory, 21 MB of disk in a
# temporary folder.
#
# To work on *your* folder, put its path between quotes in the next cell and run all cells again. Your files
# are only read, never changed. The notebook looks at no more than 100 of them and skips those longer than a
# minute; use the command line for the rest. With `None` it builds a folder of drawings, packed the way one
# finds videos on an old disk, so that the notebook runs anywhere.

# %%
MY_FOLDER = None  # such as "C:/Users/me/Videos" or "/media/camera"

# %% tags=["hide-input"]
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import cvrl_lite
from cvrl_lite import CompressedVideo, VideoError, evaluate, train
from cvrl_lite.codec import transcode
from cvrl_lite.course import figures, log
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.judging import ranges, ranges_in_words
from cvrl_lite.course.loops import show_loop
from cvrl_lite.course.tapes import MOTIONS, PLACES, found_folder, pack, ways
from cvrl_lite.datasets import (
    UCF101,
    DecodedSet,
    DecodedVideo,
    Entry,
    FileLoader,
    MemoryLoader,
    Timeline,
    VideoDataset,
    VideoFolder,
    decode,
)
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.datasets.samples import key_frames
from cvrl_lite.models import TinyR2Plus1D

torch.set_num_threads(1)  # our frames are so small that a second core would only wait
work = Path(tempfile.mkdtemp())  # all that this notebook writes
OURS = MY_FOLDER is None

# %% [markdown]
# ## A folder as you might find it
#
# The folder that we build holds twelve "tapes" of drawn shapes: three places, with four tapes each, and on
# each tape of a place a different motion. Every tape was cut into two files, a and b. Three more files are
# the kind of thing that lies about on any disk: a scrap, a broken copy, and something that is no video. Most
# files are compressed for watching, with as few key frames as possible, B-frames, and several [reference
# frames](../docs/glossary.md#a-video-as-a-file). Some are odd.

# %%
folder = found_folder(work / "found") if OURS else Path(MY_FOLDER)
everything = VideoFolder(folder).entries
entries = everything[:: -(-len(everything) // 100)]  # of a large folder 100 files, evenly
print("files named like videos:", len(everything), " inspected:", len(entries))

# %% [markdown]
# Before any tool gets to see them, have a look yourself: here is the middle of each file, and a question
# mark where nothing can be shown. In our folder **five files cannot be trained on as they are**. Which?


# %%
def glance(path):
    """A picture from the middle of a file, or None."""
    try:
        with CompressedVideo(path) as video:
            return video.clip(len(video.times) // 2, 1, size=96)[0]
    except VideoError:
        return None


pictures = {entry.path.name: glance(entry.path) for entry in entries[:27]}
show(
    figures.contact_sheet(pictures, title="Which of these files can a network be trained on?"),
    "Small pictures, one for each file: shapes before bricks, rings and waves. Two are question marks.",
)

# %% [markdown]
# ## Inspect before you train
#
# In a terminal, `cvrl-lite inspect` shows what a file holds. Here we want a verdict on each file, and one
# line for all files that are alike. A file can be used for training as it is if it is readable, if FFmpeg
# exports motion vectors for its codec (02), and if it is long enough for one sample (05). The column
# *distances* says whether we know how many frames back each vector points (03). *Why not* is empty for
# usable files.

# %%
sampling = train.recipes.laptop_fast().sampling
LONG = 60  # seconds


def look(path):
    """A file's facts, None where it cannot be read, and why it cannot be trained on, or ""."""
    try:
        with CompressedVideo(path) as video:
            info = video.info
            line = Timeline(video.times, key_frames(info.gop_lengths), sampling)
            distances_known[path] = info.has_vectors and video.reference_distance_known
    except VideoError as error:
        return None, None, error.reason
    if not info.has_vectors:
        return info, line, f"FFmpeg exports no vectors from {info.codec}"
    if info.vectors_in_fields:
        return info, line, "interlaced: its vectors may be those of fields"
    return info, line, line.lacks


# %%
distances_known = {}  # of each file, whether it tells which frame a vector points to
looked = {entry.path: look(entry.path) for entry in entries}


# %% tags=["nbval-ignore-output"]
def facts(path):
    """The columns of a file's line, without its name."""
    info, _, why = looked[path]
    if info is None:
        return *"------", why
    distances = ("known" if distances_known[path] else "unknown") if info.has_vectors else "-"
    size, rate = f"{info.width}x{info.height}", f"{float(info.average_rate):.0f}"
    seconds = f"{info.duration:.2f}"
    return info.codec, size, rate, seconds, max(info.gop_lengths), distances, why.split(":")[0]


alike = {}  # files by what is said of them, the useless ones first
for path in sorted(looked, key=lambda path: not looked[path][2]):
    alike.setdefault(facts(path), []).append(path.relative_to(folder).as_posix()[-22:])
row = "{:>5} {:22} {:6} {:>9} {:>4} {:>5} {:>4} {:>9}  {}".format
print(row("files", "the first of them", "codec", "size", "fps", "s", "GOP", "distances", "why not"))
for line, names in alike.items():
    print(row(len(names), names[0], *line))

# %%
readable = {path: info for path, (info, _, _) in looked.items() if info and info.duration <= LONG}
usable = [path for path in readable if not looked[path][2]]
print(f"of {len(looked)} files {len(readable)} can be read here, and {len(usable)} of these be trained on")
assert len(usable) > 1, "this needs two videos at least that are long enough and whose codec has vectors"
if OURS:
    assert looked[folder / "rings/tape12c.mp4"][2].startswith("too short")
    assert {path.name for path in looked if path not in readable} == {"tape13a.mkv", "notes.mp4"}

# %% [markdown]
# Two of the five you could see: a question mark means that the file is refused. The other three look like
# all the rest. *tape04a* and *tape04b* are HEVC, from which FFmpeg exports no vectors, and *tape12c* is too
# short. **Looking does not tell; inspecting does.**
#
# <details><summary>Everything that is odd about our folder</summary>
#
# | files | what is odd |
# |---|---|
# | tape02a, tape02b | from an old camera: MPEG-4 in AVI files |
# | tape03a, tape03b | 50 frames a second: a converter doubled each frame |
# | tape04a, tape04b | HEVC |
# | tape06a, tape06b | larger frames than the rest |
# | tape12c | only nine frames |
# | tape13a | the copy was cut short |
# | notes | a text file that merely claims to be a video |
#
# </details>
#
# None of this stops the work. Every command of the package skips such a file, lists it with the reason,
# and ends with exit code 1 so that a script notices. It never substitutes black frames, as the paper's
# released loader does.
#
# A file that was cut short is not lost altogether. By default it is refused, because half a video would
# be an unpleasant surprise. With `on_damage="keep"` you get the frames that are there:

# %% tags=["nbval-ignore-output"]
if OURS:
    with CompressedVideo(folder / "rings/tape13a.mkv", on_damage="keep") as broken:
        saved = sum(1 for _ in broken.frames())
        print(f"saved {saved} of 60 frames;", broken.damage.breaks_off.split(":")[0])
    assert 1 < saved < 60 and "breaks off" in broken.damage.breaks_off

# %% [markdown]
# ## Transcode once
#
# Files made for watching are awkward for training in three ways. To show a random frame, a decoder has
# to start at the key frame before it, which may be far away. Context matching needs a key frame close to
# the clip, and most clips have none. And where P-frames may choose among several reference frames,
# FFmpeg does not say which one a vector refers to (02, 03). Transcoding the folder once, with a key
# frame at every twelfth frame, cures all three:
#
# ```bash
# cvrl-lite transcode found/ --out clean/ --gop 12 --short-side 128 --crf 23 --deinterlace --workers 4
# ```
#
# (`--deinterlace` turns interlaced files, which `look` refuses as they are, into whole frames.) In Python,
# `codec.transcode` does all this for one file, and the next cell uses it. HEVC, AV1 and VP9 also
# become H.264, and so they get vectors, too: those that *our* encoder finds in the decoded frames.
# Frames are stored as a player would show them, upright and with square pixels. The new folder has the
# same sub-folders.

# %%
clean = work / "clean"
targets = {}
for path in readable:
    target = clean / path.relative_to(folder).with_suffix(".mp4")
    if target in targets.values():  # a.avi and a.mov
        target = target.with_name(f"{path.name}.mp4")
    target.parent.mkdir(parents=True, exist_ok=True)
    transcode(path, target, gop=12, short_side=128, crf=23, deinterlace=True)
    targets[path] = target
after = {path: look(target) for path, target in targets.items()}
print("longest GOP now:", max(max(info.gop_lengths) for info, _, _ in after.values()))
print("files with vectors:", sum(info.has_vectors for info, _, _ in after.values()), "of", len(after))
print("files with known distances:", sum(distances_known[target] for target in targets.values()))

# %% [markdown]
# Here is one file before and after. Look at the tall bars, which are I-frames, and at the strip below them:
# it shows where a training clip of .56 s may start. Where it is thick and blue, context matching finds an
# I-frame in the clip or at most .2 s beside it; where it is thin and gray, it finds none.


# %%
def key_within_reach(line):
    """(S,) bool, for each start of a clip: is a key frame at most `max_keyframe_distance` outside it?"""
    span, reach = line.how.stride * (line.how.frames - 1), line.how.max_keyframe_distance + 1e-6
    begin, keys = line.clock[line.starts][:, None], line.clock[line.keys]
    return ((keys >= begin - reach) & (keys <= begin + span + reach)).any(1)


def frames_of(path):
    """Type, bytes and time of each frame."""
    with CompressedVideo(path) as video:
        return video.picture_types, video.info.frame_bytes, video.times


plain = [path for path in usable if readable[path].codec == "h264" and readable[path].average_rate <= 30]
first = max(plain or usable, key=lambda path: list(frames_of(path)[0]).count("B"))  # with most B-frames

# %% tags=["hide-input"]
lines = {"as found": looked[first][1], "transcoded": after[first][1]}
show(
    figures.gop_timeline(
        {"as found": frames_of(first), "transcoded": frames_of(targets[first])},
        starts={name: (line.clock[line.starts], key_within_reach(line)) for name, line in lines.items()},
        title="Transcoded, every clip has an I-frame within reach",
    ),
    "Bytes of each frame over time, twice, a strip below. As found: hardly an I-frame, P-frames "
    "and B-frames, and a strip that is blue only at the I-frames. Transcoded: an I-frame at every twelfth "
    "place, P-frames between, and a strip that is blue throughout.",
)

# %% [markdown]
# What do we pay? Bytes. At the same rate factor and frame size, more I-frames and no B-frames make a
# file larger. **By how many percent?** Guess, with the bars above in mind. (Where the frames became smaller,
# so did the file, so we compare only H.264 files that kept their width and height, if there are any.)

# %%
both = [path for path in readable if readable[path].frame_bytes and after[path][0].frame_bytes]
kept = [
    path
    for path in both
    if readable[path].codec == "h264"
    and (readable[path].width, readable[path].height) == (after[path][0].width, after[path][0].height)
]


def frames_in_all(paths):
    """Types and bytes of all frames of some files."""
    parts = [frames_of(path)[:2] for path in paths]
    return "".join(types for types, _ in parts), np.concatenate([sizes for _, sizes in parts])


packed = {"as found": frames_in_all(kept or both)}
packed["transcoded, GOP 12"] = frames_in_all([targets[path] for path in kept or both])

# %% tags=["hide-input", "nbval-ignore-output"]
more = packed["transcoded, GOP 12"][1].sum() / packed["as found"][1].sum() - 1
change = f"{100 * abs(more):.0f} % {'more' if more > 0 else 'fewer'} bytes"
show(
    figures.bytes_by_type(packed, title=f"Transcoded at their size, {len(kept or both)} files take {change}"),
    "Two stacked bars of bytes by frame type. In our folder the lower, transcoded, is longer, by I-frames.",
)
grown = [p for p in kept if sum(after[p][0].frame_bytes) > sum(readable[p].frame_bytes)]
print(f"{len(grown)} of {len(kept)} H.264 files that kept their frame size grew")
now, then = (sum(path.stat().st_size for path in paths) / 1e6 for paths in (targets, targets.values()))
print(f"all {len(targets)} files, of any kind and size: {now:.2f} MB as found, {then:.2f} MB transcoded")
assert not OURS or (len(kept) > 15 and len(grown) > len(kept) / 2 and more > 0)

# %% [markdown]
# And what do we gain? Count frames.
#
# **Exercise 1** (easy, 5 minutes). A player jumps to a random frame of a video. To show it, a decoder has to
# decode everything from the key frame before it, that frame and the shown one included. How many frames is
# that on average, if the video has GOPs of these lengths? (All frames are equally likely.)


# %% tags=["exercise"]
def frames_for_a_jump(gop_lengths):
    """Frames to decode to show a random one, on average."""
    ...


# %% tags=["check"]
for lengths in ((12,), (60,), (1, 1, 1), (12, 60), (250, 12, 12)):
    expected = np.mean([place for length in lengths for place in range(1, length + 1)])
    answer = frames_for_a_jump(lengths)
    if answer is None or abs(answer - expected) > 1e-9:
        print(f"Not yet: for GOPs of {lengths} you say {answer}, expected {expected}.")
        break
else:
    judge("frames_for_a_jump", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The first frame of a GOP takes one frame to decode, its second two. And a jump lands in a long GOP more
# often than in a short one.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def frames_for_a_jump(gop_lengths):
#     lengths = np.array(gop_lengths)
#     return (lengths * (lengths + 1) / 2).sum() / lengths.sum()
# ```
#
# A GOP of 12 takes 6.5 frames, one of 60 takes 30.5, and together they take 26.5, not the mean of the two.
# </details>
#
# The last strip showed one file. Over all usable files, how long is its blue part: at how many of the
# positions where a training clip may start is a key frame within reach ([05](05_clips_for_training.ipynb))?


# %% tags=["nbval-ignore-output"]
def jump_in(gop_lengths):
    """As in the exercise."""
    lengths = np.array(gop_lengths)
    return (lengths * (lengths + 1) / 2).sum() / lengths.sum()


print(f"{'':11} frames per jump   clips with a key frame near   files with known distances")
for name, group in (("as found", looked), ("transcoded", after)):
    jump = np.mean([jump_in(group[path][0].gop_lengths) for path in usable])
    near = np.mean([key_within_reach(group[path][1]).mean() for path in usable])
    number_known = sum(distances_known[path if group is looked else targets[path]] for path in usable)
    print(f"{name:11} {jump:15.1f} {near:29.0%} {number_known:22} of {len(usable)}")

# %% tags=["hide-input"]
assert not OURS or (near == 1 and jump <= 6.5 and number_known == len(usable))  # the table's last row
assert not OURS or np.mean([key_within_reach(looked[path][1]).mean() for path in usable]) < 0.3

# %% [markdown]
# (As found, a jump in our folder takes more than half of 60 frames, because two files have 120; the others
# have 60 at most.)
#
# The real test is speed: how much faster can training samples be read? This depends on the machine, so
# look at your own number. (`FileLoader` is the loader for sets that do not fit into memory, see 05.)


# %% tags=["nbval-ignore-output"]
def samples_a_second(paths, batches=6):
    """Training samples read per second of one core, each from its file."""
    videos = VideoDataset(tuple(Entry(path, str(path), {}) for path in paths), {})
    drawn = FileLoader(videos, sampling, 0, size=72, cells=14).batches(8, batches + 1)
    next(drawn)  # warm
    start = time.process_time()
    return 8 * sum(1 for _ in drawn) / (time.process_time() - start)


ratio = samples_a_second([targets[path] for path in usable]) / samples_a_second(usable)
print(f"from the transcoded files, samples are read {ratio:.1f} times as fast")

# %% [markdown]
# That is less than the frame counts promise. Decoding the frames before the clip is only part of the
# work: the file has to be opened, and the frames of the clip and of the window of vectors have to be
# decoded in any case. On real clips with long GOPs and B-frames we measured 3.5 to 4.0 times as fast
# ([benchmarks](../docs/benchmarks.md)).

# %% [markdown]
# ## Labels and sources
#
# Pretraining needs no labels; measuring what was learned does. There are two ways to provide them:
#
# - **Sub-folders**: if every file lies in a sub-folder, the name of the first one becomes the label
#   `class`.
# - **A CSV file** with a column `file` and one column per label, as many as you like. It replaces the
#   names of the folders. Its file names are those of the *transcoded* folder, where `.avi` has become
#   `.mp4`.
#
# Labels are about meaning. The **[source](../docs/glossary.md#learning-without-labels)** is not: it
# names the video that a file was cut from. `source=` takes a regular expression, and files in whose names it
# matches the same text count as one video: with `tape\d+`, `tape01a` and `tape01b` do. UCF101 has
# `v_Archery_g08`; a camera that splits long recordings numbers the parts (exercise 2). If your folder holds
# several parts of one video, replace the `None` in the next cell.

# %%
SOURCE = r"tape\d+" if OURS else None
labels = None
if OURS:
    labels, rows = work / "labels.csv", ["file,place,motion"]
    for target in targets.values():
        name = target.relative_to(clean).as_posix()
        tape = int(re.search(r"tape(\d+)", name)[1])
        rows.append(f"{name},{target.parent.name},{MOTIONS[(tape - 1) % 4]}")
    labels.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(*rows[:3], sep="\n")

videos = VideoFolder(clean, source=SOURCE, labels=labels)
print("labels:", {label: len(names) for label, names in videos.classes.items()})
print("files:", len(videos.entries), " sources:", len({e.source for e in videos.entries}))
assert not OURS or len({e.source for e in videos.entries}) == 12

# %% [markdown]
# **Exercise 2** (medium, 8 minutes). A common action camera splits long films: `GX010042.MP4`
# is the first chapter of film 0042, `GX020042.MP4` the second, and `GX110043.MP4` the eleventh of film
# 0043. Write the regular expression for `source=`.

# %% tags=["exercise"]
chapters = ""

# %% tags=["check"]
film = {"GX010042.MP4": 1, "GX020042.MP4": 1, "GX010043.MP4": 2, "GX110043.MP4": 2, "GX010001.MP4": 3}
film |= {"GX010142.MP4": 4, "GX011042.MP4": 5, "GX010052.MP4": 6, "GX031042.MP4": 5, "GX129999.MP4": 7}
there = work / "camera"
there.mkdir(exist_ok=True)
for name in film:
    (there / name).touch()
source = {entry.path.name: entry.source for entry in VideoFolder(there, source=chapters or None).entries}
pairs = [(a, b) for a in film for b in film if (source[a] == source[b]) != (film[a] == film[b])]
if pairs:
    a, b = pairs[0]
    one, two = ("one film", "two films")[:: 1 if film[a] == film[b] else -1]
    print(f"Not yet: {a} and {b} count as {two}, expected {one}.")
else:
    judge("chapters", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Only the match counts, not the characters around it. <code>(?=...)</code> requires that something
# follows, without making it part of the match.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# chapters = r"\d{4}(?=\.)"
# ```
# </details>

# %% [markdown]
# Why does this matter? Context matching asks "which of these key frames belongs to this clip?", and
# every other key frame in the batch counts as a wrong answer. But the other half of the *same tape*
# shows the same wall. Counting it as wrong asks the network to separate two things that look the same.
# Let us read the set and count such pairs in one batch.

# %%
read = decode(videos, size=72)
sampler = MemoryLoader(read, sampling, seed=0)
for skipped in sampler.skipped:
    print("not used:", skipped.path.name, "-", skipped.reason.split(":")[0])
data = DecodedSet(tuple(read.videos[number] for number in sampler.usable), (), read.classes)

(batch,) = sampler.batches(len(data.videos), 1)
alike = batch.sources[:, None] == batch.sources
print("pairs from the same source in a batch:", int(alike.sum() - len(batch.sources)) // 2)
assert not OURS or int(alike.sum() - len(batch.sources)) // 2 == 12

# %% [markdown]
# With `source=`, both losses leave these pairs out. The same rule holds wherever a set is split: **split by
# source, never by file**. You will see below how much a split by file would flatter you.
#
# **Exercise 3** (medium, 10 minutes). Split entries into a training and a test part so that no
# source is in both. Take the sources in sorted order; the last `round(share * number of sources)` of
# them go to the test part.


# %% tags=["exercise"]
def split_by_source(entries, share):
    """(training entries, test entries); `share` of the sources goes to the test."""
    ...


# %% tags=["check"]
tapes = range(8, 0, -1)  # not in order
pieces = [Entry(Path(f"{tape}{piece}.mp4"), f"tape{tape:02}", {}) for piece in "ab" for tape in tapes]
shares = {0.2: (7, 8), 0.0: (), 0.3: (7, 8), 0.15: (8,), 0.5: (5, 6, 7, 8), 1.0: range(1, 9)}
for share, held in shares.items():
    answer = split_by_source(pieces, share)
    if answer is not None:
        answer = tuple(sorted(f"{entry.path.stem}" for entry in part) for part in answer)
    expected = tuple(
        sorted(entry.path.stem for entry in pieces if (int(entry.source[4:]) in held) == is_test)
        for is_test in (False, True)
    )
    if answer != expected:
        print(f"Not yet: of 8 tapes in two pieces each, {share} for the test:", end=" ")
        print(f"you say {answer and answer[1]}, expected {expected[1]}; all others are for training.")
        break
else:
    judge("split_by_source", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# First the sorted set of sources, then which of them are for the test, then the entries.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def split_by_source(entries, share):
#     sources = sorted({entry.source for entry in entries})
#     held = set(sources[len(sources) - round(share * len(sources)) :])
#     train = [entry for entry in entries if entry.source not in held]
#     return train, [entry for entry in entries if entry.source in held]
# ```
# </details>

# %% [markdown]
# ## Train, and pull the plug
#
# Now for a training run, started as you would start it in a terminal:
#
# ```bash
# cvrl-lite pretrain --recipe laptop_fast --steps 40 --batch 12 \
#     --folder clean/ --source "tape[0-9]+" --out runs/mine
# ```
#
# In 09 we interrupted a training politely, with Ctrl-C: it finished its step and wrote a checkpoint. A
# crash is not polite. So we start the command as a separate process, wait until its log shows 25
# steps, and kill it. The recipe writes a checkpoint every 20 steps, so five steps are lost. Or are they?

# %%
run_folder = work / "runs" / "mine"
command = [sys.executable, "-m", "cvrl_lite.cli", "pretrain", "--recipe", "laptop_fast", "--steps", "40"]
command += ["--batch", "12", "--folder", str(clean), "--out", str(run_folder)]
command += ["--source", SOURCE] if SOURCE else []
one_core = os.environ | {"OMP_NUM_THREADS": "1"}


def metrics():
    """The lines of the log so far, without times and speeds."""
    file = run_folder / train.METRICS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return [{k: v for k, v in row.items() if k not in ("seconds", "clips_per_second")} for row in found]


# %% tags=["nbval-ignore-output"]
process = subprocess.Popen(command, env=one_core, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while process.poll() is None and len(metrics()) < 25:
    time.sleep(0.01)
process.kill()
killed, before = process.wait() != 0, metrics()  # one after the other
assert killed and 25 <= len(before) < 40
checkpoints = [int(path.stem.split("-")[1]) for path in run_folder.glob("step-*.pt")]
print("killed in step", len(before) + 1, "or a little later; checkpoint of step:", *checkpoints)

# %% [markdown]
# Now we run the same command again. It finds the folder of the run, checks that the recipe is the same,
# resumes at step 20, and repeats steps 21 to 25. Do they come out the same?

# %%
again = subprocess.run(command, env=one_core, capture_output=True, text=True)
lines = metrics()
assert [row["step"] for row in lines] == list(range(1, 41))
assert lines[:25] == before[:25]
print(f"steps in the log: {len(lines)}; steps 21 to 25 are identical, to the last digit")
print("exit code:", again.returncode, "" if again.returncode == 0 else "(some files were not used)")

# %% [markdown]
# All we lost is the time of five steps, because every random choice follows from the seed and the number
# of the step (05, 09). The folder of a run holds everything you need, and the log has one JSON object
# per line, so any tool can read it. The command also draws `curves.png`. Here we draw the curves
# ourselves: thin lines are single steps, thick lines the mean of ten.

# %%
print("in the folder:", *sorted(path.name for path in run_folder.iterdir()), sep="\n  ")
print("in a line of the log:", ", ".join(json.loads((run_folder / train.METRICS).open().readline())))

# %% tags=["hide-input"]
keys = {"context": 12, "motion": 16 * 12 * (1 + sampling.num_negative_windows)}  # of a batch, 16 points each
title = "After 40 steps: context is found more often than by guessing, motion not yet"
show(
    figures.above_a_guess(lines, keys, smooth=10, title=title),
    "Left: the losses of context and motion over 40 steps, less that of a guess. Both fall a little; context "
    "ends below the dotted line, motion a little above it. Right: the share of key frames that context "
    "finds ends above the dotted line of a guess.",
)

# %% [markdown]
# **What has it learned? Little.** In our folder, context matching finds the right key frame two to three
# times as often as guessing would (one in twelve), and that among the very clips it trains on. Motion
# prediction is not yet better than a blind guess (one in 384, too low to draw). 40 steps of 12 clips are
# few, and with only a few dozen clips, many more steps would not help much either. The shipped network saw
# 1000 steps of 40 clips, drawn from 1152. Do not judge a run by its first minute, and do not expect a folder
# of holiday videos to train a network from scratch: you need thousands of clips. For a small folder, load a
# network that was trained elsewhere:

# %%
pretrained = cvrl_lite.load("joint")
joint, recipe = pretrained.backbone, pretrained.recipe
torch.manual_seed(0)
networks = {"joint": joint, "untrained": TinyR2Plus1D(recipe.networks.widths)}
networks["40 steps"] = cvrl_lite.load(run_folder).backbone
vectors = {name: evaluate.features(network, data, sampling, size=64) for name, network in networks.items()}
print(*(f"{name:10} {found.shape}: clips, numbers each" for name, found in vectors.items()), sep="\n")

# %% [markdown]
# ## Search in the folder
#
# Every clip is a query, and all others are the gallery. How often does the nearest clip come from the same
# place, and how often does it show the same motion? Here is a first try on our folder, with three networks:
# the shipped one, ours after 40 steps, and one that has learned nothing at all. Guess their ranking.
# (The untrained one is as wide as the shipped one, 256 numbers; ours is narrower, 96.)


# %%
def nearest_others(vectors, sources, count, *, fair=True):
    """The nearest clips of each, leaving out itself and, if `fair`, all of its source."""
    order = evaluate.nearest(vectors, vectors, len(vectors))
    apart = [
        [n for n in row if (sources[n] != sources[i] if fair else n != i)][:count]
        for i, row in enumerate(order)
    ]
    return np.array([row[: min(map(len, apart))] for row in apart])


# %% tags=["nbval-ignore-output"]
sources = data.source_numbers
assert len(set(sources)) > 1, "all your files come from one video"
if OURS:
    found = [nearest_others(vectors[name], sources, 1, fair=False)[:, 0] for name in vectors]
    shares = [
        (data.labels(label)[near] == data.labels(label)).mean() for near in found for label in data.classes
    ]
    print("same place or motion, all three networks:", *(f"{share:.2f}" for share in shares))
    assert min(shares[:4]) > 0.75  # of the shipped and the untrained one

# %% [markdown]
# Splendid! *Even the untrained network* always finds the right place and motion. That should make you
# suspicious. What it found is *the other half of the same tape*: same wall, same shapes, same
# everything. Such a score says nothing about what was learned, and after a split by file every score is
# like that. From now on a clip may not find its own tape.
#
# We also search more precisely now. The shipped network's vector has two parts: a context part of 128
# numbers, from the branch for what stays, and a motion part of 128 numbers, from the branch for what
# moves (09). Search with the part that your question is about. `one_part` takes the motion part for a
# label named `motion` and the context part for any other; change it if your labels are about motion,
# too. The interval counts clips of one source together.


# %%
def one_part(name, label, vectors):
    """The motion part of a network's vectors for the label `motion`, else the context part."""
    columns = networks[name].parts["motion" if label == "motion" else "context"]
    return np.ascontiguousarray(vectors[name][:, columns])


def hits(name, data, label, vectors):
    """(clips,) bool: does the nearest clip of another source have the same label?"""
    found = nearest_others(one_part(name, label, vectors), data.source_numbers, 1)[:, 0]
    return data.labels(label)[found] == data.labels(label)


def with_interval(right, sources):
    """(lower end, share, upper end) of hits; clips of one source count together."""
    low, high = evaluate.confidence_interval(right, sources)
    return low, right.mean(), high


# %% tags=["nbval-ignore-output"]
intervals = {}
for label in data.classes:
    numbers, other = data.labels(label), sources[:, None] != sources
    luck = (other & (numbers[:, None] == numbers)).sum() / other.sum()  # of a clip drawn by lot
    intervals[f"{label}, by luck"] = (luck, luck, luck)
    for name in ("untrained", "40 steps", "joint"):
        intervals[f"{label}, {name}"] = with_interval(hits(name, data, label, vectors), sources)

# %% tags=["hide-input"]
shown = {name: ends for name, ends in intervals.items() if "by luck" not in name}
if shown:  # a folder without labels has nothing to compare
    figure = ranges(
        shown,
        label="clips whose nearest from another source agrees; 95 % by source (dashed: a random clip)",
        title="Places: even an untrained network beats a random clip. Motions: only the shipped one"
        if OURS
        else "What the three networks find in the folder",
        roles={n: "motion" if n.startswith("motion") else "context" for n in shown if "untrained" not in n},
    )
    lucks = [intervals[f"{label}, by luck"][1] for label in data.classes]
    rows = 3 * np.arange(len(lucks))
    figure.axes[0].vlines(lucks, rows - 0.4, rows + 2.4, color=figures.INK, ls="--", lw=1)
    figure.axes[0].set_xlim(-0.02, 1.02)
    show(figure, f"{len(shown)} ranges, a dashed line for each label. {ranges_in_words(intervals)}")
if OURS:
    share = {name: middle for name, (_, middle, _) in intervals.items()}
    assert share["motion, untrained"] < 0.4 < share["motion, joint"] - 0.1 and share["place, joint"] > 0.6
    assert intervals["motion, joint"][0] > share["motion, by luck"] and share["motion, 40 steps"] < 0.5

# %% [markdown]
# The splendid scores are gone. By place, all three networks, even the untrained one, beat a random clip, and
# their intervals overlap widely. That does not say that they are equal:
# all three answered the *same* queries, and a hard query is hard for each. It tells more to subtract first,
# query by query, and then draw the sources:

# %% tags=["nbval-ignore-output"]
for label in data.classes:
    found = (hits(name, data, label, vectors) for name in ("joint", "untrained"))
    by_tape = [[right[sources == source].mean() for source in sorted(set(sources))] for right in found]
    low, middle, high = evaluate.difference(*by_tape, paired=True)
    print(f"{label}: joint minus untrained {middle:+.2f} ({low:+.2f} to {high:+.2f})")

# %% [markdown]
# By place the lead of the shipped network, .25 over the untrained one, could still be nothing: twelve tapes
# cannot tell (-.04 to .54). By motion they can: only the shipped network still knows the motions.
# ([15_real_video](15_real_video.ipynb) compares all its networks in this way.)
#
# But look at the other two: their motion scores lie below the dashed line, or about on it. Their intervals
# still contain it (twelve tapes are few), so this may be luck. Yet there is also a reason to expect it.
# **How could a network do worse than chance?**
#
# <details><summary>Answer</summary>
# In our folder each place has every motion on just one tape. Once the own
# tape is barred, another clip of the same place <em>never</em> shows the same motion. So a network that
# looks for places even with its motion part would be led away from the right answers.
# </details>
#
# Numbers are one thing; looking is another. Here are some queries, each with its nearest neighbors from
# three other videos. First we search with the context part and show still frames. Then we search with the
# motion part and show where the shapes go during half a second: an arrow along the way of each, from blue to
# orange. (We drew these shapes, so we know their ways. In a folder of your own nobody does, and the frames
# come without arrows.)
#
# The queries were not picked for beauty: in our folder they are one of each place and one of each motion,
# spread over the list of files. Each motion is on three tapes, so at most two of three neighbors can agree,
# and the third must be wrong. (Without labels the marks mean nothing; judge for yourself.) The search by
# motion has a fifth row, a query that goes wrong: its nearest neighbor moves otherwise.


# %% tags=["hide-input"]
MOMENTS = 13  # frames, half a second


def search_figure(part):
    """Some queries and their nearest neighbors, by one part of the shipped network's vector."""
    label = part if part in data.classes else "class"
    every = nearest_others(one_part("joint", part, vectors), sources, len(sources))
    firsts = [[n for i, n in enumerate(row) if sources[n] not in sources[row[:i]]] for row in every]
    order = np.array(firsts)[:, :3]  # of each other video its nearest piece
    rows = list(np.linspace(0, len(order) - 1, 4).round().astype(int))
    name = [data.classes.get(label, ("",))[v.entry.labels.get(label, 0)] for v in data.videos]
    if OURS:  # of each class a clip, and by motion one that goes wrong
        rows = [np.flatnonzero(np.array(name) == n)[at] for n, at in zip(data.classes[part], (0, 2, 3, 5))]
        rows += [n for n, first in enumerate(order[:, 0]) if name[first] != name[n]][: part == "motion"]
    agree = sum(name[n] == name[row] for row in rows for n in order[row])
    others = [len({s for s, m in zip(sources, name) if m == name[row]}) - 1 for row in rows]
    possible = sum(min(order.shape[1], count) for count in others)
    nearest = sum(name[order[row, 0]] == name[row] for row in rows)
    clips = [[data.videos[n] for n in (row, *order[row])] for row in rows]
    gray, last = part == "motion", (MOMENTS - 1) / 25  # seconds
    shown = [[c.frames[np.abs(c.times - gray * last).argmin()] for c in row] for row in clips]
    pictures = [[figures.grayed(frame) if gray else frame for frame in row] for row in shown]
    figure = figures.neighbors(
        np.stack([row[0] for row in pictures]),
        np.stack([row[1:] for row in pictures]),
        [name[row] for row in rows],
        [[name[n] for n in order[row]] for row in rows],
        title=f"{part}: {nearest} of {len(rows)} nearest agree, {agree} of {possible} possible matches"
        if label in data.classes
        else "No labels: do they look alike?",
        side=1.9,
    )
    for axes, clip in zip(figure.axes, itertools.chain(*clips) if gray and OURS else ()):
        figures.add_ways(axes, ways(clip.entry.path.name, frames=MOMENTS, size=len(clip.frames[0])))
    return figure


show(
    search_figure("place"),
    "Rows of stills: a query and its three nearest clips of other tapes, each with its place and a "
    "tick or a cross. Nearly all show the same texture as their query, and all the nearest do.",
)

# %% tags=["hide-input"]
show(
    search_figure("motion"),
    "Rows of gray frames with an arrow along the way of each shape. Neighbors mostly lie over other "
    "textures than their query. Of queries that go right or down, the two nearest go the same way; of the "
    "one that goes clockwise only the nearest does, and the other two turn in small circles. In the fifth "
    "row, where there is one, the nearest neighbor has another motion than its query.",
)

# %% [markdown]
# In the first four rows every nearest neighbor is right. Over all 24 clips four were wrong in our run, and
# they have a pattern: all four take *clockwise* for *turn* or the other way round, as in the fifth row.
# **What do the two have in common?**
#
# <details><summary>Answer</summary>
# In both, each shape goes around a circle, so the direction of its vectors keeps turning. With
# <em>clockwise</em>, all shapes go around the middle of the frame; with <em>turn</em>, each goes around a
# small circle of its own.
# </details>
#
# To use the vectors elsewhere, let `embed` make a table of them, with the names of the files and their
# labels, and save it. (`to_parquet` writes a file that pandas and many other tools can read.)

# %%
table = pretrained.embed(data)
table.save(work / "embeddings.npz")
print(len(table), "rows,", table.features.shape[1], "numbers each, labels:", *table.labels)

# %% [markdown]
# ## Where it does not help
#
# The folder above is kind to the network: it was drawn like its training clips, and filmed from a
# tripod. Now we make the same kind of drawings twice more, 24 clips each: once from a tripod again, and
# once **hand-held**, with the camera swaying by up to 12 pixels to each side, a sixth of the frame. A
# person would still recognize every motion.


# %%
def filmed(sway):
    """24 clips of 60 frames, cut out of larger drawings by a camera that sways by so many pixels."""
    made, side = [], 72
    for number in range(24):
        place, motion = number % 3, number % 4
        frames = draw(PLACES[place], MOTIONS[motion], 300 + number, frames=60, size=96)
        angle = np.arange(60) / 6 + number
        left = np.rint(12 + sway * np.sin(angle)).astype(int)
        top = np.rint(12 + sway * np.cos(1.3 * angle)).astype(int)
        cut = np.stack([f[y : y + side, x : x + side] for f, y, x in zip(frames, top, left, strict=True)])
        entry = Entry(Path(f"{number}"), f"{number}", {"place": place, "motion": motion})
        no_vectors = np.zeros((0, 2, 14, 14), np.int16), np.zeros((0, 14, 14), bool)
        made.append(DecodedVideo(entry, cut, *no_vectors, np.arange(60) / 25, np.arange(0, 60, 12)))
    return DecodedSet(tuple(made), (), {"place": PLACES, "motion": MOTIONS})


cameras = {"tripod": filmed(sway=0), "hand-held": filmed(sway=12)}

# %%
show_loop(
    "hand_held",
    "The same clip twice, playing, with arrows of motion. From a tripod the bricks stand still and the "
    "arrows on the shapes point right. Hand-held, arrows cover everything and turn with the camera.",
    width=688,
)

# %% [markdown]
# All motions here are as before, and yet hardly an arrow shows them. How much of `joint`'s search survives,
# by place and by motion? Guess two numbers.

# %%
held = {}
for name, clips in cameras.items():
    seen = {"joint": evaluate.features(joint, clips, sampling, size=64)}
    for label in clips.classes:
        held[f"{label}, {name}"] = with_interval(hits("joint", clips, label, seen), clips.source_numbers)

# %% tags=["hide-input"]
held = dict(sorted(held.items(), reverse=True))
figure = ranges(
    held,
    label="share of 24 clips whose nearest clip agrees, 95 % (dashed: a random other clip)",
    title="Hand-held, motion is found far less often, and place as often as before",
    roles={name: "motion" if name.startswith("motion") else "context" for name in held},
)
for row, others in enumerate((7, 7, 5, 5)):  # of 23, that show the same place, the same motion
    figure.axes[0].vlines(others / 23, row - 0.4, row + 0.4, color=figures.INK, ls="--", lw=1)
figure.axes[0].set_xlim(0.1, 1.05)
show(
    figure,
    "Four ranges. Place from a tripod and hand-held are about equally high, far above a random clip. Motion "
    f"is high from a tripod, far lower hand-held. {ranges_in_words(held)} By luck: place 0.30, motion 0.22.",
)
assert held["motion, hand-held"][1] < held["motion, tripod"][1] - 0.3 and held["place, hand-held"][1] > 0.8

# %% [markdown]
# The network is given frames, no vectors. But it has learned to predict vectors, and a vector says how a
# block moved *within the frame*. When the camera moves, everything moves, and what the network has learned to
# look for is mixed with the camera's own motion. From a tripod it finds the motion in .92 of the cases,
# hand-held in .42 (.24 to .61). That is still more than a random other clip would score, .22, so not all is
# lost. It has never seen such clips.
#
# And real video? Better than one might fear. On 176 clips of eleven UCF101 classes, the shipped network,
# which has seen nothing but drawings, finds the right class more often than an untrained network, and a
# linear probe reads more from its features than from colors. Still, half of its nearest neighbors are
# wrong. [15_real_video](15_real_video.ipynb) looks at that closely. To search real video in earnest, train
# on real video, and on a lot of it: appendix A shows how.
#
# > **Open experiment.** How much sway does it take? Call `filmed` with a sway of 1, 3 and 6 pixels, too, and
# > find where the motion is lost. (At 12 pixels, the share for motion falls from .92 to .42 in our run, and
# > that for place stays at .96.) Which of the two would you expect to suffer from a camera that *zooms*?

# %% [markdown]
# ## What we have seen
#
# - A folder from the wild holds files that cannot be used. Each is named with the reason, and no frame
#   is invented.
# - At the same frame size and rate factor, a GOP of 12 takes more bytes. In return, a jump decodes fewer
#   frames, nearly every clip has a key frame close by, and the distances of all vectors are known.
# - Parts of one video must share a source. As negatives they mislead the training; across a split they
#   flatter the score.
# - A run that was killed resumes with identical numbers. A short one learns next to nothing.
# - The shipped network finds drawings like its own, filmed from a tripod. A moving camera hides much of
#   what moves.
# - (With the appendices) UCF101 takes one command, several GPUs take the same command behind `torchrun`, and
#   the cost can be worked out beforehand.
#
# ## Quiz
#
# **1.** You have a folder of HEVC files from a phone. What can you do with it right away, and what after
# transcoding?
#
# <details><summary>Answer</summary>
# Right away: key frames and clips, so all that context matching needs, but no vectors, because FFmpeg
# exports none. After transcoding to H.264: everything. The vectors are then those that the second
# encoder found in the decoded frames.
# </details>
#
# **2.** Your retrieval scores .98 on the first try. What do you check first?
#
# <details><summary>Answer</summary>
# Whether a query and its nearest neighbor were cut from the same video, and what an untrained network
# scores by the same measure.
# </details>
#
# ## Next, and further reading
#
# Next: [15_real_video](15_real_video.ipynb), where the same networks meet eleven classes of real action.
#
# - [README](../README.md): all commands on one page.
# - [Benchmarks](../docs/benchmarks.md): every measured number, and how it was measured.
# - [Model cards](../docs/model_cards.md): what the shipped networks are good for, and what they are not.
# - [UCF101's page](https://www.crcv.ucf.edu/research/data-sets/ucf101/), with its terms.
# - [PyTorch on torchrun](https://docs.pytorch.org/docs/stable/elastic/run.html).

# %% [markdown]
# ## Appendix A (optional): UCF101, step by step
#
# **1. Get it.** The command first prints the terms: UCF101 is for research only. Then it downloads 6.5 GB
# together with the official lists, resumes where it was interrupted, and unpacks (for which it needs
# `unrar`, `7z` or `bsdtar`).
#
# ```bash
# cvrl-lite download ucf101 --out ucf101
# ```
#
# If you have it already, this is the expected layout. A folder named `videos` instead of `UCF-101` works as
# well, and so do class folders at the top and files that were transcoded to `.mp4`.
#
# ```
# ucf101/UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi ...
# ucf101/ucfTrainTestlist/classInd.txt, trainlist01.txt, testlist01.txt ...
# ```
#
# **2. Look at it.** The real set is too large to ship with a course, so we build a folder of the same shape:
# three classes, three groups of two clips in each class, and lists in the official format.

# %% tags=["hide-input"]
ucf, classes = work / "ucf101", ("ApplyEyeMakeup", "Archery", "YoYo")
train_list, test_list = [], []
for number, (name, place, motion) in enumerate(zip(classes, PLACES, MOTIONS, strict=False), 1):
    for group in (1, 8, 9):
        film = draw(place, motion, 10 * number + group, frames=160, size=120)
        for clip in (1, 2):
            file = f"{name}/v_{name}_g{group:02}_c{clip:02}.avi"
            pack(film[80 * clip - 80 : 80 * clip], ucf / "UCF-101" / file, codec="mpeg4", gop=12, b_frames=0)
            (test_list if group == 1 else train_list).append(file if group == 1 else f"{file} {number}")
lists = {"classInd": [f"{number} {name}" for number, name in enumerate(classes, 1)]}
lists |= {"trainlist01": train_list, "testlist01": test_list}
(ucf / "ucfTrainTestlist").mkdir()
for name, rows in lists.items():
    (ucf / "ucfTrainTestlist" / f"{name}.txt").write_text("\n".join(rows) + "\n")

split = {name: UCF101(ucf, name) for name in ("train", "test")}
print(*lists["trainlist01"][:2], sep="\n")
print("train and test:", *[len(part.entries) for part in split.values()], " classes:", len(classes))
groups = [{entry.source for entry in part.entries} for part in split.values()]
print("a source:", min(groups[0]), " sources in both train and test:", len(groups[0] & groups[1]))

# %% [markdown]
# The official splits go by group, that is, by source: the authors of UCF101 avoided the leak.
#
# > **Note.** `UCF101` warns about files that are on the lists but missing, and about files that are on no
# > list. Read these warnings: half a download would train without further complaint, and score badly.
#
# **3. Train.** The real command, on one GPU:
#
# ```bash
# cvrl-lite pretrain --recipe ucf101_r2plus1d26 --root ucf101 --workers 8 --out runs/ucf101
# ```
#
# We run two steps of it, with everything it does to the files: clips of 16 frames, every fourth one of
# the video; three further windows of vectors; crops of 112 x 112; SGD. Only the networks and the batch
# are smaller. Here is all that differs:

# %%
full = train.recipes.ucf101_r2plus1d26(str(ucf))
tiny = {"backbone": "tiny", "widths": (8, 16, 16, 16), "hidden": 64, "projection": 64, "d_model": 64}
tiny |= {"num_encoder_layers": 1, "num_decoder_layers": 1}
reduced = full.replace(steps=2, batch=2, precision="float32", networks=tiny)
print(*reduced.differences(full), sep="\n")

# %%
tried = train.pretrain(reduced)
print(f"{tried.steps} steps on {len(split['train'].entries)} files, all of them readable")
assert tried.steps == 2 and not tried.skipped

# %% [markdown]
# **4. On several GPUs.** For one machine with 8 GPUs; `torchrun` comes with PyTorch and starts one
# process per GPU:
#
# ```bash
# torchrun --standalone --nproc-per-node 8 -m cvrl_lite.cli pretrain \
#     --recipe ucf101_r2plus1d26 --root ucf101 --workers 8 --out runs/ucf101
# ```
#
# For two machines with 8 GPUs each, run the same line on both, with the address of one of them as the
# meeting point. Both machines must see the data and the folder of the run under the same paths.
#
# ```bash
# torchrun --nnodes 2 --nproc-per-node 8 --rdzv-id ucf101 --rdzv-backend c10d \
#     --rdzv-endpoint first-machine:29500 -m cvrl_lite.cli pretrain \
#     --recipe ucf101_r2plus1d26 --root ucf101 --workers 8 --out runs/ucf101
# ```
#
# - The batch is that of **all** processes together: 64 clips are 8 per GPU on 8 GPUs, and 4 per GPU on
#   16. So nothing about the recipe depends on the machine, and a run that was started on 8 GPUs can be
#   resumed on 4. If the number of processes does not divide the batch, the command refuses.
# - `--batch 512` changes the training itself: the learning rate scales with the batch, and the number of
#   steps goes down so that the number of epochs stays the same. Change it because you want to, not
#   because of the machine.
# - `--workers` is the number of reader processes for *each* GPU, used if the decoded set does not fit
#   into memory. Eight readers for each of eight GPUs want 64 cores. If the GPUs have to wait, transcode
#   first (`--gop 12 --short-side 240`), then add workers.
#
# **5. Read its log.** `runs/ucf101/metrics.jsonl` has one line per step:
#
# - `context_loss` and `motion_loss` fall, the motion loss only after a plateau (09). If one stays at the
#   level of a blind guess, the logarithm of the number of keys, for thousands of steps, suspect the
#   learning rate, or files whose vectors are nearly all masked.
# - `context_accuracy` and `motion_accuracy` start at one in N and rise. If context is at 1 right away,
#   suspect a shortcut (07), or a set with very few different videos.
# - `gradient_norm` is steady after the warm-up. If it keeps growing, lower the learning rate.
# - `replaced` is 0. If it is not, files fail while they are read: look for a bad disk or an unreliable
#   network drive.
# - `feature_rank`, logged every 50 steps and at the last one, is far above 1. Near 1, the features that
#   a task reads have collapsed (06), and the command warns.
# - `clips_per_second` is steady. If it falls, the readers are too slow.
#
# **6. Resume** after any interruption with the same command. **7. Evaluate:**
#
# ```bash
# cvrl-lite evaluate runs/ucf101 --data ucf101 --root ucf101 --clips 10
# cvrl-lite evaluate runs/ucf101 --data ucf101 --root ucf101 --protocol finetune
# ```
#
# Finetuning follows the released schedule (11): 120 epochs, which are 143,040 steps of 8 clips. Videos
# shorter than a clip are listed and left out. With `--data hmdb51` the number of steps is that for
# HMDB51.
#
# **Two questions** about it.
#
# **1.** You move a run from 8 GPUs to 4 and change nothing else in the command. What happens to the
# batch, the learning rate and the number of steps?
#
# <details><summary>Answer</summary>
# Nothing: the batch is that of all processes, so each GPU gets twice as many clips, and the run resumes
# from its checkpoint.
# </details>
#
# **2.** The log says `replaced: 3` at every step. Will the training go on? Should you let it?
#
# <details><summary>Answer</summary>
# It goes on: other files, chosen by the seed, take the place of those that cannot be read. But something
# is wrong with the disk or with the copies. Find the files from the warnings and repair them.
# </details>
#
# ## Appendix B (optional): what it costs
#
# Do the arithmetic before you pay for the electricity. The cell below prints three kinds of numbers.
# **Measured**: on one core of a 2-core AMD EPYC server, and on one GPU. They are read from [the
# benchmarks](../docs/benchmarks.md) and from logs; the first one is the 473 seconds of 09. Only one step of
# the large network on a CPU was timed for this notebook (4 clips, bfloat16, CPU time). **Published**: with
# the data set. **Estimate**: computed from the other two.

# %%
shipped = log.runs("joint", model="joint")[0]["seconds"]  # the laptop recipe, the run that is shipped
file_samples = log.measured("a file opened for each")[1]  # read a second
mpeg4_frames = log.measured("MPEG-4 320x240")[2]  # key frames and vectors, frames a second
large_clip = 9.0 / 4  # seconds of one core a clip, R(2+1)D-26 with both tasks, forward and backward
gpu_clips = log.measured_on_a_gpu()  # a second, the same network on one NVIDIA H100

hours, all_clips, train_clips, rate = 27, 13_320, 9_537, 25  # published
frames = hours * 3600 * rate * train_clips / all_clips
samples, laptop = full.steps * full.batch, train.recipes.laptop()
costs = [
    ("laptop recipe, the shipped run", shipped / 60, "core-minutes"),
    ("... clips that it trained on", laptop.steps * laptop.batch / shipped, "a second"),
    ("vectors of the training split, once", frames / mpeg4_frames / 60, "core-minutes"),
    ("samples of 120 epochs", samples / 1e6, "million"),
    ("... to read them from files", samples / file_samples / 3600, "core-hours"),
    ("... to train on them without a GPU", samples * large_clip / 86400, "core-days"),
    ("... to train on them on one H100", samples / gpu_clips / 3600, "hours"),
]
for name, value, unit in costs:
    print(f"{name:36} {value:8.1f} {unit}")

# %% [markdown]
# The last two lines show why the paper's training wants a GPU. We measured only one kind of GPU, and one
# at a time ([benchmarks](../docs/benchmarks.md)). For another kind, run 200 steps, read
# `clips_per_second` from the log, and divide. With a fast GPU, reading the samples (two lines further
# up) becomes the bottleneck. With eight readers it takes an eighth, as long as cores and disk keep up. (A
# sample of this recipe has four windows of vectors where the measured one has one, so take the estimate
# of the reading time as a lower bound.)
#
# Then there is disk space. A checkpoint holds the weights and the state of the optimizer, which for SGD
# is as large as the weights again. And before you decode a set into a cache, multiply:

# %%
with torch.device("meta"):  # shapes without memory
    weights = sum(value.numel() for value in train.Pretraining(full).state_dict().values())
print(f"weights of the whole model: {weights / 1e6:.0f} million numbers, {4 * weights / 1e6:.0f} MB")
print(f"a run's folder: {4 * weights * (2 * full.keep + 1) / 1e9:.1f} GB (estimate)")
decoded = hours * 3600 * rate * full.decoded_size**2 * 3 / 1e9
print(f"all of UCF101 as squares of {full.decoded_size} pixels: {decoded:.0f} GB (estimate)")
assert full.in_memory is None  # decided by size

# %% [markdown]
# A set that does not fit into half of the free memory, as UCF101 on most machines, is read from its
# files for each batch, both in pretraining and in finetuning. A set that fits is decoded once and kept
# in the cache folder, up to `$CVRL_CACHE_LIMIT` (20 GB by default). `$CVRL_MEMORY_LIMIT` sets another
# limit for memory. A folder like ours is a different matter:

# %% tags=["nbval-ignore-output"]
there = sum(path.stat().st_size for path in readable)
anew = sum(path.stat().st_size for path in targets.values())
arrays = sum(v.frames.nbytes + v.vectors.nbytes + v.mask.nbytes for v in data.videos)
print(f"{sum(info.duration for info in readable.values()):.0f} seconds of video")
print(f"found {there / 1e6:.2f} MB, transcoded {anew / 1e6:.2f} MB, decoded {arrays / 1e6:.0f} MB")

# %% [markdown]
# All files together became smaller, though most of them grew: the old MPEG-4 files and those with large
# frames shrank by more than the others gained.
