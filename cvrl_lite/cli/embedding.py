"""Commands that use a trained network: embed, search."""

from __future__ import annotations

import argparse
import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path

from cvrl_lite.cli.choosing import add_backend
from cvrl_lite.cli.output import complain, say
from cvrl_lite.cli.reading import Commands, command, whole
from cvrl_lite.errors import counted, shown

_NETWORK = "a shipped network (joint, context, motion), a run's folder, or a .safetensors file"
_PART = "context (what stays: the place) or motion (what moves: the action); default: both"


def add_commands(commands: Commands) -> None:
    """Adds this module's commands."""
    made = command(
        commands,
        "embed",
        _embed,
        "Write the features of a file or of a folder's videos to a table. Stopped, it goes on where it was "
        "when it is called again. On several GPUs: torchrun --nproc-per-node 4 -m cvrl_lite.cli embed ...",
        "cvrl-lite embed joint videos/ --out table.npz --workers 4",
    )
    made.add_argument("network", metavar="NETWORK", help=_NETWORK)
    made.add_argument("source", type=Path, metavar="FILE_OR_FOLDER", help="what to embed")
    made.add_argument("--out", type=Path, required=True, metavar="TABLE", help="a .npz or .parquet file")
    made.add_argument("--part", choices=("context", "motion"), help=_PART)
    made.add_argument("--per-clip", action="store_true", help="a row a clip (default: a row a file)")
    made.add_argument("--clips", type=whole(1), default=3, help="clips of a file (default: %(default)s)")
    made.add_argument(
        "--workers",
        type=whole(0),
        default=0,
        help="processes that read files, beside the network (default: 0); with --backend, its processes, "
        "each with a network of its own",
    )
    add_backend(made, "none, all is done here")
    made.add_argument("--json", action="store_true", help="print JSON")

    made = command(
        commands,
        "search",
        _search,
        "Find the videos of a table that are most alike to one. The video itself is left out where it is in "
        "the table.",
        "cvrl-lite search joint query.mp4 table.npz --part motion",
    )
    made.add_argument("network", metavar="NETWORK", help=f"the one that made the table: {_NETWORK}")
    made.add_argument("query", type=Path, metavar="FILE", help="the video to search with")
    made.add_argument("table", type=Path, metavar="TABLE", help="a .npz that embed wrote")
    made.add_argument("--part", choices=("context", "motion"), help=_PART)
    made.add_argument("-k", type=whole(1), default=5, help="files to find (default: %(default)s)")
    made.add_argument(
        "--include-query", action="store_true", help="find the video itself, too, where it is in the table"
    )
    made.add_argument("--json", action="store_true", help="print JSON")


def _embed(arguments: argparse.Namespace) -> int:
    from cvrl_lite.pretrained import load
    from cvrl_lite.train import device
    from cvrl_lite.train.distributed import is_first

    if arguments.out.suffix not in (".npz", ".parquet"):
        raise ValueError(f"--out is a .npz or .parquet file, not {shown(arguments.out)}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    model = load(arguments.network).to(device())
    shards = arguments.out.with_name(f"{arguments.out.name}.shards")
    table = model.embed(
        arguments.source,
        part=arguments.part,
        per_clip=arguments.per_clip,
        clips=arguments.clips,
        workers=arguments.workers,
        resume=shards,
        backend=arguments.backend,
        scheduler=arguments.scheduler,
    )
    if not is_first():
        return 1 if table.skipped else 0
    if arguments.out.suffix == ".npz":
        table.save(arguments.out)
    else:
        table.to_parquet(arguments.out)
    shutil.rmtree(shards)
    for name, reason in table.skipped:
        complain(f"{shown(name)}: not used: {reason}")
    rows, width = table.features.shape
    if arguments.json:
        files = len(set(table.file.tolist()))
        found = {"table": str(arguments.out), "rows": rows, "features": width, "files": files}
        say(json.dumps(found | {"skipped": dict(table.skipped)}, indent=2))
    else:
        say(f"{shown(arguments.out)}: {counted(rows, 'row')} of {counted(width, 'feature')}")
    return 1 if table.skipped else 0


def _search(arguments: argparse.Namespace) -> int:
    from cvrl_lite.pretrained import Embeddings, load
    from cvrl_lite.train import device

    table = Embeddings.load(arguments.table)
    model = load(arguments.network).to(device())
    hits = model.search(
        arguments.query, table, part=arguments.part, k=arguments.k, include_query=arguments.include_query
    )
    if arguments.json:
        rows = [
            {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row}
            for row in (asdict(hit).items() for hit in hits)
        ]
        say(json.dumps(rows, indent=2))
        return 0
    say(f"{'cosine':>6}  {'start':>8}    {'stop':>8}    file")
    for hit in hits:
        say(f"{hit.cosine:6.3f}  {hit.start:8.2f} to {hit.stop:8.2f} s  {shown(hit.name)}")
    if not arguments.include_query and table.rows_of(arguments.query).any():
        say(f"left out, as it is the query itself: {shown(arguments.query)} (--include-query)")
    return 0
