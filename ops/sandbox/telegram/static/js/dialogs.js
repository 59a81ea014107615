// What stands in front of the page for a moment: paying, stars, alerts, pictures, a new chat.

import { $, button, el, icon } from "./dom.js";
import { post, read } from "./api.js";
import { store } from "./store.js";
import { number, reason, t } from "./texts.js";

function show(classes, ...content) {
  const dialog = $("dialog");
  dialog.className = classes;
  dialog.replaceChildren(button(".icon-button.shut", t("close"), icon("close"), shut), ...content);
  if (!dialog.open) dialog.showModal();
}

export function shut() {
  $("dialog").close();
}

export function setUpDialogs() {
  $("dialog").addEventListener("click", (event) => {
    if (event.target === $("dialog")) shut();
  });
}

export function alertOf(text) {
  show("card", el("p.alert", {}, text),
    el("div.actions", {}, el("button.big", { type: "button", onclick: shut }, "OK")));
}

export function look(url, { width, height }) {
  show("picture", el("img", { src: url, alt: t("photo"), width, height, onclick: shut }));
}

export function stars() {
  const fill = async () => {
    await post("stars");
    shut();
  };
  show("card", el("h2", {}, t("stars")), el("p.price.large", {}, icon("star"), number(store.me.stars)),
    el("p", {}, t("stars_about")), el("p.small", {}, t("pay_note")),
    el("div.actions", {}, el("button.big", { type: "button", onclick: fill }, t("fill"))));
}

export async function pay(slug) {
  let invoice;
  try {
    invoice = await read("invoice", { slug });
  } catch {
    alertOf(t("pay_unknown"));
    return;
  }
  const status = el("p.status", { role: "status" });
  const go = el("button.big", { type: "button", onclick: () => void send() }, `${t("pay")} ★ ${number(invoice.total_amount)}`);
  const send = async () => {
    go.disabled = true;
    status.textContent = t("paying");
    status.className = "status busy";
    let paid;
    try {
      paid = await post("pay", { slug });
    } catch (error) {
      paid = { outcome: "unknown", reason: reason(error) };
    }
    status.className = `status ${paid.outcome}`;
    status.textContent = paid.outcome === "refused" ? t("pay_refused") + paid.reason
      : paid.outcome === "paid" ? t("pay_done") : t(`pay_${paid.outcome}`);
    go.disabled = paid.outcome === "unknown";
    if (paid.outcome === "paid") go.replaceWith(el("button.big", { type: "button", onclick: shut }, t("close")));
  };
  show("card", el("h2", {}, t("pay_title")), el("p.invoice-title", {}, invoice.title),
    el("p", {}, invoice.description),
    el("p.price.large", {}, icon("star"), number(invoice.total_amount),
      invoice.period_s ? el("small", {}, t("per_month")) : null),
    el("p.small", {}, `${invoice.bot} · ${t("balance")}: ★ ${number(invoice.balance)}`),
    el("p.small", {}, t("pay_note")), status, el("div.actions", {}, go));
  go.focus();
}

export function more(chat, act) {
  const flip = () => {
    shut();
    act.block(chat, !chat.blocked);
  };
  show("card", el("h2", {}, chat.title), el("p.small", {}, `@${chat.bot.username} · id ${chat.bot.id}`),
    chat.bot.about && el("p", {}, chat.bot.about),
    el("div.actions", {}, el("button.quiet.danger", { type: "button", onclick: flip },
      t(chat.blocked ? "unblock" : "block"))));
}

export function newChat(act, wanted = "channel") {
  const bots = store.chats.filter((chat) => chat.bot).map((chat) => chat.bot);
  const hint = el("p.small", {}, t(`${wanted}_hint`));
  const kind = (name) => el("label.choice-of", {},
    el("input", {
      type: "radio", name: "kind", value: name, checked: name === wanted,
      onchange: () => hint.replaceChildren(t(`${name}_hint`)),
    }), t(name));
  const create = async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const chat = {
      type: data.get("kind"), title: String(data.get("title")).trim(),
      bots: data.getAll("bot").map(Number),
    };
    if (!chat.title) return;
    shut();
    await act.found(chat);
  };
  const title = el("input", { type: "text", name: "title", required: true, maxLength: 64 });
  const form = el("form", { onsubmit: create }, el("h2", {}, t("new_chat")),
    el("fieldset", {}, el("legend", {}, t("kind")), kind("channel"), kind("group")),
    el("label.field", {}, t("title"), title),
    bots.length ? el("fieldset", {}, el("legend", {}, t("add_bots")),
      ...bots.map((bot) => el("label.choice-of", {},
        el("input", { type: "checkbox", name: "bot", value: String(bot.id), checked: true }), bot.name))) : null,
    hint, el("div.actions", {}, el("button.big", { type: "submit" }, t("create"))));
  show("card", form);
  title.focus();
}
