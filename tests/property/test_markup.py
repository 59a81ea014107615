"""Whatever a model writes: every message is one that Telegram takes, and nothing of the text is lost."""

import unicodedata
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from ops.sandbox.telegram.entities import message_text
from ops.sandbox.telegram.markup_html import parse_html
from ops.sandbox.telegram.text16 import len16
from workers.delivery.markup import pieces, plain, rich
from workers.delivery.markup_rich import PRE, Rich

MARKS = "*_~`#>-+.|\\$=:1 \n\t"
WORDS = st.text("abcXYZабвёЖ中文0159é́👍🏽😀🇩🇪-", min_size=1, max_size=12)
NOISE = st.lists(st.one_of(st.sampled_from(list(MARKS)), WORDS), max_size=60).map("".join)
ADDRESSES = st.sampled_from(
    ["https://a.example/x?y=1&z=<2>", "javascript:alert(1)", "tg://user?id=1", "file:///etc/passwd",
     "mailto:a@b.example", "data:text/html,x", "/local", "http://", "HTTPS://B.example", "tg:"]
)  # fmt: skip
SENTENCES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
INLINES = st.one_of(
    SENTENCES,
    st.builds("**{}**".format, SENTENCES),
    st.builds("*{}*".format, SENTENCES),
    st.builds("~~{}~~".format, SENTENCES),
    st.builds("`{}`".format, SENTENCES),
    st.builds("<u>{}</u>".format, SENTENCES),
    st.builds("**{} `{}`** {}".format, SENTENCES, SENTENCES, SENTENCES),
    st.builds("[{}]({})".format, SENTENCES, ADDRESSES),
    st.builds("![{}]({})".format, SENTENCES, ADDRESSES),
)
LINES = st.lists(INLINES, min_size=1, max_size=4).map(" ".join)
BLOCKS = st.one_of(
    LINES,
    st.builds("## {}".format, LINES),
    st.lists(LINES, min_size=1, max_size=5).map(lambda rows: "\n".join(f"- {r}" for r in rows)),
    st.lists(LINES, min_size=1, max_size=5).map(lambda rows: "\n".join(f"1. {r}" for r in rows)),
    st.lists(LINES, min_size=1, max_size=5).map(lambda rows: "\n".join(f"> {r}" for r in rows)),
    st.lists(SENTENCES, min_size=1, max_size=40).map(
        lambda rows: f"```py\n{chr(10).join(rows)}\n```"
    ),
    st.lists(st.tuples(WORDS, LINES), min_size=1, max_size=5).map(
        lambda rows: "|a|b|\n|-|-|\n" + "\n".join(f"|{a}|{b}|" for a, b in rows)
    ),
)
DOCUMENTS = st.lists(BLOCKS, min_size=1, max_size=12).map("\n\n".join)
LIMITS = st.sampled_from([32, 64, 150, 1024, 4096])


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def visible(text: str) -> str:
    """Without blanks, and what is as good as one."""
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def with_languages(page: Rich) -> str:
    """What a person sees: Telegram shows the language of a block above it."""
    text = page.text
    blocks = [span for span in page.spans if span.kind == PRE and span.value]
    for span in sorted(blocks, key=lambda one: one.start, reverse=True):
        text = f"{text[: span.start]}{span.value} {text[span.start :]}"
    return text


@given(NOISE)
@example("|a|b|\n|-|-|\n|1|2|3|4|\n> |c|\n> |-|\n> |x|y|")
@example(">" * 60 + " deep")
@example("- " * 60 + "deep")
@example("``` py a.py\n```")
@example("1.\n2.\n- \n- - 3")
def test_no_letter_is_lost_or_added_whatever_the_marks(source: str) -> None:
    assert letters(with_languages(rich(source))) == letters(source)


@given(DOCUMENTS, LIMITS)
def test_documents_arrive_whole_in_messages_that_telegram_takes(source: str, limit: int) -> None:
    check(source, limit)


@given(st.one_of(st.text(max_size=300), NOISE, st.lists(LINES).map("".join)), LIMITS)
@example("\x1f", 32)
@example("\x0b\x00", 32)
@example("😀" * 3000, 4096)
@example("👨‍👩‍👧‍👦" * 600, 4096)
@example("[x](https://a.example/" + "y" * 1900 + ") " * 1, 32)
@example(("[x](https://a.example/" + "y" * 1900 + ") ") * 100, 4096)
@example("<" * 9000, 4096)
@example("\ud800 lone \x00 control \x1b", 64)
@example("```\n```", 64)
@example("\u200b\u200e", 64)
def test_any_text_arrives_whole_in_messages_that_telegram_takes(source: str, limit: int) -> None:
    check(source, limit)


@given(
    st.lists(
        st.sampled_from(
            [
                "<b>",
                "</b>",
                "<i>",
                "</u>",
                "<u>",
                "<br>",
                "<script>",
                "&lt;",
                "**",
                "a",
                "_",
                "`",
                "[",
                "](tg:x)",
                "\n",
            ]
        )
    ).map("".join)
)
def test_tags_are_never_left_open(source: str) -> None:
    check(source, 4096)


def check(source: str, limit: int) -> None:
    made = pieces(source, limit_units=limit)
    shown = [parse_html(piece) for piece in made]
    for piece, one in zip(made, shown, strict=True):
        assert len16(one.text) <= limit
        assert message_text(piece, "HTML", None)["text"]
        for entity in one.entities:
            assert "url" not in entity or urlsplit(entity["url"]).scheme in {"http", "https", "tg"}
    assert visible("".join(one.text for one in shown)) == visible(plain(source))
    assert bool(made) == bool(visible(source))
