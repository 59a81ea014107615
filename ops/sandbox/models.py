"""The models that the played providers sell, and at what price.

List prices of November 2026 in US dollars: for tokens per million, for pictures and videos each or per
second. A name that is not here is refused, as the real provider would.
"""

from dataclasses import dataclass
from typing import Final, Literal

from ops.sandbox.operations import Provider

Sort = Literal["text", "image", "video"]
TOKENS_PER_PRICE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Card:
    """`price` is for one picture or one second of video; `price_in` and `price_out` are for tokens.

    `sees`: takes pictures in a chat. `needs_image`: has nothing to do without one. `seconds`: the
    lengths it makes, as (shortest, longest).
    """

    provider: Provider
    id: str
    sort: Sort
    price: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0
    context: int = 128_000
    sees: bool = False
    needs_image: bool = False
    seconds: tuple[int, int] = (5, 5)

    @property
    def is_free(self) -> bool:
        return self.id.endswith(":free")

    def cost_usd(self, tokens_in: int, tokens_out: int) -> float:
        total = tokens_in * self.price_in + tokens_out * self.price_out
        return round(total / TOKENS_PER_PRICE, 9)


def find(provider: Provider, model: str, sort: Sort) -> Card | None:
    """None for a model this provider does not sell for that."""
    return _BY_NAME.get((provider, model, sort))


def all_of(provider: Provider, sort: Sort) -> list[Card]:
    return [card for card in CARDS if card.provider == provider and card.sort == sort]


def _texts() -> list[Card]:
    rows = [
        ("mistralai/mistral-small-3.2-24b-instruct", 0.075, 0.20, 131_072, True),
        ("google/gemma-3-27b-it", 0.08, 0.45, 131_072, True),
        ("google/gemma-3-12b-it", 0.05, 0.15, 131_072, True),
        ("google/gemma-4-31b-it", 0.09, 0.34, 262_144, True),
        ("google/gemma-4-31b-it:free", 0, 0, 262_144, True),
        ("google/gemma-4-26b-a4b-it:free", 0, 0, 262_144, True),
        ("nvidia/nemotron-3-super-120b-a12b:free", 0, 0, 262_144, False),
        ("z-ai/glm-5.2:free", 0, 0, 256_000, False),
        ("mistralai/mistral-nemo", 0.019, 0.03, 131_072, False),
        ("mistralai/mistral-medium-3.1", 0.40, 2.00, 131_072, True),
        ("mistralai/mistral-large-2512", 0.50, 1.50, 262_144, True),
        ("openai/gpt-oss-20b", 0.03, 0.13, 131_072, False),
        ("openai/gpt-oss-120b", 0.037, 0.17, 131_072, False),
        ("openai/gpt-5.6-luna", 0.20, 1.20, 1_050_000, True),
        ("openai/gpt-5.6-sol", 2.00, 10.00, 1_050_000, True),
        ("openai/gpt-3.5-turbo", 0.50, 1.50, 16_385, False),
        ("anthropic/claude-haiku-4.5", 1.00, 5.00, 200_000, True),
        ("anthropic/claude-sonnet-5", 2.00, 10.00, 1_000_000, True),
        ("google/gemini-2.5-flash-lite", 0.10, 0.40, 1_048_576, True),
        ("google/gemini-3.1-flash-lite", 0.25, 1.50, 1_048_576, True),
        ("google/gemini-3.7-flash", 0.75, 3.75, 1_048_576, True),
        ("deepseek/deepseek-v3.2", 0.269, 0.40, 163_840, False),
        ("deepseek/deepseek-v4-flash-0731", 0.065, 0.18, 1_310_720, False),
        ("deepseek/deepseek-r1-0528", 0.50, 2.15, 163_840, False),
        ("qwen/qwen3-235b-a22b-2507", 0.0875, 0.35, 262_144, False),
        ("qwen/qwen3.8-flash", 0.15, 0.47, 1_000_000, True),
        ("meta-llama/llama-3.3-70b-instruct", 0.71, 0.71, 131_072, False),
        ("meta-llama/llama-4-maverick", 0.20, 0.696, 1_048_576, True),
        ("x-ai/grok-4.3", 1.25, 2.50, 1_000_000, True),
        ("moonshotai/kimi-k2.6", 0.95, 4.00, 262_144, True),
        ("z-ai/glm-5.3-flash", 0.075, 0.25, 1_310_720, True),
        ("minimax/minimax-m3", 0.30, 1.20, 1_048_576, True),
    ]
    openai = [
        ("gpt-5.4-nano", 0.20, 1.25, 400_000, True),
        ("gpt-5.4-mini", 0.75, 4.50, 400_000, True),
        ("gpt-6-luna", 0.10, 0.50, 400_000, True),
        ("gpt-6.1-terra", 1.00, 5.00, 400_000, True),
    ]
    sold = [(Provider.OPENROUTER, *row) for row in rows] + [
        (Provider.OPENAI, *row) for row in openai
    ]
    return [
        Card(seller, name, "text", price_in=paid, price_out=made, context=context, sees=sees)
        for seller, name, paid, made, context, sees in sold
    ]


