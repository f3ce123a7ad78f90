"""Exports a backbone to a file that runs without this package: torch.export or ONNX.

Axes: B batch, T time, H W pixels, D features.
"""

from __future__ import annotations

import logging
import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from cvrl_lite.files import replacing
from cvrl_lite.models.backbone import VideoBackbone

FORMATS = (".pt2", ".onnx")


def export(
    backbone: VideoBackbone, path: str | os.PathLike[str], *, frames: int, size: int, tolerance: float = 1e-4
) -> float:
    """Writes a backbone as a program from clips (B, 3, T, H, W) to features (B, D), for any B.

    Clips are float32, cropped, scaled and normalized as the network's eval transform does it.

    Args:
        backbone: In evaluation mode, on the CPU.
        path: Ends with .pt2 (`torch.export.load` reads it) or .onnx, which needs the extra "onnx".
        frames: T.
        size: H and W in pixels.
        tolerance: Largest difference between what the file computes and what the backbone computes.

    Returns:
        The largest difference on three random clips.

    Raises:
        ValueError: The suffix is another one, or the difference exceeds the tolerance.
        ImportError: onnx, onnxscript or onnxruntime is missing.
        OSError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(TinyR2Plus1D().eval(), f"{folder}/tiny.pt2", frames=8, size=32) < 1e-5
        True
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"{path}: an exported network ends with {' or '.join(FORMATS)}")
    if path.suffix == ".onnx":
        for needed in ("onnx", "onnxscript", "onnxruntime"):
            if find_spec(needed) is None:
                raise ImportError(f"{needed} is missing: pip install 'cvrl-lite[onnx]'")
    clips = torch.randn(3, 3, frames, size, size, generator=torch.Generator().manual_seed(0))
    batch = torch.export.Dim("batch")
    with torch.no_grad(), replacing(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, of its exporter
        expected = backbone(clips)
        program = torch.export.export(backbone, (clips[:2],), dynamic_shapes=({0: batch},), strict=False)
        if path.suffix == ".onnx":
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it suggests optional packages
            made = torch.onnx.export(
                program,
                (clips[:2],),
                input_names=["clip"],
                output_names=["features"],
                dynamo=True,
                verbose=False,
            )
            assert made is not None
            part.write_bytes(made.model_proto.SerializeToString())
            found = _run_onnx(part, clips)
        else:
            with open(part, "wb") as file:
                torch.export.save(program, file)
            with open(part, "rb") as file:
                found = torch.export.load(file).module()(clips)
        difference = float((found - expected).abs().max())
        if not difference <= tolerance:
            raise ValueError(f"{path}: not written: it differs from the network by {difference:g}")
    return difference


def _run_onnx(path: Path, clips: torch.Tensor) -> torch.Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"clip": clips.numpy()})[0])
