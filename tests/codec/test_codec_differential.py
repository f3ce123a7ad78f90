"""What is read at any place, in any order, is the slice of a straight decode (see differential.py).

`make differential` compares all of the matrix, here it is a part.
"""

import subprocess
import sys

import differential
import matrix
import pytest
from straight import straight

pytestmark = pytest.mark.filterwarnings("ignore:.*interlaced:UserWarning")
QUICK = [
    "edit-h264-two.mov", "fragmented-hevcb-hole.mp4", "mkv-mpeg2b-late.mkv", "avi-h264b-present.avi",
    "xvid-ends-packed-keys.avi", "flv-h264-before.flv", "lone-sets-often.mp4", "lone-hevc-sets.mkv",
    "ts-h264b-wrapped.ts", "ts-h264main-then-h264b-goeson.ts", "ps-mpeg2b-wrappedmid.mpg",
    "raw264-h264open-twice.264", "webm-vp8-hole.webm", "mpeg4-all-sync.mp4",
]  # fmt: skip
CONTAINERS = sorted({case.container for case in matrix.CASES.values()})
REAL = ["tc_h264_10bits.mp4", "odd/joined_twice_stamped.ts", "odd/new_parameters.flv",
        "odd/field_pictures.ts", "originals/v_CricketBowling_g24_c04.avi"]  # fmt: skip


def differences(path, calls=4):
    return [f"{path.name}: {line}" for line in differential.compare(path, calls).differences]


def test_files_of_every_kind_are_what_a_straight_decode_delivers(tmp_path):
    assert [line for path in matrix.make(tmp_path, QUICK) for line in differences(path)] == []


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS)
def test_more_files_of_every_container(tmp_path, container):
    names = [name for name, case in matrix.CASES.items() if case.container == container]
    assert [line for path in matrix.make(tmp_path, names[::10]) for line in differences(path)] == []


def test_some_real_clips(real_videos):
    assert [line for name in REAL for line in differences(real_videos / name, 2)] == []


@pytest.mark.slow
def test_real_clips(real_videos):
    paths = [path for path in differential.files_in([real_videos]) if path.suffix != ".md"]
    assert [line for path in paths for line in differences(path, 1)] == []


def test_it_notices_what_it_looks_for(tmp_path):
    """One file against the straight decode of others: of other pixels, frames, types, vectors and times."""
    names = ["mp4-h264b-present.mp4", "mp4-h264b-late.mp4", "mp4-h264b-cutend.mp4", "mp4-h264-present.mp4"]
    path, late, shorter, other = matrix.make(tmp_path, names)

    def told(truth):
        lines = []
        differential.compare_whole(path, truth, lines, 8, 0)
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


def test_what_is_kept_of_a_damaged_file_was_delivered(tmp_path):
    """A byte of each of some files turned over; a frame of another file is noticed."""
    names = [
        "mp4-h264b-present.mp4",
        "ts-mpeg2b-present.ts",
        "avi-mpeg4b-present.avi",
        "mkv-hevcb-present.mkv",
    ]
    for path in matrix.make(tmp_path, names):
        data = bytearray(path.read_bytes())
        for part in (2, 3, 5):
            data[len(data) * part // 7] ^= 0x55
        path.write_bytes(data)
        assert differences(path) == []
    other, path = matrix.make(tmp_path, ["mp4-h264-present.mp4", "mp4-h264b-present.mp4"])
    foreign = straight(other).images[9]
    images = straight(path).images
    assert differential.find_strays([*images[:5], foreign, *images[9:]], path, "keep") == [5]
    assert differential.find_strays([*images[:5], images[3]], path, "keep") == [5]


def test_the_command_counts_and_says_what_differs(tmp_path):
    folder = tmp_path / "videos"
    (whole,) = matrix.make(folder, ["mkv-h264b-hole.mkv"])
    (folder / "letter.txt").write_text("Just a letter.\n", encoding="utf-8")
    (folder / "cut.mkv").write_bytes(whole.read_bytes()[:9000])

    def said(*paths):
        command = [sys.executable, differential.__file__, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines() or done.stderr.splitlines()

    code, lines = said(folder)
    assert lines[-1] == "2 files: 1 whole, 1 damaged, 0 different (1 others hold no video)" and code == 0
    assert lines[0].startswith(f"{folder}/cut.mkv: damaged: ") and len(lines) == 2
    assert said(folder / "letter.txt")[0] == 2
    code, lines = said(tmp_path / "none")
    assert (code, lines) == (2, [f"{tmp_path}/none: there is no such file or folder"])
