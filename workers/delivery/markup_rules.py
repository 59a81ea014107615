"""What models write beside CommonMark: formulas and a few tags of HTML. Rules for markdown-it."""

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

NESTING_MAX: Final = 40
"""Blocks in blocks. Deeper ones would be dropped in silence: such a text is not read as Markdown."""
TAG: Final = "tag"
FORMULA: Final = "formula"
STYLE_OF_TAG: Final = {
    "b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "ins": "u", "s": "s", "strike": "s",
    "del": "s", "code": "code", "kbd": "code", "tg-spoiler": "tg-spoiler",
}  # fmt: skip
_TAG: Final = re.compile(rf"<(/?)({'|'.join(STYLE_OF_TAG)}|br)\s*/?>", re.IGNORECASE)
_FORMULAS: Final = (
    re.compile(r"\\\((.+?)\\\)", re.DOTALL),
    re.compile(r"\\\[(.+?)\\\]", re.DOTALL),
    re.compile(r"\$\$(.+?)\$\$", re.DOTALL),
    # Prices are dollars, too: only what has a sign of mathematics in it.
    re.compile(r"\$(?=[^\s$])([^$\n]*[\\^_{][^$\n]*)(?<=\S)\$(?!\d)"),
)
_FENCES: Final = {"\\[": "\\]", "$$": "$$"}


@cache
def reader() -> "MarkdownIt":
    """Reads Markdown as models write it. It holds nothing of what it has read."""
    from markdown_it import MarkdownIt

    rules = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING_MAX})
    rules.enable(["table", "strikethrough"])
    # A definition, `[1]: https://…`, would vanish from the text.
    rules.disable("reference")
    rules.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 (looked at when written)
    rules.inline.ruler.before("escape", FORMULA, formula)
    rules.inline.ruler.before("html_inline", TAG, tag)
    rules.block.ruler.before(
        "fence", FORMULA, formula_block, {"alt": ["paragraph", "blockquote", "list"]}
    )
    return rules


def too_deep(tokens: "list[Token]") -> bool:
    """Whether blocks were nested so deeply that some of the text may be missing."""
    return any(token.level >= NESTING_MAX - 1 for token in tokens)


def formula(state: "StateInline", silent: bool) -> bool:  # noqa: FBT001 (called by markdown-it)
    if state.src[state.pos] not in "\\$":
        return False
    for shape in _FORMULAS:
        found = shape.match(state.src, state.pos, state.posMax)
        if found and found[1].strip():
            if not silent:
                state.push(FORMULA, "", 0).content = found[1].strip()
            state.pos = found.end()
            return True
    return False


def tag(state: "StateInline", silent: bool) -> bool:  # noqa: FBT001 (called by markdown-it)
    if state.src[state.pos] != "<":
        return False
    found = _TAG.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        token = state.push(TAG, found[2].lower(), 0)
        token.content, token.info = found[0], found[1]
    state.pos = found.end()
    return True


def formula_block(
    state: "StateBlock",
    start: int,
    end: int,
    silent: bool,  # noqa: FBT001 (called by markdown-it)
) -> bool:
    r"""Lines between `\[` and `\]` or `$$` and `$$` that stand alone; without an end it is none."""
    if state.is_code_block(start):
        return False
    closing = _FENCES.get(_line(state, start))
    if closing is None:
        return False
    for line in range(start + 1, end):
        if state.sCount[line] < state.blkIndent:
            return False
        if _line(state, line) == closing:
            if not silent:
                token = state.push("fence", "code", 0)
                token.content = state.getLines(start + 1, line, state.sCount[start], False)  # noqa: FBT003
                token.map = [start, line + 1]
                state.line = line + 1
            return True
    return False


def _line(state: "StateBlock", number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()
