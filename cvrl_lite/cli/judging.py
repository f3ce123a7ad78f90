"""The command evaluate."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvrl_lite.cli.choosing import add_data, chosen_data
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command, whole
from cvrl_lite.errors import counted, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cvrl_lite.datasets import DecodedSet, Entry, VideoDataset
    from cvrl_lite.evaluate import Score
    from cvrl_lite.pretrained import Embeddings, Pretrained
    from cvrl_lite.train import Finetuning, Recipe

_CLIPS = 3  # of a video
_HOLDOUT = 0.3
_FROZEN = ("retrieval", "linear", "few_labels")
_BELONGS = {
    "neighbors": ("all", "retrieval"),
    "steps": ("finetune",),
}
_Scores = dict[str, dict[str, "Score"]]  # by the part of the features, then by what was measured


@dataclass(frozen=True)
class _Judged:
    """Each label's scores, those of an untrained network, how many were judged, and files left out."""

    scores: dict[str, _Scores]
    untrained: dict[str, _Scores]
    counts: dict[str, int]
    skipped: tuple[tuple[str, str], ...]
    neighbors: Figure | None = None


def add_evaluate(commands: Commands) -> None:
    """Adds the command."""
    made = command(
        commands,
        "evaluate",
        _evaluate,
        "Judge a checkpoint by every label of a data set or of a folder: one part is searched, or trained "
        "on, and the other judges. Beside each score: its interval of 95 %, which knows that clips of one "
        "source are not independent, the score of an untrained network, and chance.",
        "cvrl-lite evaluate runs/first --folder mine/ --source 'film[0-9]+' --holdout .3",
    )
    made.add_argument(
        "run_folder",
        metavar="RUN",
        help="a folder that pretrain wrote, a .safetensors file, or a shipped network (joint)",
    )
    made.add_argument(
        "--protocol",
        choices=("all", *_FROZEN, "finetune"),
        default="all",
        help="retrieval, a linear probe and few labels on frozen features (default: all of these), or "
        "finetune, which trains twice, as the untrained network is finetuned, too",
    )
    add_data(made)
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
        help="processes that read files, beside the network (default: 0)",
    )
    made.add_argument("--neighbors", type=Path, metavar="FILE", help="retrieval: draw the nearest clips")
    made.add_argument("--json", action="store_true", help="print JSON")


def _evaluate(arguments: argparse.Namespace) -> int:
    from cvrl_lite import evaluate
    from cvrl_lite.pretrained import load

    for option, protocols in _BELONGS.items():
        if getattr(arguments, option) is not None and arguments.protocol not in protocols:
            raise ValueError(f"--{option} belongs to --protocol {' or '.join(protocols)}")
    model = load(arguments.run_folder)
    recipe = model.recipe
    assert recipe is not None  # a checkpoint has one
    gallery, queries = chosen_data(arguments, recipe, holdout=_HOLDOUT)
    assert queries is not None
    labels = evaluate.shared_labels(gallery, queries, arguments.label)
    if arguments.protocol == "finetune":
        judged = _finetuned(arguments, model, recipe, gallery, queries, labels)
    else:
        judged = _frozen(arguments, model, recipe, gallery, queries, labels)
    for name, reason in judged.skipped:
        complain(f"{shown(name)}: not used: {reason}")
    say(json.dumps(_as_json(judged), indent=2) if arguments.json else _as_text(judged))
    if judged.neighbors is not None:
        from cvrl_lite.course import figures

        try:
            arguments.neighbors.parent.mkdir(parents=True, exist_ok=True)
            figures.save(judged.neighbors, arguments.neighbors, dpi=120)
        except ValueError as error:  # no such frame type
            raise ValueError(f"--neighbors {arguments.neighbors}: {error}") from None
    return 1 if judged.skipped else 0


