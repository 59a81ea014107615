"""What a person is told when a job has ended: the result, or the reason and what became of the credits."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from schemas.buttons import (
    Rows,
    appeal_keyboard,
    rerun_keyboard,
    result_keyboard,
    retry_keyboard,
    uncertain_keyboard,
)
from schemas.jobs import Kind, State
from schemas.moderation import blocked_text
from schemas.results import (
    AnyResult,
    Artifact,
    FileProcessed,
    ImageAnalyzed,
    ImageGenerated,
    PostPublished,
    TextGenerated,
    TextImproved,
    artifacts_of,
)
from schemas.speech import Html, html, quoted
from schemas.texts import end_text
from storage.deliveries import Due
from storage.posts import Posts, PostState
from storage.results import JobView, Results
from workers.delivery.markup import AT_ONCE_MAX, long_pieces
from workers.delivery.markup_rich import Rich, to_html
from workers.delivery.markup_split import split
from workers.delivery.parts import (
    TEXT_MAX_UNITS,
    Answer,
    File,
    Words,
    file_of,
    grouped,
    lines,
    shortened,
    units,
)
from workers.delivery.prices import Prices

INLINE: Final = "tgi:"
INLINE_MAX_UNITS: Final = 3_800
"""Leaves room for a word of where the rest is: an inline message cannot be followed by another."""
PROMPT_SHOWN_MAX: Final = 200
CHANGES_SHOWN_MAX: Final = 12
CHANGE_SHOWN_MAX: Final = 200
MIB: Final = 1_000_000
BLOCKED: Final = "content_blocked"
NOTHING_HELD: Final = frozenset({"insufficient", "suspended", "closed", "no_account"})
"""Codes of jobs that ended before anything was reserved for them."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One for a process."""

    results: Results
    posts: Posts
    prices: Prices

    async def of(self, due: Due, language: str) -> Answer:
        """Raises Missing for a person who has been erased, Unreadable, Unavailable."""
        view = await self.results.get(due.user_id, due.job_id)
        if view.kind is Kind.POST_PUBLISH:
            return await self._post(view, language)
        if view.state is State.SUCCEEDED or due.gift:
            return await self._result(due, view, language)
        return Answer((_failure(view, language),))

    async def _result(self, due: Due, view: JobView, language: str) -> Answer:
        if view.result is None:
            return Answer((Words(html("delivery.forgotten", language)),))
        below = _below(due, view, language)
        if isinstance(view.result, TextImproved) and view.result.prompt:
            return await _prompt_answer(view.result, below, language)
        prices = await self.prices.of(due.user_id, view)
        keyboard = result_keyboard(view.kind, view.id, language, prices=prices)
        artifacts = artifacts_of(view.result)
        if artifacts:
            return self._files(due, view, keyboard, below, language)
        most = INLINE_MAX_UNITS if due.target.startswith(INLINE) else TEXT_MAX_UNITS
        texts = await _texts(view.result, language, most=most)
        texts = (*texts[:-1], *_together(texts[-1], below, between="\n\n", most=most))
        parts = [Words(text) for text in texts]
        return Answer((*parts[:-1], replace(parts[-1], keyboard=keyboard)))

    def _files(self, due: Due, view: JobView, keyboard: Rows, below: Html, language: str) -> Answer:
        """The buttons are under the file, or under a word behind an album, which can have none."""
        assert view.result is not None  # noqa: S101 (asked before)
        artifacts = artifacts_of(view.result)
        files = [self._file(due, number, artifact) for number, artifact in enumerate(artifacts)]
        sent = [file for file in files if file is not None]
        groups = grouped(sent, caption=lines(_prompt(view.result), below))
        heavy = [
            _too_large(artifact, language)
            for artifact, file in zip(artifacts, files, strict=True)
            if file is None
        ]
        if len(groups) == 1 and isinstance(groups[0], File) and not heavy:
            return Answer((replace(groups[0], keyboard=keyboard),))
        count = html("delivery.album", language, count=len(sent)) if sent else below
        return Answer((*groups, Words(lines(count, *heavy), keyboard)))

    def _file(self, due: Due, number: int, artifact: Artifact) -> File | None:
        async def load() -> bytes:
            return (await self.results.artifact(due.user_id, due.job_id, number))[1]

        return file_of(artifact, load)

    async def _post(self, view: JobView, language: str) -> Answer:
        """Whatever the job came to: what counts is how its post stands."""
        post = await self.posts.settle(view.id)
        if post is not None and post.state == "sent":
            return Answer((Words(_posted(post, language)),))
        if post is not None and post.state == "uncertain":
            keyboard = uncertain_keyboard(view.id, language)
            return Answer((Words(html("delivery.post_uncertain", language), keyboard),))
        if isinstance(view.result, PostPublished):
            return Answer((Words(html("delivery.posted", language)),))
        return Answer((_failure(view, language),))


