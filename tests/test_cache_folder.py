"""Where the cache is: of a user without a home, without rights, or whom the system does not know."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cvrl_lite.cli import main
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.files import cache_dir, kept_in_cache

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="homes and users as POSIX has them")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's folder of temporary files, with no cache chosen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for name in ("CVRL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HOME", "{}/absent", "{}/absent: no such home folder"),
        ("HOME", "{}/file", "{}/file: no such home folder"),
        ("HOME", "{}", "{}/.cache/cvrl_lite: Not a directory"),
        ("XDG_CACHE_HOME", "{}/file", "{}/file/cvrl_lite: Not a directory"),
        ("CVRL_CACHE", "{}/file/cache", "{}/file/cache: Not a directory"),
        ("CVRL_CACHE", "/proc/cache", "/proc/cache: No such file or directory"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="caches are elsewhere")
def test_without_a_place_the_cache_is_a_temporary_folder(
    temporary, monkeypatch, capsys, variable, value, reason
):
    home = temporary.parent
    for name in ("file", ".cache"):
        (home / name).touch()
    monkeypatch.setenv(variable, value.format(home))
    message = f"{reason.format(home)}; {temporary}/cvrl_lite-{os.getuid()} is the cache"
    with pytest.warns(UserWarning) as caught:
        assert cache_dir() == temporary / f"cvrl_lite-{os.getuid()}"
        assert main(["doctor", "--json"]) == 0
    assert {str(w.message).partition(" (CVRL")[0] for w in caught} == {message}
    assert json.loads(capsys.readouterr().out)["cache"] == f"{temporary}/cvrl_lite-{os.getuid()}"
    assert not (home / "absent").exists() and temporary.joinpath(f"cvrl_lite-{os.getuid()}").is_dir()


def as_another(code: str, folder: Path, **env: str) -> subprocess.CompletedProcess:
    """Runs some lines as a user whom the system does not know, where we are root, else as ourselves."""
    for place in (folder, *folder.parents[:3]):
        if os.geteuid() == 0:
            place.chmod(0o755)
    become = "\nif os.geteuid() == 0: os.setuid(54321)\n"
    imports = "import os, sys, filelock\nfrom cvrl_lite import codec\n"
    imports += "from cvrl_lite.datasets import moving_scenes\nfrom cvrl_lite.files import *\n"
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "CVRL_CACHE")}
    return subprocess.run(
        [sys.executable, "-c", imports + become + code],
        env=kept | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary")} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="another user needs root")
def test_a_user_that_the_system_does_not_know(tmp_path):
    (tmp_path / "temporary").mkdir(mode=0o777)
    (tmp_path / "temporary").chmod(0o777)
    run = as_another("print(cache_dir()); cache_dir()", tmp_path)
    assert run.stdout == f"{tmp_path}/temporary/cvrl_lite-54321\n", run.stderr
    assert run.stderr.count("this user has no home folder") == 1


SMALL = {"clips": 2, "seed": 0, "frames": 2, "size": 32, "workers": 1}
MAKE = f"print(kept_in_cache('set', lambda folder: moving_scenes.make(folder, **{SMALL})))"


def test_a_cache_that_may_not_be_written_is_read(tmp_path):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary").chmod(0o777)
    cache = tmp_path / "cache"
    moving_scenes.make(cache / "set", **SMALL)
    for folder in (cache, cache / "set"):
        folder.chmod(0o555)
    run = as_another(MAKE, tmp_path, CVRL_CACHE=str(cache))
    assert (run.stdout, run.stderr) == (f"{cache}/set\n", "")


def test_what_it_lacks_is_made_among_the_temporary_files(tmp_path):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary").chmod(0o777)
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o555)
    run = as_another(MAKE, tmp_path, CVRL_CACHE=str(cache))
    user = os.getuid() or 54321
    made = tmp_path / f"temporary/cvrl_lite-{user}/set"
    assert run.stdout == f"{made}\n" and f"{cache}: Permission denied; {made.parent} is the" in run.stderr
    assert len(list(made.rglob("*.mp4"))) == 2
    look = (
        "with codec.CompressedVideo(sys.argv[1], cache=os.environ['CVRL_CACHE']) as v: print(v.info.frames)"
    )
    (clip, _) = sorted(made.rglob("*.mp4"))
    run = as_another(look.replace("sys.argv[1]", repr(str(clip))), tmp_path, CVRL_CACHE=str(cache))
    assert (run.stdout, run.stderr) == ("2\n", "")  # no index is kept


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="another user needs root")
def test_a_temporary_folder_of_another_user_is_not_ours(temporary, monkeypatch):
    (temporary / "cvrl_lite-0").mkdir()
    os.chown(temporary / "cvrl_lite-0", 54321, -1)
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(PermissionError, match="belongs to another user; set CVRL_CACHE"):
        cache_dir()


def test_other_faults_than_rights_are_told(temporary, monkeypatch, tmp_path):
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path / "cache"))

    def full(folder):
        raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(OSError, match="No space left"):
        kept_in_cache("set", full)
