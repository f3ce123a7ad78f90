"""The command that judges a checkpoint: evaluate."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command, whole
from cvrl_lite.errors import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cvrl_lite.datasets import Entry, Skipped, VideoDataset
    from cvrl_lite.models import VideoBackbone
    from cvrl_lite.train import Finetuning, Recipe

_CLIPS = 3  # of a video
_BELONGS = {"neighbors": ("retrieval",), "workers": ("retrieval", "linear"), "steps": ("finetune",)}


@dataclass(frozen=True)
class _Judged:
    """Each label's measures (values, or intervals of two), and the files that were left out."""

    found: dict[str, dict[str, Any]]
    skipped: tuple[Skipped, ...]
    neighbors: Figure | None = None


def add_evaluate(commands: Commands) -> None:
    """Adds the command."""
    made = command(
        commands,
        "evaluate",
        _evaluate,
        "Judge a checkpoint by every label of a data set: the training split is searched, or trained on.",
        "cvrl-lite evaluate runs/first --protocol linear --split val",
    )
    made.add_argument(
        "run_folder", type=Path, metavar="RUN", help="a folder that pretrain wrote, or a .safetensors file"
    )
    made.add_argument("--protocol", choices=("retrieval", "linear", "finetune"), default="retrieval")
    made.add_argument(
        "--data",
        default="moving_scenes",
        help="moving_scenes (default), hard_scenes, ucf101, hmdb51 or kinetics",
    )
    made.add_argument("--root", type=Path, help="the folder of that data set")
    made.add_argument("--split", help="val (MovingScenes, Kinetics) or test, which is for reporting only")
    made.add_argument(
        "--clips",
        type=whole(1),
        help="clips of a video, 10 by the field's custom (default: 3; 10 to finetune one of the paper's "
        "backbones)",
    )
    made.add_argument("--label", help="which label (default: each in turn)")
    made.add_argument(
        "--steps",
        type=whole(1),
        help="finetune: batches (default: 200; the released 120 epochs for one of the paper's backbones)",
    )
    made.add_argument(
        "--workers",
        type=whole(0),
        help="retrieval, linear: processes that read files, beside the network (default: 0)",
    )
    made.add_argument("--neighbors", type=Path, metavar="FILE", help="retrieval: draw the nearest clips")
    made.add_argument("--json", action="store_true", help="print JSON")


def _evaluate(arguments: argparse.Namespace) -> int:
    from cvrl_lite import evaluate, train
    from cvrl_lite.train.data import NAMED_SETS, videos_of

    if arguments.data not in NAMED_SETS:
        raise ValueError(
            f"--data is one of {', '.join(NAMED_SETS)}; got {arguments.data} (a folder has no splits to "
            "search and to ask with; for your own clips see notebook 14)"
        )
    for option, protocols in _BELONGS.items():
        if getattr(arguments, option) is not None and arguments.protocol not in protocols:
            raise ValueError(f"--{option} belongs to --protocol {' or '.join(protocols)}")
    if arguments.split == "train":
        raise ValueError("--split train is what is searched, or trained on; judge another split")
    backbone, recipe = train.load(arguments.run_folder)
    backbone.to(train.device())
    root = None if arguments.root is None else str(arguments.root)
    asked = recipe.replace(data=arguments.data, root=root)
    split = arguments.split or ("test" if arguments.data in ("ucf101", "hmdb51") else "val")
    gallery, queries = videos_of(asked, "train"), videos_of(asked, split)
    labels = evaluate.shared_labels(gallery, queries, arguments.label)
    judge = _finetuned if arguments.protocol == "finetune" else _searched
    judged = judge(arguments, backbone, recipe, gallery, queries, labels)
    for file in judged.skipped:
        complain(f"{shown(file.path)}: not used: {file.reason}")
    if arguments.json:
        say(json.dumps(judged.found, indent=2))
    else:
        for label, row in judged.found.items():
            say(f"{label:>10}  " + "  ".join(f"{name} {_in_words(value)}" for name, value in row.items()))
    if judged.neighbors is not None:
        from cvrl_lite.course import figures

        try:
            arguments.neighbors.parent.mkdir(parents=True, exist_ok=True)
            figures.save(judged.neighbors, arguments.neighbors, dpi=120)
        except ValueError as error:  # no such kind of picture
            raise ValueError(f"--neighbors {arguments.neighbors}: {error}") from None
    return 1 if judged.skipped else 0


def _in_words(value: Any) -> str:
    return "{:.3f} to {:.3f}".format(*value) if isinstance(value, list) else f"{value:.3f}"


