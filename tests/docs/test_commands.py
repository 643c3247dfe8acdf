"""What the pages tell people to type exists, and what they link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from support.command_line import understood

from profond.cli import SECTIONS
from profond.cli import registry as verbs

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
ENGLISH, FRENCH = ROOT / "README.md", ROOT / "README.fr.md"


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def typed(page: Path) -> list[str]:
    """Command lines of Profond on a page: in code blocks, and between backquotes."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^(?: {4}|\$ )(.*)$", text, re.M) + "\n".join(
        re.findall(r"```\w*\n(.*?)```", text, re.S)
    ).split("\n")
    lines = [line.strip() for line in blocks] + re.findall(r"`((?:\./)?profond [^`]+)`", text)
    found = [re.sub(r"\s+#.*", "", line) for line in lines if re.match(r"(\./)?profond [a-z-]", line)]
    return [line.removeprefix("./").split(" | ")[0].split(" > ")[0] for line in found]


def of_its_own(page: Path) -> list[str]:
    """Verbs that a page registers."""
    return re.findall(r'@register_verb\("(\w+)"', page.read_text(encoding="utf-8"))


COMMANDS = sorted(
    {
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        for line in typed(page)
        if line.split()[1] not in of_its_own(page)
    }
)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_line_on_a_page_is_understood(page: str, line: str) -> None:
    understood(line)


@pytest.mark.parametrize(
    "line",
    [
        "profond tain lenet5",
        "profond train lenet5 --epoch 2",
        "profond models shwo",
        "profond doctor now",
        "profond data",
    ],
)
def test_a_wrong_command_line_would_be_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        understood(line)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_the_names_in_a_command_line_are_registered(page: str, line: str) -> None:
    from profond.data import registry as data
    from profond.models import registry as models
    from profond.recipes import registry as recipes

    _, given = understood(line)
    here = (ROOT / page).read_text(encoding="utf-8")  # a page may register a thing of its own
    known = {
        "recipe": recipes.names() + re.findall(r'@register_recipe\("(\w+)"', here),
        "model": models.names() + re.findall(r'@register_model\("(\w+)"', here),
        "data": data.names() + re.findall(r'@register_data\("(\w+)"', here),
    }
    for kind, registered in known.items():
        value = given.get(kind)
        if isinstance(value, str) and not re.search(r"[/.]", value):
            assert value in registered, f"{page}: {line}"


def test_the_english_and_the_french_page_give_the_same_commands() -> None:
    assert typed(ENGLISH) == typed(FRENCH)
    assert typed(ENGLISH)


@pytest.mark.parametrize("page", [ENGLISH, FRENCH], ids=names([ENGLISH, FRENCH]))
def test_the_first_page_shows_the_verbs_of_every_section(page: Path) -> None:
    """One that is added needs no line there: `profond --help` and its own help show it."""
    shown = {understood(line)[0].split(" ")[0] for line in typed(page)}
    sections = {name: verbs.entry(name).config["section"] for name in verbs.names()}
    assert {sections[name] for name in shown if name in sections} == set(SECTIONS)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_script_and_source_that_a_page_names_exists(page: Path) -> None:
    """But for those that the page lets its reader write: beside "such as", where they are checked, and the item L99."""
    for line in page.read_text(encoding="utf-8").splitlines():
        for named in re.findall(r"(?:\./)?((?:scripts|src|docs|tests|benchmarks|\.ci)/[\w./-]*\w)", line):
            own = re.search(r"such as|scripts/check src", line) or re.search(r"[A-Z]{4}|L99", named)
            wanted = (ROOT / named).parent if own and "NAME" not in named.rpartition("/")[0] else ROOT / named
            assert wanted.exists(), f"{page.name} names {named}"


def test_numbers_on_the_french_page_are_written_the_french_way() -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|^ {4}.*$", "", FRENCH.read_text(encoding="utf-8"), flags=re.S | re.M)
    assert re.findall(r"\d,\d{3}\b", prose) == []
    assert re.findall(r"\d\.\d+\s*(?:%|s\b)", prose) == []
    assert re.findall(r"\d[%]", prose) == []
