"""Numbers to be estimated instead of classes: where they are read, and that nothing makes classes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Quantity, Spec
from profond.data import open_dataset
from profond.data.check import check
from profond.data.dataset import Dataset
from profond.data.images.adapt import adapted
from profond.data.images.augment import Augment
from profond.data.preprocessing import Preprocessing
from profond.data.saved_split import store_split
from profond.data.shards.write import write_shards
from profond.data.split import TensorSplit
from profond.data.subsample import subsample
from profond.data.values import column_of, could_be_classes, quantity_of


def pictures(folder: Path, count: int) -> list[str]:
    """Small pictures that all differ; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    names = [f"{number:03}.png" for number in range(count)]
    for name in names:
        Image.fromarray(random.integers(0, 255, (6, 6), dtype=np.uint8)).save(folder / name)
    return names


def manifest(folder: Path, cells: list[str], header: str = "path,value", separator: str = ",") -> Path:
    names = pictures(folder, len(cells))
    rows = [f"{name}{separator}{cell}" for name, cell in zip(names, cells, strict=True)]
    path = folder / "values.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def signals(folder: Path, suffix: str, values: list[str]) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(len(values)):
        series = random.normal(size=(9, 2)).astype(np.float32)
        if suffix == ".npy":
            np.save(folder / f"{number}.npy", series)
        else:
            np.savetxt(folder / f"{number}.csv", series, delimiter=",", header="a,b", comments="")
    path = folder / "list.csv"
    rows = [f"{number}{suffix},{value}" for number, value in enumerate(values)]
    path.write_text("\n".join(["path,value (Hz)", *rows]) + "\n")
    return path


def all_targets(dataset: Dataset) -> torch.Tensor:
    return torch.cat([split.targets for split in dataset.splits.values()])


def test_numbers_of_pictures_stay_numbers_and_know_their_unit(tmp_path: Path) -> None:
    cells = [f"{number / 7:.4f}" for number in range(20)]
    dataset = open_dataset(manifest(tmp_path, cells, "path,value (kg)"))
    assert dataset.spec.quantities == (Quantity("value", "kg"),)
    assert dataset.spec.classes == ()
    assert dataset.spec.interface() == {"input_shape": (1, 6, 6), "num_classes": 1}
    found = all_targets(dataset)
    assert found.dtype == torch.float32
    assert found.shape == (20, 1)
    assert sorted(found[:, 0].tolist()) == pytest.approx(sorted(map(float, cells)))


@pytest.mark.parametrize("memory_mib", [512, 0], ids=["in memory", "streamed"])
def test_each_picture_keeps_its_own_number(tmp_path: Path, memory_mib: int) -> None:
    cells = [str(number + 0.5) for number in range(20)]
    dataset = open_dataset(manifest(tmp_path, cells), memory_mib=memory_mib)
    for name, split in dataset.splits.items():
        for index in range(len(split)):
            assert float(split.targets[index, 0]) == int(split.identity(index)[:3]) + 0.5
        inputs, targets = next(iter(dataset.batches(name, 3, shuffle=True, seed=4)))
        assert targets.dtype == torch.float32
        assert targets.shape == (min(3, len(split)), 1)
        whole = {tuple(split.raw(i).flatten().tolist()): float(split.targets[i, 0]) for i in range(len(split))}
        raw = (inputs * dataset.preprocessing.std[0] + dataset.preprocessing.mean[0]) * 255
        for row, target in zip(raw, targets, strict=True):
            assert whole[tuple(row.flatten().round().int().tolist())] == float(target)


@pytest.mark.parametrize(
    ("header", "quantity"),
    [
        ("value", Quantity("value")),
        ("Valeur (°C)", Quantity("Valeur", "°C")),
        ("value weight [kW]", Quantity("weight", "kW")),
        ("value_weight (kg)", Quantity("weight", "kg")),
        ("values", Quantity("values")),
        ("evaluation", None),
        ("weight (kg)", None),
        ("valued", None),
    ],
)
def test_a_columns_name_says_what_it_holds(header: str, quantity: Quantity | None) -> None:
    assert quantity_of(header) == quantity
    if quantity is not None:
        assert quantity_of(column_of(quantity)) == quantity