def _as_json(judged: _Judged) -> dict[str, Any]:
    return {
        **judged.counts,
        "scores": {
            label: {
                part: {
                    name: {**asdict(score), "untrained": judged.untrained[label][part][name].share}
                    for name, score in found.items()
                }
                for part, found in parts.items()
            }
            for label, parts in judged.scores.items()
        },
        "skipped": dict(judged.skipped),
    }


def _as_text(judged: _Judged) -> str:
    counts = judged.counts
    lines = [
        f"{counted(counts['queries'], 'held-out file')} ({counted(counts['sources'], 'source')}), "
        f"{counted(counts['gallery'], 'file')} to search or train on",
        f"{'label':>12}  {'part':7}  {'':18}  share  95 % interval  untrained  chance",
    ]
    for label, parts in judged.scores.items():
        for part, found in parts.items():
            for name, score in found.items():
                low, high = score.interval
                untrained = judged.untrained[label][part][name].share
                lines.append(
                    f"{label:>12}  {part:7}  {name:18}  {score.share:.3f}  {low:.3f} to {high:.3f}"
                    f"  {untrained:9.3f}  {score.chance:6.3f}"
                )
    return "\n".join(lines)


def _frozen(
    arguments: argparse.Namespace,
    model: Pretrained,
    recipe: Recipe,
    gallery: VideoDataset,
    queries: VideoDataset,
    labels: Sequence[str],
) -> _Judged:
    """What frozen features tell, by every label and part."""
    from cvrl_lite import evaluate
    from cvrl_lite.pretrained import embed_with_each

    protocols = _FROZEN if arguments.protocol == "all" else (arguments.protocol,)
    clips, workers = arguments.clips or _CLIPS, arguments.workers or 0
    networks = model, _untrained(recipe)
    (x, fresh_x), (y, fresh_y) = (  # both networks see what is decoded once
        embed_with_each(networks, videos, clips=clips, workers=workers) for videos in (gallery, queries)
    )

    def measured(tables: tuple[Embeddings, Embeddings], label: str) -> _Scores:
        parts = (None, *(x.parts if len(x.parts) > 1 else ()))
        found = {p or "whole": evaluate.measure(*tables, label, part=p, protocols=protocols) for p in parts}
        return {name: scores for name, scores in found.items() if scores}

    scores = {}
    for label in labels:
        if len(set(x.labels[label].tolist())) < 2 and arguments.protocol != "retrieval":
            warnings.warn(f"{label}: no probe: the training videos show one class alone", stacklevel=2)
        if found := measured((x, y), label):
            scores[label] = found
    if not scores:
        raise ValueError(f"no label can be judged: {', '.join(labels)}")
    return _Judged(
        scores,
        {label: measured((fresh_x, fresh_y), label) for label in scores},
        _counts(len(x), y.sources.tolist()),
        (*x.skipped, *y.skipped),
        _draw(x, y, gallery, queries, recipe.decoded_size, labels[0]) if arguments.neighbors else None,
    )


def _counts(gallery: int, sources: Sequence[str]) -> dict[str, int]:
    return {"gallery": gallery, "queries": len(sources), "sources": len(set(sources))}


def _untrained(recipe: Recipe) -> Pretrained:
    """A fresh network of the same kind, always the same one."""
    import torch

    from cvrl_lite.pretrained import Pretrained
    from cvrl_lite.train import device

    torch.manual_seed(0)
    return Pretrained.from_recipe(recipe.networks.build_backbone(), recipe).to(device())


