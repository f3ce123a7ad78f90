"""Downloads from a server of the test's own: whole, broken off and resumed, refused, damaged."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cvrl_lite import files
from cvrl_lite.datasets import HMDB51, UCF101, download

module = importlib.import_module("cvrl_lite.datasets.downloads")  # the name in the package is the function


class Handler(BaseHTTPRequestHandler):
    """Serves `server.held`, from the byte a Range asks for; misbehaves as `server.mood` says, once each."""

    def do_GET(self) -> None:
        server = self.server
        span = self.headers.get("Range")
        server.seen.append(span)
        mood = server.mood.pop(0) if server.mood else "well"
        body = server.held.get(self.path)
        if body is None or mood.isdecimal():
            self.send_error(404 if body is None else int(mood))
            return
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span and mood != "rangeless" else 0
        if start >= len(body) and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : len(body) // 2] if mood == "half" else body[start:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "_WAITS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(logging.getLogger("pooch"), "disabled", True)  # it holds on to a captured stderr
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.held, server.mood, server.seen = {}, [], []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


LISTS = {"classInd.txt": "1 YoYo", "trainlist01.txt": "YoYo/v_YoYo_g08_c01.avi 1", "testlist01.txt": ""}


def zipped() -> bytes:
    """UCF101 with one clip, of random bytes so that half of the archive is many of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("UCF-101/YoYo/v_YoYo_g08_c01.avi", os.urandom(300_000))
        for name, text in LISTS.items():
            archive.writestr(f"ucfTrainTestlist/{name}", text)
    return buffer.getvalue()