def test_french_tables_are_read(tmp_path: Path) -> None:
    cells = ["1 234,5", "-0,25", "7", "12,125", "1e3", "5,1"] * 2
    dataset = open_dataset(manifest(tmp_path, cells, "path;valeur (€)", ";"))
    assert dataset.spec.quantities == (Quantity("valeur", "€"),)
    assert sorted(set(all_targets(dataset)[:, 0].tolist())) == pytest.approx([-0.25, 5.1, 7, 12.125, 1000, 1234.5])


def test_any_column_can_be_estimated_and_several_together(tmp_path: Path) -> None:
    names = pictures(tmp_path, 12)
    rows = [f"{name},cat,{number},{number * 10}.5" for number, name in enumerate(names)]
    path = tmp_path / "all.csv"
    path.write_text("\n".join(["path,label,Weight (kg),height (m)", *rows]))
    with pytest.raises(DataError, match="one class only"):
        open_dataset(path)
    one = open_dataset(path, target="weight")
    assert one.spec.quantities == (Quantity("Weight", "kg"),)
    assert all_targets(one).shape == (12, 1)
    both = open_dataset(path, target="height (m),weight")
    assert [str(quantity) for quantity in both.spec.quantities] == ["height (m)", "Weight (kg)"]
    assert both.spec.interface()["num_classes"] == 2
    assert all((height - 0.5) / 10 == weight for height, weight in all_targets(both).tolist())
    with pytest.raises(DataError, match="no column 'wieght' to estimate") as error:
        open_dataset(path, target="wieght")
    assert "weight" in str(error.value.help)


def test_a_column_called_target_is_asked_about_where_it_could_be_classes(tmp_path: Path) -> None:
    assert open_dataset(manifest(tmp_path / "a", ["0.5", "1", "2"] * 4, "path,target")).spec.quantities
    with pytest.raises(DataError, match="one called target") as error:
        open_dataset(manifest(tmp_path / "b", ["0", "1", "2.0"] * 4, "path,target"))
    assert "label" in str(error.value.help)
    assert "value" in str(error.value.help)
    assert could_be_classes(["cat", "0.5"])
    assert not could_be_classes(["1", "0,5"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1.5", "", "2"], "line 3: value is empty"),
        (["1.5", "NA", "2"], "line 3: value is empty"),
        (["1.5", "nan", ""], "2 of 3 rows have no number"),
        (["1.5", "2", "inf"], "line 4: value is infinite"),
        (["1.5", "1e39", "2"], "line 3: value is 1e39, which is too large"),
        (["1.5", "2 kg", "2"], "line 3: value is '2 kg', which is not a number"),
        (["1.5", "1_000", "2"], "'1_000', which is not a number"),
        (['"1,234"', '"12,500"', "7"], "line 2: value is 1,234, which can be read in two ways"),
        (['"1,5"', "2.5", "7"], "decimal commas and points"),
        (["1700000000", "1700000001", "1700000002"], "too close to each other"),
    ],
)
def test_a_cell_without_a_plain_number_is_refused_by_its_line(tmp_path: Path, cells: list[str], said: str) -> None:
    with pytest.raises(DataError) as error:
        open_dataset(manifest(tmp_path, cells))
    assert said in error.value.message
    assert error.value.help


def test_a_comma_in_a_table_with_semicolons_is_a_decimal_comma(tmp_path: Path) -> None:
    dataset = open_dataset(manifest(tmp_path, ["1,234", "2,345", "3,456"] * 4, "path;value", ";"))
    assert float(all_targets(dataset).max()) == pytest.approx(3.456)