def _draw(
    x: Embeddings,
    y: Embeddings,
    gallery: VideoDataset,
    queries: VideoDataset,
    size: int,
    label: str,
) -> Figure:
    """The five nearest clips of eight queries, under their names by a label.

    Args:
        x: Features of the gallery.
        y: Features of the queries.
        gallery: Where its files are.
        queries: Where theirs are.
        size: Side of the frames drawn, in pixels.
        label: What names them.
    """
    import numpy as np

    from cvrl_lite import CompressedVideo, evaluate
    from cvrl_lite.course import figures
    from cvrl_lite.datasets.samples import read_square

    def first(entry: Entry) -> np.ndarray:
        with CompressedVideo(entry.path) as video:
            square: np.ndarray = read_square(video, size, start=0)[0]
            return square

    names = gallery.classes[label]
    rows = np.linspace(0, len(y) - 1, min(8, len(y))).round().astype(int)
    order = evaluate.nearest(y.features[rows], x.features, min(5, len(x)))
    entries = [queries.entries[y.file[row]] for row in rows]
    found = [[gallery.entries[x.file[n]] for n in row] for row in order]
    return figures.neighbors(
        np.stack([first(entry) for entry in entries]),
        np.stack([[first(entry) for entry in row] for row in found]),
        [names[entry.labels[label]] for entry in entries],
        [[names[entry.labels[label]] for entry in row] for row in found],
        title=f"The nearest clips, by {label}",
    )


def _finetuned(
    arguments: argparse.Namespace,
    model: Pretrained,
    recipe: Recipe,
    training: VideoDataset,
    test: VideoDataset,
    labels: Sequence[str],
) -> _Judged:
    """Accuracy after finetuning a copy of the backbone on each label, and a fresh one."""
    import copy

    from cvrl_lite import evaluate, train
    from cvrl_lite.pretrained import VideoClassifier

    how = finetuning_for(recipe, len(training), arguments)
    gallery, queries = (train.usable_data(part, how) for part in (training, test))
    how = finetuning_for(recipe, len(_entries(gallery)), arguments)
    fresh = _untrained(recipe)
    entries, workers = _entries(queries), arguments.workers or 0

    def accuracy(backbone: Any, label: str) -> _Scores:
        network = train.finetune(copy.deepcopy(backbone), gallery, label, how, workers=workers)
        classifier = VideoClassifier(network, label, gallery.classes[label], recipe, how)
        found = classifier.predict(queries, workers=workers)
        y = queries.labels(label)[found.rows]
        hits = found.probabilities.argmax(1) == y
        commonest = evaluate.commonest_chance(gallery.labels(label), y)
        interval = evaluate.confidence_interval(hits, [entries[row].source for row in found.rows])
        return {"whole": {"finetuned": evaluate.Score(float(hits.mean()), interval, commonest)}}

    return _Judged(
        {label: accuracy(model.backbone, label) for label in labels},
        {label: accuracy(fresh.backbone, label) for label in labels},
        _counts(len(_entries(gallery)), [entry.source for entry in entries]),
        tuple((str(file.path), file.reason) for file in (*gallery.skipped, *queries.skipped)),
    )


def _entries(data: DecodedSet | VideoDataset) -> Sequence[Entry]:
    """The files of a set, decoded or not."""
    from cvrl_lite.datasets import VideoDataset

    return data.entries if isinstance(data, VideoDataset) else [video.entry for video in data.videos]


def finetuning_for(recipe: Recipe, videos: int, arguments: argparse.Namespace) -> Finetuning:
    """The released schedule for the paper's backbones, ours for the tiny one; views as in pretraining.

    Args:
        recipe: Of the backbone.
        videos: To train on.
        arguments: `data`, `steps` and `clips` from the command line, or None.
    """
    import dataclasses

    from cvrl_lite import train

    if recipe.networks.encoders == "tiny":
        how = dataclasses.replace(train.Finetuning(), test_clips=_CLIPS)
    else:
        how = train.released(videos, dataset="hmdb51" if arguments.data == "hmdb51" else "ucf101")
    views = recipe.augmentation
    return dataclasses.replace(
        how,
        steps=arguments.steps or how.steps,
        sampling=train.clip_alone(recipe.sampling),
        decoded_size=recipe.decoded_size,
        augmentation=dataclasses.replace(how.augmentation, size=views.size, mean=views.mean, std=views.std),
        test_clips=arguments.clips or how.test_clips,
    )
