"""What a notebook shows: driven through IPython's own machinery where it is installed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from torch import nn

from profond.calls import notebook
from profond.training.observers import Progress

CELLS = [
    "import profond",
    "run = profond.train(model='mlp', data='squares', steps=3, batch_size=4, precision='fp32', out='runs')",
    "run",
    "run.history",
    "run.history.figure()",
    "run.evaluate().figures['confusion']",
    "run.predict('squares/red')",
    "run.explain('squares/red/1.png', method='occlusion')",
]


def test_outside_a_notebook_a_terminal_alone_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notebook.observers(None) == ()
    assert notebook.observers(False) == ()
    assert len(notebook.observers(True)) == 1
    monkeypatch.setenv("PROFOND_QUIET", "1")
    assert notebook.observers(None) == ()


def test_the_bar_of_a_cell_says_how_far_it_is() -> None:
    shown: list[dict[str, str]] = []
    bar = notebook.NotebookProgress()
    bar._shown = SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))
    progress = Progress(5, 10, 0, 2.0, nn.Identity(), nn.Identity())
    bar.logged(progress, {"step": 5, "split": "valid", "epoch": 1.0, "loss": 0.25, "<metric>": 1.0})
    bar.stepped(progress)
    bar.stepped(progress)  # too soon to be looked at again
    bar.finished(Progress(10, 10, 0, 4.0, nn.Identity(), nn.Identity()))
    assert [bundle["text/plain"].split("  ")[0] for bundle in shown] == [
        "step 5 of 10, 2.0 s, about 2 s left",
        "step 10 of 10, 4.0 s",
    ]
    assert 'value="5" max="10"' in shown[0]["text/html"]
    assert "valid &lt;metric&gt; 1" in shown[0]["text/html"]


@pytest.mark.slow
def test_a_notebook_shows_progress_and_figures_in_its_cells(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="a notebook is run with nbclient and ipykernel")
    client = pytest.importorskip("nbclient", reason="a notebook is run with nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="a notebook is run with nbclient and ipykernel")
    for name, colour in {"red": (200, 30, 30), "green": (30, 200, 30)}.items():
        (tmp_path / "squares" / name).mkdir(parents=True)
        for number in range(12):
            shade = tuple(part + 4 * number for part in colour)
            Image.new("RGB", (8, 8), shade).save(tmp_path / "squares" / name / f"{number}.png")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in made.cells]
    (bar,) = outputs[1]
    assert bar.output_type == "display_data"
    assert bar.data["text/plain"].startswith("step 3 of 3")
    for name, (output,) in zip(CELLS[2:], outputs[2:], strict=True):
        assert "text/html" in output.data or "image/png" in output.data, name
    assert "image/png" in outputs[4][0].data
    assert "image/png" in outputs[5][0].data
    assert "<img" in outputs[7][0].data["text/html"]
