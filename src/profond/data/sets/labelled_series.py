"""Series with a class each, of the UCR and UEA archives: electricity of a day, a hand with a gun, four motions.

Source: H. A. Dau et al., "The UCR Time Series Archive", IEEE/CAA Journal of Automatica Sinica 6, 2019; A. Bagnall et
al., "The UEA multivariate time series classification archive", arXiv:1811.00075, 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, obtain
from profond.data.series.open import open_table
from profond.data.series.preparation import Ends


@register_data("italy_power_demand", splits={"train": 67, "test": 1029})
def italy_power_demand(ends: Ends = "mean") -> Dataset:
    """Electricity that Italy used in the 24 hours of a day: is it a day of winter or of summer? 67 and 1,029 days.

    Args:
        ends: ``"missing"`` for a network that takes any length.
    """
    files = (
        DataFile(
            "ItalyPowerDemand_TRAIN.ts", "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c", 18_300
        ),
        DataFile(
            "ItalyPowerDemand_TEST.ts", "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144", 274_054
        ),
    )
    classes = {"1": "October to March", "2": "April to September"}
    return _opened("italy_power_demand", "ItalyPowerDemand", files, ends, classes)


@register_data("gun_point", splits={"train": 50, "test": 150})
def gun_point(ends: Ends = "mean") -> Dataset:
    """How a hand moves sideways in 150 steps: does it draw a gun, or point with a finger? 50 and 150 movements.

    Args:
        ends: ``"missing"`` for a network that takes any length.
    """
    files = (
        DataFile("GunPoint_TRAIN.ts", "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5", 84_188),
        DataFile("GunPoint_TEST.ts", "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e", 252_305),
    )
    return _opened("gun_point", "GunPoint", files, ends, {"1": "gun", "2": "point"})


@register_data("basic_motions", splits={"train": 40, "test": 40})
def basic_motions(ends: Ends = "mean") -> Dataset:
    """Six channels of a smart watch over 100 steps: standing, walking, running or badminton? 40 and 40 recordings.

    Args:
        ends: ``"missing"`` for a network that takes any length.
    """
    files = (
        DataFile("BasicMotions_TRAIN.ts", "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6", 227_790),
        DataFile("BasicMotions_TEST.ts", "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc", 227_713),
    )
    return _opened("basic_motions", "BasicMotions", files, ends)


def _opened(
    name: str, folder: str, files: tuple[DataFile, ...], ends: Ends, classes: Mapping[str, str] | None = None
) -> Dataset:
    """A pair of ``.ts`` files as a data set; classes that are numbers there get names."""
    members = {file.name: f"aeon/datasets/data/{folder}/{file.name}" for file in files}
    fetched = obtain(name, files, (PipPackage("aeon", "1.6.0", members),))
    opened = open_table(fetched.folder / files[0].name, ends=ends)
    named = tuple((classes or {}).get(one, one) for one in opened.spec.classes)
    return replace(opened, name=name, spec=replace(opened.spec, classes=named), source=fetched.source, warnings=())
