"""Limits and balances as the providers have them, counted per account; all can be moved or lifted."""

from collections import defaultdict, deque
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ops.base.clock import monotonic_s
from ops.sandbox.operations import Provider
from ops.sandbox.refusals import Refusal

CREDIT_USD: Final = 0.005  # kie.ai: one credit is half a cent
DAY_S: Final = 86_400.0
MINUTE_S: Final = 60.0


class Limits(BaseModel):
    """`enabled` false lifts all rates. kie.ai: 20 creates in 10 s and 10 polls in 1 s; OpenRouter:
    20 requests in a minute and 50 in a day on models that are free.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    kie_creates: int = Field(20, ge=0)
    kie_creates_window_s: float = Field(10.0, gt=0)
    kie_polls: int = Field(10, ge=0)
    kie_polls_window_s: float = Field(1.0, gt=0)
    openrouter_free_minute: int = Field(20, ge=0)
    openrouter_free_day: int = Field(50, ge=0)
    kie_credits: float = Field(1_000_000.0, ge=0)
    openrouter_usd: float = Field(10_000.0, ge=0)

    def balance_usd(self, provider: Provider) -> float | None:
        """What the account had before its first order; None where the provider keeps no balance."""
        known = {
            Provider.KIE: self.kie_credits * CREDIT_USD,
            Provider.OPENROUTER: self.openrouter_usd,
        }
        return known.get(provider)


class Gauge:
    """Sliding windows: a refused request does not count."""

    def __init__(self) -> None:
        self._moments: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait_s(self, name: str, key: str, *, most: int, window_s: float) -> float:
        """0 and counted, or the seconds until the window has room again."""
        moments, now_s = self._moments[name, key], monotonic_s()
        while moments and moments[0] <= now_s - window_s:
            moments.popleft()
        if len(moments) < most:
            moments.append(now_s)
            return 0.0
        return moments[0] + window_s - now_s if moments else window_s

    def used(self, name: str, key: str) -> int:
        return len(self._moments[name, key])

    def clear(self) -> None:
        self._moments.clear()


def admit_kie_create(gauge: Gauge, limits: Limits, key: str) -> None:
    """Raises Refusal 429: the task is not queued."""
    window_s = limits.kie_creates_window_s
    if limits.enabled and gauge.wait_s("create", key, most=limits.kie_creates, window_s=window_s):
        message = "Your call frequency is too high. Please try again later."
        raise Refusal(429, "rate_limit", message)


def admit_kie_poll(gauge: Gauge, limits: Limits, key: str) -> None:
    """Raises Refusal 429."""
    window_s = limits.kie_polls_window_s
    if limits.enabled and gauge.wait_s("poll", key, most=limits.kie_polls, window_s=window_s):
        message = "Your call frequency is too high. Please try again later."
        raise Refusal(429, "rate_limit", message)


def admit_free_model(gauge: Gauge, limits: Limits, key: str) -> None:
    """Raises Refusal 429 with the headers of OpenRouter."""
    if not limits.enabled:
        return
    for name, most, window_s in (
        ("free-minute", limits.openrouter_free_minute, MINUTE_S),
        ("free-day", limits.openrouter_free_day, DAY_S),
    ):
        wait_s = gauge.wait_s(name, key, most=most, window_s=window_s)
        if wait_s:
            headers = {"X-RateLimit-Limit": str(most), "X-RateLimit-Remaining": "0"}
            message = f"Rate limit exceeded: {name.replace('-', '-models-per-', 1)}"
            raise Refusal(429, "rate_limit_exceeded", message, wait_s=wait_s, headers=headers)
