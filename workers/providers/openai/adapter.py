"""The `openai` adapter: which of its ports does what, and one client for all of them."""

from workers.providers.openai.images import OpenAiImage
from workers.providers.openai.moderation import OpenAiModeration
from workers.providers.port import Adapter, Tools
from workers.providers.wire import Account
from workers.providers.wire_chat import Chat
from workers.providers.wire_media import Studio
from workers.providers.wire_sdk import sdk_client
from workers.providers.wire_text import ChatText, ChatVision

HOUSE = "OpenAI"


def build(tools: Tools, account: Account) -> Adapter:
    """Everything this provider offers. Connects when it is first asked."""
    client, studio = sdk_client(account), Studio(tools)
    chat = Chat(client, tokens_field="max_completion_tokens")
    return Adapter(
        text=ChatText(chat, studio, house=HOUSE),
        vision=ChatVision(chat, studio, house=HOUSE),
        image=OpenAiImage(client, studio, house=HOUSE),
        moderation=OpenAiModeration(client, studio, house=HOUSE),
        close=client.close,
    )
