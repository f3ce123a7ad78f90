"""Commands that train: pretrain, quickstart; and evaluate, from `judging`."""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path

from cvrl_lite.cli.judging import add_evaluate
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.errors import shown


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
        "--source",
        metavar="REGEX",
        help="--folder: files in whose name its first match reads the same were cut from one video",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of checkpoint and metrics")
    made.add_argument(
        "--tasks", default="context,motion", help="some of context,motion,residual (default: context,motion)"
    )
    made.add_argument("--steps", type=int, help="batches (default: the recipe's)")
    made.add_argument("--batch", type=int, help="clips a batch, of all processes (default: the recipe's)")
    made.add_argument("--seed", type=int, help="of everything random (default: the recipe's)")
    made.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that read files, beside each training; with any, a new run reads its files again and "
        "again instead of decoding all of them into memory first",
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
    from cvrl_lite.train.checkpoint import Folder
    from cvrl_lite.train.distributed import is_first

    if arguments.recipe not in train.recipes.NAMED:
        raise ValueError(f"--recipe is one of {', '.join(train.recipes.NAMED)}; got {arguments.recipe}")
    if arguments.root and arguments.folder:
        raise ValueError("--root belongs to --data")
    if arguments.source and not arguments.folder:
        raise ValueError("--source belongs to --folder")
    make = train.recipes.NAMED[arguments.recipe]
    given = {name: getattr(arguments, name) for name in ("root", "source", "steps", "batch", "seed")}
    # An absolute path is never taken for a data set's name, and found again from another folder.
    given["data"] = arguments.folder.absolute() if arguments.folder else arguments.data
    given = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in given.items()
        if value is not None
    }
    begun = Folder(arguments.out).recipe()
    if begun is not None:
        given["in_memory"] = begun.in_memory  # a run goes on as it began
    elif arguments.workers:
        given["in_memory"] = False
    known = inspect.signature(make).parameters  # a batch, say, from which the recipe takes its learning rate
    tasks = tuple(arguments.tasks.split(","))
    recipe = make(tasks=tasks, **{name: value for name, value in given.items() if name in known})
    recipe = recipe.replace(**given)
    run = train.pretrain(recipe, arguments.out, workers=arguments.workers)
    ended = 128 + run.ended_by if run.interrupted else 0
    if not is_first():
        return ended
    lines = [json.loads(line) for line in (arguments.out / train.METRICS).read_text().splitlines()]
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
        say(f"{shown(arguments.out)}: had finished before: {run.steps} steps ({run.recipe.precision})")
    else:
        say(f"{shown(arguments.out)}: {run.steps} steps in {run.seconds:.0f} s ({run.recipe.precision})")
    return ended or (1 if run.skipped else 0)


def _quickstart(arguments: argparse.Namespace) -> int:
    from cvrl_lite.cli.quickstart import quickstart, table

    result = quickstart(arguments.out, minutes=arguments.minutes, clips=arguments.clips, seed=arguments.seed)
    say(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0
