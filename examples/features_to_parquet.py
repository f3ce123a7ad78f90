"""Features of a folder of videos as a Parquet file, for pandas, DuckDB or Spark (needs pyarrow).

    python examples/features_to_parquet.py videos/ features.parquet --per-clip

One row per file, or one per clip, with its name, source, start and stop in seconds, and labels.
"""

import argparse
import sys

import cvrl_lite


def main() -> int:
    """Embeds and writes; returns 1 if some files could not be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos")
    parser.add_argument("out")
    parser.add_argument("--model", default="joint", help="a shipped network, or a run's folder")
    parser.add_argument("--part", choices=("context", "motion"))
    parser.add_argument("--per-clip", action="store_true")
    parser.add_argument("--workers", type=int, default=0, help="processes that read files")
    options = parser.parse_args()
    model = cvrl_lite.load(options.model)
    table = model.embed(options.videos, part=options.part, per_clip=options.per_clip, workers=options.workers)
    table.to_parquet(options.out)
    print(f"{options.out}: {len(table)} rows of {table.features.shape[1]} numbers")
    for name, reason in table.skipped:
        print(f"{name}: {reason}", file=sys.stderr)
    return int(bool(table.skipped))


if __name__ == "__main__":
    sys.exit(main())
