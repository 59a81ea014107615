"""What kie.ai is asked for, in three shapes, brought to one. Each raises Refusal 422 (402, 404)."""

from dataclasses import dataclass
from typing import Any, Final

from ops.sandbox import sizes
from ops.sandbox.chat import as_json
from ops.sandbox.journal import Work
from ops.sandbox.models import Card, find
from ops.sandbox.operations import Provider
from ops.sandbox.pictures import FORMATS
from ops.sandbox.refusals import Refusal

Body = dict[str, Any]
IMAGE_FIELDS: Final = (
    "image_input", "image_urls", "input_urls", "reference_image_urls", "imageUrls", "imageUrl",
    "image_url", "image",
)  # fmt: skip
PROMPT_MAX: Final = 20_000
CAPTION_MAX: Final = 80
VEO_RATIOS: Final = ("16:9", "9:16", "auto")
VEO_SECONDS: Final = 8
RUNWAY_LENGTHS: Final = (5, 10)


@dataclass(frozen=True, slots=True)
class Ask:
    """One order: what will be made, of which pictures, at what price."""

    model: str
    work: Work
    price_usd: float
    images: tuple[str, ...]
    callback_url: str
    param: str


def read_job(body: Body) -> Ask:
    """`{"model", "callBackUrl"?, "input": {...}}`."""
    inner = body.get("input")
    if not isinstance(inner, dict):
        raise _wrong("input is required and must be an object")
    model = str(body.get("model", ""))
    picture = find(Provider.KIE, model, "image")
    card = picture or find(Provider.KIE, model, "video")
    if card is None or model in {"runway", "veo3", "veo3_fast", "veo3_lite"}:
        raise _wrong("The model name you specified is not supported.")
    images = _images(inner)
    _check_prompt(inner, optional=card.id.startswith("recraft/"))
    if card.needs_image and not images:
        raise _wrong("An input image is required.")
    work = _picture(inner) if picture else _film(inner, card)
    return _ask(body, card, work, images)


def read_veo(body: Body) -> Ask:
    card = find(Provider.KIE, str(body.get("model", "veo3")), "video")
    if card is None or not card.id.startswith("veo3"):
        raise _wrong("Invalid model")
    _check_prompt(body, optional=False)
    ratio = str(body.get("aspect_ratio", body.get("aspectRatio", "16:9")))
    if ratio.lower() not in VEO_RATIOS:
        raise _wrong("Ratio error: only 16:9, 9:16 and Auto are supported.")
    width, height = sizes.by_ratio("16:9" if ratio.lower() == "auto" else ratio, "720p")
    work = _video(width, height, VEO_SECONDS, body)
    return _ask(body, card, work, _images(body))


def read_runway(body: Body) -> Ask:
    card = find(Provider.KIE, "runway", "video")
    if card is None:
        raise _wrong("The model name you specified is not supported.")
    _check_prompt(body, optional=False)
    seconds, quality = _whole(body.get("duration", RUNWAY_LENGTHS[0])), body.get("quality", "720p")
    if seconds not in RUNWAY_LENGTHS or quality not in ("720p", "1080p"):
        raise _wrong("duration must be 5 or 10, quality 720p or 1080p.")
    if quality == "1080p" and seconds == RUNWAY_LENGTHS[1]:
        raise _wrong("1080p cannot be made with 10 s.")
    width, height = sizes.by_ratio(str(body.get("aspectRatio", "16:9")), str(quality))
    return _ask(body, card, _video(width, height, seconds, body), _images(body))


def _ask(body: Body, card: Card, work: Work, images: tuple[str, ...]) -> Ask:
    return Ask(
        model=card.id,
        work=work,
        price_usd=card.price * (work.seconds if work.media == "video" else work.count),
        images=images,
        callback_url=_callback(body),
        param=as_json(body),
    )


def _callback(body: Body) -> str:
    url = str(body.get("callBackUrl") or "")
    if url and not url.startswith(("http://", "https://")):
        raise _wrong("callBackUrl must be an address.")
    return url


def _check_prompt(body: Body, *, optional: bool) -> None:
    prompt = body.get("prompt", "")
    if not isinstance(prompt, str) or len(prompt) > PROMPT_MAX or not (prompt or optional):
        raise _wrong(f"prompt is required and has at most {PROMPT_MAX} characters.")


def _images(body: Body) -> tuple[str, ...]:
    """All that came, under whichever name. They must be addresses, never bytes."""
    found: list[str] = []
    for name in IMAGE_FIELDS:
        value = body.get(name) or []
        found += [value] if isinstance(value, str) else value
    if any(not str(url).startswith(("http://", "https://")) for url in found):
        raise _wrong("Images must be given by their addresses; upload them first.")
    return tuple(found)


def _picture(body: Body) -> Work:
    file_format = str(body.get("output_format", "png"))
    if file_format not in FORMATS:
        raise _wrong("output_format must be png or jpg.")
    ratio = str(body.get("aspect_ratio") or body.get("image_size") or "1:1")
    width, height = sizes.by_ratio(ratio, str(body.get("resolution", "1K")))
    return Work(
        media="image", width=width, height=height, file_format=file_format, caption=_caption(body)
    )


def _film(body: Body, card: Card) -> Work:
    shortest, longest = card.seconds
    given = body.get("duration", shortest)
    if card.id == "kling-3.0/video" and "duration" in body and not isinstance(given, str):
        raise _wrong("duration must be a text, such as '5'.")
    seconds = _whole(given)
    if not shortest <= seconds <= longest:
        raise _wrong(f"duration must be {shortest} to {longest}.")
    ratio = str(body.get("aspect_ratio") or body.get("ratio") or "16:9")
    width, height = sizes.by_ratio(ratio, str(body.get("resolution", "720p")))
    return _video(width, height, seconds, body)


def _video(width: int, height: int, seconds: int, body: Body) -> Work:
    return Work(
        media="video", width=width, height=height, seconds=seconds, file_format="mp4",
        caption=_caption(body),
    )  # fmt: skip


def _caption(body: Body) -> str:
    return str(body.get("prompt", ""))[:CAPTION_MAX]


def _whole(value: object) -> int:
    text = str(value)
    if not text.isdecimal():
        raise _wrong(f"{text!r} is not a whole number.")
    return int(text)


def _wrong(message: str) -> Refusal:
    return Refusal(422, "invalid_value", message)
