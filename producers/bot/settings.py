"""`/settings`: language, clock, models, style, when to ask first, the daily summary."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from ops.base.accounts import available
from ops.base.clock import now
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.private import InPrivate
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.show import show
from producers.bot.wants import outlook, price_units
from schemas.buttons import Press
from schemas.catalogue import Catalogue, Modality, catalogue
from schemas.errors import InvalidInput, NotAllowed, Refused
from schemas.jobs import Kind
from schemas.payloads import PROMPT_STYLE, STYLES
from schemas.plans import PlanName, plans
from schemas.speech import Html, html
from schemas.texts import languages, text
from storage.preferences import Preference

SET: Final = "set"
THRESHOLDS: Final[tuple[tuple[str, int | None], ...]] = (
    ("always", 0), ("2", 20_000), ("5", 50_000), ("10", 100_000), ("25", 250_000), ("never", None),
)  # fmt: skip
MODALITIES: Final[tuple[Modality, ...]] = ("text", "image", "video")
MODELS_PAGE: Final = 6
USUAL: Final = "text.default"
ZONES: Final = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Almaty",
    "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "America/New_York",
    "America/Los_Angeles",
)  # fmt: skip

View = Callable[[Room, Guest], Awaitable[tuple[Html, Keyboard]]]


def router() -> Router:
    made = InPrivate.guard(Router(name="settings"))
    made.message.register(on_settings, Command("settings"))
    made.message.register(on_language, Command("language"))
    made.message.register(on_zone, Command("zone"))
    made.callback_query.register(on_set, Pressed(SET), F.message)
    return made


async def on_settings(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        await show(room, guest, *await overview(room, guest))


async def on_language(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        await show(room, guest, *await language_page(room, guest))


async def on_zone(_: Message, command: CommandObject, room: Room, guest: Guest) -> None:
    """`/zone Europe/Moscow`, or a list."""
    async with refusals(room, guest):
        if not command.args:
            await show(room, guest, *await zone_page(room, guest))
            return
        await room.desk.users.set_zone(guest.user_id, command.args.strip())
        await room.say.send(guest, html("settings.saved", guest.language))


async def on_set(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """`ref` is a page; with `arg` something was chosen on it. Then the page as it is now."""
    async with refusals(room, guest, query):
        page = press.ref
        if press.arg:
            guest = await _choose(room, guest, page, press.arg)
        if page.startswith("models-"):
            shown = await models_page(room, guest, page.removeprefix("models-"), press.arg)
        else:
            shown = await PAGES.get(page, overview)(room, guest)
        await show(room, guest, *shown, query)


async def overview(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """Everything at a glance, and the way to each."""
    chosen, language = await room.preferences.of(guest.user_id), guest.language
    zone = (await room.desk.users.get(guest.user_id)).time_zone
    told = html(
        "settings.overview",
        language,
        language=text("language.name", language),
        zone=zone,
        style=text(f"settings.style-{chosen.style}", language),
        confirm=_threshold(chosen, guest),
        prompts=text(f"settings.prompts-{_on_off(chosen.improve_prompts)}", language),
        summary=text("settings.on" if chosen.daily_summary else "settings.off", language),
        models=_models_line(chosen, guest),
    )
    turn = "off" if chosen.daily_summary else "on"
    rows = [
        [_page("language", guest), _page("zone", guest)],
        [_page("models", guest), _page("style", guest)],
        [_page("prompts", guest)],
        [_page("confirm", guest), button(text("settings.to-summary", language), SET, "all", turn)],
    ]
    return told, rows


async def language_page(_: Room, guest: Guest) -> tuple[Html, Keyboard]:
    rows = [[_choice(text("language.name", code), "language", code, code == guest.language)]
            for code in languages()]  # fmt: skip
    return html("settings.ask-language", guest.language), [*rows, [_back(guest)]]


async def zone_page(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    mine = (await room.desk.users.get(guest.user_id)).time_zone
    keys = [_choice(zone, "zone", zone, zone == mine) for zone in ZONES]
    rows = [keys[n : n + 2] for n in range(0, len(keys), 2)]
    return html("settings.ask-zone", guest.language, zone=mine), [*rows, [_back(guest)]]


async def style_page(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    mine = (await room.preferences.of(guest.user_id)).style
    rows = [
        [_choice(text(f"settings.style-{one}", guest.language), "style", one, one == mine)]
        for one in STYLES
    ]
    return html("settings.ask-style", guest.language), [*rows, [_back(guest)]]


async def confirm_page(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    mine = (await room.preferences.of(guest.user_id)).confirm_above_units
    keys = [_choice(_words(name, units, guest), "confirm", name, units == mine)
            for name, units in THRESHOLDS]  # fmt: skip
    rows = [keys[n : n + 2] for n in range(0, len(keys), 2)]
    return html("settings.ask-confirm", guest.language), [*rows, [_back(guest)]]


async def prompts_page(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """What it does and costs is said before it is switched on."""
    mine = (await room.preferences.of(guest.user_id)).improve_prompts
    rows = [
        [
            _choice(
                text(f"settings.improve-{one}", guest.language),
                "prompts",
                one,
                _on_off(mine) == one,
            )
        ]
        for one in ("on", "off")
    ]
    told = {"text": "-", "style": PROMPT_STYLE}
    try:
        units = await price_units(room, guest, Kind.TEXT_IMPROVE, told)
    except Refused:  # the model of their choice is not to be had: said when it is asked for
        units = await price_units(room, guest, Kind.TEXT_IMPROVE, {**told, "model": USUAL})
    return html("settings.ask-prompts", guest.language, price_units=units), [*rows, [_back(guest)]]


async def modality_page(_: Room, guest: Guest) -> tuple[Html, Keyboard]:
    rows = [
        [button(text(f"settings.models-{one}", guest.language), SET, f"models-{one}")]
        for one in MODALITIES
    ]
    return html("settings.ask-modality", guest.language), [*rows, [_back(guest)]]


async def models_page(
    room: Room, guest: Guest, modality: str, turned: str
) -> tuple[Html, Keyboard]:
    """What the person's plan has; the first choice is the plan's own. `turned`: `p2` is page 2."""
    if modality not in MODALITIES:
        raise InvalidInput("invalid_input", field="modality", problem="no such kind of model")
    plan = await room.desk.users.plan(guest.user_id)
    names = _models_of(_models(room), modality, plan)
    mine = (await room.preferences.of(guest.user_id)).models.get(modality, "")
    page = int(turned[1:]) if turned[:1] == "p" and turned[1:].isdecimal() else 0
    page = min(page, max(0, (len(names) - 1) // MODELS_PAGE))
    shown = names[page * MODELS_PAGE : (page + 1) * MODELS_PAGE]
    away = await _away(room, [name for name, _ in shown])
    ref = f"models-{modality}"
    rows = [[_choice(text("settings.plan-model", guest.language), ref, "m-", not mine)]]
    rows += [[_choice(f"⚠️ {title}" if name in away else title, ref, f"m{number}-{_mark(name)}",
                      name == mine)]
             for number, (name, title) in enumerate(shown, start=page * MODELS_PAGE)]  # fmt: skip
    turn = []
    if page > 0:
        turn.append(button("◀", SET, ref, f"p{page - 1}"))
    if (page + 1) * MODELS_PAGE < len(names):
        turn.append(button("▶", SET, ref, f"p{page + 1}"))
    back = button(text("wallet.back", guest.language), SET, "models")
    asked = html("settings.ask-model", guest.language, plan=plan.value)
    if away:
        asked = Html(f"{asked}\n\n{html('settings.models-away', guest.language)}")
    return asked, [*rows, turn, [back]]


async def _away(room: Room, names: Sequence[str]) -> frozenset[str]:
    """Those of these models that do not answer now."""
    models = _models(room)
    rows = [row for name in names if (row := models.row(name)) is not None]
    return frozenset(await outlook(room).away(rows))


PAGES: Final[dict[str, View]] = {
    "language": language_page,
    "zone": zone_page,
    "style": style_page,
    "confirm": confirm_page,
    "prompts": prompts_page,
    "models": modality_page,
}


async def _choose(room: Room, guest: Guest, page: str, arg: str) -> Guest:
    """Keep a choice; the guest as it is then. Raises InvalidInput, NotAllowed."""
    if page == "language":
        await room.desk.users.set_language(guest.user_id, arg)
        return guest.in_language(arg)
    if page == "zone":
        await room.desk.users.set_zone(guest.user_id, arg)
    elif page == "style" and arg in STYLES:
        await room.preferences.change(guest.user_id, style=arg)
    elif page == "confirm" and arg in dict(THRESHOLDS):
        await room.preferences.change(guest.user_id, confirm_above_units=dict(THRESHOLDS)[arg])
    elif page == "prompts" and arg in {"on", "off"}:
        await room.preferences.change(guest.user_id, improve_prompts=arg == "on")
    elif page == "all" and arg in {"on", "off"}:
        await room.preferences.change(guest.user_id, daily_summary=arg == "on", bot=guest.bot)
    elif page.startswith("models-") and arg[:1] == "m":
        await _choose_model(room, guest, page.removeprefix("models-"), arg[1:])
    elif not page.startswith("models-"):
        raise InvalidInput("invalid_input", field="setting", problem="no such setting")
    return guest


async def _choose_model(room: Room, guest: Guest, modality: str, told: str) -> None:
    """`3-1f2e` is the model of that place whose name has that mark: an old list chooses no other."""
    chosen = dict((await room.preferences.of(guest.user_id)).models)
    if told == "-":
        chosen.pop(modality, None)
    else:
        plan = await room.desk.users.plan(guest.user_id)
        place, _, mark = told.partition("-")
        names = [name for name, _ in _models_of(_models(room), modality, plan)]
        number = int(place) if place.isdecimal() else len(names)
        if number >= len(names) or _mark(names[number]) != mark:
            raise NotAllowed("model_not_in_plan", model="?", plan=plan.value)
        chosen[modality] = names[number]
    await room.preferences.change(guest.user_id, models=chosen)


def _models_of(models: Catalogue, modality: str, plan: PlanName) -> list[tuple[str, str]]:
    """Name and title of what answers now and belongs to the plan."""
    allowed = plans().plans[plan]
    found = []
    for row in models.models:
        if row.modality != modality or not row.is_priced or not allowed.allows(row.name):
            continue
        try:
            usable = models.resolve(row.name, row.modality).name == row.name
        except InvalidInput:
            usable = False
        if usable:
            found.append((row.name, row.title))
    return found


def _models(room: Room) -> Catalogue:
    return catalogue().bound(available(room.settings), lambda: now().date())


def _mark(name: str) -> str:
    """Four letters that tell a name from its neighbours."""
    return f"{sum(ord(letter) * (place + 1) for place, letter in enumerate(name)) % 65_536:04x}"


def _models_line(chosen: Preference, guest: Guest) -> str:
    own = [chosen.models[one] for one in MODALITIES if one in chosen.models]
    return ", ".join(own) or text("settings.plan-model", guest.language)


def _threshold(chosen: Preference, guest: Guest) -> str:
    units = chosen.confirm_above_units
    name = next((name for name, known in THRESHOLDS if known == units), "")
    return _words(name, units, guest)


def _words(name: str, units: int | None, guest: Guest) -> str:
    if name in {"always", "never"}:
        return text(f"settings.confirm-{name}", guest.language)
    return text("settings.confirm-above", guest.language, price_units=units or 0)


def _choice(label: str, page: str, value: str, chosen: bool) -> tuple[str, str]:  # noqa: FBT001
    return button(f"✓ {label}" if chosen else label, SET, page, value)


def _page(name: str, guest: Guest) -> tuple[str, str]:
    return button(text(f"settings.to-{name}", guest.language), SET, name)


def _on_off(chosen: bool) -> str:  # noqa: FBT001
    return "on" if chosen else "off"


def _back(guest: Guest) -> tuple[str, str]:
    return button(text("wallet.back", guest.language), SET, "all")
