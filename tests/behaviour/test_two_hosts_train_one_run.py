"""Two hosts, which are two network namespaces with a cable between them, train one run with the page's own command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import environment
from support.runs import digit_pictures, only_run

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "several_processes.md"
HOSTS = [(f"profond{os.getpid()}{side}", f"pf{os.getpid()}{side}", f"10.71.{os.getpid() % 250}.{n}")
         for n, side in enumerate("ab", 1)]  # fmt: skip


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts() -> Iterator[None]:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here (Debian package iproute2)")
    made = []
    try:
        try:
            for name, _, _ in HOSTS:
                ip("netns", "add", name)
                made.append(name)
            (first, cable, _), (second, other_end, _) = HOSTS
            ip("link", "add", cable, "netns", first, "type", "veth", "peer", "name", other_end, "netns", second)
            for name, link, address in HOSTS:
                ip("-n", name, "addr", "add", f"{address}/24", "dev", link)
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "link", "set", link, "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces may be made here: {error.stderr.strip()}")
        yield
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_two_hosts_train_one_run(hosts: None, tmp_path: Path) -> None:
    data = tmp_path / "digits"
    data.mkdir()
    digit_pictures(data, 120)
    settings = {
        "data": {"name": str(data)},
        "model": {"name": "convnet2d", "widths": [4]},
        "training": {"steps": 6, "precision": "fp32"},
        "loader": {"batch_size": 16, "workers": 0},
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    command = re.findall(r"<!-- several machines -->\n```bash\n(.*?)```", PAGE.read_text(), re.S)[0]
    command = command.replace("torchrun", f"{sys.executable} -m torch.distributed.run")
    processes = [
        subprocess.Popen(
            ["ip", "netns", "exec", name, "bash", "-c", command],
            cwd=tmp_path,
            env=environment(
                OMP_NUM_THREADS="1",
                GLOO_SOCKET_IFNAME=link,
                RANK_OF_THIS_MACHINE=str(rank),
                ADDRESS_OF_MACHINE_0=HOSTS[0][2],
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, (name, link, _) in enumerate(HOSTS)
    ]
    said = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert "accuracy" in said[0][0]
    assert said[1][0] == ""
    run = only_run(tmp_path / "runs")
    assert run is not None
    training = json.loads((run / "config.json").read_text())["training"]
    assert (training["devices"], training["nodes"]) == (1, 2)
