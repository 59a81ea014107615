"""Plans, apps, grants and the limits of each kind: everything about money and room that is data.

A plan says how much its user may run, an app which wallets pay, a grant what is given, once.
"""

from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from schemas.data import load_yaml
from schemas.jobs import Kind, Lane, Priority
from schemas.money import App, Currency
from schemas.prices import CreditsAsUnits, Facts

UNLIMITED: Final = -1
SUBSCRIPTION_DAYS: Final = 30
"""Telegram sells subscriptions of exactly 2 592 000 s (Bot API, createInvoiceLink)."""
SUBSCRIPTION_STARS_MAX: Final = 10_000
"""Telegram's cap for one period (Bot API, createInvoiceLink)."""

DailyLimit = Annotated[int, Field(ge=UNLIMITED, le=1_000_000)]


class PlanName(StrEnum):
    FREE = "FREE"
    PRO = "PRO"
    ENTERPRISE = "ENTERPRISE"

    @property
    def rank(self) -> int:
        """Higher is more: an upgrade goes up, a downgrade goes down."""
        return list(PlanName).index(self)


class AppFacts(Facts):
    label: Annotated[str, Field(min_length=1)]
    spend_order: Annotated[tuple[Currency, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _spends_what_can_be_spent(self) -> Self:
        if Currency.XTR in self.spend_order or len(set(self.spend_order)) != len(self.spend_order):
            message = "a spend order names each wallet once, and Stars pay for nothing"
            raise ValueError(message)
        return self

    @property
    def spend_numbers(self) -> tuple[int, ...]:
        """The order as numbers of the database."""
        return tuple(currency.number for currency in self.spend_order)


class Plan(Facts):
    price_stars: Annotated[int, Field(ge=0, le=SUBSCRIPTION_STARS_MAX)]
    daily_limits: dict[App, DailyLimit]
    in_flight: dict[Lane, Annotated[int, Field(ge=1, le=1_000)]]
    storage_bytes: Annotated[int, Field(ge=0)]
    priority: Literal["high", "normal", "low"]
    models: tuple[str, ...]

    @model_validator(mode="after")
    def _names_every_app_and_lane(self) -> Self:
        if set(self.daily_limits) != set(App) or set(self.in_flight) != set(Lane):
            message = "a plan needs a daily limit for every app and a cap for every lane"
            raise ValueError(message)
        return self

    @property
    def caps(self) -> tuple[int, ...]:
        """In-flight caps by lane number, 1 first: what a member row stores."""
        return tuple(self.in_flight[lane] for lane in Lane)

    @property
    def stream_priority(self) -> Priority:
        return Priority[self.priority.upper()]

    def allows(self, model: str) -> bool:
        """Whether a model chosen by its own name belongs to the plan. Aliases always do."""
        return "*" in self.models or model in self.models


class Grant(Facts):
    """Money given once. `id` together with the user derives the transfer's id."""

    id: Annotated[str, Field(min_length=1)]
    currency: Currency
    units: CreditsAsUnits = Field(alias="credits")
    kind: Literal["grant", "bonus"]


JobsFirst = Annotated[int, Field(ge=1, le=1_000)]


class Referral(Facts):
    """A bonus for who invites and for who comes, held back until the latter has bought something or
    has paid for `after_jobs` jobs. Nobody is thanked for more than `per_inviter_max` people.
    """

    inviter: Grant
    invitee: Grant
    after_jobs: JobsFirst
    per_inviter_max: Annotated[int, Field(ge=1, le=100_000)]


class Joined(Facts):
    """A bonus for joining the operator's channel, held back in the same way."""

    bonus: Grant
    after_jobs: JobsFirst


class Grants(Facts):
    signup: tuple[Grant, ...]
    existing_users: tuple[Grant, ...]
    first_use: dict[App, tuple[Grant, ...]]
    referral: Referral
    joined: Joined

    @model_validator(mode="after")
    def _rewards_are_bonuses(self) -> Self:
        """They can neither be exchanged nor returned, so that inviting oneself is no business."""
        rewards = (self.referral.inviter, self.referral.invitee, self.joined.bonus)
        names = [grant.id for grant in (*self.signup, *rewards)]
        if len(set(names)) != len(names) or any(
            grant.kind != "bonus" or grant.units == 0 or grant.currency is Currency.XTR
            for grant in rewards
        ):
            message = "rewards are bonuses of something, with ids of their own"
            raise ValueError(message)
        return self


class Plans(Facts):
    version: Annotated[int, Field(ge=1)]
    apps: dict[App, AppFacts]
    plans: dict[PlanName, Plan]
    period_days: Literal[30]
    grants: Grants

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if set(self.apps) != set(App) or set(self.plans) != set(PlanName):
            message = "every app and every plan must be described"
            raise ValueError(message)
        if self.plans[PlanName.FREE].price_stars != 0:
            message = "FREE costs nothing"
            raise ValueError(message)
        return self

    def plan(self, name: str) -> Plan:
        """Raises ValueError for a name that is no plan."""
        return self.plans[PlanName(name)]

    def app(self, app: App) -> AppFacts:
        return self.apps[app]


class KindLimits(Facts):
    """Limits of one job. `deadline_s` counts from its first start, `timeout_s` is one run.

    `typical_s` is what a run usually takes: for forecasts, never a limit.
    """

    typical_s: Annotated[float, Field(gt=0)]
    deadline_s: Annotated[int, Field(ge=1, le=86_400)]
    timeout_s: Annotated[int, Field(ge=1, le=3_600)]
    max_tries: Annotated[int, Field(ge=1, le=50)]

    @model_validator(mode="after")
    def _one_run_fits(self) -> Self:
        if self.timeout_s > self.deadline_s:
            message = "one run may not outlast the deadline"
            raise ValueError(message)
        return self


@cache
def plans() -> Plans:
    """Plans, apps and grants of this build, validated once. Raises pydantic.ValidationError."""
    return Plans.model_validate(load_yaml("plans.yaml"))


@cache
def kind_limits() -> dict[Kind, KindLimits]:
    """The limits of every kind, validated once. Raises pydantic.ValidationError, ValueError."""
    limits = TypeAdapter(dict[Kind, KindLimits]).validate_python(load_yaml("kinds.yaml"))
    if missing := set(Kind) - set(limits):
        message = f"kinds without limits: {sorted(missing)}"
        raise ValueError(message)
    return limits
