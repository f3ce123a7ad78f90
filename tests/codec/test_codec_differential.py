"""What is read at any place, in any order, is the slice of a straight decode (see differential.py)."""

import subprocess
import sys
from pathlib import Path

import differential
import matrix
import pytest
from straight import straight

CONTAINERS = sorted({case.container for case in matrix.CASES.values()})
QUICK = [
    "mp4-h264open-negative.mp4", "mov-h264pyramid-late.mov", "mkv-h264one-present.mkv", "avi-mpeg4b-hole.avi",
    "flv-h264pyramid-hole.flv", "ts-h264b-wrapped.ts", "ps-mpeg2b-wrappedmid.mpg", "raw264-h264b-twice.264",
    "fragmented-hevcb-hole.mp4", "webm-vp8-hole.webm", "ts-h264main-then-h264b-goeson.ts",
]  # fmt: skip


def differences(path, calls=8):
    return [f"{path.name}: {line}" for line in differential.compare(path, calls).differences]


def test_files_of_every_kind_are_what_a_straight_decode_delivers(tmp_path):
    for path in matrix.make(tmp_path, QUICK):
        assert differences(path) == []


def test_it_notices_what_it_looks_for(tmp_path):
    """One file against the straight decode of others: of other pixels, frames, types, vectors and times."""
    names = ["mp4-h264b-present.mp4", "mp4-h264b-late.mp4", "mp4-h264b-cutend.mp4", "mp4-h264-present.mp4"]
    path, late, shorter, other = matrix.make(tmp_path, names)

    def told(truth):
        lines = []
        differential._compare_whole(path, truth, lines, 8, 0)
        return "\n".join(lines)

    assert told(straight(path)) == ""
    assert "times: frame 0 at 0" in told(straight(late))
    assert "frames read: 30, the straight decode has 29" in told(straight(shorter))
    for words in ("picture types: IBBP", "are none's (and ", "the mask of frame 1"):
        assert words in told(straight(other))
    swapped = straight(path)
    swapped.images[7:9] = swapped.images[8], swapped.images[7]
    assert "the pixels of frame 7 are those of frame 8" in told(swapped)
    moved = straight(path)
    moved.records[3]["motion_x"] += 4
    assert "vectors of frame 3 differ by up to " in told(moved)
    flagged = straight(path)
    flagged.keys.remove(12)
    assert "key frames: [0, 12, 24], the straight decode has [0, 24]" in told(flagged)
    damaged = straight(path)
    damaged.refused = 1
    assert damaged.trouble == "1 packets refused"


def test_the_command_counts_and_says_what_differs(tmp_path):
    folder = tmp_path / "videos"
    (whole,) = matrix.make(folder, ["mkv-h264b-hole.mkv"])
    (folder / "letter.txt").write_text("Just a letter.\n")
    (folder / "cut.mkv").write_bytes(whole.read_bytes()[:9000])

    def said(*paths):
        command = [sys.executable, differential.__file__, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines() or done.stderr.splitlines()

    code, lines = said(folder)
    assert code == 0 and lines[-1] == "2 files: 1 whole, 1 damaged, 0 different (1 others hold no video)", (
        lines
    )
    assert lines[0].startswith(f"{folder}/cut.mkv: damaged: ") and len(lines) == 2
    assert said(folder / "letter.txt")[0] == 2
    code, lines = said(tmp_path / "none")
    assert (code, lines) == (2, [f"{tmp_path}/none: there is no such file or folder"])


REAL = ["imageio_realshort.mp4", "tc_h264_10bits.mp4", "tc_h265_video.mp4", "odd/ibib.ts", "odd/allsync.mp4",
        "odd/v_novui.mp4", "odd/vfr.mkv", "originals/v_CricketBowling_g16_c06.avi"]  # fmt: skip


def test_some_real_clips(real_videos):
    for name in REAL:
        assert differences(real_videos / name, 4) == []


@pytest.mark.slow
def test_real_clips(real_videos):
    for path in sorted(Path(real_videos).glob("*.*")):
        if path.suffix != ".md":
            assert differences(path) == []
