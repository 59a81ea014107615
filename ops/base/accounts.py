"""Our accounts with providers, as the settings name them: where each one answers and the key that pays.

A provider with a key is used, one without is not; there is no other switch. `local` needs none.
"""

from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

from ops.base.settings import PREFIX, Settings

LOCAL: Final = "local"
PAID: Final = ("openai", "openrouter", "kie")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`base_url` and `upload_url` have no slash at the end; `upload_url` takes files, where it differs."""

    provider: str
    base_url: str
    api_key: str = field(repr=False)
    upload_url: str = ""


def endpoints(settings: Settings) -> dict[str, Endpoint]:
    """Provider -> account, for those with a key."""
    found = {
        "openai": (settings.openai_base_url, settings.openai_api_key, ""),
        "openrouter": (settings.openrouter_base_url, settings.openrouter_api_key, ""),
        "kie": (settings.kie_base_url, settings.kie_api_key, settings.kie_upload_base_url),
    }
    return {
        name: Endpoint(name, base_url, key.get_secret_value(), upload_url)
        for name, (base_url, key, upload_url) in found.items()
        if key is not None
    }


def available(settings: Settings) -> frozenset[str]:
    """The providers whose models can be used: those with a key, and `local`."""
    return frozenset({LOCAL, *endpoints(settings)})


def key_setting(provider: str) -> str:
    """The variable that holds a provider's key."""
    return f"{PREFIX}{provider.upper()}_API_KEY"


def revealed(settings: Settings) -> dict[str, str]:
    """Keys and tokens in the clear, by field: for a child process, over a pipe, nowhere else."""
    names = [f"{provider}_api_key" for provider in PAID]
    names += ["telegram_bots", "telegram_webhook_secret"]
    fields = {name: getattr(settings, name) for name in names}
    return {
        name: key.get_secret_value() for name, key in fields.items() if isinstance(key, SecretStr)
    }
