"""Tables of features: what belongs to a row stays with it."""

import numpy as np
import pytest

from cvrl_lite.pretrained import Embeddings, embeddings

PARTS = {"context": slice(0, 3), "motion": slice(3, 8)}


@pytest.fixture
def table() -> Embeddings:
    """Three files of 2, 3 and 2 clips."""
    file = np.array([0, 0, 1, 1, 1, 2, 2])
    random = np.random.default_rng(0)
    halves = [random.normal(size=(7, width)) for width in (3, 5)]
    context, motion = (half / np.linalg.norm(half, axis=1, keepdims=True) for half in halves)
    start = np.array([0.0, 1, 0, 2, 4, 3, 5])
    return Embeddings(
        np.concatenate([context, 1.5 * motion], 1).astype(np.float32),
        *(np.array([f"{kind}{number}" for number in file]) for kind in ("ä/", "film")),
        start=start,
        stop=start + 0.5,
        file=file,
        labels={"scene": file % 2},
        classes={"scene": ("sea", "wood")},
        skipped=(("broken.mp4", "damaged"),),
        parts=PARTS,
    )


def same(one: Embeddings, other: Embeddings) -> bool:
    arrays = ("features", "names", "sources", "start", "stop", "file")
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
        and all(np.array_equal(one.labels[name], other.labels[name]) for name in one.labels)
        and (one.classes, one.skipped, one.parts) == (other.classes, other.skipped, other.parts)
    )


def test_by_file_is_the_mean_over_clips(table):
    files = table.by_file()
    means = [table.features[table.file == number].mean(0) for number in range(3)]
    assert np.allclose(files.features, means, atol=1e-6)
    assert files.names.tolist() == ["ä/0", "ä/1", "ä/2"] and files.file.tolist() == [0, 1, 2]
    assert files.start.tolist() == [0, 0, 3] and files.stop.tolist() == [1.5, 4.5, 5.5]
    assert files.labels["scene"].tolist() == [0, 1, 0] and files.skipped == table.skipped
    assert same(files, files.by_file())


@pytest.mark.parametrize("name", PARTS)
def test_a_part_has_length_one_before_and_after_the_mean(table, name):
    part = table.part(name)
    assert np.allclose(np.linalg.norm(part.features, axis=1), 1)
    one, other = part.by_file(), table.by_file().part(name)
    assert np.allclose(np.linalg.norm(one.features, axis=1), 1)
    assert np.allclose(one.features, other.features, atol=1e-6)
    assert part.part(name) is part and table.part(None) is table


def test_a_part_that_is_not_there_is_named(table):
    with pytest.raises(ValueError, match="there is no 'still' part: these features have context and motion"):
        table.part("still")
    with pytest.raises(ValueError, match="there is no 'context' part: these features have motion"):
        table.part("motion").part("context")
    with pytest.raises(ValueError, match="there is no 'motion' part: these features do not come in parts"):
        Embeddings.from_arrays(np.eye(3)).part("motion")


def test_saved_and_loaded(table, tmp_path):
    for made in (table, table.by_file(), table.part("motion"), table[:0]):
        made.save(tmp_path / "table.npz")
        assert same(Embeddings.load(tmp_path / "table.npz"), made)


@pytest.mark.parametrize("damage", ["cut", "text", "another archive"])
def test_what_is_no_table_is_named_in_one_line(table, tmp_path, damage):
    path = tmp_path / "table.npz"
    table.save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "text":
        path.write_text("name,feature\n", encoding="utf-8")
    else:
        np.savez(path, features=table.features)
    with pytest.raises(ValueError, match=r"table\.npz: not a table of embeddings") as said:
        Embeddings.load(path)
    assert "\n" not in str(said.value)
    with pytest.raises(FileNotFoundError):
        Embeddings.load(tmp_path / "none.npz")


def test_rows_are_chosen_with_what_belongs_to_them(table):
    chosen = table[table.labels["scene"] == 1]
    assert len(chosen) == 3 and set(chosen.names) == {"ä/1"} and chosen.start.tolist() == [0, 2, 4]


def test_joined_tables_keep_their_files_apart(table):
    both = embeddings.joined([table, table])
    assert both.file.tolist() == [*table.file, *(table.file + 3)]
    assert len(both.by_file()) == 6 and len(both.skipped) == 2


def test_columns_of_another_length_are_refused(table):
    with pytest.raises(ValueError, match=r"way: 2 rows of features, and the shape \(3,\)"):
        Embeddings.from_arrays(np.eye(2), {"way": np.zeros(3, np.int64)})


def test_parquet_holds_the_same(table, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table.to_parquet(tmp_path / "table.parquet")
    read = parquet.read_table(tmp_path / "table.parquet").to_pydict()
    assert read["name"] == table.names.tolist() and read["label_scene"][2] == "wood"
    assert np.array_equal(np.array(read["features"], np.float32), table.features)
