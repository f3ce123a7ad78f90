"""Trains motion prediction with blank questions, as in the released code, and logs a loss that does not fall.

    python experiments/plateau.py           # a run of 200 steps, into plateau.json
    python experiments/plateau.py --fast    # two steps on few clips, printed, nothing written

The recipe is the course's own, but for narrower networks, a smaller batch, and the predictor's `query_init`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from cvrl_lite import train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode

LOG = Path(__file__).with_name("plateau.json")


def measured(steps: int, data: DecodedSet) -> dict[str, Any]:
    """Trains; the loss of each step in nats, beside what a blind guess costs."""
    recipe = train.recipes.laptop(("motion",)).replace(
        steps=steps,
        batch=32,
        precision="float32",
        networks={"widths": (16, 32, 64, 64), "query_init": "zero"},
    )
    with tempfile.TemporaryDirectory() as folder:
        if train.pretrain(recipe, folder, data).interrupted:
            raise KeyboardInterrupt
        lines = (Path(folder) / train.METRICS).read_text(encoding="utf-8").splitlines()
    return {
        "steps": steps,
        "keys": recipe.batch * 16 * (1 + recipe.sampling.num_negative_windows),
        "loss": [round(json.loads(line)["motion_loss"], 3) for line in lines],
    }


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true")
    fast = parser.parse_args().fast
    torch.set_num_threads(1)
    data = decode(MovingScenes("train").subset(range(40 if fast else 400)), size=72)
    found = measured(2 if fast else 200, data)
    print(json.dumps(found))
    if not fast:
        LOG.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
