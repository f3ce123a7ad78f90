"""Compiled code is cached in the cache folder, and nothing depends on the cache."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite.codec._stream.bits import BitReader, EndOfData, InvalidHeader

_PROGRAM = """
import hashlib
from cvrl_lite import CompressedVideo, data_path
with CompressedVideo(data_path("sample.mp4")) as video:
    parts = [video.motion(1, 3).vectors, video.residuals(1, 3).values]
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""


def run(cache):
    environment = os.environ | {"CVRL_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_compiled_code_is_cached_and_a_broken_cache_is_passed_over(tmp_path):
    first = run(tmp_path)
    made = sorted(path for path in (tmp_path / "compiled").rglob("*") if path.is_file())
    assert {path.suffix for path in made} == {".nbi", ".nbc"}
    before = [path.stat().st_mtime_ns for path in made]
    assert run(tmp_path) == first and [path.stat().st_mtime_ns for path in made] == before
    for broken in (b"", b"nonsense" * 9):
        for path in made:
            path.write_bytes(broken)
        assert run(tmp_path) == first


@given(st.lists(st.integers(0, 2**32 - 2), min_size=1), st.integers(0, 7))
def test_exp_golomb_codes_are_read_back(numbers, lead):
    codes = "".join("0" * ((n + 1).bit_length() - 1) + f"{n + 1:b}" for n in numbers)
    bits = "1" * lead + codes
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    reader = BitReader(data)
    reader.skip(lead)
    assert [reader.ue() for _ in numbers] == numbers
    with pytest.raises(EndOfData):
        reader.read(8)


def test_bits_past_the_end():
    padded, strict = BitReader(b"\x80", zero_padded=True), BitReader(b"\x80")
    assert (padded.read(4), padded.read(90), padded.read(200)) == (8, 0, 0)
    assert (strict.read(4), strict.flag()) == (8, False)
    for read in (lambda: strict.read(4), strict.ue):
        with pytest.raises(EndOfData):
            read()
    for data in (bytes(16), bytes(5) + b"\1"):
        with pytest.raises(InvalidHeader):  # EndOfData is one
            BitReader(data).ue()
    signed = BitReader(bytes([0b1_010_011_0, 0b0100_0010, 0b1_0000000]))
    assert [signed.se() for _ in range(5)] == [0, 1, -1, 2, -2]
    with pytest.raises(InvalidHeader):
        BitReader(b"\x40").ue(0)
    assert np.array_equal([BitReader(bytes([i])).read(8) for i in range(256)], range(256))
