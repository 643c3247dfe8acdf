"""A model's summary as lines of text, for any width of terminal."""

from __future__ import annotations

from collections.abc import Sequence

from profond.explain.network.summary import Layer, Summary

HEADINGS = ("layer", "kind", "output", "parameters", "= formula", "mult-adds", "field/step")
RIGHT = (3, 5, 6)
FORMULA, KIND, NAME = 4, 1, 0


def lines(summary: Summary, width: int = 80) -> list[str]:
    """One line a layer; where the terminal is too narrow, the formula stands on a line of its own."""
    rows = [cells(layer) for layer in summary.layers]
    sums = ("total", "", "", f"{summary.parameters:,}", "", f"{summary.multiply_adds:,}", "")
    every = [HEADINGS, *rows, sums]
    columns = list(range(len(HEADINGS)))
    widths = {column: max(len(row[column]) for row in every) for column in columns}
    beside = total(widths, columns) <= width
    if not beside:
        columns.remove(FORMULA)
    for column, least in ((KIND, 8), (NAME, 8)):
        over = total(widths, columns) - width
        if over > 0:
            widths[column] = max(min(least, widths[column]), widths[column] - over)
    rule = "─" * min(total(widths, columns), width)
    result = [line(HEADINGS, widths, columns), rule]
    for row in rows:
        result.append(line(row, widths, columns))
        if row[FORMULA] and not beside:
            indent = widths[NAME] + 2
            result += [" " * indent + part for part in pieces(f"= {row[FORMULA]}", width - indent)]
    return [*result, rule, line(sums, widths, columns), *totals(summary)]


def cells(layer: Layer) -> tuple[str, ...]:
    kind = layer.kind if layer.calls < 2 else f"{layer.kind} ×{layer.calls}"
    shape = "×".join(map(str, layer.output_shape or ())) or "1"
    if layer.output_shape is None:
        shape = "no tensor" if layer.calls else "not called"
    elif layer.other_shapes:
        shape += " …"
    parameters = f"{layer.parameters:,}" if layer.parameters or layer.formula else "-"
    multiply_adds = f"{layer.multiply_adds:,}" if layer.multiply_adds else "-"
    return (layer.name, kind, shape, parameters, layer.formula, multiply_adds, field(layer))


def field(layer: Layer) -> str:
    """Size and step of the receptive field: ``14/2``, ``9×14/1×2`` where the axes differ, ``all`` of the input."""
    if layer.receptive_field is None or layer.step is None:
        return "-"
    if layer.sees_all and not any(layer.step):
        return "all"
    size, step = axes(layer.receptive_field), axes([round(value, 3) for value in layer.step])
    return size if not any(layer.step) else f"{size}/{step}"


def axes(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "×".join(f"{value:g}" for value in values)


def totals(summary: Summary) -> list[str]:
    fixed = summary.parameters - summary.trainable
    kinds = f"{summary.trainable:,} trainable, {fixed:,} fixed" if fixed else "all trainable"
    counts_statistics = summary.counting == "keras" and any("BatchNorm" in layer.kind for layer in summary.layers)
    counted = ", with BatchNorm's running statistics, as Keras counts" if counts_statistics else ""
    stored = f"; {summary.buffers:,} stored numbers are no parameters" if summary.buffers else ""
    outputs = f"outputs of all layers {size(summary.activation_bytes)} a sample"
    several = ["output …     of the first call; later calls give other shapes"]
    return [
        f"parameters   {summary.parameters:,} ({kinds}{counted})",
        f"memory       weights {size(summary.weight_bytes)}{stored}",
        f"             {outputs}",
        "field/step   input positions that one number sees, and from one number to the next",
        *(several if any(layer.other_shapes for layer in summary.layers) else []),
    ]


def size(count: float) -> str:
    """Bytes for people: ``247 kB`` (of 1,000)."""
    units = iter(("bytes", "kB", "MB", "GB"))
    unit = next(units)
    while count >= 1000 and unit != "GB":
        count, unit = count / 1000, next(units)
    return f"{count:,.3g} {unit}" if count < 1000 else f"{count:,.0f} {unit}"


def line(row: Sequence[str], widths: dict[int, int], columns: Sequence[int]) -> str:
    parts = []
    for column in columns:
        text, room = row[column], widths[column]
        if len(text) > room:  # the end of a path says most
            text = "…" + text[1 - room :] if column == NAME else text[: room - 1] + "…"
        parts.append(text.rjust(room) if column in RIGHT else text.ljust(room))
    return "  ".join(parts).rstrip()


def total(widths: dict[int, int], columns: Sequence[int]) -> int:
    return sum(widths[column] for column in columns) + 2 * (len(columns) - 1)


def pieces(text: str, width: int) -> list[str]:
    """Broken at spaces."""
    result = [""]
    for word in text.split(" "):
        if result[-1] and len(result[-1]) + 1 + len(word) > width:
            result.append("  " + word)
        else:
            result[-1] = f"{result[-1]} {word}" if result[-1] else word
    return result
