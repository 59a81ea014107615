"""Pictures: new ones by `POST /images`, changes of a picture in a chat that answers with pictures.

Shapes and a resolution can be asked for, sizes hardly: what comes is brought to the size that was
wanted.
"""

from typing import Any, Final

from schemas.errors import Permanent
from schemas.results import Usage
from workers.providers import wire_words as words
from workers.providers.openrouter.errors import body_of
from workers.providers.port import Call, EditImage, GenerateImage, ImageAnswer
from workers.providers.wire import Loose, left_s, lenient, micros, shaped
from workers.providers.wire_chat import Chat, Prompt
from workers.providers.wire_deal import buy
from workers.providers.wire_faults import Lost
from workers.providers.wire_http import Http
from workers.providers.wire_made import Bought, Counter
from workers.providers.wire_media import Studio, data_url, from_base64, nearest_ratio, size_after
from workers.providers.wire_text import prompt_of

IMAGE_MAX_S: Final = 220.0
INPUTS_MAX: Final = 16
RATIOS: Final = (
    "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9",
)  # fmt: skip
SIDE_OF_1K: Final = 1_024
LARGE_MODELS: Final = "google/gemini-3"
"""Those that are known to make more than about a megapixel."""


class Item(Loose):
    b64_json: str | None = None


class Used(Loose):
    cost: float | None = None


class Pictures(Loose):
    data: list[Item] | None = None
    usage: Any = None


class OpenRouterImage:
    def __init__(self, chat: Chat, http: Http, studio: Studio, *, house: str) -> None:
        self._chat = chat
        self._http = http
        self._studio = studio
        self._counter = Counter(studio, house=house)

    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer:
        size, wait_s = (ask.width, ask.height), left_s(call, most=IMAGE_MAX_S)
        large = max(size) > SIDE_OF_1K and call.model.model.startswith(LARGE_MODELS)
        body: dict[str, Any] = {
            "model": call.model.model,
            "prompt": ask.prompt,
            "n": 1,
            "aspect_ratio": nearest_ratio(size, RATIOS),
            "resolution": "2K" if large else "1K",
            "output_format": "png",
        }
        if ask.seed is not None:
            body["seed"] = ask.seed

        async def order() -> Bought:
            answer = await self._http.post("/images", body, wait_s=wait_s)
            return await _bought(shaped(Pictures, body_of(answer, model=call.model.name)))

        bought = await buy(call, order)
        return await self._counter.pictures(bought, call, size=size, prompt=ask.prompt)

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer:
        """Raises also Permanent `invalid_input` for a mask or too many pictures."""
        if ask.mask is not None:
            raise Permanent("invalid_input", problem="this model takes no mask")
        inputs = (ask.picture, *ask.references)
        if len(inputs) > INPUTS_MAX:
            raise Permanent("invalid_input", problem=f"more than {INPUTS_MAX} pictures")
        sent = [await self._studio.to_send(each, call) for each in inputs]
        size = size_after((sent[0].width, sent[0].height), ask.operations)
        instruction = words.to_edit(ask)
        asked = prompt_of(words.EDITOR, instruction, [await data_url(each) for each in sent])
        prompt = Prompt(asked.messages, {"modalities": ["image", "text"]})
        bought = await self._chat.pictures(prompt, call)
        return await self._counter.pictures(bought, call, size=size, prompt=instruction)


async def _bought(pictures: Pictures) -> Bought:
    """Raises Lost."""
    files = [await from_base64(item.b64_json) for item in pictures.data or () if item.b64_json]
    if not files:
        raise Lost("no_pictures")
    usage = Usage(units=len(files), cost_usd_micros=micros(lenient(Used, pictures.usage).cost))
    return Bought(tuple(files), usage)
