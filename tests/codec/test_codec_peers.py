"""Equality with an independent reader of motion vectors, mv-extractor, where it is installed.

It brings an FFmpeg of its own, an older one, so it runs in another process. Its frame threads export wrong
vectors of B-frames, so only clips without them are compared.
"""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from material import exported_records

from cvrl_lite import CompressedVideo

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mvextractor") is None,
    reason="mv-extractor is not installed (pip install motion-vector-extractor)",
)
FIELDS = ("source", "w", "h", "src_x", "src_y", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale")
P_ONLY = [
    "imageio_realshort.mp4",
    "imageio_test.webm",
    pytest.param("skv_bigbuckbunny.mp4", marks=pytest.mark.slow),
    pytest.param("mvx_vid_h264.mp4", marks=pytest.mark.slow),
    pytest.param("mvx_vid_mpeg4_part2.mp4", marks=pytest.mark.slow),
]
READ = """
import sys
import numpy as np
from mvextractor.videocap import VideoCap

video, found = VideoCap(), []
assert video.open(sys.argv[1])
while (answer := video.read())[0]:
    found.append(np.asarray(answer[2]).reshape(-1, 10).astype(np.int64))
counts = np.array([len(records) for records in found])
np.savez(sys.argv[2], counts=counts, records=np.concatenate(found))
"""


@pytest.mark.parametrize("name", P_ONLY)
def test_the_records_equal_those_of_mv_extractor(real_videos, tmp_path, name):
    made = tmp_path / "records.npz"
    command = [sys.executable, "-c", READ, str(real_videos / name), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    theirs = np.load(made)
    with CompressedVideo(real_videos / name) as video:
        ours = exported_records(video)
    assert [len(records) for records in ours] == theirs["counts"].tolist()
    records = np.concatenate(ours)
    columns = np.stack([records[field].astype(np.int64) for field in FIELDS], axis=1)
    assert np.array_equal(columns, theirs["records"])
