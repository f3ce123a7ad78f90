"""Compressed video: frames, key frames, motion vectors and residuals; encoding, transcoding, extraction.

`CompressedVideo` (in `video`) reads a file. `stream` holds the facts about a stream, `chunks` reads ranges
of frames, `motion` and `residual` make fields and residuals, `damage` reports faults. Below, in `_stream`,
`source` opens files, `listing` and `scan` build the index, `headers` and `h264` parse bitstreams, `decode`
delivers frames, and `kernels` holds the compiled loops. `encode`, `transcode` and `extract` write files.
"""

from cvrl_lite.codec._stream.raster import Motion
from cvrl_lite.codec.chunks import Chunk, KeyFrames, Sample
from cvrl_lite.codec.cut import Piece, cut, is_cut
from cvrl_lite.codec.damage import Damage
from cvrl_lite.codec.encode import encode
from cvrl_lite.codec.extract import extract, load
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.residual import Residual
from cvrl_lite.codec.transcode import is_transcoded, transcode
from cvrl_lite.codec.video import CompressedVideo

__all__ = [
    "Chunk",
    "CompressedVideo",
    "Damage",
    "KeyFrames",
    "Motion",
    "Piece",
    "Residual",
    "Sample",
    "VideoInfo",
    "cut",
    "encode",
    "extract",
    "is_cut",
    "is_transcoded",
    "load",
    "transcode",
]
