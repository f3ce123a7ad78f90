"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """The folder of real clips: $CVRL_VIDEOS, or ../shared/videos beside the project."""
    folder = Path(os.environ.get("CVRL_VIDEOS") or ROOT.parent / "shared" / "videos")
    if not folder.is_dir():
        pytest.skip(f"the real clips are not there: {folder} (set CVRL_VIDEOS)")
    return folder
