"""The report: one HTML page that needs nothing else, in English and French, with a switch that needs no script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError, UnknownName
from profond.core.files import write_text
from profond.lecture import registry
from profond.lecture.results import RESULT, picture_bytes, read, status
from profond.lecture.style import CSS
from profond.lecture.values import Value, count, word
from profond.lecture.words import LANGUAGES, Words

PAGE = "lecture.html"
AMOUNTS = ("count", "share", "points", "number", "seconds")


def write_page(folder: Path, languages: Sequence[str] = LANGUAGES) -> tuple[Path, list[str], list[str]]:
    """Write the page from the results that are there.

    Returns: the page, the items that are on it, and those that are missing.

    Raises: ConfigError when a result is damaged; StorageError.
    """
    results = {name: read(folder, name) for name in registry.names()}
    path = folder / PAGE
    write_text(path, page(results, languages))
    return path, [n for n, r in results.items() if r], [n for n, r in results.items() if not r]


def page(results: Mapping[str, Mapping[str, Any] | None], languages: Sequence[str] = LANGUAGES) -> str:
    """The page's HTML; an item without result is shown with the command that makes it."""
    return _Writer(languages).page(results)


class _Writer:
    def __init__(self, languages: Sequence[str]) -> None:
        self.words = [Words(language) for language in languages]

    def each(self, make: Callable[[Words], str], tag: str = "span", attributes: str = "") -> str:
        """The same element once for each language, the others hidden by the style sheet; once when they agree."""
        made = [(words.language, make(words)) for words in self.words]
        if len({text for _, text in made}) == 1:
            return f"<{tag}{attributes}>{made[0][1]}</{tag}>" if tag != "span" or attributes else made[0][1]
        return "".join(f'<{tag} lang="{language}"{attributes}>{text}</{tag}>' for language, text in made)

    def say(self, key: str, values: Mapping[str, Value] | None = None, tag: str = "span", attributes: str = "") -> str:
        return self.each(lambda words: escape(words(key, values)), tag, attributes)

    def page(self, results: Mapping[str, Mapping[str, Any] | None]) -> str:
        first = self.words[0]
        done = [result for result in results.values() if result]
        counts = {
            "done": count(len(done)),
            "total": count(len(results)),
            "holding": count(sum(result["holds"] for result in done)),
        }
        short = sum(result["quick"] for result in done)
        shortened = self.say("page.shortened", {"short": count(short)}, tag="p") if short else ""
        sections = "\n".join(self.checked_section(name, result) for name, result in results.items())
        contents = "".join(
            f'<li><a href="#{name}"><span class="number">{name}</span>'
            f'<span class="name">{self.say(f"{name}.title")}</span>{self.state(result)}</a></li>'
            for name, result in results.items()
        )
        return f"""<!doctype html>
<html lang="{first.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(" · ".join(words("page.title") for words in self.words))}</title>
<style>{CSS}</style>
</head>
<body>
{self.switch()}
<header>
{self.say("page.title", tag="h1")}
{self.say("page.lead", tag="p", attributes=' class="lead"')}
{self.say("page.summary", counts, tag="p")}
{shortened}
<nav aria-label="{escape(first("page.contents"))}"><ol>{contents}</ol></nav>
</header>
<main>
{sections}
</main>
<footer>{self.say("page.intervals", tag="p")}</footer>
</body>
</html>
"""

    def switch(self) -> str:
        if len(self.words) == 1:
            return ""
        inputs = "".join(
            f'<input class="switch" type="radio" name="language" id="{words.language}"'
            f' aria-label="{escape(words("page.language"))}"{" checked" if words is self.words[0] else ""}>'
            for words in self.words
        )
        labels = "".join(
            f'<label for="{w.language}" lang="{w.language}">{escape(w("page.language"))}</label>' for w in self.words
        )
        title = " / ".join(words("page.choose") for words in self.words)
        return f'{inputs}<div class="languages" role="group" aria-label="{escape(title)}">{labels}</div>'

    def checked_section(self, name: str, result: Mapping[str, Any] | None) -> str:
        try:
            return self.section(name, result)
        except (UnknownName, KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ConfigError) or (isinstance(error, UnknownName) and result is None):
                raise
            where = Path(result["folder"]) / RESULT if result else name
            raise ConfigError(
                f"{where} is damaged, or made by another version: {error!r}",
                f"make it again: profond lecture run {name}",
            ) from None

    def section(self, name: str, result: Mapping[str, Any] | None) -> str:
        parts = [
            f'<section id="{name}" aria-labelledby="{name}-title">',
            f'<h2 id="{name}-title"><span class="number">{name}</span>{self.say(f"{name}.title")}</h2>',
            f"<blockquote>{self.say(f'{name}.stated', tag='p')}</blockquote>",
        ]
        if result is None:
            parts.append(f"<p>{self.verdict(None)} {self.say('page.run_it')}</p>")
            parts.append(f'<code class="command">profond lecture run {name}</code></section>')
            return "\n".join(parts)
        if result["quick"]:
            parts.append(f'<p class="quick">{self.say("page.quick")} <code>profond lecture run {name}</code></p>')
        parts.append(self.claims(name, result))
        parts += [self.figure(name, result, figure) for figure in result["figures"]]
        parts += [self.say("page.how", tag="p", attributes=' class="label"'), self.say(f"{name}.method", tag="p")]
        parts += [self.table(name, table) for table in result["tables"]]
        parts.append(self.conditions(result))
        if command := registry.entry(name).config.get("try_it"):
            parts.append(self.say("page.try_it", tag="p", attributes=' class="label"'))
            parts.append(f'<code class="command">{escape(command)}</code>')
        parts.append("</section>")
        return "\n".join(parts)

    def state(self, result: Mapping[str, Any] | None) -> str:
        """The verdict, and on what it rests, for the contents."""
        terms = self.each(lambda words: escape(status(result, words)[1]))
        aside = f'<span class="terms">{terms}</span>' if terms else ""
        return f'<span class="state">{self.verdict(result)}{aside}</span>'

    def verdict(self, result: Mapping[str, Any] | None) -> str:
        kind = "missing" if result is None else {True: "holds", False: "fails", None: "untried"}[result["holds"]]
        sign = {"missing": "○", "untried": "○", "holds": "✓", "fails": "✗"}[kind]
        return f'<span class="verdict {kind}"><span aria-hidden="true">{sign}</span> {self.say(f"page.{kind}")}</span>'

    def aside(self, claim: Mapping[str, Any]) -> str:
        return self.say("page.aside", tag="span", attributes=' class="aside"') if claim["aside"] else ""

    def claims(self, name: str, result: Mapping[str, Any]) -> str:
        heads = "".join(
            f'<th scope="col">{self.say(f"page.{key}")}</th>' for key in ("statement", "measured", "verdict")
        )
        rows = "".join(
            f"<tr><td>{self.say(f'{name}.claim.{key}')}{self.aside(claim)}</td>"
            f"<td>{self.say(measured_key(name, claim), values_of(claim['values']))}</td>"
            f"<td>{self.verdict(claim)}</td></tr>"
            for claim in result["claims"]
            for key in (claim["name"],)
        )
        return f'<table class="claims"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'

    def figure(self, name: str, result: Mapping[str, Any], figure: Mapping[str, Any]) -> str:
        key = f"{name}.figure.{figure['name']}"

        def image(words: Words) -> str:
            data = picture_bytes(result, figure["files"][words.language])
            width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
            source = base64.b64encode(data).decode("ascii")
            return (
                f'<img src="data:image/png;base64,{source}" width="{width}" height="{height}"'
                f' alt="{escape(words(key))}">'
            )

        return f"<figure>{self.each(image)}<figcaption>{self.say(key)}</figcaption></figure>"

    def table(self, name: str, table: Mapping[str, Any]) -> str:
        rows = [[Value.from_json(cell) for cell in row] for row in table["rows"]]
        amounts = [all(row[i].kind in AMOUNTS for row in rows) for i in range(len(table["columns"]))]
        classes = [' class="amount"' if amount else "" for amount in amounts]
        heads = "".join(
            f'<th scope="col"{style}>{self.say(f"column.{key}")}</th>'
            for key, style in zip(table["columns"], classes, strict=True)
        )
        body = ""
        for row in rows:
            cells = "".join(
                f"<td{style}>{self.each(lambda words, cell=cell: escape(words.write(cell)))}</td>"  # type: ignore[misc]
                for cell, style in zip(row, classes, strict=True)
            )
            style = ' class="sum"' if row[0] == word("total") else ""
            body += f"<tr{style}>{cells}</tr>"
        title = self.say(f"{name}.table.{table['name']}")
        return (
            f"<details open><summary>{title}</summary><div class='scroll'><table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table></div></details>"
        )

    def conditions(self, result: Mapping[str, Any]) -> str:
        rows = [
            (self.say("page.command"), f"<code>{escape(result['command'])}</code>"),
            *(
                (self.say(f"used.{key}"), self.each(lambda words, value=value: escape(words.write(value))))  # type: ignore[misc]
                for key, value in values_of(result["used"]).items()
            ),
            (
                self.say("page.duration"),
                self.each(lambda words: escape(words.write(Value("seconds", result["seconds"])))),
            ),
            (
                self.say("page.date"),
                self.each(lambda words: escape(f"{words.date(result['finished'])}, profond {result['profond']}")),
            ),
        ]
        facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
        head = self.say("page.conditions", tag="p", attributes=' class="label"')
        return f'{head}<dl class="facts">{facts}</dl>'


def measured_key(item: str, claim: Mapping[str, Any]) -> str:
    """Of the sentence that says what was measured, or that nothing could be."""
    return "page.absent" if claim["holds"] is None else f"{item}.measured.{claim['name']}"


def values_of(data: Mapping[str, Any]) -> dict[str, Value]:
    return {name: Value.from_json(value) for name, value in data.items()}
