"""The standard data sets from folders of empty files: classes, sources, what is missing or left over."""

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite.datasets import HMDB51, UCF101, Kinetics, VideoFolder
from cvrl_lite.datasets.hmdb51 import hmdb_source
from cvrl_lite.datasets.kinetics import kinetics_source
from cvrl_lite.datasets.ucf101 import ucf_source

TRAIN = ["ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "HandstandPushups/v_HandStandPushups_g09_c01.avi"]
TEST = ["ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi"]


def fill(folder: Path, *names: str) -> Path:
    """Puts empty files there."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write(file: Path, *lines: str, end: str = "\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(line + end for line in lines).encode())
    return file


def ucf_lists(folder: Path) -> Path:
    numbers = {"ApplyEyeMakeup": 1, "HandstandPushups": 2}
    write(folder / "classInd.txt", "1 ApplyEyeMakeup", "2 HandstandPushups", end="\r\n")
    write(folder / "trainlist01.txt", *(f"{clip} {numbers[clip.split('/')[0]]}" for clip in TRAIN))
    write(folder / "testlist01.txt", *TEST, "")
    return folder


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("home", "lists"),
    [
        (".", "ucfTrainTestlist"),
        ("UCF-101", "ucfTrainTestlist"),
        ("videos", "annotations"),
        (".", "../ucfTrainTestlist"),
    ],
)
def test_ucf101_is_read_from_every_layout(tmp_path, quiet, home, lists):
    root = fill(tmp_path / "ucf", *(f"{home}/{clip}" for clip in TRAIN + TEST))
    ucf_lists(root / lists)
    train, test = UCF101(root), UCF101(root, "test")
    assert train.classes == {"class": ("ApplyEyeMakeup", "HandstandPushups")}
    assert [e.labels["class"] for e in train.entries] == [0, 1]
    assert [e.source for e in train.entries] == ["v_ApplyEyeMakeup_g08", "v_HandStandPushups_g09"]
    assert [e.source for e in test.entries] == ["v_ApplyEyeMakeup_g01"] * 2
    assert [e.path for e in test.entries] == [root / home / clip for clip in TEST]
    assert all(e.path.is_file() for e in train.entries + test.entries)
    assert train.missing == train.extra == test.missing == test.extra == ()


def test_ucf101_reencoded_and_with_other_letters_is_the_same_set(tmp_path, quiet):
    lists = ucf_lists(tmp_path / "lists")
    root = fill(
        tmp_path / "v", *(clip.replace("Stand", "stand").replace(".avi", ".mp4") for clip in TRAIN + TEST)
    )
    videos = UCF101(root, annotations=lists)
    assert [e.path.name for e in videos.entries][1] == "v_HandstandPushups_g09_c01.mp4"
    assert videos.entries[1].source == "v_HandStandPushups_g09"


def test_what_is_missing_and_left_over_is_said_once_each(tmp_path):
    ucf_lists(tmp_path / "ucfTrainTestlist")
    over = [f"ApplyEyeMakeup/v_ApplyEyeMakeup_g25_c{i:02}.avi" for i in range(11)]
    fill(tmp_path, TRAIN[0], *TEST, *over, TRAIN[0].replace(".avi", ".mp4"), "ApplyEyeMakeup/notes.txt")
    with pytest.warns(UserWarning) as caught:
        videos = UCF101(tmp_path)
    assert [e.path for e in videos.entries] == [tmp_path / TRAIN[0]]
    assert videos.missing == (tmp_path / TRAIN[1],)
    second = tmp_path / TRAIN[0].replace(".avi", ".mp4")  # the same clip again
    assert videos.extra == tuple(sorted([second, *(tmp_path / name for name in over)]))
    absent, left = (str(w.message) for w in caught)
    assert absent == f"{tmp_path}: 1 listed, but not on disk: {TRAIN[1]}"
    assert left.startswith(f"{tmp_path}: 12 on disk, but in no list, so left out: ApplyEyeMakeup")
    assert left.count(".avi") + left.count(".mp4") == 10 and left.endswith(", ...")
    assert {w.filename for w in caught} == {__file__}  # the caller's line


def test_nothing_of_the_split_on_disk_names_the_folder_and_what_was_looked_for(tmp_path):
    ucf_lists(tmp_path / "ucfTrainTestlist")
    with pytest.raises(FileNotFoundError) as error:
        UCF101(tmp_path, "test")
    assert str(tmp_path) in str(error.value) and f"{TEST[0]} and 1 more" in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"classInd\.txt.*annotations="):
        UCF101(tmp_path / "elsewhere" / "deeper")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("classInd.txt", "7 YoYo"),
        ("classInd.txt", "YoYo"),
        ("trainlist01.txt", "YoYo/v_YoYo_g08_c01.avi 3"),
        ("trainlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g09_c01.avi 2"),
        ("testlist01.txt", "v_ApplyEyeMakeup_g01_c01.avi"),
    ],
)
def test_a_line_of_ucf101_that_makes_no_sense_is_named(tmp_path, file, line):
    lists = ucf_lists(tmp_path / "ucfTrainTestlist")
    before = len((lists / file).read_text(encoding="utf-8").splitlines())
    with open(lists / file, "a", encoding="utf-8") as text:
        text.write(line + "\n")
    with pytest.raises(ValueError, match=rf"{file}, line {before + 1}: .*{line}"):
        UCF101(fill(tmp_path, *TRAIN))


@pytest.mark.parametrize("read", [UCF101, HMDB51])
def test_other_splits_and_folds_are_refused(tmp_path, read):
    with pytest.raises(ValueError, match="split is train or test, not 'val'"):
        read(tmp_path, "val")
    with pytest.raises(ValueError, match="fold is 1, 2 or 3, not 4"):
        read(tmp_path, fold=4)


def test_folds_are_lists_of_their_own(tmp_path, quiet):
    lists = ucf_lists(tmp_path / "ucfTrainTestlist")
    write(lists / "trainlist03.txt", f"{TEST[0]} 1")
    write(lists / "testlist03.txt", TEST[1], *TRAIN)
    fill(tmp_path, *TRAIN, *TEST)
    assert [e.path for e in UCF101(tmp_path, fold=3).entries] == [tmp_path / TEST[0]]
    assert len(UCF101(tmp_path, "test", fold=3).entries) == 3


HMDB = {
    "smile": {
        "Re-_Show_your_Smile!_7_smile_h_nm_np1_fr_med_0.avi": 1,
        "Return_of_the_King_4_smile_h_nm_np1_fr_goo_4.avi": 2,
        "Show_Your_Smile_-)_1_smile_h_nm_np1_fr_goo_0.avi": 0,
    },
    "climb_stairs": {
        "#1_(Up)_climb_stairs_f_cm_np1_ba_bad_12.avi": 1,
        "Return_of_the_King_4_climb_stairs_f_cm_np1_ba_med_3.avi": 2,
    },
}


def hmdb(root: Path, home: str, lists: str) -> Path:
    for name, clips in HMDB.items():
        write(root / lists / f"{name}_test_split2.txt", *(f"{clip} {mark} " for clip, mark in clips.items()))
        fill(root / home / name, *clips)
    return root


@pytest.mark.parametrize(
    ("home", "lists"), [("hmdb51_org", "testTrainMulti_7030_splits"), (".", "../test_train_splits")]
)
def test_hmdb51_whole_gives_no_warning(tmp_path, quiet, home, lists):
    root = hmdb(tmp_path / "hmdb", home, lists)
    train, test = HMDB51(root, "train", fold=2), HMDB51(root, "test", fold=2)
    assert train.classes == {"class": ("climb_stairs", "smile")}
    assert [(e.source, e.labels["class"]) for e in train.entries] == [
        ("#1_(Up)", 0),
        ("Re-_Show_your_Smile!_7", 1),
    ]
    assert [e.source for e in test.entries] == ["Return_of_the_King_4"] * 2  # a film, across classes
    assert train.extra == test.extra == ()


def test_hmdb51_missing_extra_and_malformed(tmp_path):
    root = hmdb(tmp_path, "hmdb51_org", "testTrainMulti_7030_splits")
    gone = root / "hmdb51_org/smile/Re-_Show_your_Smile!_7_smile_h_nm_np1_fr_med_0.avi"
    gone.unlink()
    fill(root / "hmdb51_org/wave", "a_wave_f_cm_np1_ba_med_0.avi")
    with pytest.warns(UserWarning) as caught:
        videos = HMDB51(root, "train", fold=2)
    assert (
        videos.missing == (gone,) and [p.parent.name for p in videos.extra] == ["wave"] and len(caught) == 2
    )
    with pytest.raises(FileNotFoundError, match=r"_test_split3\.txt"):
        HMDB51(root, fold=3)
    with open(root / "testTrainMulti_7030_splits/smile_test_split2.txt", "a", encoding="utf-8") as text:
        text.write("another_smile.avi 3\n")
    with pytest.raises(ValueError, match=r"smile_test_split2.txt, line 4: .*'another_smile.avi 3'"):
        HMDB51(root, fold=2)


def kinetics(root: Path) -> Path:
    return fill(
        root,
        "train/air_drumming/_dbcJuKJQNs_000040_000050.mp4",
        "train/abseiling/-3B32lodo2M_000059_000069.mp4",
        "train/abseiling/-3B32lodo2M_000159_000169.mp4",
        "val/zumba/abcdefghijk_000000_000010.mp4",
        "val/air drumming/kjihgfedcba_000000_000010.mkv",
    )


def test_kinetics_from_folders_numbers_classes_alike_in_every_split(tmp_path, quiet):
    train, val = (Kinetics(kinetics(tmp_path), split) for split in ("train", "val"))
    assert train.classes == val.classes == {"class": ("abseiling", "air drumming", "zumba")}
    assert sorted((e.source, e.labels["class"]) for e in train.entries) == [
        ("-3B32lodo2M", 0),
        ("-3B32lodo2M", 0),
        ("_dbcJuKJQNs", 1),
    ]
    assert {(e.source, e.labels["class"]) for e in val.entries} == {("abcdefghijk", 2), ("kjihgfedcba", 1)}


HEAD = "label,youtube_id,time_start,time_end,split,is_cc"
ROWS = (
    "abseiling,-3B32lodo2M,59,69,train,0",
    '"air drumming",_dbcJuKJQNs,40,50,train,0',
    '"air drumming",_dbcjukjqns,40,50,train,0',  # an id of its own: case counts
    "zumba,abcdefghijk,0,10,validate,0",
)


@pytest.mark.parametrize("given", [None, "annotations", "annotations/train.csv"])
def test_kinetics_with_the_official_list(tmp_path, given):
    root = kinetics(tmp_path)
    write(root / "annotations/train.csv", "\ufeff" + HEAD, *ROWS, ROWS[0])  # with a mark, and a row twice
    with pytest.warns(UserWarning) as caught:
        videos = Kinetics(root, "train", annotations=given and root / given)
    assert [e.source for e in videos.entries] == ["-3B32lodo2M", "_dbcJuKJQNs"]
    assert [e.labels["class"] for e in videos.entries] == [0, 1]
    assert videos.missing == (root / "train/air drumming/_dbcjukjqns_000040_000050.mp4",)
    assert videos.extra == (root / "train/abseiling/-3B32lodo2M_000159_000169.mp4",)
    assert len(caught) == 2


def test_kinetics_numbers_classes_alike_whatever_each_list_names(tmp_path, quiet):
    """A list without the first class must not shift the others; the first release's test list has none."""
    clips = (("abseiling", "aaaaaaaaaaa", "train"), ("zumba", "bbbbbbbbbbb", "train"))
    clips += (("zumba", "ccccccccccc", "val"), ("yoga", "ddddddddddd", "val"))
    for name, youtube, split in clips:
        fill(tmp_path, f"{split}/{name}/{youtube}_000000_000010.mp4")
    for split in ("train", "val"):
        rows = [f"{name},{youtube},0,10,{split},0" for name, youtube, of in clips if of == split]
        write(tmp_path / f"annotations/{split}.csv", HEAD, *rows)
    write(tmp_path / "annotations/test.csv", "youtube_id,time_start,time_end,split", "eeeeeeeeeee,0,10,test")
    for lists in (None, tmp_path / "annotations"):
        train, val = (Kinetics(tmp_path, split, annotations=lists) for split in ("train", "val"))
        assert train.classes == val.classes == {"class": ("abseiling", "yoga", "zumba")}
        assert train.labels("class").tolist() == [0, 2] and val.labels("class").tolist() == [2, 1]
    (tmp_path / "annotations/val.csv").unlink()  # the folders tell, beside the others' lists
    assert Kinetics(tmp_path, "val").classes == train.classes
    with pytest.raises(FileNotFoundError, match=r"annotations: no list of Kinetics, nor .* val\.csv"):
        Kinetics(tmp_path, "val", annotations=lists)


def test_kinetics_without_class_folders_needs_the_list(tmp_path, quiet):
    root = fill(tmp_path, "validate/abcdefghijk_000000_000010.mp4")
    with pytest.raises(FileNotFoundError, match="class folders with videos"):
        Kinetics(root, "val")
    all_splits = write(tmp_path / "kinetics.csv", HEAD, *ROWS)
    (entry,) = Kinetics(root, "val", annotations=all_splits).entries
    assert entry.source == "abcdefghijk" and entry.labels == {"class": 2}


def test_kinetics_errors(tmp_path):
    root = kinetics(tmp_path)
    with pytest.raises(ValueError, match="split is train, val or test, not 'dev'"):
        Kinetics(root, "dev")
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        Kinetics(root, annotations=root / "absent.csv")
    with pytest.raises(FileNotFoundError, match="test: holds no clip"):
        Kinetics(root, "test")
    for row in ("zumba,abc,0,,train,0", "zumba,abc,zero,10,train,0", ",abc,0,10,train,0", "zumba,abc"):
        file = write(tmp_path / "bad.csv", HEAD, ROWS[0], row)
        with pytest.raises(ValueError, match=r"bad\.csv, line 3: expected label, youtube_id"):
            Kinetics(root, annotations=file)
    file = write(tmp_path / "bad.csv", "youtube_id,time_start,time_end,split")
    with pytest.raises(ValueError, match=r"bad\.csv, line 1: lacks the columns label"):
        Kinetics(root, annotations=file)


titles = st.text("abcXYZ019_-#!()[]. ", min_size=1, max_size=30)


@given(name=titles, group=st.integers(1, 25), clip=st.integers(1, 7))
def test_a_group_of_ucf101_is_one_source(name, group, clip):
    assert ucf_source(f"v_{name}_g{group:02}_c{clip:02}") == f"v_{name}_g{group:02}"


@given(
    title=titles,
    action=st.sampled_from(["brush_hair", "climb", "climb_stairs", "kick_ball", "smile"]),
    tags=st.tuples(
        st.sampled_from("hulf"),
        st.sampled_from(["cm", "nm"]),
        st.integers(0, 12).map("np{}".format),
        st.sampled_from(["fr", "ba", "le", "ri"]),
        st.sampled_from(["goo", "med", "bad"]),
        st.integers(0, 200).map(str),
    ),
)
def test_a_title_of_hmdb51_is_one_source(title, action, tags):
    assert hmdb_source("_".join([title, action, *tags]), action) == title
    other = hmdb_source("_".join([title, action, *tags]), "wave")  # filed under another class
    assert other == f"{title}_{action}"


@given(
    video=st.text("abcXYZ019_-", min_size=11, max_size=11),
    start=st.integers(0, 999_999),
    end=st.integers(0, 999_999),
)
def test_a_youtube_id_is_one_source(video, start, end):
    assert kinetics_source(f"{video}_{start:06}_{end:06}") == video


@given(stem=st.text("abc _-", max_size=20))
def test_other_names_are_their_own_source(stem):
    assert ucf_source(stem) == hmdb_source(stem, "abc") == kinetics_source(stem) == stem


def test_a_folder_with_labels_from_a_file(tmp_path):
    fill(tmp_path, "a.mp4", "in/b.mp4", "c.mp4")
    rows = ("\ufefffile,place,speed", "in/b.mp4,beach,10", "./a.mp4,street,9")  # as a spreadsheet saves it
    file = write(tmp_path / "labels.csv", *rows, end="\r\n")
    with pytest.warns(UserWarning, match="1 on disk, but in no list, so left out: c.mp4") as caught:
        videos = VideoFolder(tmp_path, labels=file)
    assert [w.filename for w in caught] == [__file__]
    assert videos.classes == {"place": ("beach", "street"), "speed": ("9", "10")}
    assert {e.path.name: e.labels for e in videos.entries} == {
        "a.mp4": {"place": 1, "speed": 0},
        "b.mp4": {"place": 0, "speed": 1},
    }
    assert videos.extra == (tmp_path / "c.mp4",) and videos.missing == ()


@pytest.mark.parametrize(
    ("lines", "error", "said"),
    [
        (
            ("name,place", "a.mp4,x"),
            ValueError,
            "expected the columns file and at least one label, found name",
        ),
        (("file", "a.mp4"), ValueError, "at least one label, found file"),
        ((), ValueError, "found none"),
        (("file,place",), ValueError, "holds no row"),
        (("file,place", "a.mp4,x", "a.mp4,y"), ValueError, "line 3: names a.mp4 a second time"),
        (("file,place", "a.mp4,"), ValueError, "line 2: expected 2 values, none empty"),
        (("file,place", "a.mp4"), ValueError, "line 2: expected 2 values"),
        (("file,place", "a.mp4,x,y"), ValueError, "line 2: expected 2 values"),
        (
            ("file,place", "a.mp4,x", "z.mp4,x", "y.mp4,x"),
            FileNotFoundError,
            r"2 of its files .*: y.mp4, z.mp4",
        ),
    ],
)
def test_a_file_of_labels_that_cannot_be_used_says_why(tmp_path, lines, error, said):
    file = write(fill(tmp_path, "a.mp4") / "labels.csv", *lines)
    with pytest.raises(error, match=said) as raised:
        VideoFolder(tmp_path, labels=file)
    assert "labels.csv" in str(raised.value)


def test_a_file_of_labels_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        VideoFolder(fill(tmp_path, "a.mp4"), labels=tmp_path / "absent.csv")


def test_a_recipe_names_the_fold(tmp_path):
    from cvrl_lite import train
    from cvrl_lite.train.data import videos_of

    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 YoYo\n", encoding="utf-8")
    (tmp_path / "YoYo").mkdir()
    for fold in (1, 2):
        clip = f"YoYo/v_YoYo_g0{fold}_c01.avi"
        (tmp_path / clip).touch()
        (lists / f"trainlist0{fold}.txt").write_text(f"{clip} 1\n", encoding="utf-8")
        (lists / f"testlist0{fold}.txt").write_text(f"YoYo/v_YoYo_g0{3 - fold}_c01.avi\n", encoding="utf-8")
    recipe = train.recipes.laptop().replace(data="ucf101", root=tmp_path)
    for fold in (1, 2):
        (entry,) = videos_of(recipe.replace(fold=fold)).entries
        assert entry.source == f"v_YoYo_g0{fold}"
    with pytest.raises(ValueError, match="fold is 1, 2 or 3; got 4"):
        recipe.replace(fold=4)