def test_a_tenth_of_960_numbers_is_96(tmp_path: Path) -> None:
    numbers = torch.arange(960) / 7
    spec = Spec((2,), "c", quantities=(Quantity("value"),))
    train = TensorSplit(torch.rand(960, 2), numbers, "train")
    held = Dataset("numbers", spec, Preprocessing(scale=1.0), {"train": train}, "made").holdout(0.1)
    assert {name: len(split) for name, split in held.splits.items()} == {"train": 864, "valid": 96}
    assert held.splits["valid"].targets.dtype == torch.float32
    together = torch.cat([split.targets for split in held.splits.values()])
    assert torch.equal(together.sort().values, numbers)
    groups = [str(number // 8) for number in range(960)]
    grouped = TensorSplit(train.samples, numbers, "train", groups)
    parts = Dataset("numbers", spec, Preprocessing(scale=1.0), {"train": grouped}, "made").holdout(0.1).splits
    assert len(parts["valid"]) == 96
    assert not {*(parts["train"].groups or ())} & {*(parts["valid"].groups or ())}


def test_equal_pictures_with_other_numbers_stay_together_and_are_told(tmp_path: Path) -> None:
    path = manifest(tmp_path, [str(number + 0.5) for number in range(40)])
    for copy in range(1, 40, 2):  # each picture twice
        (tmp_path / f"{copy:03}.png").write_bytes((tmp_path / f"{copy - 1:03}.png").read_bytes())
    dataset = open_dataset(path, valid_fraction=0.25, test_fraction=0.25)
    where = {
        int(split.identity(index)[:3]): name for name, split in dataset.splits.items() for index in range(len(split))
    }
    assert all(where[number] == where[number + 1] for number in range(0, 40, 2))
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 20, "valid": 10, "test": 10}
    messages = [finding.message for finding in check(str(path)).issues if finding.kind == "contradiction"]
    assert len(messages) == 1
    assert "the same, with different numbers" in messages[0]


def test_a_split_of_numbers_is_stored_and_read_back_with_the_same_hash(tmp_path: Path) -> None:
    path = manifest(tmp_path, [f"{number / 3:.5f}" for number in range(30)], "path,value angle (°)")
    told = store_split(str(path), tmp_path / "split.csv")
    dataset = open_dataset(tmp_path / "split.csv")
    assert dataset.spec.quantities == (Quantity("angle", "°"),)
    assert {name: dataset.split_hash(name) for name in dataset.splits} == {
        name: about["hash"] for name, about in told.items()
    }
    assert torch.equal(all_targets(open_dataset(path)).sort(0).values, all_targets(dataset).sort(0).values)


def test_a_split_of_numbers_takes_the_column_that_was_asked_for(tmp_path: Path) -> None:
    path = manifest(tmp_path, [f"{number / 3:.5f}" for number in range(30)], "path,weight (kg)")
    told = store_split(str(path), tmp_path / "split.csv", options={"target": "weight"})
    assert {name: open_dataset(tmp_path / "split.csv").split_hash(name) for name in told} == {
        name: about["hash"] for name, about in told.items()
    }
    table = tmp_path / "table.csv"
    table.write_text(wide("weight,a,b,c"))
    stored = store_split(str(table), tmp_path / "table_split.csv", options={"target": "weight"})
    dataset = open_dataset(tmp_path / "table_split.csv", target="weight")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        name: about["samples"] for name, about in stored.items()
    }
    assert {name: dataset.split_hash(name) for name in stored} == {
        name: about["hash"] for name, about in stored.items()
    }
    with pytest.raises(ConfigError, match="no setting 'traget'"):
        store_split(str(path), tmp_path / "other.csv", options={"traget": "weight"})


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
@pytest.mark.parametrize("memory_mib", [512, 0], ids=["in memory", "streamed"])
def test_series_in_files_have_numbers(tmp_path: Path, suffix: str, memory_mib: int) -> None:
    path = signals(tmp_path / "series", suffix, [str(number + 0.25) for number in range(20)])
    dataset = open_dataset(path, memory_mib=memory_mib)
    assert dataset.spec.axes == "ct"
    assert dataset.spec.quantities == (Quantity("value", "Hz"),)
    for split in dataset.splits.values():
        for index in range(len(split)):
            assert float(split.targets[index, 0]) == int(Path(split.identity(index)).stem) + 0.25


