"""What a model costs in credits when it is chosen by its own name.

The rule, with its numbers in `schemas/data/models.yaml`: credits = list price in dollars x margin of its
sureness / dollars per credit. Tokens are priced for a million, rounded up to 0.0001 credit; pictures and
seconds are rounded up to a tenth, and cost no less than the fixed tariff of their kind. Aliases and local
rows have no price here: the tariff alone holds for them. Pure: no clock, no store.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Final

from schemas.catalogue import CreditRule
from schemas.models import Model
from schemas.money import credits_to_units
from schemas.payloads import AnyPayload, VideoGenerate
from schemas.prices import TokenPrice

TOKEN_STEP: Final = Decimal("0.0001")


def token_price(model: Model, rule: CreditRule) -> TokenPrice:
    """The price of a row with `unit: token`. Raises ValueError for a row without its list prices."""
    if model.usd_in is None or model.usd_out is None:
        message = f"{model.name} has no price for tokens"
        raise ValueError(message)
    dear = {"input": model.usd_in, "output": model.usd_out}
    return TokenPrice.model_validate(
        {
            name: str(_up(rule.credits_(usd, conf=model.conf), step=TOKEN_STEP))
            for name, usd in dear.items()
        }
    )


def flat_units(
    model: Model, rule: CreditRule, payload: AnyPayload, *, tariff_units: int
) -> int | None:
    """Units for one job on a row that counts pictures or seconds; None for any other.

    A film is priced by the length the model makes for the one asked for. Never below `tariff_units`.
    """
    if model.usd is None or model.unit not in {"image", "second"}:
        return None
    each = _up(rule.credits_(model.usd, conf=model.conf), step=rule.flat_step)
    return max(tariff_units, credits_to_units(each * _count(model, payload)))


def _count(model: Model, payload: AnyPayload) -> int:
    return model.seconds_for(payload.seconds) if isinstance(payload, VideoGenerate) else 1


def _up(credits_: Decimal, *, step: Decimal) -> Decimal:
    return (credits_ / step).to_integral_value(rounding=ROUND_CEILING) * step
