"""The `openrouter` adapter: chat through the SDK, the endpoints of its own by plain HTTP."""

from workers.providers.download import Downloads
from workers.providers.openrouter.images import OpenRouterImage
from workers.providers.openrouter.videos import OpenRouterVideo
from workers.providers.port import Adapter, Tools
from workers.providers.wire import Account
from workers.providers.wire_chat import Chat
from workers.providers.wire_http import Http
from workers.providers.wire_media import Studio
from workers.providers.wire_sdk import ANSWER_MAX_BYTES, sdk_client
from workers.providers.wire_text import ChatText, ChatVision

HOUSE = "OpenRouter"
HOSTS = ("openrouter.ai",)


def build(tools: Tools, account: Account) -> Adapter:
    """Everything this provider offers. Connects when it is first asked."""
    client, studio = sdk_client(account), Studio(tools)
    http = Http(account, answer_max_bytes=ANSWER_MAX_BYTES)
    downloads = Downloads(home=account.base_url, hosts=HOSTS)
    chat = Chat(client, tokens_field="max_tokens")
    video = OpenRouterVideo(http, downloads, studio, account=account, house=HOUSE)

    async def close() -> None:
        await client.close()
        await http.close()
        await downloads.close()

    return Adapter(
        text=ChatText(chat, studio, house=HOUSE),
        vision=ChatVision(chat, studio, house=HOUSE),
        image=OpenRouterImage(chat, http, studio, house=HOUSE),
        video=video,
        tasks=video,
        close=close,
    )
