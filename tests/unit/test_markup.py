"""What models are in the habit of writing, and what a person gets to see of it in Telegram."""

import pytest

from ops.sandbox.telegram.markup_html import parse_html
from workers.delivery.markup import long_pieces, pieces, plain
from workers.delivery.markup_rich import Rich, Span, to_html, units
from workers.delivery.markup_split import split

TABLE = "| a | b |\n|---|---|\n| 1 | **2** |"


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**b** *i* ~~s~~ `c`", "<b>b</b> <i>i</i> <s>s</s> <code>c</code>"),
        ("<u>u</u> <tg-spoiler>t</tg-spoiler>", "<u>u</u> <tg-spoiler>t</tg-spoiler>"),
        ("***both***", "<b><i>both</i></b>"),
        ("# A *b*", "<b>A <i>b</i></b>"),
        ("a **b `c` d**", "a <b>b </b><code>c</code><b> d</b>"),
        ("**unbalanced *marks", "**unbalanced *marks"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2<i>3</i>4"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("<script>x</script> <b>y", "&lt;script&gt;x&lt;/script&gt; &lt;b&gt;y"),
        ("<b>a <i>b</b> c</i>", "<b>a <i>b</i></b><i> c</i>"),
        ("line<br>break", "line\nbreak"),
        ("- a\n  - b\n    - c\n- d", "• a\n  ◦ b\n    ▪ c\n• d"),
        ("Intro:\n1. a\n2. b\n\nEnd", "Intro:\n1. a\n2. b\n\nEnd"),
        ("3) a\n4) b", "3) a\n4) b"),
        ("- [ ] to do\n- [x] done", "• ☐ to do\n• ☑ done"),
        ("- a\n\n  more", "• a\n\n  more"),
        ("> a\n> > b", "<blockquote>a\nb</blockquote>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("```py\nif a < b:\n    c\n```", '<pre><code class="language-py">if a &lt; b:\n    c</code></pre>'),
        ("```\nopen", "<pre>open</pre>"),
        ("```py app.py\nx\n```", 'app.py\n<pre><code class="language-py">x</code></pre>'),
        ("    indented", "<pre>indented</pre>"),
        (TABLE, "<pre>a | b\n--+--\n1 | 2</pre>"),
        ("Euler: \\(e^{i\\pi}\\)", "Euler: <code>e^{i\\pi}</code>"),
        ("$$\na\n=\nb\n$$", "<pre>a\n=\nb</pre>"),
        ("$x_1$ costs $5 or $6", "<code>x_1</code> costs $5 or $6"),
        ("[1]: https://a.example\n\ntext [1]", "[1]: https://a.example\n\ntext [1]"),
        ("[`f`](https://a.example)", '<a href="https://a.example">f</a>'),
        ("<https://a.example>", '<a href="https://a.example">https://a.example</a>'),
        ("![](https://a.example/p.png)", '<a href="https://a.example/p.png">https://a.example/p.png</a>'),
        ("[](https://a.example)", '<a href="https://a.example">https://a.example</a>'),
        ("&lt;b&gt; &copy;", "&lt;b&gt; ©"),
        ("", ""),
        (" \n\t", ""),
        ("\u200b", ""),
    ],
)  # fmt: skip
def test_habits(markdown: str, html: str) -> None:
    assert "".join(pieces(markdown)) == html


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "/local", "#top",
     "http://", "https:///path", "tg:", "x" * 3000, "//a.example"],
)  # fmt: skip
def test_a_hostile_address_is_dropped_and_its_text_stays(address: str) -> None:
    assert pieces(f"see [this]({address})") == ("see this",)
    assert pieces(f"see [this](<{address}>)") == ("see this",)


@pytest.mark.parametrize(
    "address", ["http://a.example", "https://a.example", "tg://x", "mailto:a@b.example"]
)
def test_other_addresses_stay(address: str) -> None:
    assert pieces(f"[t]({address})") == (f'<a href="{address}">t</a>',)


