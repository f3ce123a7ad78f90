"""Commands that train: pretrain, quickstart; and evaluate, from `judging`."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvrl_lite.cli.choosing import check_name
from cvrl_lite.cli.judging import add_evaluate
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.errors import counted, shown

if TYPE_CHECKING:
    from cvrl_lite.train import Recipe


def add_commands(commands: Commands) -> None:
    """Adds this module's commands."""
    made = command(
        commands,
        "pretrain",
        _pretrain,
        "Train a backbone on MovingScenes, UCF101, HMDB51, Kinetics-400 or any folder of videos. Run again "
        "with the same --out, it goes on where it stopped. Under torchrun, all processes train one model.",
        "cvrl-lite pretrain --folder videos/ --out runs/first --steps 200",
    )
    made.add_argument(
        "--recipe",
        default="laptop",
        metavar="NAME",
        help="laptop (default), laptop_fast, ucf101_r2plus1d26, ucf101_c3d, ucf101_r3d26, "
        "kinetics_r2plus1d26",
    )
    data = made.add_mutually_exclusive_group()
    data.add_argument(
        "--data", help="moving_scenes, hard_scenes, ucf101, hmdb51 or kinetics (default: the recipe's)"
    )
    data.add_argument("--folder", type=Path, help="instead: any folder of videos")
    made.add_argument("--root", type=Path, help="--data: the folder of that data set")
    made.add_argument(
        "--fold", type=int, choices=(1, 2, 3), help="--data ucf101, hmdb51: which of its splits (default: 1)"
    )
    made.add_argument(
        "--source",
        metavar="REGEX",
        help="--folder: files in whose name its first match reads the same were cut from one video",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of checkpoint and metrics")
    made.add_argument(
        "--tasks", default="context,motion", help="some of context,motion,residual (default: context,motion)"
    )
    made.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME=MODULE:CLASS",
        help="add a task of your own, a TaskConfig, under this name; may be given again",
    )
    made.add_argument(
        "--backbone",
        metavar="NAME",
        help="tiny, c3d, r3d26, r2plus1d26, or your own as module:function",
    )
    made.add_argument(
        "--init", metavar="NETWORK", help="start from the backbone of a shipped network or of an earlier run"
    )
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change any field of the recipe: optimization.learning_rate=1e-3, tasks.context.weight=.2; "
        "may be given again",
    )
    length = made.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="batches (default: the recipe's)")
    length.add_argument(
        "--epochs", type=float, help="instead: how often, on average, a batch holds each file of the data"
    )
    made.add_argument("--batch", type=int, help="clips a batch, of all processes (default: the recipe's)")
    made.add_argument("--seed", type=int, help="of everything random (default: the recipe's)")
    made.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that read files, beside each training, where the decoded set would not fit into "
        "memory (CVRL_MEMORY_LIMIT, such as 8G; default: half of what is available) (default: 0)",
    )
    made.add_argument(
        "--tensorboard", action="store_true", help="write metrics for TensorBoard to --out/tensorboard, too"
    )
    made.add_argument(
        "--check-folder",
        type=Path,
        metavar="DIR",
        help="labeled videos, a sub-folder a class: log how often a clip's nearest neighbor is of its class",
    )
    made.add_argument(
        "--check-every", type=int, default=100, metavar="N", help="steps between checks (default: 100)"
    )
    made.add_argument("--json", action="store_true", help="print the outcome as JSON")

    add_evaluate(commands)

    made = command(
        commands,
        "quickstart",
        _quickstart,
        "Make the data, train three models, and print what each has learned.",
        "cvrl-lite quickstart --out runs/quickstart --minutes 2",
    )
    made.add_argument("--out", type=Path, default=Path("runs/quickstart"))
    made.add_argument("--minutes", type=float, default=10.0, help="at most this long a training")
    made.add_argument("--clips", type=int, default=1600, help="clips of the data set")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--json", action="store_true", help="print the table as JSON")


