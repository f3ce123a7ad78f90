"""What the bitstream holds: key frames, motion vectors, clips; and encoding for training."""

from cvrl_lite.codec.encode import encode
from cvrl_lite.codec.video import CompressedVideo

__all__ = ["CompressedVideo", "encode"]