def _searched(
    arguments: argparse.Namespace,
    backbone: VideoBackbone,
    recipe: Recipe,
    train: VideoDataset,
    test: VideoDataset,
    labels: Sequence[str],
) -> _Judged:
    """Retrieval or linear probe by every label, with intervals of 95 % by source."""
    import numpy as np

    from cvrl_lite import evaluate

    how = recipe.augmentation
    (known, gallery, lost), (asked, queries, missed) = (
        evaluate.features_of_files(
            backbone,
            videos,
            recipe.sampling,
            decoded=recipe.decoded,
            size=how.size,
            clips=arguments.clips or _CLIPS,
            normalize=how.normalize,
            workers=arguments.workers or 0,
        )
        for videos in (train, test)
    )
    skipped = (*lost, *missed)
    if not len(known) or not len(asked):
        raise ValueError(f"no file can be read; the first: {skipped[0].path}: {skipped[0].reason}")
    ks = [k for k in evaluate.KS if k <= len(known)]
    sources = [entry.source for entry in queries.entries]
    found = {}
    for label in labels:
        given, wanted = gallery.labels(label), queries.labels(label)
        if arguments.protocol == "linear":
            if len(np.unique(given)) < 2:
                warnings.warn(f"{label}: not judged: the training videos show one class alone", stacklevel=2)
                continue
            right = evaluate.probe_hits(known, given, asked, wanted, penalty=evaluate.PENALTIES)
            found[label] = {
                "linear": float(right.mean()),
                "interval": list(evaluate.confidence_interval(right, sources)),
            }
            continue
        hits = evaluate.hits(asked, wanted, known, given, ks)
        found[label] = {f"R@{k}": float(share) for k, share in zip(ks, hits.mean(0), strict=True)}
        found[label]["R@1 interval"] = list(evaluate.confidence_interval(hits[:, 0], sources))
    if not found:
        raise ValueError(f"no label can be judged: {', '.join(labels)}")
    drawn = _draw(known, asked, gallery, queries, recipe.decoded, labels[0]) if arguments.neighbors else None
    return _Judged(found, skipped, drawn)


def _draw(
    known: Any, asked: Any, gallery: VideoDataset, queries: VideoDataset, size: int, label: str
) -> Figure:
    """The five nearest clips of eight queries, under their names by a label."""
    import numpy as np

    from cvrl_lite import CompressedVideo, evaluate
    from cvrl_lite.course import figures
    from cvrl_lite.datasets.samples import read_square

    def first(entry: Entry) -> np.ndarray:
        with CompressedVideo(entry.path) as video:
            square: np.ndarray = read_square(video, size, start=0)[0]
            return square
            return square

    names = gallery.classes[label]
    rows = np.linspace(0, len(asked) - 1, min(8, len(asked))).round().astype(int)
    order = evaluate.nearest(asked[rows], known, min(5, len(known)))
    return figures.neighbors(
        np.stack([first(queries.entries[row]) for row in rows]),
        np.stack([[first(gallery.entries[n]) for n in found] for found in order]),
        [names[queries.entries[row].labels[label]] for row in rows],
        [[names[gallery.entries[n].labels[label]] for n in found] for found in order],
        title=f"The nearest clips, by {label}",
    )


def _finetuned(
    arguments: argparse.Namespace,
    backbone: VideoBackbone,
    recipe: Recipe,
    training: VideoDataset,
    test: VideoDataset,
    labels: Sequence[str],
) -> _Judged:
    """Accuracy after finetuning a copy of the backbone on each label, with intervals by source."""
    import copy

    from cvrl_lite import evaluate, train
    from cvrl_lite.datasets import decode
    from cvrl_lite.files import cache_dir

    # A large set is read once, and mapped into memory from the cache after that.
    cache = None if recipe.in_memory else cache_dir() / "decoded"
    gallery, queries = (
        train.long_enough(decode(part, size=recipe.decoded, vectors=False, cache=cache), recipe.sampling)
        for part in (training, test)
    )
    how = _schedule(arguments, recipe, len(gallery.videos))
    sources = queries.source_numbers
    found = {}
    for label in labels:
        model = train.finetune(copy.deepcopy(backbone), gallery, label, how)
        probabilities = train.predict(model, queries, how)
        right = probabilities.argmax(1) == queries.labels(label)
        found[label] = {
            "finetuned": float(right.mean()),
            "interval": list(evaluate.confidence_interval(right, sources)),
        }
    return _Judged(found, (*gallery.skipped, *queries.skipped))


def _schedule(arguments: argparse.Namespace, recipe: Recipe, videos: int) -> Finetuning:
    """The released schedule for the paper's backbones, ours for the tiny one; pictures as in pretraining."""
    import dataclasses

    from cvrl_lite import train

    if recipe.networks.encoders == "tiny":
        how = dataclasses.replace(train.Finetuning(), test_clips=_CLIPS)
    else:
        how = train.released(videos, dataset="hmdb51" if arguments.data == "hmdb51" else "ucf101")
    size, normalize = recipe.augmentation.size, recipe.augmentation.normalize
    return dataclasses.replace(
        how,
        steps=arguments.steps or how.steps,
        sampling=train.clip_alone(recipe.sampling),
        augmentation=dataclasses.replace(how.augmentation, size=size, normalize=normalize),
        test_clips=arguments.clips or how.test_clips,
    )
