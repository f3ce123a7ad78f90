"""The networks of a training: a frozen config, and the modules it builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from cvrl_lite.models.backbone import VideoBackbone
from cvrl_lite.models.c3d import C3D
from cvrl_lite.models.importing import imported
from cvrl_lite.models.predictor import MotionPredictor
from cvrl_lite.models.resnets import R2D10, R3D10, R3D26, R2Plus1D26
from cvrl_lite.models.tiny import ContextEncoder, MotionEncoder, TinyR2Plus1D

BACKBONES: dict[str, Callable[..., VideoBackbone]] = {
    "tiny": TinyR2Plus1D,
    "c3d": C3D,
    "r3d26": R3D26,
    "r2plus1d26": R2Plus1D26,
}
"""The package's own backbones."""


@dataclass(frozen=True)
class Networks:
    """The kinds and widths of the networks.

    Attributes:
        backbone: "tiny", "c3d", "r3d26" or "r2plus1d26", or "module:name": a `VideoBackbone` class, or a
            function with the annotation `-> VideoBackbone`, for example one that calls `wrap`.
            backbone_kwargs: Keyword arguments of a "module:name" backbone.
        widths: Channels of the tiny backbone's blocks.
        encoders: Encoders of key frames and vectors: "tiny", or "paper" for the paper's R2D-10 and R3D-10.
        hidden: Width of the hidden layer of the projection heads.
        projection: Width of the projections.
        d_model: Width of the predictor's Transformer, and of its feed-forward layers.
        nhead: Attention heads.
        num_encoder_layers: Transformer encoder layers, over the clip's tokens.
        num_decoder_layers: Transformer decoder layers, over the future points.
        dropout: Dropout in the Transformer.
        query_init: Initial queries: "position" (ours) or "zero" (released); see `MotionPredictor`.
        transformer: Whether there is a Transformer. Otherwise two linear layers predict each position alone.

    Raises:
        ValueError: The backbone or the encoders do not exist.

    Example:
        >>> networks = Networks(widths=(8, 16, 16, 16), transformer=False)
        >>> networks.build_backbone().width
        32
    """

    backbone: str = "tiny"
    backbone_kwargs: dict[str, Any] = field(default_factory=dict)
    widths: tuple[int, int, int, int] = (24, 48, 96, 96)
    encoders: Literal["tiny", "paper"] = "tiny"
    hidden: int = 256
    projection: int = 128
    d_model: int = 96
    nhead: int = 4
    num_encoder_layers: int = 1
    num_decoder_layers: int = 2
    dropout: float = 0.1
    query_init: Literal["position", "zero"] = "position"
    transformer: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON has lists only
        if self.backbone not in BACKBONES and ":" not in self.backbone:
            names = ", ".join(BACKBONES)
            raise ValueError(f"networks.backbone is one of {names}, or module:name; got {self.backbone}")
        if self.backbone_kwargs and self.backbone in BACKBONES:
            raise ValueError(
                f"networks.backbone_kwargs are those of a module:name; {self.backbone} takes none"
            )
        if self.encoders not in ("tiny", "paper"):
            raise ValueError(f"networks.encoders is one of tiny, paper; got {self.encoders}")

    def build_backbone(self) -> VideoBackbone:
        """Builds the backbone.

        Raises:
            ValueError: The "module:name" cannot be imported, makes no backbone, or takes other arguments.
        """
        if self.backbone == "tiny":
            return TinyR2Plus1D(self.widths)
        if self.backbone in BACKBONES:
            return BACKBONES[self.backbone]()
        make = imported(self.backbone)
        # Checked before the call: a stored recipe may only run functions that are written to make backbones.
        if not _makes_backbones(make):
            raise ValueError(
                f"{self.backbone}: a backbone is made by a VideoBackbone class, or by a function with the "
                "annotation -> VideoBackbone"
            )
        try:
            made: VideoBackbone = make(**self.backbone_kwargs)
        except TypeError as error:
            raise ValueError(f"{self.backbone}: {error}") from None
        return made

    def build_frame_encoder(self) -> ContextEncoder | R2D10:
        """Builds the encoder of key frames."""
        return ContextEncoder() if self.encoders == "tiny" else R2D10()

    def build_window_encoder(self, channels: int) -> MotionEncoder | R3D10:
        """Builds the encoder of windows of vectors or residuals with this number of channels."""
        return MotionEncoder(ins=channels) if self.encoders == "tiny" else R3D10(channels)

    def build_predictor(
        self, channels: int, *, grid: tuple[int, int, int], points: tuple[int, int, int]
    ) -> MotionPredictor:
        """Builds the predictor from a map of size `grid` to these points; see `MotionPredictor`."""
        return MotionPredictor(
            channels,
            grid=grid,
            points=points,
            d_model=self.d_model,
            nhead=self.nhead,
            num_encoder_layers=self.num_encoder_layers,
            num_decoder_layers=self.num_decoder_layers,
            dropout=self.dropout,
            query_init=self.query_init,
            transformer=self.transformer,
        )


def _makes_backbones(make: Any) -> bool:
    try:
        made = make if isinstance(make, type) else get_type_hints(make).get("return")
    except (TypeError, NameError):  # no function, or with annotations that mean nothing
        return False
    return isinstance(made, type) and issubclass(made, VideoBackbone)
