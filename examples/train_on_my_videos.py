"""Pretrain on a folder of your own, then look at what lies close together.

    python examples/train_on_my_videos.py videos/ runs/mine --steps 2000

Ctrl-C leaves a usable checkpoint, and the same command goes on from it. Where several files were cut from one
video, --source says which: files whose names give the same match of this regular expression.
"""

import argparse

from cvrl_lite import load, train


def main() -> None:
    """Trains, embeds and searches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos")
    parser.add_argument("run", help="folder for checkpoints and the log; made if missing")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--source", metavar="REGEX")
    options = parser.parse_args()

    recipe = train.recipes.laptop().replace(
        data=options.videos, source=options.source, steps=options.steps, batch=options.batch
    )
    train.pretrain(recipe, options.run)

    model = load(options.run)
    table = model.embed(options.videos)
    for part in ("context", "motion"):
        print(f"Nearest by the {part} part:")
        for row, name in enumerate(table.names):
            hits = model.search(table[row], table, part=part, k=1)  # the file itself is left out
            print(f"  {name}: {', '.join(f'{hit.name} ({hit.cosine:.2f})' for hit in hits)}")


if __name__ == "__main__":  # workers that decode import this file again
    main()