def tarred(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


@pytest.fixture
def small(server):
    server.held["/mirror/ucf.zip"] = zipped()
    return f"{server.url}/mirror/ucf.zip"


def kept_of_half(server) -> int:
    """What is kept of the served file's first half: whole pieces."""
    half = len(server.held["/mirror/ucf.zip"]) // 2
    return half - half % module._CHUNK


def is_whole(root: Path, server) -> bool:
    kept = root / "downloads" / "ucf.zip"
    assert not list(kept.parent.glob("*.part"))
    return kept.read_bytes() == server.held["/mirror/ucf.zip"] and len(UCF101(root).entries) == 1


def test_a_whole_download_is_unpacked_and_read(tmp_path, server, small, capsys):
    assert download("ucf101", tmp_path / "u", url=small) == tmp_path / "u"
    assert is_whole(tmp_path / "u", server) and server.seen == [None]
    said = capsys.readouterr()
    assert said.out == ""
    assert "research use only" in said.err and "https://www.crcv.ucf.edu" in said.err
    assert "ucf.zip: no SHA-256 is known" in said.err
    download("ucf101", tmp_path / "u", url=small)
    assert len(server.seen) == 1  # what is there is not fetched again


def test_a_broken_connection_is_resumed(tmp_path, server, small):
    server.mood = ["half"]
    digest = files.sha256(_copy(tmp_path, server))
    download("ucf101", tmp_path, url=small, sha256=digest)
    assert is_whole(tmp_path, server)
    assert server.seen == [None, f"bytes={kept_of_half(server)}-"]


def _copy(folder: Path, server) -> Path:
    file = folder / "served"
    file.write_bytes(server.held["/mirror/ucf.zip"])
    return file


def test_the_next_call_goes_on_where_one_gave_up(tmp_path, server, small):
    server.mood = ["half", "503", "503", "503"]
    half = kept_of_half(server)
    assert half > 0
    with pytest.raises(
        ConnectionError, match=rf"gave up after 4 attempts: .*503.*; {half} bytes are kept in"
    ):
        download("ucf101", tmp_path, url=small)
    assert (tmp_path / "downloads" / "ucf.zip.part").stat().st_size == half
    server.seen.clear()
    download("ucf101", tmp_path, url=small)
    assert is_whole(tmp_path, server) and server.seen == [f"bytes={half}-"]


@pytest.mark.parametrize(("kept", "requests"), [("all", 1), ("longer", 2), ("rangeless", 1)])
def test_what_is_kept_may_be_all_or_of_no_use(tmp_path, server, small, kept, requests):
    body = server.held["/mirror/ucf.zip"]
    (tmp_path / "downloads").mkdir()
    start = {"all": body, "longer": body + b"more", "rangeless": b"another file"}[kept]
    (tmp_path / "downloads" / "ucf.zip.part").write_bytes(start)
    server.mood = [kept]
    download("ucf101", tmp_path, url=small)
    assert is_whole(tmp_path, server) and len(server.seen) == requests


def test_a_wrong_hash_keeps_nothing(tmp_path, server, small):
    with pytest.raises(ValueError, match="hash"):
        download("ucf101", tmp_path, url=small, sha256="0" * 64)
    assert list((tmp_path / "downloads").iterdir()) == [] and not (tmp_path / "UCF-101").exists()
    assert len(server.seen) == 1


def test_a_mirror_of_an_official_file_must_have_its_hash(tmp_path, server):
    server.held["/UCF101TrainTestSplits-RecognitionTask.zip"] = zipped()
    with pytest.raises(ValueError, match="5c0d1a53b8ed364a"):
        download("ucf101", tmp_path, url=f"{server.url}/UCF101TrainTestSplits-RecognitionTask.zip")


def test_a_file_that_is_not_there_is_asked_for_once(tmp_path, server):
    with pytest.raises(ConnectionError, match="404 Not Found; the file may have moved"):
        download("hmdb51", tmp_path, url=f"{server.url}/gone.zip")
    assert server.seen == [None]


def test_a_busy_server_is_asked_again(tmp_path, server, small):
    server.mood = ["503", "503"]
    download("ucf101", tmp_path, url=small)
    assert is_whole(tmp_path, server) and server.seen == [None] * 3


def test_a_server_that_is_not_there_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WAITS", (0.0,))
    with pytest.raises(ConnectionError, match=r"gave up after 2 attempts: .*; 0 bytes are kept"):
        download("ucf101", tmp_path, url="http://127.0.0.1:1/ucf.zip")


@pytest.mark.parametrize("name", ["broken.zip", "broken.tar", "broken.xyz"])
def test_a_damaged_archive_says_what_to_do(tmp_path, server, name):
    server.held[f"/{name}"] = b"PK\x03\x04 and then nothing"
    with pytest.raises(OSError, match=rf"{name}: cannot be unpacked .*; delete it to fetch it again"):
        download("ucf101", tmp_path, url=f"{server.url}/{name}")


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="a Python before 3.11.4")
def test_a_tar_file_writes_nothing_outside(tmp_path, server):
    server.held["/up.tar"] = tarred({"../../outside": b"x"})
    with pytest.raises(OSError, match="outside"):
        download("ucf101", tmp_path / "a" / "b", url=f"{server.url}/up.tar")
    assert not (tmp_path / "a" / "outside").exists() and not (tmp_path / "outside").exists()


def test_without_a_tool_for_rar_the_archive_stays(tmp_path, server, monkeypatch):
    server.held["/hmdb51_org.rar"] = b"Rar!"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match=r"hmdb51_org\.rar: is there.* unrar, 7z \(or 7zz\) or bsdtar"):
        download("hmdb51", tmp_path, url=f"{server.url}/hmdb51_org.rar")
    assert (tmp_path / "downloads" / "hmdb51_org.rar").read_bytes() == b"Rar!"


