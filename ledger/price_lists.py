"""The price list: everything that decides what a job costs, under one number that a receipt can name.

The tariff is `data/prices.yaml`; a model chosen by its own name costs by its list price and the rule of
`data/models.yaml`. All of it goes into the number, and the housekeeping keeps each list in the ledger
the first time it sees it: a price that has changed since can still be looked up. Pure: no store.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Self

from schemas.catalogue import Catalogue
from schemas.prices import VERSION_STEP, PriceBook

PRICED: Final = {"unit", "usd_in", "usd_out", "usd", "conf", "seconds"}
"""The parts of a model's row that a price is worked out from."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """`version` is the tariff's number followed by six digits of the digest of `content`."""

    version: int
    content: Mapping[str, Any]

    @classmethod
    def of(cls, book: PriceBook, models: Catalogue) -> Self:
        """The list of these data. Packages are not in it: what a purchase brought is in the ledger."""
        content = {
            "tariff": book.model_dump(mode="json", exclude={"packages"}),
            "rule": models.credits.model_dump(mode="json"),
            "models": {
                row.name: row.model_dump(mode="json", include=PRICED, exclude_defaults=True)
                for row in models.models
                if row.unit != "free"
            },
        }
        exact = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = int.from_bytes(sha256(exact.encode()).digest())
        return cls(book.version * VERSION_STEP + digest % VERSION_STEP, content)
