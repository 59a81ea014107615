"""Offsets as the Bot API counts them: in UTF-16 units, of text without markup."""

from dataclasses import dataclass, field

from ops.sandbox.telegram.records import Wire

_LAST_OF_ONE_UNIT = 0xFFFF


def len16(text: str) -> int:
    return len(text) + sum(ord(char) > _LAST_OF_ONE_UNIT for char in text)


def slice16(text: str, offset: int, length: int) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def byte_offset(text: str, index: int) -> int:
    """Where a character begins in UTF-8: error messages name that place."""
    return len(text[:index].encode())


@dataclass(slots=True)
class Formatted:
    """A text and its entities, in the order of their offsets, the outer before the inner."""

    text: str
    entities: list[Wire] = field(default_factory=list)

    def trimmed(self) -> "Formatted":
        """Without blanks at both ends, the entities moved along; one that is left empty is gone."""
        lead = len16(self.text) - len16(self.text.lstrip())
        text = self.text.strip()
        end = len16(text)
        kept: list[Wire] = []
        for entity in self.entities:
            start = max(0, entity["offset"] - lead)
            stop = min(end, entity["offset"] + entity["length"] - lead)
            if stop > start:
                kept.append(entity | {"offset": start, "length": stop - start})
        kept.sort(key=lambda one: (one["offset"], -one["length"]))
        return Formatted(text, kept)


class Writer:
    """Collects plain text piece by piece and knows how long it is in UTF-16 units."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.length = 0

    def write(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len16(piece)

    def text(self) -> str:
        return "".join(self._pieces)

    def text_from(self, offset: int) -> str:
        return slice16(self.text(), offset, self.length - offset)