@pytest.mark.skipif(os.name != "posix", reason="the stand-ins are shell scripts")
def test_an_archive_of_archives_is_unpacked_by_the_tool_that_can(tmp_path, server, monkeypatch, capsys):
    """Stand-ins, as no free tool writes rar: an unrar that fails, a 7z that reads tar."""
    tools = tmp_path / "tools"
    tools.mkdir()
    python = f"#!{sys.executable}\nimport sys, tarfile\n"
    (tools / "unrar").write_text(python + "sys.exit('no such format')", encoding="utf-8")
    (tools / "7z").write_text(
        python
        + "x, y, bd, out, file = sys.argv[1:]\nassert (x, y, bd, out[:2]) == ('x', '-y', '-bd', '-o')\n"
        + "tarfile.open(file).extractall(out[2:])\n",
        encoding="utf-8",
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    clip = "Smile!_smile_h_cm_np1_fr_goo_0.avi"
    server.held["/hmdb51_org.rar"] = tarred({"smile.rar": tarred({f"smile/{clip}": b"clip"})})
    lists = {"testTrainMulti_7030_splits/smile_test_split1.txt": f"{clip} 1 \n".encode()}
    server.held["/test_train_splits.rar"] = tarred(lists)
    root = tmp_path / "hmdb"
    for name in server.held:
        download("hmdb51", root, url=server.url + name)
    assert "CC BY 4.0" in capsys.readouterr().err
    assert HMDB51(root).entries[0].path == root / "hmdb51_org" / "smile" / clip
    assert not list((root / "hmdb51_org").glob("*.rar"))

    (tools / "7z").unlink()
    with pytest.raises(OSError, match=r"hmdb51_org\.rar: cannot be unpacked \(unrar: no such format\)"):
        download("hmdb51", root, url=f"{server.url}/hmdb51_org.rar")


def test_official_archives_are_fetched_together(tmp_path, server, monkeypatch):
    """Without `url` videos and lists come, each from its address; here both from the test's server."""
    published = module._PUBLISHED["ucf101"]
    server.held["/ucf.zip"], server.held["/lists.zip"] = zipped(), zipped()
    moved = tuple(module._Archive(f"{server.url}/{name}") for name in ("ucf.zip", "lists.zip"))
    monkeypatch.setitem(module._PUBLISHED, "ucf101", module.replace(published, archives=moved))
    download("ucf101", tmp_path, sha256=_digest(tmp_path, server.held["/ucf.zip"]))
    assert sorted(p.name for p in (tmp_path / "downloads").iterdir()) == ["lists.zip", "ucf.zip"]
    assert UCF101(tmp_path).missing == ()


def _digest(folder: Path, body: bytes) -> str:
    (folder / "body").write_bytes(body)
    return files.sha256(folder / "body")


def test_other_data_sets_are_refused(tmp_path):
    with pytest.raises(ValueError, match="kinetics: can be downloaded are ucf101, hmdb51"):
        download("kinetics", tmp_path)


def test_without_pooch_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "cvrl-lite\[download\]"'):
        download("ucf101", tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("damage", ["cut", "zeros", "empty"])
def test_an_archive_that_was_damaged_since_is_fetched_again(damage, kind, tmp_path, server, capsys):
    whole = zipped() if kind == "zip" else tarred({"ucf/a.avi": b"a clip" * 1000})
    server.held[f"/ucf.{kind}"], url = whole, f"{server.url}/ucf.{kind}"
    download("ucf101", tmp_path, url=url)
    archive = tmp_path / f"downloads/ucf.{kind}"
    archive.write_bytes({"cut": whole[:700], "zeros": bytes(len(whole)), "empty": b""}[damage])
    download("ucf101", tmp_path, url=url)
    assert archive.read_bytes() == whole and len(server.seen) == 2
    assert f"ucf.{kind}: cannot be unpacked" in capsys.readouterr().err
    server.held[f"/ucf.{kind}"] = b"never an archive"
    archive.write_bytes(b"nor this")
    with pytest.raises(OSError, match=rf"ucf\.{kind}: cannot be unpacked"):
        download("ucf101", tmp_path, url=url)
    assert len(server.seen) == 3  # once, and not for ever


def test_two_downloads_at_once_fetch_each_archive_once(tmp_path, server):
    server.held["/ucf.zip"] = zipped()

    def fetch() -> None:
        download("ucf101", tmp_path, url=f"{server.url}/ucf.zip")

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 1 and UCF101(tmp_path).missing == ()
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == ["ucf.zip"]
