"""Tables, which Telegram does not know: a narrow one as a grid in code, a wide one row by row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from unicodedata import east_asian_width

from workers.delivery.markup_inline import inline
from workers.delivery.markup_rich import LINK, PRE, Rich, Span

if TYPE_CHECKING:
    from markdown_it.token import Token

GRID_MAX: Final = 42
"""Columns of code that a phone shows without breaking lines."""
_BAR: Final = " | "
_CROSS: Final = "-+-"

Row = list[Rich]


def table(tokens: "list[Token]", lines: Sequence[str]) -> Rich:
    """From `table_open` to `table_close`; the first row is the head. `lines`: those of the source."""
    rows: list[Row] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_flat(inline(token)))
        elif token.type == "tr_close" and len(rows) > 1:
            _keep_rest(rows, lines, tokens[0])
    widths = [max((_width(row[at].text) for row in rows), default=0) for at in range(len(rows[0]))]
    wide = sum(widths) + len(_BAR) * (len(widths) - 1) > GRID_MAX
    linked = any(span.kind == LINK for row in rows for cell in row for span in cell.spans)
    return _lines(rows) if wide or linked else _grid(rows, widths)


def _keep_rest(rows: list[Row], lines: Sequence[str], table: "Token") -> None:
    """A row with more cells than the head: Markdown drops the rest, we keep it in the last cell."""
    from markdown_it.rules_block.table import escapedSplit

    if table.map is None:
        return
    line = lines[table.map[0] + len(rows)]  # below the head is a line that is no row
    cells = escapedSplit(line.strip().lstrip("> \t").removeprefix("|").removesuffix("|"))
    rest = [cell.strip() for cell in cells[len(rows[0]) :]]
    if rest:
        last = rows[-1][-1]
        rows[-1][-1] = Rich(_BAR.join([last.text, *rest]), last.spans)


def _grid(rows: list[Row], widths: list[int]) -> Rich:
    head, *rest = (_padded(row, widths) for row in rows)
    text = "\n".join([head, _CROSS.join("-" * width for width in widths), *rest])
    return Rich(text, (Span(0, len(text), PRE),))


def _padded(row: Row, widths: list[int]) -> str:
    cells = (
        cell.text + " " * (width - _width(cell.text))
        for cell, width in zip(row, widths, strict=True)
    )
    return _BAR.join(cells).rstrip()


def _lines(rows: list[Row]) -> Rich:
    """The head in bold; cells of a row side by side, with their links and styles."""
    text, spans = "", list[Span]()
    for number, row in enumerate(rows):
        text += "\n" if text else ""
        begin = len(text)
        for at, cell in enumerate(row):
            text += _BAR if at else ""
            spans += (
                Span(len(text) + s.start, len(text) + s.end, s.kind, s.value) for s in cell.spans
            )
            text += cell.text
        if number == 0:
            spans.append(Span(begin, len(text), "b"))
    return Rich(text, tuple(spans))


def _flat(cell: Rich) -> Rich:
    return Rich(cell.text.replace("\n", " "), cell.spans)


def _width(text: str) -> int:
    return len(text) + sum(east_asian_width(char) in "WF" for char in text)