def wide(header: str, count: int = 20) -> str:
    rows = [f"{number + 0.5},{number},{number % 3},{number % 5}" for number in range(count)]
    return "\n".join([header, *rows]) + "\n"


def long(count: int = 20, vary: bool = False) -> str:
    rows = [
        f"s{number},{step},{number + step},{number + 0.5 + (step if vary else 0)}"
        for number in range(count)
        for step in range(3)
    ]
    return "\n".join(["id,time,x,value", *rows]) + "\n"


def test_a_wide_table_has_a_value_for_each_row(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(wide("value (mV),a,b,c"))
    dataset = open_dataset(tmp_path / "w.csv")
    assert dataset.spec.shape == (1, 3)
    assert dataset.spec.quantities == (Quantity("value", "mV"),)
    for split in dataset.splits.values():
        for index in range(len(split)):
            assert float(split.targets[index, 0]) == float(split.raw(index)[0, 0]) + 0.5


def test_a_long_table_has_a_value_for_each_series_unless_it_changes_within_one(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(long())
    dataset = open_dataset(tmp_path / "l.csv")
    assert dataset.spec.shape == (1, 3)
    assert dataset.spec.quantities == (Quantity("value"),)
    for split in dataset.splits.values():
        for index in range(len(split)):
            assert float(split.targets[index, 0]) == float(split.raw(index)[0, 0]) + 0.5
    (tmp_path / "signal.csv").write_text(long(vary=True))
    with pytest.raises(DataError, match="cannot be seen which column"):
        open_dataset(tmp_path / "signal.csv")
    with pytest.raises(DataError, match="two values of 'value'"):
        open_dataset(tmp_path / "signal.csv", target="value")


def test_a_table_without_header_is_told_its_column(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(wide("").lstrip())
    dataset = open_dataset(tmp_path / "w.csv", target="1")
    assert dataset.spec.shape == (1, 3)
    assert sorted(all_targets(dataset)[:, 0].tolist()) == [number + 0.5 for number in range(20)]


def test_a_network_that_estimates_reads_new_tables_with_and_without_the_value(tmp_path: Path) -> None:
    from profond.data.series.rows import rows_of

    (tmp_path / "w.csv").write_text(wide("value,a,b,c"))
    known = open_dataset(tmp_path / "w.csv").preprocessing.series
    assert known is not None
    assert known.targets == ("value",)
    (tmp_path / "new.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    for name, first in (("w.csv", [0, 0, 0]), ("new.csv", [1, 2, 3])):
        assert (rows := rows_of(tmp_path / name, known))
        assert rows[0].values[0].tolist() == first


def test_what_counts_classes_refuses_numbers_in_words(tmp_path: Path) -> None:
    path = manifest(tmp_path, [f"{number / 3:.5f}" for number in range(30)])
    with pytest.raises(DataError, match="per_class counts the samples of each class"):
        subsample(open_dataset(path), {"train": 2})
    with pytest.raises(DataError, match="holds numbers to be estimated, and shards hold classes"):
        write_shards(path, tmp_path / "shards")
    with pytest.raises(ConfigError, match="a class or numbers"):
        Spec((1,), "c", classes=("a", "b"), quantities=(Quantity("x"),))


def test_numbers_survive_another_preprocessing_and_mixing(tmp_path: Path) -> None:
    dataset = open_dataset(manifest(tmp_path, [f"{number + 0.5}" for number in range(20)]))
    larger = adapted(dataset, Preprocessing(size=(8, 8), mode="RGB", mean=(0.0,) * 3, std=(1.0,) * 3))
    assert torch.equal(larger.splits["train"].targets, dataset.splits["train"].targets)
    assert larger.spec.quantities == dataset.spec.quantities
    order = larger.batches("train", 8).order(0)
    plain = larger.splits["train"].targets[order[:8]]
    _, mixed = next(iter(larger.batches("train", 8, augment=Augment(mixup=0.4))))
    share = (mixed - plain)[0] / (plain.flip(0) - plain)[0]
    assert 0 <= float(share) <= 1
    assert torch.allclose(mixed, plain + share * (plain.flip(0) - plain))


def test_a_spec_with_quantities_is_written_and_read_back() -> None:
    spec = Spec((1, 2, 2), "chw", quantities=(Quantity("weight", "kg"), Quantity("height")))
    assert Spec.from_json(spec.to_json()) == spec
    assert Spec.from_json({"shape": [2], "axes": "c", "range": [0, 1], "classes": ["a", "b"]}).num_outputs == 2
    assert spec.target_text([0.1, 3.0]) == "0.1 3"


def findings(path: Path, **options: str) -> dict[str, str]:
    return {finding.kind: f"{finding.severity}: {finding.message}" for finding in check(str(path), **options).issues}


def test_a_check_tells_the_range_outliers_and_a_number_for_something_missing(tmp_path: Path) -> None:
    path = manifest(tmp_path / "a", [*(f"{20 + number / 10}" for number in range(30)), "9999"], "path,value (°C)")
    found = findings(path)
    assert found["range"].startswith("note: value: 20 to 9999 °C, median 21.5 °C, 31 different numbers")
    assert found["outliers"].startswith("warning: value lies far from the others for 1 of 31 images: 9999;")
    path = manifest(tmp_path / "b", [*(f"{20 + number / 10}" for number in range(10)), *["-999"] * 11])
    assert findings(path)["equal_values"].startswith("warning: value is -999 for 11 of 21 images")
    path = manifest(tmp_path / "c", ["2.5"] * 10)
    assert findings(path)["constant_value"].startswith("error: value is 2.5 for all 10 images")
    assert "outliers" not in findings(manifest(tmp_path / "d", [str(2**number) for number in range(8)]))


def test_a_check_tells_a_split_beyond_the_numbers_of_train(tmp_path: Path) -> None:
    cells = [f"{number / 10},train" for number in range(20)] + [f"{number + 0.5},test" for number in range(10)]
    found = findings(manifest(tmp_path, cells, "path,value,split"))
    assert found["beyond_train"] == (
        "warning: 8 of 10 images in test have a value beyond those of train (0 to 1.9), which was never seen"
    )


def test_a_check_counts_numbers_and_no_classes(tmp_path: Path) -> None:
    report = check(str(manifest(tmp_path, [f"{number}.5" for number in range(12)], "path,value (kg)")))
    assert report.usable
    assert report.target == "to estimate value (kg)"
    assert report.counts == {"": {"": 12}}
    assert report.to_json()["quantities"] == [{"name": "value", "unit": "kg"}]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([f"{20 + number / 7:.1f}" for number in range(40)], "labels are numbers with decimals"),
        ([str(number) for number in [*range(18, 60), 70, 81]] * 6, "labels are 44 whole numbers from 18 to 81"),
        ([f"a{number} b" if number % 2 else f"b c{number}" for number in range(30)], "nearly as many labels as"),
        (["cat;dog", "dog;bird", "cat", "dog", "bird", "cat;bird"] * 3, "several tags"),
    ],
)
def test_labels_that_are_no_classes_are_told_with_what_to_do(tmp_path: Path, labels: list[str], said: str) -> None:
    path = manifest(tmp_path, labels, "path,label")
    warning = next(one.message for one in check(str(path)).issues if one.kind == "layout" and said in one.message)
    if "number" in said:
        assert "call the column value" in warning


def test_digits_and_years_in_a_row_are_classes_without_a_word(tmp_path: Path) -> None:
    path = manifest(tmp_path, [str(number % 25) for number in range(200)], "path,label")
    assert not [one for one in check(str(path)).issues if one.kind == "layout"]
