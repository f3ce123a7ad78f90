"""The command export."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cvrl_lite.cli.output import say
from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.errors import shown


def add_commands(commands: Commands) -> None:
    """Adds this module's command."""
    made = command(
        commands,
        "export",
        _export,
        "Write a backbone as a file that runs without this package: .pt2 for torch.export, .onnx for ONNX. "
        "Its outputs are compared with the network's first.",
        "cvrl-lite export joint --out joint.onnx",
    )
    made.add_argument("network", help="a shipped network, a run's folder, or a .safetensors file")
    made.add_argument("--out", type=Path, required=True, help="a file that ends with .pt2 or .onnx")
    made.add_argument("--json", action="store_true", help="print what the file reads, as JSON")


def _export(arguments: argparse.Namespace) -> int:
    from cvrl_lite import load
    from cvrl_lite.models.export import export

    model = load(arguments.network)
    frames, size = model.sampling.frames, model.transform.size
    difference = export(model.backbone.cpu(), arguments.out, frames=frames, size=size)
    about = {
        "out": str(arguments.out),
        "clip": ["batch", 3, frames, size, size],
        "features": ["batch", model.backbone.width],
        "mean": model.transform.mean,
        "std": model.transform.std,
        "parts": {name: [part.start, part.stop] for name, part in model.backbone.parts.items()},
        "difference": difference,
    }
    if arguments.json:
        say(json.dumps(about, indent=2))
    else:
        say(
            f"{shown(arguments.out)}: from clips (batch, 3, {frames}, {size}, {size}) to features (batch, "
            f"{model.backbone.width}); differs from the network by {difference:.1g}"
        )
    return 0
