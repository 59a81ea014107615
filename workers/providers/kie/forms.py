"""What each model wants to be told beyond what its row of the catalogue says, as one table: names of
fields, shapes, settings.

A model that is not here is told the least that all of them understand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PLAIN: Final = ("1:1", "3:4", "4:3", "9:16", "16:9")
FILM: Final = ("16:9", "9:16", "1:1")
WIDE_OR_TALL: Final = ("16:9", "9:16")


@dataclass(frozen=True, slots=True)
class Form:
    """`ratio`: the field for the shape, None where it follows from the picture. `pictures`: the field
    for addresses, where the row names none; `many`: it is a list. `length`: how seconds are written,
    None where they cannot be chosen. `large`: what is added for more than about a megapixel. `extra` is
    sent as it is.
    """

    ratio: str | None = "aspect_ratio"
    ratios: tuple[str, ...] = PLAIN
    pictures: str | None = None
    many: bool = True
    takes_prompt: bool = True
    length: type[int] | type[str] | None = None
    large: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


_2K: Final = {"resolution": "2K"}
_1K: Final = {"resolution": "1K"}
_PNG: Final = {"output_format": "png"}
_BASIC: Final = {"quality": "basic"}
_BANANA_2: Final = Form(large=_2K, extra={**_PNG, **_1K})
_BANANA: Final = Form(ratio="image_size", extra=_PNG)
_FLUX: Final = Form(large=_2K, extra=_1K)
_TOOL: Final = Form(ratio=None, many=False, takes_prompt=False)
_VEO: Final = Form(ratios=WIDE_OR_TALL, pictures="imageUrls")
_SEEDANCE: Final = Form(
    ratios=FILM,
    pictures="reference_image_urls",
    length=int,
    extra={"resolution": "720p", "generate_audio": False},
)

FORMS: Final[dict[str, Form]] = {
    # Pictures
    "nano-banana-2": _BANANA_2,
    "nano-banana-pro": _BANANA_2,
    "google/nano-banana": _BANANA,
    "google/nano-banana-edit": _BANANA,
    "flux-2/pro-text-to-image": _FLUX,
    "flux-2/pro-image-to-image": _FLUX,
    "seedream/4.5-text-to-image": Form(extra=_BASIC),
    "seedream/4.5-edit": Form(extra=_BASIC),
    "grok-imagine/text-to-image": Form(ratios=("1:1", "2:3", "3:2", "9:16", "16:9")),
    "recraft/remove-background": _TOOL,
    "recraft/crisp-upscale": _TOOL,
    # Films
    "veo3": _VEO,
    "veo3_fast": _VEO,
    "veo3_lite": _VEO,
    "runway": Form(
        ratio="aspectRatio",
        ratios=FILM,
        pictures="imageUrl",
        many=False,
        length=int,
        extra={"quality": "720p", "waterMark": ""},
    ),
    "kling-3.0/video": Form(
        ratios=FILM,
        pictures="image_urls",
        length=str,
        extra={"mode": "std", "sound": False, "multi_shots": False},
    ),
    "kling/v3-turbo-text-to-video": Form(ratios=FILM, length=str),
    "kling-2.6/text-to-video": Form(ratios=FILM, length=str, extra={"sound": False}),
    "bytedance/seedance-2": _SEEDANCE,
    "bytedance/seedance-2-fast": _SEEDANCE,
    "bytedance/seedance-2-mini": _SEEDANCE,
    "minimax-h3/text-to-video": Form(ratios=WIDE_OR_TALL, length=int),
    "grok-imagine/text-to-video": Form(ratios=WIDE_OR_TALL, length=int),
    "wan/2-7-text-to-video": Form(
        ratio="ratio", ratios=FILM, length=int, extra={"resolution": "720p"}
    ),
}


def form_of(model: str) -> Form:
    """By the provider's own name of the model."""
    return FORMS.get(model, Form())