def _pictures() -> list[Card]:
    """OpenAI's are sold by tokens (`price_in` per text token, `price_out` per picture token)."""
    openai = ["gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"]
    openrouter = [("google/gemini-2.5-flash-image", 0.04), ("google/gemini-3.1-flash-image", 0.08)]
    kie = [
        ("nano-banana-2", 0.02, False),
        ("google/nano-banana", 0.02, False),
        ("google/nano-banana-edit", 0.02, True),
        ("nano-banana-pro", 0.12, False),
        ("google/imagen4-fast", 0.02, False),
        ("google/imagen4", 0.04, False),
        ("google/imagen4-ultra", 0.06, False),
        ("flux-2/pro-text-to-image", 0.025, False),
        ("flux-2/pro-image-to-image", 0.025, True),
        ("seedream/4.5-text-to-image", 0.025, False),
        ("seedream/4.5-edit", 0.025, True),
        ("gpt-image-2-text-to-image", 0.04, False),
        ("gpt-image-2-image-to-image", 0.04, True),
        ("grok-imagine/text-to-image", 0.02, False),
        ("recraft/remove-background", 0.005, True),
        ("recraft/crisp-upscale", 0.0025, True),
    ]
    return [
        *(Card(Provider.OPENAI, name, "image", price_in=5, price_out=30) for name in openai),
        *(Card(Provider.OPENROUTER, name, "image", price=price, sees=True) for name, price in openrouter),
        *(Card(Provider.KIE, name, "image", price=price, needs_image=needs) for name, price, needs in kie),
    ]  # fmt: skip


def _videos() -> list[Card]:
    rows = [
        (Provider.KIE, "veo3_lite", 0.01875, (8, 8)),
        (Provider.KIE, "veo3_fast", 0.105, (8, 8)),
        (Provider.KIE, "veo3", 0.15625, (8, 8)),
        (Provider.KIE, "runway", 0.012, (5, 10)),
        (Provider.KIE, "kling-3.0/video", 0.06, (3, 15)),
        (Provider.KIE, "kling/v3-turbo-text-to-video", 0.09, (5, 10)),
        (Provider.KIE, "kling-2.6/text-to-video", 0.05, (5, 10)),
        (Provider.KIE, "bytedance/seedance-2", 0.15, (4, 15)),
        (Provider.KIE, "bytedance/seedance-2-mini", 0.041, (4, 15)),
        (Provider.KIE, "bytedance/seedance-2-fast", 0.10, (4, 15)),
        (Provider.KIE, "minimax-h3/text-to-video", 0.04, (5, 10)),
        (Provider.KIE, "grok-imagine/text-to-video", 0.0225, (6, 10)),
        (Provider.KIE, "wan/2-7-text-to-video", 0.10, (5, 10)),
        (Provider.OPENROUTER, "google/veo-3.1", 0.50, (4, 8)),
        (Provider.OPENROUTER, "alibaba/wan-2.7", 0.04, (5, 10)),
        (Provider.OPENROUTER, "bytedance/seedance-2.0", 0.15, (4, 15)),
    ]
    return [Card(seller, name, "video", price=price, seconds=s) for seller, name, price, s in rows]


CARDS: Final = (*_texts(), *_pictures(), *_videos())
_BY_NAME: Final = {(card.provider, card.id, card.sort): card for card in CARDS}
