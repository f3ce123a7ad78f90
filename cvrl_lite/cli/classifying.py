"""Commands about classifiers: finetune makes one, predict names files with it."""

from __future__ import annotations

import argparse
import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvrl_lite.cli.choosing import add_data, chosen_data
from cvrl_lite.cli.judging import finetuning_for
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command, whole
from cvrl_lite.errors import counted, shown

if TYPE_CHECKING:
    from cvrl_lite.datasets import VideoDataset
    from cvrl_lite.pretrained import Predictions, VideoClassifier


def add_commands(commands: Commands) -> None:
    """Adds this module's commands."""
    made = command(
        commands,
        "finetune",
        _finetune,
        "Train a checkpoint on with labels, and keep the classifier for `predict`. With --holdout, or with a "
        "data set's split, it is judged by sources that it has not seen.",
        "cvrl-lite finetune runs/first --folder mine/ --source 'film[0-9]+' --out classifiers/mine",
    )
    made.add_argument(
        "run_folder",
        metavar="RUN",
        help="a folder that pretrain wrote, a .safetensors file, or a shipped network (joint)",
    )
    add_data(made)
    made.add_argument("--label", help="which label; may be left out where there is one")
    made.add_argument("--out", type=Path, required=True, help="folder of the classifier")
    made.add_argument(
        "--steps",
        type=whole(1),
        help="batches (default: 200; the released 120 epochs for one of the paper's backbones)",
    )
    made.add_argument("--clips", type=whole(1), help="clips of a file that predict averages")
    made.add_argument(
        "--workers",
        type=whole(0),
        default=0,
        help="processes that read files, where the decoded set would not fit into memory (CVRL_MEMORY_LIMIT, "
        "such as 8G; default: half of what is available) (default: 0)",
    )
    made.add_argument("--json", action="store_true", help="print the outcome as JSON")

    made = command(
        commands,
        "predict",
        _predict,
        "Name what files show, with a classifier that finetune made.",
        "cvrl-lite predict classifiers/mine new/ --csv > names.csv",
    )
    made.add_argument("classifier", type=Path, metavar="CLASSIFIER", help="a folder that finetune wrote")
    made.add_argument("videos", type=Path, metavar="VIDEOS", help="a file, or a folder of them")
    made.add_argument(
        "--workers", type=whole(0), default=0, help="processes that read files, beside the network"
    )
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with the probability of each class")
    form.add_argument("--csv", action="store_true", help="print CSV, with the probability of each class")


def _finetune(arguments: argparse.Namespace) -> int:
    from cvrl_lite import train
    from cvrl_lite.pretrained import VideoClassifier, load

    model = load(arguments.run_folder)
    recipe = model.recipe
    assert recipe is not None  # a checkpoint has one
    videos, queries = chosen_data(arguments, recipe, holdout=None)
    if arguments.label is None and len(videos.classes) > 1:
        raise ValueError(f"--label is one of {', '.join(videos.classes)}; which one is to be learned?")
    label = arguments.label or next(iter(videos.classes))
    if label not in videos.classes:
        raise ValueError(f"label is one of {', '.join(videos.classes)}; got {label}")
    how = finetuning_for(recipe, len(videos), arguments)
    data = train.usable_data(videos, how)
    skipped = [(str(file.path), file.reason) for file in data.skipped]
    network = train.finetune(model.backbone, data, label, how, out=arguments.out, workers=arguments.workers)
    classifier = VideoClassifier(network, label, videos.classes[label], recipe, how)
    classifier.save(arguments.out)
    outcome: dict[str, Any] = {
        "out": str(arguments.out),
        "label": label,
        "classes": classifier.classes,
        "steps": how.steps,
        "trained_on": len(videos) - len(skipped),
    }
    if queries is not None:
        judged, lost = _judge(classifier, videos, queries, arguments.workers)
        outcome |= judged
        skipped += lost
    for name, reason in skipped:
        complain(f"{shown(name)}: not used: {reason}")
    outcome["skipped"] = dict(skipped)
    if arguments.json:
        say(json.dumps(outcome, indent=2))
    else:
        kinds, files = (
            counted(number, noun)
            for number, noun in ((len(classifier.classes), "class"), (outcome["trained_on"], "file"))
        )
        say(f"{shown(arguments.out)}: {kinds} of {label}, trained on {files}")
        if queries is not None:
            low, high = outcome["interval"]
            say(
                f"held out: {counted(outcome['queries'], 'file')} ({counted(outcome['sources'], 'source')}), "
                f"{outcome['share']:.3f} correct (95 % interval {low:.3f} to {high:.3f}; "
                f"chance {outcome['chance']:.3f})"
            )
    return 1 if skipped else 0


def _judge(
    classifier: VideoClassifier, videos: VideoDataset, queries: VideoDataset, workers: int
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """How often a classifier is right on files it has not seen, and those that could not be read."""
    import numpy as np

    from cvrl_lite import evaluate

    found = classifier.predict(queries, workers=workers)
    y = queries.labels(classifier.label)[found.rows]
    sources = [queries.entries[row].source for row in found.rows]
    hits = found.probabilities.argmax(1) == y
    score = evaluate.Score(
        float(np.mean(hits)),
        evaluate.confidence_interval(hits, sources),
        evaluate.commonest_chance(videos.labels(classifier.label), y),
    )
    counts = {"queries": len(hits), "sources": len(set(sources))}
    return counts | asdict(score), list(found.skipped)


def _predict(arguments: argparse.Namespace) -> int:
    from cvrl_lite.pretrained import VideoClassifier
    from cvrl_lite.train import device

    classifier = VideoClassifier.load(arguments.classifier)
    classifier.network.to(device())
    found = classifier.predict(arguments.videos, workers=arguments.workers)
    for name, reason in found.skipped:
        complain(f"{shown(name)}: not used: {reason}")
    if arguments.csv:
        say(_as_csv(found).removesuffix("\n"))
    elif arguments.json:
        say(json.dumps({classifier.label: _as_json(found), "skipped": dict(found.skipped)}, indent=2))
    else:
        names = ["file", *map(shown, found.names)]
        labels = [classifier.label, *found.labels]
        shares = ["probability", *(f"{row.max():.3f}" for row in found.probabilities)]
        first, second = (max(map(len, column)) for column in (names, labels))
        for name, label, share in zip(names, labels, shares, strict=True):
            say(f"{name:{first}}  {label:{second}}  {share}")
    return 1 if found.skipped else 0


def _as_json(found: Predictions) -> dict[str, Any]:
    return {
        name: {"label": label, "probabilities": dict(zip(found.classes, row.tolist(), strict=True))}
        for name, label, row in zip(found.names, found.labels, found.probabilities.round(6), strict=True)
    }


def _as_csv(found: Predictions) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "label", *(f"p({name})" for name in found.classes)])
    for name, label, row in zip(found.names, found.labels, found.probabilities.round(6), strict=True):
        table.writerow([name, label, *row.tolist()])
    return text.getvalue()
