"""What a bot says of itself, and how it wants to be told of things."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from ops.sandbox.telegram import wire
from ops.sandbox.telegram.links import clean_url
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import Json, JsonList, Params
from ops.sandbox.telegram.records import Webhook, Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.visit import Visit

COMMANDS_MAX: Final = 100
COMMAND_TEXT_MAX: Final = 256
SECRET_MAX: Final = 256
CONNECTIONS_MAX: Final = 100
PORTS: Final = (443, 80, 88, 8443)
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]*")


class Commands(Params):
    commands: JsonList = None
    language_code: str = ""
    scope: Json = None


class Spoken(Params):
    name: str | None = None
    description: str | None = None
    short_description: str | None = None
    language_code: str = ""


class GetUpdates(Params):
    offset: int = 0
    limit: int = 100
    timeout: int = 0
    allowed_updates: JsonList = None


class SetWebhook(Params):
    url: str = ""
    max_connections: int = 40
    allowed_updates: JsonList = None
    drop_pending_updates: bool = False
    secret_token: str = ""


async def get_me(visit: Visit, _params: Params) -> Wire:
    return wire.me(visit.bot)


async def set_commands(visit: Visit, params: Commands) -> bool:
    commands = params.commands or []
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    visit.bot.commands[_place(params)] = [_command(one) for one in commands]
    visit.world.bots.put(visit.bot)
    visit.world.announce_bots()
    return True


async def get_commands(visit: Visit, params: Commands) -> list[Wire]:
    return visit.bot.commands.get(_place(params), [])


async def delete_commands(visit: Visit, params: Commands) -> bool:
    visit.bot.commands.pop(_place(params), None)
    visit.world.bots.put(visit.bot)
    return True


async def set_name(visit: Visit, params: Spoken) -> bool:
    if params.name and not params.language_code:
        visit.bot.first_name = params.name
    visit.world.bots.put(visit.bot)
    return True


async def set_description(visit: Visit, params: Spoken) -> bool:
    visit.bot.about[params.language_code] = params.description or params.short_description or ""
    visit.world.bots.put(visit.bot)
    visit.world.announce_bots()
    return True


async def set_menu_button(_visit: Visit, _params: Params) -> bool:
    return True


async def get_updates(visit: Visit, params: GetUpdates) -> list[Wire]:
    if params.allowed_updates is not None and visit.bot.webhook is None:
        visit.bot.allowed_updates = [str(one) for one in params.allowed_updates]
    return await visit.world.updates.poll(
        visit.bot, offset=params.offset, limit=params.limit, timeout_s=params.timeout
    )


async def set_webhook(visit: Visit, params: SetWebhook) -> bool:
    """https on one of four ports, or anything on loopback. An empty address takes it away."""
    if not params.url:
        return await delete_webhook(visit, params)
    _check_webhook(params)
    if params.allowed_updates is not None:
        visit.bot.allowed_updates = [str(one) for one in params.allowed_updates]
    if params.drop_pending_updates:
        visit.world.updates.forget(visit.bot.id)
    visit.bot.webhook = Webhook(
        url=params.url,
        secret_token=params.secret_token,
        max_connections=min(max(params.max_connections, 1), CONNECTIONS_MAX),
    )
    visit.world.bots.put(visit.bot)
    visit.world.updates.end_poll(visit.bot.id)
    visit.world.webhooks.start(visit.bot)
    return True


async def delete_webhook(visit: Visit, params: SetWebhook) -> bool:
    visit.bot.webhook = None
    visit.world.bots.put(visit.bot)
    visit.world.webhooks.stop(visit.bot)
    if params.drop_pending_updates:
        visit.world.updates.forget(visit.bot.id)
    return True


async def webhook_info(visit: Visit, _params: Params) -> Wire:
    webhook = visit.bot.webhook
    pending = len(visit.world.updates.pending(visit.bot.id))
    info: Wire = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": pending,
    }
    if visit.bot.allowed_updates:
        info["allowed_updates"] = visit.bot.allowed_updates
    if webhook is not None:
        info["max_connections"] = webhook.max_connections
        if webhook.last_error:
            info["last_error_date"] = webhook.last_error_at
            info["last_error_message"] = webhook.last_error
    return info


def _check_webhook(params: SetWebhook) -> None:
    if clean_url(params.url) is None:
        raise bad_request("invalid webhook URL specified")
    parts = urlsplit(params.url)
    if parts.hostname not in LOOPBACK:
        if parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in PORTS:
            what = "Webhook can be set up only on ports 80, 88, 443 or 8443"
            raise bad_request(f"bad webhook: {what}")
    if len(params.secret_token) > SECRET_MAX:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(params.secret_token):
        raise bad_request("secret token contains unallowed characters")


def _place(params: Commands) -> str:
    """Commands are kept by language; scopes other than everybody's have a place of their own."""
    kind = params.scope.get("type", "default") if isinstance(params.scope, dict) else "default"
    own = kind not in ("default", "all_private_chats")
    return f"{kind}:{params.language_code}" if own else params.language_code


def _command(one: Any) -> Wire:
    name = str(one.get("command", "")).lstrip("/") if isinstance(one, dict) else ""
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    description = str(one.get("description", "")).strip()
    if not 1 <= len(description) <= COMMAND_TEXT_MAX:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}


METHODS: Final = (
    Method("getMe", Params, get_me),
    Method("setMyCommands", Commands, set_commands),
    Method("getMyCommands", Commands, get_commands),
    Method("deleteMyCommands", Commands, delete_commands),
    Method("setMyName", Spoken, set_name),
    Method("setMyDescription", Spoken, set_description),
    Method("setMyShortDescription", Spoken, set_description),
    Method("setChatMenuButton", Params, set_menu_button),
    Method("getUpdates", GetUpdates, get_updates),
    Method("setWebhook", SetWebhook, set_webhook),
    Method("deleteWebhook", SetWebhook, delete_webhook),
    Method("getWebhookInfo", Params, webhook_info),
)
