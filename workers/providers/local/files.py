"""Documents: their text page by page, and an outline of it. For the inside of a DECODE child."""

import logging
import re
from io import BytesIO
from typing import Final

from ops.base.child import tell_progress
from schemas.errors import Permanent
from storage.media import PAGE_CHARACTERS, PDF
from workers.providers.local.styles import first_sentence

MADE_BY: Final = "local provider (file rules, not a neural model)"
TEXT_MAX_CHARACTERS: Final = 600_000
HEADING_MAX_CHARACTERS: Final = 80
_HEADING: Final = re.compile(r"^(?:#{1,6}\s+\S|\d+(?:\.\d+)*[.)]?\s+[^\W\d_]|[A-ZА-ЯЁ][^.!?:;,]*$)")


def pages_of(data: bytes, media_type: str) -> list[str]:
    """The text of each page. Raises Permanent `file_unreadable`, `media_too_heavy`."""
    if media_type != PDF:
        text = data.decode("utf-8-sig")
        starts = range(0, max(1, len(text)), PAGE_CHARACTERS)
        return [text[start : start + PAGE_CHARACTERS] for start in starts]
    pages = _pdf_texts(data)
    if sum(map(len, pages)) > TEXT_MAX_CHARACTERS:
        raise Permanent("media_too_heavy", characters_max=TEXT_MAX_CHARACTERS)
    return pages


def outline(pages: list[str]) -> str:
    """Headings with their pages; a page without one is told by its first sentence."""
    lines: list[str] = []
    for number, page in enumerate(pages, 1):
        headings = [line.strip() for line in page.splitlines() if _is_heading(line.strip())]
        entries = headings or ([first_sentence(page)] if page.strip() else ["(no text)"])
        lines.append(f"Page {number}")
        lines.extend(f"  - {entry.lstrip('# ')}" for entry in entries)
    return "\n".join(lines)


def joined(pages: list[str], media_type: str) -> str:
    """One text again. Pages of a PDF are marked; pages of a text were only counted."""
    if media_type != PDF:
        return "".join(pages)
    return "\n\n".join(f"[page {n}]\n{page.strip()}" for n, page in enumerate(pages, 1))


def empty_pages(pages: list[str]) -> tuple[str, ...]:
    """A note that names the pages without a text layer: scans are not read."""
    empty = [str(number) for number, page in enumerate(pages, 1) if not page.strip()]
    if not empty:
        return ()
    return (f"No text layer on page {', '.join(empty)}: scans are not read.",)


def _is_heading(line: str) -> bool:
    short = 2 < len(line) <= HEADING_MAX_CHARACTERS  # noqa: PLR2004
    return short and _HEADING.match(line) is not None and len(line.split()) <= 10  # noqa: PLR2004


def _pdf_texts(data: bytes) -> list[str]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it writes a line for every blemish
    try:
        reader = PdfReader(BytesIO(data))
        count = len(reader.pages)
        texts = []
        for number, page in enumerate(reader.pages, 1):
            texts.append(page.extract_text())
            tell_progress(number / count)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise Permanent("file_unreadable") from error
    except RecursionError as error:
        raise Permanent("file_unreadable") from error
    return texts
