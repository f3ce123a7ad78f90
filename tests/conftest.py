"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same few examples in every run; `make fuzz` draws many new ones (--hypothesis-profile=fuzz).
settings.register_profile("default", max_examples=15, deadline=None, derandomize=True)
settings.register_profile("fuzz", max_examples=300, deadline=None)
settings.load_profile("default")

pytest.register_assert_rewrite("explorable_pages")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """The folder of real clips: $CVRL_VIDEOS, or ../shared/videos beside the project."""
    folder = Path(os.environ.get("CVRL_VIDEOS") or ROOT.parent / "shared" / "videos")
    if not folder.is_dir():
        pytest.skip(f"the real clips are not there: {folder} (set CVRL_VIDEOS)")
    return folder
