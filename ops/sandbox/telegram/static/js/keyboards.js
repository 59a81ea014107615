// Buttons under messages, and buttons in place of letters.

import { el, icon } from "./dom.js";
import { number, t } from "./texts.js";

const waiting = new Map();
const WAIT_MS = 15000;

export function inlineKeyboard(message, act) {
  const shown = (key) => !(key.pay && message.invoice_paid);
  const rows = message.reply_markup.inline_keyboard.map((row) => row.filter(shown)).filter((row) => row.length);
  if (!rows.length) return null;
  return el("div.keyboard", {}, ...rows.map((row) =>
    el("div.keys", {}, ...row.map((key) => keyOf(message, key, act)))));
}

function keyOf(message, key, act) {
  const style = { primary: ".primary", success: ".good", danger: ".bad" }[key.style] ?? "";
  if (key.pay) {
    const label = `${t("pay")} ★ ${number(message.invoice.total_amount)}`;
    return el("button.key.pay", { type: "button", onclick: () => act.pay(message.slug) }, label);
  }
  const node = el(`button.key${style}`, {
    type: "button", disabled: Boolean(key.disabled), onclick: () => pressed(node, message, key, act),
  }, key.text.replaceAll(" · ", "\u00a0· "), key.url && icon("link"));
  return node;
}

async function pressed(node, message, key, act) {
  if (key.callback_data !== undefined) {
    if (node.classList.contains("busy")) return;
    node.classList.add("busy");
    const id = await act.press(message, key.callback_data);
    if (id) waiting.set(id, node);
    setTimeout(() => answered(id) || node.classList.remove("busy"), id ? WAIT_MS : 0);
  } else if (key.url) {
    if (!act.go({ url: key.url })) window.open(key.url, "_blank", "noopener,noreferrer");
  } else if (key.copy_text) act.copy(key.copy_text.text);
  else if (key.switch_inline_query_current_chat !== undefined) {
    act.inline(message, key.switch_inline_query_current_chat);
  } else act.unsupported();
}

// The bot has answered: the button rests. False when nobody was waiting.
export function answered(id) {
  const node = waiting.get(id);
  waiting.delete(id);
  node?.classList.remove("busy");
  return Boolean(node);
}

export function replyKeyboard(keyboard, onText) {
  const rows = keyboard.keyboard.map((row) =>
    el("div.keys", {}, ...row.map((key) =>
      el("button.key", { type: "button", onclick: () => onText(key.text) }, key.text))));
  return el("div.keyboard.reply-keyboard", {}, ...rows);
}
