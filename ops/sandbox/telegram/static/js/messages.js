// Messages -> bubbles. An album is one bubble with a grid.

import { avatar, el, icon, button } from "./dom.js";
import { inlineKeyboard } from "./keyboards.js";
import { rich } from "./rich.js";
import { store } from "./store.js";
import { number, size, t, time } from "./texts.js";

const MEDIA = ["photo", "video", "animation", "document"];
const mediaUrl = (file) => `/chat/media/${encodeURIComponent(file.file_id)}`;

export function preview(message) {
  if (!message) return "";
  if (message.text) return message.text;
  if (message.caption) return message.caption;
  if (message.invoice) return `${t("invoice")}: ${message.invoice.title}`;
  if (message.successful_payment) return `${t("paid")}: ★ ${message.successful_payment.total_amount}`;
  if (message.refunded_payment) return `${t("refund_note")} ★ ${message.refunded_payment.total_amount}`;
  const kind = MEDIA.find((one) => message[one]);
  return kind ? t(kind) : "";
}

export function groups(messages) {
  const result = [];
  for (const message of messages) {
    const last = result.at(-1);
    const album = message.media_group_id;
    if (album && last?.[0].media_group_id === album && last[0].mine === message.mine) last.push(message);
    else result.push([message]);
  }
  return result;
}

export function bubble(group, chat, act) {
  const message = group[0];
  const note = serviceNote(message);
  if (note) return el("p.note", { "data-id": message.message_id }, note);
  const captioned = group.find((one) => one.caption) ?? message;
  const media = group.filter((one) => MEDIA.some((kind) => one[kind]));
  const side = message.mine ? "mine" : "theirs";
  const body = el("div.bubble", {},
    chat.type !== "private" && !message.mine && el("p.author", {}, authorOf(message, chat)),
    message.via && el("p.via", {}, `via @${message.via}`),
    message.forward_origin && el("p.via", {}, "↪ ", message.forward_origin.chat?.title ?? ""),
    quote(message, act),
    media.length ? mediaGrid(media, act) : null,
    message.invoice && invoiceCard(message, act),
    text(message.text, message.entities, act),
    text(captioned.caption, captioned.caption_entities, act),
    el("p.meta", {}, message.reactions?.length && el("span.reactions", {}, message.reactions.join(" ")),
      message.edit_date ? `${t("edited")} ` : "", time(group.at(-1).date)));
  if (!message.text && !captioned.caption && media.length && !message.invoice) body.classList.add("bare");
  return el(`article.message.${side}`, { "data-id": message.message_id, "aria-label": label(message, chat) },
    el("div.stack", {}, body, keyboardOf(message, act)),
    button(".reply-to", t("reply"), icon("reply"), () => act.reply(message)));
}

export function draftBubble(draft, chat, act) {
  const body = draft.text
    ? el("div.text", {}, ...rich(draft.text, draft.entities), el("span.caret"))
    : el("p.thinking", {}, t("thinking"), el("span.dots", {}, el("i"), el("i"), el("i")));
  return el("article.message.theirs.draft", { "data-draft": draft.draft_id },
    el("div.stack", {}, el("div.bubble", {}, body),
      draft.can_stop && el("button.key.stop", { type: "button", onclick: () => act.stop(draft) },
        icon("stop"), t("stop"))));
}

export function typingBubble() {
  return el("article.message.theirs.waiting", { "aria-hidden": "true" },
    el("div.stack", {}, el("div.bubble", {}, el("span.dots", {}, el("i"), el("i"), el("i")))));
}

function authorOf(message, chat) {
  return message.author_signature ? `${chat.title} · ${message.author_signature}` : message.author || chat.title;
}

function label(message, chat) {
  return `${message.mine ? t("you") : message.author || chat.title}, ${time(message.date)}`;
}

function text(value, entities, act) {
  return value ? el("div.text", {}, ...rich(value, entities, act.go)) : null;
}

function quote(message, act) {
  const quoted = message.reply_to_message;
  if (!quoted) return null;
  const name = quoted.from?.id === store.me.id ? t("you") : quoted.from?.first_name ?? quoted.sender_chat?.title ?? "";
  const thumb = quoted.photo ? el("img", { src: mediaUrl(quoted.photo[0]), alt: "" }) : null;
  return el("button.quote", { type: "button", onclick: () => act.jump(quoted.message_id) }, thumb,
    el("span", {}, el("b", {}, name), el("span.quoted", {}, preview(quoted))));
}

function keyboardOf(message, act) {
  return message.reply_markup?.inline_keyboard ? inlineKeyboard(message, act) : null;
}

function mediaGrid(media, act) {
  const pieces = media.map((message) => piece(message, act, media.length > 1));
  return el(`div.media.of-${Math.min(media.length, 4)}`, {}, ...pieces);
}

function piece(message, act, inAlbum) {
  if (message.photo) return photo(message.photo, act, inAlbum, message.has_media_spoiler);
  const film = message.video ?? message.animation;
  if (film) {
    return el("video", {
      src: mediaUrl(film), controls: true, preload: "metadata", playsInline: true,
      loop: Boolean(message.animation), poster: film.thumbnail ? mediaUrl(film.thumbnail) : undefined,
      width: film.width || undefined, height: film.height || undefined, "aria-label": t("video"),
    });
  }
  const file = message.document;
  const look = file.thumbnail
    ? el("img", { src: mediaUrl(file.thumbnail), alt: "" }) : icon("file");
  return el("a.file", { href: mediaUrl(file), download: file.file_name }, el("span.file-look", {}, look),
    el("span", {}, el("b", {}, file.file_name), el("small", {}, size(file.file_size))));
}

function photo(sizes, act, inAlbum, hidden) {
  const best = sizes.at(-1);
  const fitting = sizes.find((one) => Math.max(one.width, one.height) >= 800) ?? best;
  const open = () => act.look(mediaUrl(best), best);
  return button(`.photo${hidden ? ".veiled" : ""}`, t("photo"),
    el("img", {
      src: mediaUrl(fitting), alt: t("photo"), loading: "lazy", decoding: "async",
      width: inAlbum ? undefined : best.width, height: inAlbum ? undefined : best.height,
    }), open);
}

function invoiceCard(message, act) {
  const { title, description, total_amount: stars } = message.invoice;
  return el("div.invoice", {}, el("p.invoice-title", {}, title), el("p", {}, description),
    el("p.price", {}, icon("star"), number(stars),
      message.invoice_paid && el("span.paid", {}, t("paid"))));
}

function serviceNote(message) {
  if (message.successful_payment) {
    return `${t("payment_note")} ★ ${number(message.successful_payment.total_amount)}`;
  }
  if (message.refunded_payment) {
    return `${t("refund_note")} ★ ${number(message.refunded_payment.total_amount)}`;
  }
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) return t("moved");
  return "";
}

export { avatar };
