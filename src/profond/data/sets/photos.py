"""Twenty photographs with classes of ImageNet: enough to see that weights work, too few to measure them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from profond.data.fetch.sources import DataFile, PipPackage, obtain

FILES = (
    DataFile("imagenet_00_243.jpg", "28b7b933c8028c6e20bf74a86a709eda42ce99f14c8742cb657cb386f08a4c9d", 86_225),
    DataFile("imagenet_01_559.jpg", "5f03b0c74dff01b5b4195d0beabcae2a625a406e6917957ab9c455b5b7dea6d6", 60_981),
    DataFile("imagenet_02_438.jpg", "ccef0734c1a65549c6cb5adb0f5d9b1c0b2e2104aba50a9e5f9202dc6d4532ed", 38_174),
    DataFile("imagenet_03_990.jpg", "c7f0b2f1e9ee39d8f900759e8983afa2e4a2d7de090060e8bb947f6e90cace5f", 91_433),
    DataFile("imagenet_04_949.jpg", "a7f62f3c1d214de4718c7253871ab38209283249e131faf65b8f2b7fdc970669", 64_224),
    DataFile("imagenet_05_853.jpg", "8a449436c61da867528b1f4efaf8ae832ab9c9201705eae0d3af1353fbdac131", 82_330),
    DataFile("imagenet_06_609.jpg", "fb061102a4e58b3ed942bb2a4f9542e1e1acdc8f225ef95498e93889290e192f", 91_478),
    DataFile("imagenet_07_609.jpg", "2c297ad1e5c4804a647e9b34bc02ee2fc348b05a4d49050d170fb61c948efa5c", 93_555),
    DataFile("imagenet_08_915.jpg", "c6a3411a3987799f0de45adc142f00ca412c3e14073c635e2adfae1f3913180c", 92_322),
    DataFile("imagenet_09_455.jpg", "ace3716b60ac5843269b270e17020e4f8138440cd30ef3487f7d6e54da9745a4", 130_424),
    DataFile("imagenet_10_541.jpg", "f325c71d9f4290ee45e99bd7ad42f4bffe513b1450ad21e7bd61c7cb137395d9", 99_497),
    DataFile("imagenet_11_630.jpg", "892dff58fc528fe63d2df0c783aa3eca2342637798578ce01763fbc0553eda01", 27_498),
    DataFile("imagenet_12_741.jpg", "6c256e17545b25bbf2e06cf6513ff48d049583569515ac4d4c3a52aea804a529", 112_576),
    DataFile("imagenet_13_471.jpg", "52ed0e738b90d27afcabc3e92c81ae637f160c2d9f75b93a65211005ab5dcd81", 72_748),
    DataFile("imagenet_14_129.jpg", "ad9371d813bf24b0365ee2f78f28c08718ee7c5975f060caa16c3f264e828139", 18_186),
    DataFile("imagenet_15_99.jpg", "4b588649cd835d4c65521727ebee03d9621baff1f54d3e8a53a26b53d983ec2e", 111_008),
    DataFile("imagenet_16_251.jpg", "ce3440a3b7beb6ca3009817504c44d39fa789e7c2f70a2eef7e2f9cc9a87b129", 73_665),
    DataFile("imagenet_17_22.jpg", "b432341845620e9cfd67d848c4783c32dd6eaddad45513866b17180d2b09fcf5", 30_745),
    DataFile("imagenet_18_317.jpg", "b9412f92f0b1c3faede45b55a44940977daa744f2040118d0538cf597fca785d", 35_421),
    DataFile("imagenet_19_305.jpg", "e1f58f00e2e47ce930d7ecab0e46a78316054f68c10d0742e87c1cc092324556", 38_110),
)
SOURCES = (PipPackage("foolbox", "3.3.4", {file.name: f"foolbox/data/{file.name}" for file in FILES}),)


@dataclass(frozen=True)
class Photo:
    """A JPEG file and its class.

    Args:
        path: in the cache.
        label: the class's number among ImageNet's thousand. Some of the twenty are arguable.
    """

    path: Path
    label: int


def twenty_photos() -> list[Photo]:
    """The photos, fetched on first use. Raises: MissingError, StorageError."""
    folder = obtain("photos", FILES, SOURCES).folder
    return [Photo(folder / file.name, int(Path(file.name).stem.rpartition("_")[2])) for file in FILES]
