// The chat page: loads what there is, follows what happens, does what the visitor asks.

import { post, read, upload } from "./api.js";
import { clearComposer, drawComposer, focusComposer, setUpComposer, write } from "./composer.js";
import * as dialogs from "./dialogs.js";
import { $, toast } from "./dom.js";
import { follow } from "./feed.js";
import { answered } from "./keyboards.js";
import { drawHead, drawMessages, drawRoom, drawTail, jump, setUpRoom, speak } from "./room.js";
import { drawLine, drawSidebar, drawWallet } from "./sidebar.js";
import { chatOf, dropMessages, openChat, putChat, putDraft, putMessage, store } from "./store.js";
import { reason, t } from "./texts.js";

const ACTION_MS = 5500;
const DRAFT_MS = 30500;
const INVOICE = /^https?:\/\/t\.me\/\$([\w-]+)$/;
const BOT_LINK = /^https?:\/\/t\.me\/([A-Za-z0-9_]{3,32})\/?(?:\?(.*))?$/;

async function tried(work) {
  try {
    return await work();
  } catch (error) {
    toast(t("failed") + reason(error));
    return null;
  }
}

const act = {
  tell: toast,
  jump,
  look: dialogs.look,
  pay: (slug) => void dialogs.pay(slug),
  more: (chat) => dialogs.more(chat, act),
  unsupported: () => toast(t("unsupported")),
  back: () => open(null),
  say: (text, reply_to = null) =>
    tried(() => post("say", { chat: store.open, text, reply_to })).then(placed),
  sendFiles: (files, caption, reply_to, as_documents) =>
    tried(() => upload({ chat: store.open, caption, reply_to, as_documents }, files)).then(placed),
  press: async (message, data) => {
    const asked = await tried(() => post("press", { chat: store.open, message_id: message.message_id, data }));
    return asked?.query_id;
  },
  stop: (draft) => tried(() => post("stop", { chat: store.open, draft_id: draft.draft_id })),
  askInline: (username, query) => tried(() => post("inline", { chat: store.open, username, query })),
  choose: (query_id, result_id, text) => tried(() => post("choose", { chat: store.open, query_id, result_id, text })),
  inline: (message, query) => write(`@${openChat().bot?.username ?? ""} ${query}`),
  block: (chat, blocked) => tried(() => post("block", { chat: chat.key, blocked })),
  copy: async (text) => {
    await navigator.clipboard?.writeText(text);
    toast(t("copied"));
  },
  reply: (message) => {
    store.replyTo = message;
    drawComposer();
    focusComposer();
  },
  found: async (chat) => {
    const made = await tried(() => post("chats", chat));
    if (!made) return;
    putChat(made.chat);
    await open(made.chat.key);
  },
  earlier: async () => {
    const key = store.open;
    const known = store.messages.get(key);
    const page = await tried(() => read("messages", { chat: key, before: known[0].message_id }));
    if (!page) return;
    store.messages.set(key, [...page.messages, ...known]);
    store.more.set(key, page.more);
    drawMessages();
  },
  // Links that mean something here are followed here; true when that was done.
  go: ({ url, command }) => {
    if (command) {
      void act.say(command);
      return true;
    }
    const invoice = INVOICE.exec(url);
    if (invoice) act.pay(invoice[1]);
    else return followBotLink(BOT_LINK.exec(url));
    return true;
  },
};

function followBotLink(found) {
  const chat = found && store.chats.find((one) => one.bot?.username.toLowerCase() === found[1].toLowerCase());
  if (!chat) return false;
  const asked = new URLSearchParams(found[2] ?? "");
  if (asked.has("startchannel")) dialogs.newChat(act, "channel");
  else if (asked.has("startgroup")) dialogs.newChat(act, "group");
  else {
    void open(chat.key).then(() => asked.get("start") && act.say(`/start ${asked.get("start")}`));
  }
  return true;
}

function placed(answer) {
  for (const message of answer?.messages ?? (answer?.message ? [answer.message] : [])) {
    putMessage(store.open, message);
  }
  if (answer) drawMessages({ keep: false });
  return Boolean(answer);
}

