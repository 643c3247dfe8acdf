"""What every verb of the command line must do; a new verb is tested here by being registered."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from support.command_line import commands, examples, understood

from profond.cli import SECTIONS, program, registry, run
from profond.core.run import SCHEMA_VERSION

COMMANDS = commands()
PATHS = pytest.mark.parametrize("path", COMMANDS)
LONGEST = 64
"""Characters of a verb's line that stay in one line of a terminal of eighty."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_every_verb_stands_once_in_the_help_below_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    section, shown = "", {}
    for line in capsys.readouterr().out.splitlines():
        if line and not line.startswith(" ") and line.endswith(":"):
            section = line[:-1]
        elif section in SECTIONS and line.strip():
            name, said = line.split(maxsplit=1)
            assert name not in shown
            shown[name] = (section, said.strip())
    entries = {name: registry.entry(name).config for name in registry.names()}
    assert shown == {name: (entry["section"], entry["line"]) for name, entry in entries.items()}


@pytest.mark.parametrize("name", registry.names())
def test_its_line_is_one_sentence_that_fits_a_terminal(name: str) -> None:
    line = registry.entry(name).config["line"]
    assert line.endswith(".")
    assert len(line) <= LONGEST
    assert line[0].isupper()


@pytest.mark.parametrize("name", registry.names())
def test_its_help_shows_a_line_that_can_be_typed(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    inner = [one.help or "" for one in commands(name).values()]
    shown = [line for line in examples("\n".join([command.help or "", *inner])) if line.split()[1] == name]
    assert shown, f"write a line into the docstring of the command: profond {name} …"
    for line in shown:
        path, _ = understood(line)
        assert path.split()[0] == name


@PATHS
def test_its_help_begins_with_a_sentence_and_explains_every_option(path: str) -> None:
    command = COMMANDS[path]
    assert (command.help or "").strip().split("\n")[0].endswith((".", ":"))
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help or isinstance(option.type, click.Choice), option.name


@PATHS
def test_with_json_it_prints_one_object_or_one_error(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Called with nothing else in an empty folder."""
    code = run([*path.split(), "--json"])
    out, told = capsys.readouterr()
    assert "Traceback" not in told
    if out:
        document = json.loads(out)
        assert (document["schema_version"], document["command"]) == (SCHEMA_VERSION, path)
    else:
        assert code in (2, 3, 4)
        assert told.startswith("error: ")
        assert told.count("help: ") == 1


@PATHS
def test_an_unknown_option_is_a_usage_error_with_a_hint(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split(), "--colour-of-the-moon"]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert "--colour-of-the-moon" in told
    assert told.count("help: ") == 1


@pytest.mark.parametrize(
    "path", [path for path, one in COMMANDS.items() if any(isinstance(given, click.Argument) for given in one.params)]
)
@pytest.mark.parametrize("given", ["nowhere/at/all", "pi.png", "a" * 5000])
def test_bad_input_is_one_error_and_nothing_on_standard_output(
    path: str, given: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path where there is nothing, a file that is none of the kind, and a name that no disk has."""
    arguments = [one for one in COMMANDS[path].params if isinstance(one, click.Argument)]
    (empty_folder / "pi.png").write_text("3.14159")
    before = sorted(empty_folder.rglob("*"))
    code = run([*path.split(), *[given] * len(arguments)])
    out, told = capsys.readouterr()
    assert code in (2, 3, 4), told
    assert out == ""
    assert told.startswith("error: ")
    assert told.count("help: ") == 1
    assert "Traceback" not in told
    assert sorted(empty_folder.rglob("*")) == before, "it leaves nothing behind"
