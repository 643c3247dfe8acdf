"""`.ts` files, and series that stay as long as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from profond.core.errors import ConfigError, DataError
from profond.data import open_dataset
from profond.data.series.rows import rows_of
from profond.data.series.ts import read_ts
from profond.data.split import TensorSplit, contents
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble

HEAD = "# a remark\n@problemName tiny\n@timeStamps false\n@dimensions 2\n@classLabel true up down\n@data\n"


def line(length: int, label: str = "up", channels: int = 2) -> str:
    sign = 1 if label == "up" else -1
    return ":".join([*(",".join(f"{sign * (t + c)}" for t in range(length)) for c in range(channels)), label])


def written(path: Path, count: int = 12, first: int = 3) -> Path:
    rows = [line(first + i % 5, "up" if i % 2 else "down") for i in range(count)]
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_a_file_is_read_with_channels_lengths_and_classes(tmp_path: Path) -> None:
    table = read_ts(written(tmp_path / "x.ts"))
    assert [one.shape for one in table.signals[:6]] == [(2, 3), (2, 4), (2, 5), (2, 6), (2, 7), (2, 3)]
    assert table.labels[:2] == ["down", "up"]
    np.testing.assert_array_equal(table.signals[1], [[0, 1, 2, 3], [1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("@problemName x\n", "no line @data"),
        ("1,2:up\n@data\n", "stands above @data"),
        (HEAD, "no series after @data"),
        (HEAD + "1,2:3,4:sideways\n", "line 7: the class 'sideways'"),
        (HEAD + "1,2:up\n", "1 channels, and @dimensions says 2"),
        (HEAD + "1,2:3,x:up\n", "line 7, channel 2: 'x' is not a number"),
        (HEAD + "1,2:3:up\n", "channel 2 has 1 steps, the first has 2"),
        (HEAD + "1,?:3,4:up\n", "channel 1, step 2: a missing value"),
        (HEAD + "1,1e60:3,4:up\n", "infinity, or a number too large"),
        (HEAD + "1,2:3,4:\n", "a series and its class are needed"),
        (HEAD.replace("@classLabel true up down", "@classLabel false") + "1,2:3,4\n", "have no class"),
        (HEAD.replace("@timeStamps false", "@timeStamps true") + "(0,1),(1,2):(0,3),(1,4):up\n", "with its time"),
        (HEAD.replace("@dimensions 2", "@dimensions many") + line(3), "says no number"),
        (HEAD.replace("@dimensions 2", "@dimensions ²") + line(3), "says no number"),
        ("\0G\0", "a film is to be converted"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.ts").write_text(text)
    with pytest.raises(DataError) as refused:
        read_ts(tmp_path / "x.ts")
    assert said in str(refused.value)
    assert refused.value.help


def test_gaps_are_filled_when_asked_and_numbers_are_estimated(tmp_path: Path) -> None:
    (tmp_path / "x.ts").write_text(HEAD + "1,?,3:3,4,5:up\n" + line(3, "down"))
    np.testing.assert_array_equal(read_ts(tmp_path / "x.ts", "interpolate").signals[0], [[1, 2, 3], [3, 4, 5]])
    rows = "\n".join(f"{i},{i + 1}:{i}.5" for i in range(9))
    (tmp_path / "y.ts").write_text("@targetlabel true\n@data\n" + rows)
    data = open_dataset(tmp_path / "y.ts", test_fraction=0.2)
    assert [one.name for one in data.spec.quantities] == ["value"]
    assert sorted(data.splits["train"].targets[:, 0].tolist())[0] in (0.5, 1.5, 2.5)


def test_a_pair_of_files_is_opened_by_either_name_of_it(tmp_path: Path) -> None:
    written(tmp_path / "X_TRAIN.ts", 12)
    written(tmp_path / "X_TEST.ts", 8)
    for reference in (tmp_path, tmp_path / "X_TRAIN.ts"):
        data = open_dataset(reference)
        assert {name: len(split) for name, split in data.splits.items()} == {"train": 12, "test": 8}
    alone = open_dataset(tmp_path / "X_TEST.ts", valid_fraction=0.0, test_fraction=0.0)
    assert {name: len(split) for name, split in alone.splits.items()} == {"train": 8}
    written(tmp_path / "Y_TRAIN.ts")
    written(tmp_path / "Y_TEST.ts")
    with pytest.raises(DataError, match="holds several data sets"):
        open_dataset(tmp_path)


def test_series_stay_as_long_as_they_are_where_a_network_takes_any_length(tmp_path: Path) -> None:
    path = written(tmp_path / "x.ts")
    plain, ragged = open_dataset(path), open_dataset(path, ends="missing")
    assert plain.spec.shape == ragged.spec.shape == (2, 7)
    for name, split in ragged.splits.items():
        usual = plain.splits[name]
        assert isinstance(split, TensorSplit)
        assert isinstance(usual, TensorSplit)
        real = ~split.samples.isnan()
        assert torch.equal(split.samples[real], usual.samples[..., : real.shape[2]][real])
        assert not real.all() or split.samples.shape[2] < 7
        assert contents(split) == contents(usual)  # so that two runs on them can be compared
    assert plain.preprocessing.mean == ragged.preprocessing.mean
    assert any("stay as long as they are" in note for note in ragged.notes)
    cut = open_dataset(path, ends="missing", length=4)
    assert cut.splits["train"].samples.shape[2] == 4  # type: ignore[attr-defined]
    assert cut.splits["train"].samples.isnan().any()  # type: ignore[attr-defined]
    again = open_dataset(path, preprocessing=ragged.preprocessing.to_json(), valid_fraction=0.0, test_fraction=0.0)
    assert again.splits["train"].samples.isnan().any()  # type: ignore[attr-defined]


def test_a_longer_series_than_any_in_training_is_not_cut(tmp_path: Path) -> None:
    ragged = open_dataset(written(tmp_path / "x.ts"), ends="missing").preprocessing.series
    assert ragged is not None
    (tmp_path / "new.ts").write_text(HEAD + line(40))
    (row,) = rows_of(tmp_path / "new.ts", ragged) or ()
    assert ragged.fitted(row.values, (0.0, 0.0)).shape == (2, 40)


def test_files_that_are_streamed_stay_as_long_as_they_are_too(tmp_path: Path) -> None:
    for i in range(12):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{i}.npy", np.arange(5.0 + i, dtype=np.float32))
    data = open_dataset(tmp_path, ends="missing", memory_mib=0)
    assert not isinstance(data.splits["train"], TensorSplit)
    lengths = [int((~one.isnan()).sum()) for inputs, _ in data.batches("train", 3, workers=0) for one in inputs]
    assert sorted(lengths) == sorted(data.splits["train"].raw(i).shape[1] for i in range(len(data.splits["train"])))


def test_an_experiment_opens_data_as_its_network_takes_them(tmp_path: Path) -> None:
    path = str(written(tmp_path / "x.ts", 20))
    lstm = assemble(changed(for_model("lstm", path), {"model.hidden": 4}))
    assert lstm.config.data.settings["ends"] == "missing"
    assert lstm.preprocessing.series is not None
    assert lstm.preprocessing.series.any_length
    convnet = assemble(changed(for_model("convnet1d", path), {"model.widths": [4], "model.pool": 1}))
    assert "ends" not in convnet.config.data.settings
    with pytest.raises(ConfigError, match="takes one length alone"):
        assemble(changed(for_model("convnet1d", path), {"data.ends": "missing", "model.pool": 1}))
