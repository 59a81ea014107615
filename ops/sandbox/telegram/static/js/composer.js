// Writing: text, files, commands, an answer to a message, a question to an inline bot.

import { $, button, el, icon } from "./dom.js";
import { replyKeyboard } from "./keyboards.js";
import { preview } from "./messages.js";
import { openChat, store } from "./store.js";
import { t } from "./texts.js";

const FILE_MAX = 50 * 1024 * 1024;
const FILES_MAX = 10;
const INLINE = /^@([A-Za-z0-9_]{3,32}) (.*)$/s;
const INLINE_MS = 400;

let act = null;
let files = [];
let choices = [];
let chosen = -1;
let inlineTimer = 0;
const parts = {};

export function setUpComposer(actions) {
  act = actions;
  const pick = el("input", { type: "file", multiple: true, hidden: true, onchange: () => add(pick.files, pick) });
  parts.above = el("div.above");
  parts.choices = el("div.choices", { role: "listbox", id: "choices", hidden: true, "aria-label": t("commands") });
  parts.keys = el("div");
  parts.text = el("textarea", {
    rows: 1, placeholder: t("message"), "aria-label": t("message"), id: "text", maxLength: 16000,
    "aria-controls": "choices", oninput: onInput, onkeydown: onKey,
    onpaste: (event) => event.clipboardData.files.length && add(event.clipboardData.files),
  });
  parts.commands = button(".icon-button", t("commands"), icon("menu"), toggleCommands, { "aria-expanded": "false" });
  const bar = el("div.bar", {},
    parts.commands,
    button(".icon-button", t("attach"), icon("attach"), () => pick.click()),
    parts.text,
    button(".icon-button.send", t("send"), icon("send"), undefined, { type: "submit" }), pick);
  parts.bar = bar;
  $("composer").replaceChildren(parts.above, parts.choices, bar, parts.keys);
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  const main = $("room");
  main.addEventListener("dragover", (event) => event.preventDefault());
  main.addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
}

export function drawComposer() {
  const chat = openChat();
  if (!chat) return;
  const barred = chat.blocked ? t("blocked") : chat.may_write ? "" : t("read_only");
  parts.bar.hidden = Boolean(barred);
  parts.commands.hidden = !commandsOf(chat).length;
  parts.keys.replaceChildren(...(chat.keyboard && !barred ? [replyKeyboard(chat.keyboard, act.say)] : []));
  const restart = el("button.key", { type: "button", onclick: () => act.block(chat, false) }, t("unblock"));
  parts.above.replaceChildren(
    ...(barred ? [el("p.barred", {}, barred), ...(chat.blocked ? [restart] : [])] : []),
    ...(store.replyTo ? [replying(store.replyTo)] : []),
    ...(files.length ? [tray()] : []),
  );
}

export function clearComposer() {
  for (const one of files) URL.revokeObjectURL(one.url);
  files = [];
  store.replyTo = null;
  parts.text.value = "";
  fit();
  hideChoices();
  drawComposer();
}

export function write(text) {
  parts.text.value = text;
  fit();
  parts.text.focus();
  onInput();
}

export const focusComposer = () => parts.text.focus();

async function submit() {
  const text = parts.text.value.trim();
  const asFiles = parts.above.querySelector("#as-files")?.checked ?? false;
  if (!text && !files.length) return;
  const sending = files.map((one) => one.file);
  const replyTo = store.replyTo?.message_id ?? null;
  const kept = { value: parts.text.value, files, replyTo: store.replyTo };
  files = [];
  clearComposer();
  const done = sending.length ? await act.sendFiles(sending, text, replyTo, asFiles) : await act.say(text, replyTo);
  if (!done && !parts.text.value) {
    files = kept.files;
    store.replyTo = kept.replyTo;
    write(kept.value);
    drawComposer();
  }
}

function add(list, input) {
  for (const file of list) {
    if (file.size > FILE_MAX) act.tell(t("too_big"));
    else if (files.length < FILES_MAX) files.push({ file, url: URL.createObjectURL(file) });
  }
  if (input) input.value = "";
  drawComposer();
  parts.text.focus();
}