def _pretrain(arguments: argparse.Namespace) -> int:
    from cvrl_lite import train
    from cvrl_lite.course import figures
    from cvrl_lite.train.distributed import is_first

    if arguments.recipe not in train.recipes.NAMED:
        raise ValueError(f"--recipe is one of {', '.join(train.recipes.NAMED)}; got {arguments.recipe}")
    if arguments.data:
        check_name(arguments.data)
    if arguments.root and arguments.folder:
        raise ValueError("--root belongs to --data")
    if arguments.source and not arguments.folder:
        raise ValueError("--source belongs to --folder")
    make = train.recipes.NAMED[arguments.recipe]
    settings = {
        name: getattr(arguments, name) for name in ("root", "source", "fold", "steps", "batch", "seed")
    }
    # An absolute path is never taken for a data set's name, and found again from another folder.
    settings["data"] = arguments.folder.absolute() if arguments.folder else arguments.data
    settings = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in settings.items()
        if value is not None
    }
    accepted = inspect.signature(make).parameters  # a batch, from which the recipe takes its learning rate
    tasks = tuple(arguments.tasks.split(","))
    recipe = make(tasks=tasks, **{name: value for name, value in settings.items() if name in accepted})
    recipe = changed(recipe.replace(**settings), arguments)
    callbacks = []
    if arguments.check_every < 1:
        raise ValueError(f"--check-every is at least 1; got {arguments.check_every}")
    if arguments.check_folder:
        from cvrl_lite.cli.checks import knn_check

        callbacks = [knn_check(arguments.check_folder, arguments.check_every, recipe, arguments.source)]
    if arguments.fold and recipe.data not in ("ucf101", "hmdb51"):
        raise ValueError("--fold belongs to --data ucf101 or hmdb51")
    run = train.pretrain(
        recipe,
        arguments.out,
        workers=arguments.workers,
        callbacks=callbacks,
        tensorboard=arguments.tensorboard,
    )
    ended = 128 + run.ended_by if run.interrupted else 0
    if not is_first():
        return ended
    lines = [
        json.loads(line) for line in (arguments.out / train.METRICS).read_text(encoding="utf-8").splitlines()
    ]
    figures.save(figures.curves(lines), arguments.out / "curves.png", dpi=120)
    for file in run.skipped:
        complain(f"{shown(file.path)}: not used: {file.reason}")
    outcome = {
        "out": str(arguments.out),
        "steps": run.steps,
        "resumed_from": run.resumed_from,
        "seconds": round(run.seconds, 1),
        "precision": run.recipe.precision,
        "skipped": {str(file.path): file.reason for file in run.skipped},
        "interrupted": run.interrupted,
    }
    if arguments.json:
        say(json.dumps(outcome, indent=2))
    elif run.resumed_from == run.recipe.steps:
        steps = counted(run.steps, "step")
        say(f"{shown(arguments.out)}: had finished before: {steps} ({run.recipe.precision})")
    else:
        steps = counted(run.steps, "step")
        say(f"{shown(arguments.out)}: {steps} in {run.seconds:.0f} s ({run.recipe.precision})")
    return ended or (1 if run.skipped else 0)


def changed(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe with what --backbone, --init, --task, --set and --epochs say of it.

    Raises:
        ValueError: One of them means nothing.
    """
    from cvrl_lite.models.importing import imported
    from cvrl_lite.pretext import TaskConfig
    from cvrl_lite.train.checkpoint import shipped
    from cvrl_lite.train.data import videos_of

    if arguments.backbone:
        recipe = recipe.replace(networks={"backbone": arguments.backbone})
    if arguments.init:
        init = arguments.init if shipped(arguments.init) else str(Path(arguments.init).absolute())
        if not (shipped(init) or Path(init).exists()):
            raise ValueError(f"--init {init}: not a run's folder, not a file, and not a shipped network")
        recipe = recipe.replace(init=init)
    for text in arguments.task:
        name, _, path = text.partition("=")
        if not path:
            raise ValueError(f"--task is NAME=MODULE:CLASS; got {text}")
        kind = imported(path)
        if not (isinstance(kind, type) and issubclass(kind, TaskConfig)):
            raise ValueError(f"{path}: a task is a TaskConfig")
        recipe = recipe.replace(tasks={name: kind()})
    for text in arguments.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set is FIELD=VALUE; got {text}")
        change: Any = _value(value)
        first, *inner = name.split(".")
        for part in reversed(inner):
            change = {part: change}
        recipe = recipe.replace(**{first: change})
    if arguments.epochs is not None:
        if not arguments.epochs > 0:
            raise ValueError(f"--epochs is above 0; got {arguments.epochs}")
        clips = arguments.epochs * len(videos_of(recipe).entries)
        recipe = recipe.replace(steps=max(1, round(clips / recipe.batch)))
    return recipe


def _value(text: str) -> Any:
    """What a word of the command line means: a number, a list, true, false, none; or itself."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _quickstart(arguments: argparse.Namespace) -> int:
    from cvrl_lite.cli.quickstart import quickstart, table

    result = quickstart(arguments.out, minutes=arguments.minutes, clips=arguments.clips, seed=arguments.seed)
    say(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0