async def plain_pieces(text: str, *, limit_units: int = TEXT_MAX_UNITS) -> tuple[str, ...]:
    """A text that is no Markdown, as messages; a long one is cut in a thread, so that the loop goes on."""
    if len(text) <= AT_ONCE_MAX:
        return _cut(text, limit_units)
    return await asyncio.to_thread(_cut, text, limit_units)


def _cut(text: str, limit_units: int) -> tuple[str, ...]:
    return tuple(to_html(part) for part in split(Rich(text), limit_units=limit_units))


async def _texts(
    result: AnyResult, language: str, *, most: int = TEXT_MAX_UNITS
) -> tuple[str, ...]:
    """The text of a result as messages, at least one; what was changed about it folded at its end."""
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    match result:
        case TextGenerated():
            texts, notes = await long_pieces(result.text, limit_units=most), result.notes
        case TextImproved() | FileProcessed():
            texts = await plain_pieces(result.text, limit_units=most)
            notes = (*result.changes, *result.notes)
        case ImageAnalyzed():
            texts = await plain_pieces(result.text, limit_units=most)
        case _:
            pass
    return _with_notes(texts or ("…",), notes, language, most=most)


async def _prompt_answer(result: TextImproved, below: Html, language: str) -> Answer:
    """A step on the way: it has no buttons, for what can be done with it is being done."""
    first, *others = await _texts(result, language)
    shown = [*_together(html("delivery.prompt", language), first, between="\n"), *others]
    shown[-1:] = _together(shown[-1], below, between="\n\n")
    return Answer(tuple(Words(text) for text in shown))


def _together(
    first: str, second: str, *, between: str, most: int = TEXT_MAX_UNITS
) -> tuple[str, ...]:
    """In one message where both fit, else in two."""
    if units(first) + units(second) + len(between) <= most:
        return (f"{first}{between}{second}",)
    return first, second


def _with_notes(
    texts: tuple[str, ...], notes: tuple[str, ...], language: str, *, most: int
) -> tuple[str, ...]:
    if not notes:
        return texts
    shown = [f"• {shortened(note, most=CHANGE_SHOWN_MAX)}" for note in notes[:CHANGES_SHOWN_MAX]]
    if len(notes) > CHANGES_SHOWN_MAX:
        shown.append("…")
    told = lines(html("delivery.changes", language), *(quoted(line) for line in shown))
    folded = f"<blockquote expandable>{told}</blockquote>"
    if units(texts[-1]) + units(folded) + 200 <= most:
        return (*texts[:-1], f"{texts[-1]}\n\n{folded}")
    return (*texts, folded)


def _prompt(result: AnyResult) -> str:
    if not isinstance(result, ImageGenerated) or not result.prompt_used:
        return ""
    return quoted(shortened(result.prompt_used, most=PROMPT_SHOWN_MAX))


def _below(due: Due, view: JobView, language: str) -> Html:
    """What it cost, where it is kept, and what is to be known about it."""
    cost = {"price_units": view.captured_units}
    if view.project is not None:
        footer = html("delivery.footer-saved", language, code=view.project, **cost)
    else:
        footer = html("delivery.footer", language, **cost)
    gift = html("delivery.gift", language) if due.gift else ""
    full = html("delivery.full", language) if due.save and view.project is None else ""
    return lines(gift, footer, full)


def _failure(view: JobView, language: str) -> Words:
    """The reason in plain words, the credits, and another try; a cancel needs no reason."""
    returned = ""
    if view.attempts and view.price_units and view.code not in NOTHING_HELD:
        returned = html("delivery.returned", language, price_units=view.price_units)
    if view.state is State.CANCELLED:
        again = rerun_keyboard(view.id, language, price_units=view.price_units or None)
        return Words(lines(html("delivery.cancelled", language), returned), again)
    reason = end_text(view.code, view.state.value, language)
    keyboard = retry_keyboard(view.id, language, price_units=view.price_units or None)
    if view.code == BLOCKED and view.blocked:
        reason = f"{reason} {blocked_text(view.blocked, language)}"
        keyboard = appeal_keyboard(view.id, language)
    told = lines(html("delivery.failed", language, reason=reason), returned)
    return Words(told, keyboard)


def _too_large(artifact: Artifact, language: str) -> str:
    mb = -(-artifact.size_bytes // MIB)
    return html("delivery.too_large", language, name=artifact.name, mb=mb)


def _posted(post: PostState, language: str) -> str:
    """With a link to the first message where there is one: t.me/c/<id without -100>/<message>."""
    chat, _, messages = (post.message_ref or "").partition(":")
    first = messages.split(",")[0]
    if not chat.startswith("-100") or not first.isdigit() or first == "0":
        return html("delivery.posted", language)
    link = f"https://t.me/c/{chat.removeprefix('-100')}/{first}"
    return html("delivery.posted-link", language, link=link)