def test_an_address_cannot_leave_its_attribute() -> None:
    (made,) = pieces('[t](<https://a.example/"onclick="x> "title")')
    (entity,) = parse_html(made).entities
    assert entity["type"] == "text_link"
    assert '"' not in entity["url"]


def test_a_wide_table_and_one_with_links_go_row_by_row() -> None:
    wide = f"| {'head ' * 6} | b |\n|-|-|\n| **x** | {'cell ' * 6} |"
    assert pieces(wide) == (
        f"<b>{('head ' * 6).strip()} | b</b>\n<b>x</b> | {('cell ' * 6).strip()}",
    )
    linked = "|a|b|\n|-|-|\n|[t](https://a.example)|x|"
    assert pieces(linked) == ('<b>a | b</b>\n<a href="https://a.example">t</a> | x',)


def test_a_row_with_too_many_cells_loses_none() -> None:
    assert plain("> |a|\n> |-|\n> |x || y|").splitlines()[-1].split() == ["x", "|", "|", "y"]


def test_a_long_code_block_is_cut_at_lines_and_keeps_its_language_and_indents() -> None:
    lines = [f"    line {number}" for number in range(900)]
    made = pieces("Code:\n\n```py\n" + "\n".join(lines) + "\n```\nEnd.")
    assert len(made) > 2
    assert made[0].startswith("Code:\n\n<pre><code")
    assert all('<pre><code class="language-py">    line' in piece for piece in made)
    assert "\n".join(parse_html(piece).text for piece in made).count("    line") == 900
    assert made[-1].endswith("</code></pre>\nEnd.")


def test_a_block_that_fits_into_one_message_is_not_torn() -> None:
    made = pieces("words " * 300 + "\n\n```\n" + "code\n" * 500 + "```")
    assert [parse_html(piece).entities != [] for piece in made] == [False, True]


def test_styles_go_on_in_the_next_message() -> None:
    made = pieces(f"**{'bold ' * 30}bold**", limit_units=64)
    assert len(made) > 2
    assert all(piece.startswith("<b>") and piece.endswith("</b>") for piece in made)


def test_cuts_prefer_paragraphs_then_sentences_then_words() -> None:
    assert pieces(f"{'a' * 40}\n\n{'b' * 40}", limit_units=64) == ("a" * 40, "b" * 40)
    assert pieces(f"{'a' * 40}. {'b' * 40}", limit_units=64) == ("a" * 40 + ".", "b" * 40)
    assert pieces(f"{'a' * 40} {'b' * 40}", limit_units=64) == ("a" * 40, "b" * 40)
    assert [units(one) for one in pieces("a" * 100, limit_units=64)] == [64, 36]


def test_a_character_of_several_is_not_torn() -> None:
    family, flag = "👨‍👩‍👧‍👦", "🇩🇪"
    assert all(not len(one) % len(family) for one in pieces(family * 30, limit_units=50))
    assert all(not len(one) % 2 for one in pieces("x" + flag * 50, limit_units=33)[1:])
    assert all(not one.startswith("\u0301") for one in pieces("e\u0301" * 50, limit_units=33))


def test_ranges_that_cross_become_tags_that_do_not() -> None:
    crossed = Rich("abcdef", (Span(0, 4, "b"), Span(2, 6, "i"), Span(3, 3, "u")))
    assert to_html(crossed) == "<b>ab<i>cd</i></b><i>ef</i>"
    assert [part.text for part in split(crossed, limit_units=32)] == ["abcdef"]


def test_too_short_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        pieces("text", limit_units=31)


def test_a_text_too_deep_for_the_reader_is_shown_as_it_is() -> None:
    deep = ">" * 100 + " here"
    assert plain(deep) == deep
    assert plain("> " * 5 + "here") == "here"


async def test_a_long_text_is_read_beside_the_loop_with_the_same_answer() -> None:
    for text in ("**short**", "a *long* text\n\n" * 2_000):
        assert await long_pieces(text) == pieces(text)