function tray() {
  const drop = (one) => {
    URL.revokeObjectURL(one.url);
    files = files.filter((each) => each !== one);
    drawComposer();
  };
  return el("div.tray", {}, ...files.map((one) => el("figure", {},
    one.file.type.startsWith("image/") ? el("img", { src: one.url, alt: one.file.name })
      : el("span.file-look", {}, icon("file")),
    el("figcaption", {}, one.file.name),
    button(".remove", t("remove"), icon("close"), () => drop(one)))),
  el("label.as-files", {}, el("input", { type: "checkbox", id: "as-files" }), t("as_files")));
}

function replying(message) {
  const stop = () => {
    store.replyTo = null;
    drawComposer();
  };
  return el("div.replying", {}, icon("reply"),
    el("span", {}, el("b", {}, `${t("reply_to")} ${message.mine ? t("you") : message.author}`),
      el("span.quoted", {}, preview(message))),
    button(".icon-button", t("cancel"), icon("close"), stop));
}

function onInput() {
  fit();
  const value = parts.text.value;
  clearTimeout(inlineTimer);
  const asked = INLINE.exec(value);
  if (asked) {
    inlineTimer = setTimeout(() => void askInline(asked[1], asked[2], value), INLINE_MS);
  } else if (/^\/\w*$/.test(value)) offerCommands(value);
  else hideChoices();
}

function onKey(event) {
  if (event.isComposing) return;
  if (choices.length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    choose((chosen + (event.key === "ArrowDown" ? 1 : -1) + choices.length) % choices.length);
  } else if (choices.length && (event.key === "Tab" || event.key === "Enter") && chosen >= 0) {
    event.preventDefault();
    choices[chosen].take();
  } else if (event.key === "Escape") {
    if (choices.length) hideChoices();
    else if (store.replyTo) {
      store.replyTo = null;
      drawComposer();
    }
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    void submit();
  }
}

function commandsOf(chat) {
  return chat.bots.flatMap((bot) => bot.commands.map((one) => ({ ...one, bot })));
}

function toggleCommands() {
  if (!parts.choices.hidden) hideChoices();
  else offerCommands("/");
  parts.text.focus();
}

function offerCommands(typed) {
  const chat = openChat();
  const fitting = commandsOf(chat).filter((one) => `/${one.command}`.startsWith(typed));
  const suffix = (one) => (chat.type === "private" ? "" : `@${one.bot.username}`);
  showChoices(fitting.map((one) => ({
    title: `/${one.command}`, about: one.description,
    take: () => {
      parts.text.value = "";
      fit();
      hideChoices();
      void act.say(`/${one.command}${suffix(one)}`);
    },
  })));
}

async function askInline(username, query, value) {
  const found = await act.askInline(username, query);
  if (!found || parts.text.value !== value) return;
  showChoices(found.results.map((one) => ({
    title: one.title || one.type, about: one.description,
    image: one.photo_file_id ? `/chat/media/${encodeURIComponent(one.photo_file_id)}` : "",
    take: () => {
      clearComposer();
      void act.choose(found.query_id, one.id, query);
    },
  })));
}

function showChoices(list) {
  choices = list;
  chosen = -1;
  parts.choices.hidden = !list.length;
  parts.commands.setAttribute("aria-expanded", String(list.length > 0));
  parts.choices.replaceChildren(...list.map((one, index) =>
    el("button.choice", { type: "button", role: "option", id: `choice-${index}`, tabIndex: -1, onclick: one.take },
      one.image && el("img", { src: one.image, alt: "" }),
      el("b", {}, one.title), el("span", {}, one.about))));
  parts.text.removeAttribute("aria-activedescendant");
}

function choose(index) {
  chosen = index;
  [...parts.choices.children].forEach((node, at) => {
    node.setAttribute("aria-selected", String(at === index));
    if (at === index) node.scrollIntoView({ block: "nearest" });
  });
  parts.text.setAttribute("aria-activedescendant", `choice-${index}`);
}

const hideChoices = () => showChoices([]);

function fit() {
  parts.text.style.height = "auto";
  const height = parts.text.scrollHeight; // 0 while the room is hidden
  if (height) parts.text.style.height = `${Math.min(height, 180)}px`;
}