async function open(key) {
  clearComposer();
  store.open = key;
  if (key) {
    store.unread.delete(key);
    history.replaceState(null, "", `#${encodeURIComponent(key)}`);
    const page = await tried(() => read("messages", { chat: key }));
    if (store.open !== key) return;
    store.messages.set(key, page?.messages ?? []);
    store.more.set(key, page?.more ?? false);
  } else history.replaceState(null, "", location.pathname);
  drawSidebar(open);
  drawRoom();
  drawComposer();
  if (key && matchMedia("(hover: hover)").matches) focusComposer();
}

const HANDLERS = {
  message: ({ chat: key, message }) => {
    putMessage(key, message);
    if (!message.mine) {
      store.actions.delete(key);
      store.drafts.delete(key);
      if (key !== store.open || document.hidden) {
        store.unread.set(key, (store.unread.get(key) ?? 0) + 1);
      }
    }
    drawSidebar(open);
    if (key !== store.open) return;
    drawMessages();
    drawHead(openChat());
    if (!message.mine) speak(message, openChat());
  },
  edit: ({ chat: key, message }) => {
    putMessage(key, message);
    drawSidebar(open);
    if (key === store.open) drawMessages();
  },
  delete: ({ chat: key, message_ids: ids }) => {
    dropMessages(key, ids);
    if (key === store.open) drawMessages();
  },
  draft: ({ chat: key, draft }) => {
    putDraft(key, draft);
    if (key !== store.open) return;
    drawTail();
    setTimeout(drawTail, DRAFT_MS);
  },
  draft_end: ({ chat: key, draft_id: id }) => {
    store.drafts.get(key)?.delete(id);
    if (key === store.open) drawTail();
  },
  action: ({ chat: key, action }) => {
    store.actions.set(key, action);
    const redraw = () => {
      if (key !== store.open) return;
      drawHead(openChat());
      drawTail();
    };
    redraw();
    setTimeout(() => {
      store.actions.delete(key);
      redraw();
    }, ACTION_MS);
  },
  answer: ({ query_id: id, text, show_alert: isAlert, url }) => {
    answered(id);
    if (text && isAlert) dialogs.alertOf(text);
    else if (text) toast(text);
    if (url) act.go({ url });
  },
  keyboard: ({ chat: key, keyboard }) => {
    const chat = chatOf(key);
    if (chat) chat.keyboard = keyboard;
    drawComposer();
  },
  wallet: ({ stars }) => {
    store.me.stars = stars;
    drawWallet();
  },
  chat: ({ chat }) => {
    putChat(chat);
    drawSidebar(open);
    if (chat.key === store.open) {
      drawHead(chat);
      drawComposer();
    }
  },
  pin: ({ chat: key }) => key === store.open && toast(t("pinned")),
  bots: () => void load().then(() => {
    drawSidebar(open);
    if (store.open) {
      drawHead(openChat());
      drawComposer();
    }
  }),
  reload: () => void load().then(() => open(store.open)),
};

async function load() {
  const state = await read("state");
  store.me = state.me;
  store.chats = state.chats;
  for (const { chat, draft } of state.drafts) putDraft(chat, draft);
  return state.event;
}

async function begin() {
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  const event = await load();
  setUpRoom(act);
  setUpComposer(act);
  dialogs.setUpDialogs();
  $("wallet").addEventListener("click", dialogs.stars);
  $("new-chat").addEventListener("click", () => dialogs.newChat(act));
  $("app").hidden = false;
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = chatOf(wanted)?.key;
  const wide = matchMedia("(min-width: 760px)").matches;
  await open(first ?? (wide ? store.chats[0]?.key : null) ?? null);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && store.unread.delete(store.open)) drawSidebar(open);
  });
  follow(event, {
    onEvent: (one) => HANDLERS[one.kind]?.(one),
    onLine: (isUp, wasLost) => {
      drawLine(isUp);
      if (isUp && wasLost) toast(t("again"));
    },
  });
}

void begin();
