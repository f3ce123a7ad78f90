"""What the bitstream holds: key frames, motion vectors, residuals, clips; and encoding for training.

`source` opens a file, `index` lists its pictures (`headers` and `h264` look into theirs), `decode` delivers
them, `pool` keeps decoders; `raster` and `motion` make the dense field, `compensate` and `residual` what it
does not explain, `compiled` their fast inner loops; `chunks` reads them together, `damage` tells what cannot
be read; `stream` knows one stream, and `video` is the door to all of it. `encode` and `transcode` write
video, `extract` arrays.
"""

from cvrl_lite.codec._stream.raster import Motion
from cvrl_lite.codec.chunks import Chunk, KeyFrames, Sample
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
    "Residual",
    "Sample",
    "VideoInfo",
    "encode",
    "extract",
    "is_transcoded",
    "load",
    "transcode",
]
