"""What differs between tasks stands in the tasks: above them there is no name of a task, and none of a metric."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support.examples import untrained

import profond
from profond.tasks import registry, task_class

SOURCE = Path(profond.__file__).parent
ROOMS = ("training", "evaluation", "explain", "experiments", "serve", "calls", "cli")
LEARNING = {"loss"}
"""What every training makes less, whatever the task: the loop, its log and its settings call it so."""
ELSEWHERE = {"generate", "precision", "Comparison"}
"""What is called so above the tasks too: a verb, the arithmetic of a training, two runs side by side."""


def files() -> list[Path]:
    machinery = sorted((SOURCE / "lecture").glob("*.py"))  # its items speak of what they claim
    return [*(path for room in ROOMS for path in sorted((SOURCE / room).rglob("*.py"))), *machinery]


@cache
def words() -> re.Pattern[str]:
    """The names of every registered task, its class, the metrics of its own reports with their titles, the class of
    what it found, and the way to it."""
    names, classes = {"findings"}, set[str]()
    for name in registry.names():
        case = untrained(name)
        report = case.meter("test").report()
        names.add(name)
        (classes if name in ELSEWHERE else names).add(task_class(name).__name__)
        classes.add(type(report.findings).__name__)
        names |= {*case.meter("valid").metrics(), *report.metrics} - LEARNING
        names |= {measured.title for measured in report.metrics.values() if " " not in measured.title} - LEARNING
    names, classes = names - ELSEWHERE, classes - ELSEWHERE
    plain, exact = ("|".join(sorted(map(re.escape, some))) for some in (names, classes))
    return re.compile(rf"(?<![a-z0-9])({plain}|(?-i:{exact}))(?![a-z0-9])", re.IGNORECASE)


def said(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Identifiers, and texts: those that are a name alone, and the parts of those that numbers are put into.

    A sentence for people, such as a help text, is neither.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.ImportFrom(module=module, names=imported):
                yield node.lineno, ".".join([module or "", *(one.name for one in imported)])
            case ast.Import(names=imported):
                yield node.lineno, " ".join(one.name for one in imported)
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.-]+", text):
                yield node.lineno, text
            case ast.JoinedStr(values=parts):
                yield from ((node.lineno, part.value) for part in parts if isinstance(part, ast.Constant))


def found_in(source: str) -> list[str]:
    return [f"line {line}: {match[0]}" for line, text in said(ast.parse(source)) if (match := words().search(text))]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_task_and_no_metric_is_named(path: Path) -> None:
    named = found_in(path.read_text(encoding="utf-8"))
    assert not named, f"{path} names what only a task knows: {', '.join(named)}"


@pytest.mark.parametrize(
    "source",
    [
        "from profond.tasks.classify import Classify",
        "config = {'task': {'name': 'classify'}}",
        "value = report.metrics['accuracy']",
        "value = row.top5_accuracy",
        "def show(macro_f1): pass",
        "best_accuracy = 0",
        "print(f'accuracy {value:.2f}')",
        "column = 'macro-F1'",
        "from profond.measures.classes import ClassFindings",
        "value = report.findings.labels",
    ],
)
def test_such_a_name_would_be_found(source: str) -> None:
    assert found_in(source)


def test_sentences_for_people_are_no_such_names() -> None:
    assert not found_in("help = 'Of a classification the accuracy, and more.'")
