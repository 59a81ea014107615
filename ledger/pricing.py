"""What a job costs: the quote before it runs and the charge after. Pure: no clock, no store.

Tariff rules (data in `schemas/data/prices.yaml`): a kind costs a flat price or a price per begun
page. `text.improve` is counted by its input, `text.generate` by the length asked for and charged by
its output, `file.process` by the pages of the file. In a conversation, the word that no model is
connected is no answer and costs nothing. A model chosen by its own name costs by its list
price (`ledger.token_prices`); one that counts tokens reserves its maximum and is charged by real usage.
A charge never exceeds the quote: the house pays the rest, and a metric counts it.
"""

from dataclasses import dataclass, field
from typing import Final

from ledger.price_lists import PriceList
from ledger.token_prices import flat_units, token_price
from ops.base import metrics
from schemas.catalogue import MODALITY_OF_KIND, Catalogue, catalogue
from schemas.errors import InvalidInput
from schemas.models import Model
from schemas.payloads import AnyPayload, FileProcess, PostPublish, TextGenerate, TextImprove
from schemas.prices import PriceBook, Quote, QuoteLine, TokenPrice, price_book
from schemas.results import AnyResult, FileProcessed, TextGenerated

PROMPT_OVERHEAD_TOKENS: Final = 1_000
"""Room for our own instructions around a user's text."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """A price book applied to jobs. `Pricing.current()` is the one of this build."""

    book: PriceBook
    models: Catalogue
    version: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self.price_list().version)

    @classmethod
    def current(cls, models: Catalogue | None = None) -> "Pricing":
        """`models`: the catalogue bound to the providers that have a key; else all count."""
        return cls(price_book(), models or catalogue())

    def price_list(self) -> PriceList:
        """All that this pricing works with, for receipts to come."""
        return PriceList.of(self.book, self.models)

    def quote(self, payload: AnyPayload, *, file_pages: int | None = None) -> Quote:
        """The most this job can cost, in units. `file_pages`: pages counted in the payload's file.

        Raises InvalidInput `unknown_model`, and `file_unreadable` when a price per page has no pages.
        """
        row = self._chosen(payload)
        if row is not None and row.unit == "token":
            input_tokens, output_tokens = self.token_limits(payload, file_pages=file_pages)
            units = self._price(row).cost_units(
                input_tokens=input_tokens, output_tokens=output_tokens
            )
            line = QuoteLine("tokens", input_tokens + output_tokens, units)
            return Quote(units, self.version, (line,))
        price = self.book.kinds[payload.kind]
        count = self._quoted_pages(payload, file_pages) if price.per == "page" else 1
        units = price.units * count
        if row is not None:
            own = flat_units(row, self.models.credits, payload, tariff_units=units)
            if own is not None:
                return Quote(own, self.version, (QuoteLine("job", 1, own),))
        return Quote(units, self.version, (QuoteLine(price.per, count, price.units),))

    def cost_units(self, payload: AnyPayload, result: AnyResult, quote_units: int) -> int:
        """What the work was worth by the tariff or by real usage; may exceed the quote."""
        if self._is_unanswered(payload, result):
            return 0
        row = self._answered(payload, result)
        if row is not None and row.unit == "token":
            return self._price(row).cost_units(
                input_tokens=result.usage.input_tokens, output_tokens=result.usage.output_tokens
            )
        price = self.book.kinds[payload.kind]
        match result:
            case TextGenerated():
                return price.units * self.pages(result.text)
            case FileProcessed():
                return price.units * result.pages
            case _:
                return quote_units

    def capture_units(self, payload: AnyPayload, result: AnyResult, quote_units: int) -> int:
        """What to capture: the cost, never above the quote. The house pays any excess."""
        cost_units = self.cost_units(payload, result, quote_units)
        if cost_units > quote_units:
            metrics.ledger_underestimated_units.inc(cost_units - quote_units)
        return min(cost_units, quote_units)

    def pages(self, text: str) -> int:
        """Begun pages of a text; 0 for an empty one."""
        return -(-len(text) // self.book.page_characters)

    def token_limits(
        self, payload: AnyPayload, *, file_pages: int | None = None
    ) -> tuple[int, int]:
        """The most input and output tokens of a run; the second is the limit the provider is given.

        A token is at least one byte of UTF-8, so the bytes of a text bound its tokens.
        """
        per_page = self.book.tokens.output_tokens_per_page
        match payload:
            case TextImprove():
                size_bytes, pages = len(payload.text.encode()), self.pages(payload.text)
            case TextGenerate():
                told = (payload.prompt, *(turn.text for turn in payload.history))
                size_bytes, pages = sum(len(text.encode()) for text in told), payload.pages
            case _:
                pages = self._quoted_pages(payload, file_pages)
                size_bytes = pages * self.book.page_characters * 4
        return size_bytes + PROMPT_OVERHEAD_TOKENS, max(1, pages) * per_page

    def _quoted_pages(self, payload: AnyPayload, file_pages: int | None) -> int:
        match payload:
            case TextImprove():
                return max(1, self.pages(payload.text))
            case TextGenerate():
                return payload.pages
            case FileProcess() if file_pages is not None and file_pages > 0:
                return file_pages
            case FileProcess():
                raise InvalidInput("file_unreadable")
            case _:
                return 1

    def _chosen(self, payload: AnyPayload) -> Model | None:
        """The row of a model chosen by its own name; None for an alias, which costs the tariff."""
        if isinstance(payload, PostPublish) or self.models.is_alias(payload.model):
            return None
        return self.models.resolve(payload.model, MODALITY_OF_KIND[payload.kind])

    def _answered(self, payload: AnyPayload, result: AnyResult) -> Model | None:
        """The row that did the work, which may have stood in for the one chosen; None for an alias."""
        if isinstance(payload, PostPublish) or self.models.is_alias(payload.model):
            return None
        return self.models.row(result.model) or self._chosen(payload)

    def _is_unanswered(self, payload: AnyPayload, result: AnyResult) -> bool:
        """A question that only the local provider was there for: it says so, and what works."""
        if not isinstance(payload, TextGenerate) or not payload.chat:
            return False
        said_by = self.models.row(result.model)
        return said_by is not None and said_by.is_local

    def _price(self, row: Model) -> TokenPrice:
        return token_price(row, self.models.credits)
