"""From a file to an answer: one object that embeds and searches."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import cvrl_lite
from cvrl_lite import data_path, train
from cvrl_lite.codec import encode
from cvrl_lite.datasets import MovingScenes, VideoFolder, decode
from cvrl_lite.models import C3D
from cvrl_lite.pretrained import Embeddings, Pretrained
from cvrl_lite.transforms import IMAGENET_MEAN, IMAGENET_STD, EvalTransform


@pytest.fixture(scope="module")
def joint() -> Pretrained:
    return cvrl_lite.load("joint")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two classes of two films each, a file that is no video and one that is too short."""
    home = tmp_path_factory.mktemp("videos")
    random = np.random.default_rng(0)
    for number, name in enumerate(("left/a.mp4", "left/b.mp4", "right/a.mp4", "right/sub/c.mp4")):
        wall = random.integers(0, 256, (96, 192, 3), np.uint8).repeat(2, 0)[:96]
        frames = np.stack([np.roll(wall, (number % 3 - 1) * 2 * t, 1)[:, :96] for t in range(60)])
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        encode(frames, home / name, fps=25, gop=12)
    encode(frames[:5], home / "left/short.mp4", fps=25, gop=12)
    (home / "right/broken.mp4").write_bytes(b"no video at all")
    return home


def test_a_folder_becomes_a_table(joint, folder) -> None:
    table = joint.embed(folder)
    assert table.names.tolist() == ["left/a.mp4", "left/b.mp4", "right/a.mp4", "right/sub/c.mp4"]
    assert table.classes == {"class": ("left", "right")} and table.labels["class"].tolist() == [0, 0, 1, 1]
    assert table.features.dtype == np.float32 and table.features.shape == (4, 256)
    assert [name for name, _ in table.skipped] == ["left/short.mp4", "right/broken.mp4"]
    assert "shorter than a clip" in table.skipped[0][1]
    clips = joint.embed(folder, per_clip=True, clips=4)
    assert len(clips) == 16 and clips.start[:4].tolist() == sorted(clips.start[:4])
    assert np.allclose(clips.stop - clips.start, 7 * joint.sampling.stride, atol=0.021)
    three = joint.embed(folder, per_clip=True)
    assert np.allclose(three.by_file().features, table.features, atol=1e-6)
    assert np.allclose(three.by_file().start, table.start) and np.allclose(three.by_file().stop, table.stop)


def test_all_forms_of_the_same_videos_have_the_same_features(joint, folder) -> None:
    whole = joint.embed(folder)
    videos = VideoFolder(folder)
    listed, held = joint.embed(videos), joint.embed(decode(videos, size=72, vectors=False))
    with_workers = joint.embed(folder, workers=2)
    for other in (listed, held, with_workers):
        assert other.names.tolist() == whole.names.tolist() and len(other.skipped) == 2
        assert np.allclose(other.features, whole.features, atol=1e-5)
    one = joint.embed(folder / "left/b.mp4")
    assert one.names.tolist() == ["b.mp4"] and np.allclose(one.features[0], whole.features[1], atol=1e-5)


def test_clips_in_memory_are_fed_as_files_are(joint, folder) -> None:
    with cvrl_lite.CompressedVideo(folder / "left/a.mp4") as video:
        clip = video.clip(4, 8, stride=2, size=(72, 72))
    table = joint.embed(clip[None])
    with torch.no_grad():
        direct = joint.backbone(joint.transform(torch.from_numpy(clip[None])))
    assert np.allclose(table.features, direct.numpy(), atol=1e-6) and np.isnan(table.start).all()
    with pytest.raises(ValueError, match=r"clips in memory are .* got float32 \(1, 8, 72, 72, 3\)"):
        joint.embed(clip[None].astype(np.float32))
    with pytest.raises(ValueError, match="has 4 frames, and the network reads clips of 8"):
        joint.embed(clip[None, :4])


