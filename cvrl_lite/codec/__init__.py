"""What the bitstream holds: key frames, motion vectors, clips; and encoding for training.

`source` opens a file, `index` lists its pictures, `decode` delivers them, `raster` and `motion` make the
dense field, `video` is the door to all of it; `encode` and `transcode` write.
"""

from cvrl_lite.codec.encode import encode
from cvrl_lite.codec.info import VideoInfo
from cvrl_lite.codec.raster import Motion
from cvrl_lite.codec.transcode import transcode
from cvrl_lite.codec.video import CompressedVideo, KeyFrames

__all__ = ["CompressedVideo", "KeyFrames", "Motion", "VideoInfo", "encode", "transcode"]
