// The list of bots and chats, the balance, the state of the line.

import { $, avatar, el, icon } from "./dom.js";
import { preview } from "./messages.js";
import { store } from "./store.js";
import { number, t, time } from "./texts.js";

export function drawSidebar(onOpen) {
  const bots = store.chats.filter((chat) => chat.type === "private");
  const others = store.chats.filter((chat) => chat.type !== "private");
  $("chats").replaceChildren(
    el("h2", {}, t("bots")),
    bots.length ? listOf(bots, onOpen) : el("p.empty", {}, t("no_bots")),
    ...(others.length ? [el("h2", {}, t("chats")), listOf(others, onOpen)] : []),
  );
  drawWallet();
}

export function drawWallet() {
  $("wallet").replaceChildren(icon("star"), number(store.me.stars));
  $("wallet").title = t("stars");
  $("wallet").setAttribute("aria-label", `${t("stars")}: ${number(store.me.stars)}`);
}

export function drawLine(isUp) {
  $("line").textContent = isUp ? "" : t("offline");
}

function listOf(chats, onOpen) {
  const newest = [...chats].sort((a, b) => (b.last?.date ?? 0) - (a.last?.date ?? 0));
  return el("ul", {}, ...newest.map((chat) => el("li", {}, row(chat, onOpen))));
}

function row(chat, onOpen) {
  const unread = store.unread.get(chat.key) ?? 0;
  const isOpen = chat.key === store.open;
  const words = chat.last ? preview(chat.last) : chat.bot?.about || t("never");
  return el("button.chat", {
    type: "button", "aria-current": isOpen ? "true" : undefined, "data-key": chat.key,
    onclick: () => onOpen(chat.key),
  }, avatar(chat.title, chat.type),
  el("span.chat-words", {},
    el("span.chat-line", {}, el("b", {}, chat.title), chat.last && el("time", {}, time(chat.last.date))),
    el("span.chat-line", {},
      el(`span.chat-last${chat.last ? "" : ".whole"}`, {}, chat.last?.mine ? `${t("you")}: ${words}` : words),
      unread ? el("span.unread", {}, String(unread)) : null)));
}
