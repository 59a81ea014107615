// One conversation: its head, its messages, and where the eye is.

import { $, announce, avatar, button, el, icon } from "./dom.js";
import { bubble, draftBubble, groups, preview, typingBubble } from "./messages.js";
import { liveDrafts, openChat, store } from "./store.js";
import { day, t } from "./texts.js";

const NEAR_PX = 120;
let act = null;
let sticks = true;
let sizes = "";

export function setUpRoom(actions) {
  act = actions;
  new ResizeObserver(follow).observe($("log"));
  new ResizeObserver(follow).observe($("scroll"));
  $("down").replaceChildren(icon("down"));
  $("down").setAttribute("aria-label", t("to_bottom"));
  $("down").addEventListener("click", () => toBottom(true));
  $("scroll").addEventListener("scroll", () => {
    if (sizesNow() !== sizes) return;
    sticks = isNearBottom();
    $("down").hidden = sticks;
  });
}

export function drawRoom() {
  const chat = openChat();
  document.body.classList.toggle("in-room", Boolean(chat));
  $("composer").hidden = !chat;
  $("head").hidden = !chat;
  if (!chat) {
    $("log").replaceChildren(el("div.welcome", {}, el("p", {}, t("pick"))));
    return;
  }
  drawHead(chat);
  drawMessages({ keep: false });
}

export function drawHead(chat) {
  const action = store.actions.get(chat.key);
  const kind = chat.type === "private" ? "bot" : chat.type === "channel" ? "channel" : "group";
  const inside = chat.type === "private" ? [t("sandbox")] : chat.bots.map((bot) => bot.name);
  const words = action ? t(action) : [t(kind), ...inside].join(" · ");
  $("head").replaceChildren(
    button(".icon-button.back", t("back"), icon("back"), act.back),
    avatar(chat.title, chat.type),
    el("div.head-words", {}, el("h1", {}, chat.title),
      el("span", { className: action ? "doing" : "" }, words)),
    ...(chat.type === "private" ? [button(".icon-button", t("more"), icon("more"), () => act.more(chat))] : []),
  );
}

export function drawMessages({ keep = true } = {}) {
  const chat = openChat();
  if (!chat) return;
  const stay = keep && !sticks;
  const from = $("scroll").scrollHeight - $("scroll").scrollTop;
  const messages = store.messages.get(chat.key) ?? [];
  const nodes = [];
  if (store.more.get(chat.key)) nodes.push(el("button.quiet.earlier", { type: "button", onclick: act.earlier }, t("earlier")));
  if (!messages.length) nodes.push(welcome(chat));
  let shownDay = "";
  let lastSide = null;
  for (const group of groups(messages)) {
    const today = day(group[0].date);
    if (today !== shownDay) nodes.push(el("p.day", {}, el("span", {}, today)));
    const node = bubble(group, chat, act);
    if (today === shownDay && lastSide === node.className) node.classList.add("next");
    lastSide = node.className.replace(" next", "");
    shownDay = today;
    nodes.push(node);
  }
  $("log").replaceChildren(...reuse(nodes), ...tail(chat));
  if (!stay) toBottom(false);
  else $("scroll").scrollTop = $("scroll").scrollHeight - from;
}

// What is being written just now, below the messages.
export function drawTail() {
  const chat = openChat();
  if (!chat) return;
  for (const old of document.querySelectorAll(".draft, .waiting")) old.remove();
  $("log").append(...tail(chat));
  if (sticks) toBottom(false);
}

export function jump(id) {
  const node = document.querySelector(`[data-id="${Number(id)}"]`);
  if (!node) return;
  node.scrollIntoView({ block: "center", behavior: "smooth" });
  node.classList.add("found");
  setTimeout(() => node.classList.remove("found"), 1600);
}

export function speak(message, chat) {
  announce(`${message.author || chat.title}: ${preview(message)}`);
}

function tail(chat) {
  const drafts = liveDrafts(chat.key);
  if (drafts.length) return drafts.map((draft) => draftBubble(draft, chat, act));
  return store.actions.get(chat.key) ? [typingBubble()] : [];
}

// A video that plays and a picture that is there stay as they are while their bubble is unchanged.
function reuse(nodes) {
  const before = new Map();
  for (const node of $("log").children) if (node.dataset.id) before.set(node.dataset.id, node);
  return nodes.map((node) => {
    const old = node.dataset?.id && before.get(node.dataset.id);
    if (!old || !old.querySelector("img, video") || old.textContent !== node.textContent) return node;
    const media = (one) => [...one.querySelectorAll("img, video")].map((each) => each.getAttribute("src")).join();
    if (media(old) !== media(node)) return node;
    if (old.querySelectorAll("button").length !== node.querySelectorAll("button").length) return node;
    old.className = node.className;
    return old;
  });
}

function welcome(chat) {
  return el("div.welcome", {}, avatar(chat.title, chat.type), el("h2", {}, chat.title),
    el("p", {}, chat.bot?.about || (chat.bot ? `@${chat.bot.username}` : "")),
    chat.type === "private" && el("button.big", { type: "button", onclick: () => act.say("/start") }, t("start")));
}

function isNearBottom() {
  const box = $("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
}

function toBottom(smooth) {
  sticks = true;
  $("down").hidden = true;
  $("scroll").scrollTo({ top: $("scroll").scrollHeight, behavior: smooth ? "smooth" : "instant" });
}

// Whoever was at the end stays there, whatever grows: a late picture, a tray of files, a keyboard.
function follow() {
  sizes = sizesNow();
  if (sticks) toBottom(false);
}

const sizesNow = () => `${$("scroll").scrollHeight}/${$("scroll").clientHeight}`;
