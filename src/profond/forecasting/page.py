"""The report of a forecast as one HTML file: both languages, its pictures inside, nothing fetched."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape

import numpy as np

from profond.core.version import VERSION
from profond.data.timetable.said import in_language
from profond.data.timetable.write import finer_digits
from profond.forecasting.forecast import Forecast, Forecasts
from profond.forecasting.report import classic_lines, methods_table, notes, sentences
from profond.forecasting.verdict import Verdict
from profond.forecasting.words import LANGUAGES, Words

MOST_ROWS, MOST_SERIES, HARDEST = 60, 3, 5

CSS = """
:root{color-scheme:light dark;--ink:#1d2730;--soft:#55616c;--paper:#fff;--line:#d8d4cc;--mark:#0b6e8a;--tint:#eef5f7}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#aab4bd;--paper:#15191d;--line:#3a424a;--mark:#6fc6de;
--tint:#1c262c}img{background:#fff}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:0 1.25rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:1.2rem 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.lead,footer{color:var(--soft)}.verdict{background:var(--tint);border-left:4px solid var(--mark);padding:.6rem 1rem}
.verdict p{margin:.3rem 0}figure{margin:1rem 0}img{max-width:100%;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
th.amount,td.amount{text-align:right}caption{text-align:left;color:var(--soft);padding-bottom:.4rem}
code{font-size:.9em;overflow-wrap:anywhere}ul{padding-left:1.2rem}
.switch{accent-color:var(--mark);margin:1rem .3rem 0 1.25rem}label{cursor:pointer}
input:focus-visible{outline:2px solid var(--mark)}
#en:checked~main[lang=fr],#fr:checked~main[lang=en]{display:none}
"""


def page(
    forecasts: Forecasts,
    verdict: Verdict,
    pictures: Mapping[str, Sequence[bytes]],
    *,
    language: str = "en",
    file: str = "",
    command: str = "",
) -> str:
    """The whole file.

    Args:
        pictures: PNGs by language: the forecast, and the test where there was one.
        language: that is shown first.
        file: name of the table of all forecasts.
        command: that made it.
    """
    chosen = [Words(one) for one in sorted(LANGUAGES, key=lambda one: one != language)]
    switch = "".join(
        f'<input class="switch" type="radio" name="language" id="{words.language}"'
        f"{' checked' if words is chosen[0] else ''}>"
        f'<label for="{words.language}" lang="{words.language}">{escape(words("page.language"))}</label> '
        for words in chosen
    )
    mains = "".join(_main(forecasts, verdict, pictures[one.language], one, file, command) for one in chosen)
    title = " · ".join(_title(forecasts, words) for words in chosen)
    return (
        f'<!doctype html>\n<html lang="{chosen[0].language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n{switch}\n{mains}</body>\n</html>\n"
    )


def _main(
    forecasts: Forecasts, verdict: Verdict, pictures: Sequence[bytes], words: Words, file: str, command: str
) -> str:
    table = forecasts.table
    noticed = [*(in_language(line, words.language) for line in table.notes), *notes(forecasts, words)]
    said = "".join(f"<p>{escape(line)}</p>" for line in sentences(forecasts, verdict, words))
    parts = [
        f"<h1>{escape(_title(forecasts, words))}</h1>",
        f'<p class="lead">{escape(_lead(forecasts, words))}</p>',
        _section(words("page.verdict"), f'<div class="verdict">{said}</div>'),
        _section(
            words("page.forecast"), _picture(pictures[0], _alt(forecasts, words)) + _values(forecasts, words, file)
        ),
    ]
    if verdict.scores:
        caption, heads, rows = methods_table(forecasts, verdict, words)
        parts.append(_section(words("page.methods"), _table(caption, heads, rows)))
    if classical := classic_lines(forecasts, words):
        parts.append(_section(words("page.classics"), _list(classical)))
    if len(pictures) > 1:
        parts.append(_section(words("page.test"), _picture(pictures[1], words("page.alt_test"))))
    if hardest := _hardest(forecasts):
        rows = [
            [one.series.name, words.method(one.method.name, one.method.steps), words.number(e, 3)] for e, one in hardest
        ]
        heads = [words("page.series"), words("head.method"), "MASE"]
        parts.append(_section(words("page.worst"), _table("", heads, rows, texts=2)))
    parts.append(_section(words("page.read"), _list([in_language(line, words.language) for line in table.assumed])))
    if noticed:
        parts.append(_section(words("page.noticed"), _list(noticed)))
    made = words("page.made", version=VERSION, date=date.today().isoformat(), command=command)
    parts.append(f"<footer><p>{escape(made)}</p></footer>")
    return f'<main lang="{words.language}">\n' + "\n".join(parts) + "\n</main>\n"


def _title(forecasts: Forecasts, words: Words) -> str:
    table = forecasts.table
    target = table.cells.names[table.roles.targets[0]] if table.roles.layout == "long" else table.cells.path.name
    return words("page.title", target=target, horizon=forecasts.horizon)


def _lead(forecasts: Forecasts, words: Words) -> str:
    table, every = forecasts.table, forecasts.series
    first, last = (
        table.stamp(place) for place in (min(o.series.start for o in every), max(o.series.end for o in every) - 1)
    )
    key = "page.lead_one" if len(every) == 1 else "page.lead"
    step = in_language(table.step, words.language)
    return words(key, table=table.cells.path.name, count=len(every), step=step, first=first, last=last)


def _alt(forecasts: Forecasts, words: Words) -> str:
    names = ", ".join(one.series.name for one in forecasts.series[:MOST_SERIES])
    write = _writer(forecasts, words)
    first, last = (write(float(forecasts.series[0].values[at, 0])) for at in (0, -1))
    level = words.percent(forecasts.level)
    return words("page.alt_forecast", names=names, horizon=forecasts.horizon, level=level, first=first, last=last)


def _writer(forecasts: Forecasts, words: Words) -> Callable[[float], str]:
    """Numbers with as many decimals as in the table, six figures at most, and its unit, in the language's marks.

    Two decimals are always shown where the table has them; the table that is written keeps all of its own.
    """
    table = forecasts.table
    form = table.roles.numbers[table.roles.targets[0]].form
    largest = max(float(np.nanmax(np.abs(one.values))) for one in forecasts.series if np.isfinite(one.values).any())
    figures = max(2, 5 - math.floor(math.log10(largest))) if largest else 2
    digits = min(form.digits + finer_digits(table), figures)

    def write(value: float) -> str:
        return form.before + words.number(value, digits) + form.after if np.isfinite(value) else "–"

    return write


def _values(forecasts: Forecasts, words: Words, file: str) -> str:
    table, write = forecasts.table, _writer(forecasts, words)
    share = f"{100 * forecasts.level:g}"
    shown = forecasts.series[:MOST_SERIES] if len(forecasts.series) > 1 else forecasts.series
    most = max(1, MOST_ROWS // len(shown))
    heads = [
        words("page.time"),
        words("page.value"),
        words("column.low", level=share),
        words("column.high", level=share),
    ]
    made = []
    for one in shown:
        count = min(forecasts.horizon, most)
        rows = [[table.stamp(one.series.end + n), *map(write, map(float, one.values[n]))] for n in range(count)]
        made.append(_table(one.series.name if one.series.ids else "", heads, rows))
    if most < forecasts.horizon:
        made.append(f"<p>{escape(words('page.rows', shown=most, count=forecasts.horizon, file=file))}</p>")
    if len(shown) < len(forecasts.series):
        made.append(f"<p>{escape(words('page.more', shown=len(shown), count=len(forecasts.series), file=file))}</p>")
    return "".join(made)


def _hardest(forecasts: Forecasts) -> list[tuple[float, Forecast]]:
    """The series with the greatest MASE, of many."""
    if len(forecasts.series) <= HARDEST:
        return []
    found = []
    for one in forecasts.series:
        test = one.backtest
        if test is not None and test.scale and np.isfinite(error := test.mean_error(test.best)):
            found.append((error / test.scale, one))
    return sorted(found, key=lambda pair: -pair[0])[:HARDEST]


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _picture(data: bytes, alt: str) -> str:
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    source = base64.b64encode(data).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{source}" width="{width}" height="{height}" alt="{escape(alt)}">'
        "</figure>"
    )


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """The first ``texts`` columns are words, the others amounts."""
    styles = [""] * texts + [' class="amount"'] * (len(heads) - texts)
    top = "".join(f'<th scope="col"{style}>{escape(head)}</th>' for head, style in zip(heads, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{style}>{escape(cell)}</td>" for cell, style in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