def test_a_search_finds_the_place_by_one_part_and_the_action_by_the_other(joint) -> None:
    videos = MovingScenes("test")
    table = joint.embed(videos.subset(range(64)), per_clip=True, workers=1)
    files = table.by_file()
    shares = {}
    for part, label in (("context", "scene"), ("motion", "action")):
        kinds, right = files.labels[label], []
        for row in range(0, 64, 2):
            itself, other = joint.search(files[[row]], table, part=part, k=2, include_query=True)
            assert joint.search(files[[row]], table, part=part, k=1) == [other]
            assert itself.name == files.names[row] and itself.cosine > other.cosine
            assert other.start == table.start[other.row] and other.name == table.names[other.row]
            right.append(kinds[files.names == other.name][0] == kinds[row])
        shares[part] = np.mean(right)
    assert shares["context"] > 0.5 and shares["motion"] > 0.6, shares
    one_part = joint.search(files[[0]], table.part("motion"), k=99, include_query=True)
    assert len(one_part) == 64
    assert [hit.row for hit in one_part] == [
        hit.row for hit in joint.search(files[[0]], table, part="motion", k=64, include_query=True)
    ]


def test_bad_questions_get_a_sentence(joint, folder) -> None:
    table = joint.embed(folder)
    for call, said in (
        (lambda: joint.embed(folder, part="still"), "there is no 'still' part: this network's features have"),
        (lambda: joint.embed(folder, clips=0), "clips is 1 or more, got 0"),
        (lambda: joint.embed(folder / "right/broken.mp4"), "nothing can be embedded; the first: broken.mp4:"),
        (lambda: joint.search(folder, table), "a search takes one video, not 4"),
        (
            lambda: cvrl_lite.load("motion").search(folder / "left/a.mp4", table),
            "the table is of another network",
        ),
        (lambda: joint.search(folder / "left/a.mp4", table, k=0), "k is 1 or more, got 0"),
        (lambda: joint.search(folder / "left/a.mp4", Embeddings.from_arrays(np.eye(3))), "another network"),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    with pytest.raises(TypeError, match="a path, a data set or an array of clips can be embedded, not int"):
        joint.embed(3)
    with pytest.raises(OSError, match="nowhere"):
        joint.embed(folder / "nowhere")


def test_one_map_has_no_parts(folder) -> None:
    recipe = train.recipes.laptop().replace(networks={"backbone": "c3d"})
    network = Pretrained.from_recipe(C3D(), recipe)
    with pytest.raises(ValueError, match="no 'motion' part: this network's features do not come in parts"):
        network.embed(folder, part="motion")
    assert network.embed(folder / "left/a.mp4").parts == {}


def test_a_network_is_fed_as_its_recipe_says(folder) -> None:
    recipe = train.recipes.laptop().replace(
        decoded_size=48, augmentation={"size": 32, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    )
    network = Pretrained.from_recipe(train.Pretraining(recipe).backbone, recipe)
    assert network.transform == EvalTransform(48, 32, IMAGENET_MEAN, IMAGENET_STD)
    seen = []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    network.embed(folder / "left/a.mp4")
    assert seen == [(3, 3, 8, 32, 32)]


def test_load_takes_a_name_a_file_and_a_folder(tmp_path, monkeypatch) -> None:
    shipped = cvrl_lite.load("motion")
    for file in data_path("checkpoints").glob("motion.*"):
        shutil.copy(file, tmp_path / file.name.replace("motion", "mine"))
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(tmp_path / "mine.safetensors", run / "model.safetensors")
    shutil.copy(tmp_path / "mine.json", run / "recipe.json")
    for place in (tmp_path / "mine.safetensors", run, str(run)):
        found = cvrl_lite.load(place)
        assert found.recipe == shipped.recipe
        for name, value in shipped.backbone.state_dict().items():
            assert torch.equal(value, found.backbone.state_dict()[name])
    with pytest.raises(
        FileNotFoundError, match=re.escape(f"{tmp_path / 'none'}: not a run's folder, not a file")
    ):
        cvrl_lite.load(tmp_path / "none")
