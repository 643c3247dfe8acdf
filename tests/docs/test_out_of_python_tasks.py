"""The programs on the page about what tasks leave behind write what Profond writes."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.examples import untrained
from support.leaving import leaving, shaken

from profond.core.tokens import END
from profond.export.leaving import Leaving, Source
from profond.export.onnx import describe, write
from profond.tasks.seq2seq import Seq2Seq

PAGE = Path(__file__).resolve().parents[2] / "docs" / "out_of_python_tasks.md"


def programs() -> dict[str, Any]:
    """The functions of the page."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        exec(block, found)
    return found


def files(parts: Any, preprocessing: Any, folder: Path) -> dict[str, str]:
    """Each part in a file, by its name."""
    found = {}
    for part in parts:
        whole, path = Leaving(part, Source("run", "seq2seq", preprocessing)), folder / f"{part.name}.onnx"
        write(whole, path)
        describe(path, whole.about({}))
        found[part.name] = str(path)
    return found


@pytest.mark.slow
def test_the_greedy_loop_of_the_page_writes_what_the_task_does(tmp_path: Path) -> None:
    case = untrained("seq2seq")
    model, task = shaken(case.model), Seq2Seq(longest=9)
    with torch.no_grad():
        model.decoder.output.bias[END] -= 0.5
    paths = files(task.exported(model, case.spec), case.dataset.preprocessing, tmp_path)
    translated, texts = programs()["translated"], ("dab", "a", "cabdb")
    tokens = [torch.tensor([case.spec.tokens.encode(text)]) for text in texts]
    wanted = [task.answer(model, one, case.spec)[0].text for one in tokens]
    assert [translated(paths["encoder"], paths["step"], text) for text in texts] == wanted
    assert any(wanted)


@pytest.mark.slow
def test_the_loop_of_the_page_goes_on_as_the_task_does(tmp_path: Path) -> None:
    model, task, spec = leaving("char_lstm", hidden=16)
    (path,) = files(task.exported(model, spec), None, tmp_path).values()
    (wanted,) = task.generate(model, spec, prompt="three one", length=12, temperature=0.0)
    assert programs()["continued"](path, "three one", 12) == wanted.whole()
