// What the page knows: me, my chats, the messages of each chat as far as they were loaded.

export const store = {
  me: null,
  chats: [],
  open: null,
  messages: new Map(),
  more: new Map(),
  drafts: new Map(),
  actions: new Map(),
  unread: new Map(),
  replyTo: null,
};

export const chatOf = (key) => store.chats.find((one) => one.key === key);
export const openChat = () => chatOf(store.open);

export function putMessage(key, message) {
  const known = store.messages.get(key);
  const chat = chatOf(key);
  if (chat && (!chat.last || chat.last.message_id <= message.message_id)) chat.last = message;
  if (!known) return;
  const at = known.findIndex((one) => one.message_id === message.message_id);
  if (at >= 0) known[at] = message;
  else known.push(message);
}

export function dropMessages(key, ids) {
  const known = store.messages.get(key);
  if (known) store.messages.set(key, known.filter((one) => !ids.includes(one.message_id)));
}

export function putChat(chat) {
  const at = store.chats.findIndex((one) => one.key === chat.key);
  if (at >= 0) store.chats[at] = chat;
  else store.chats.push(chat);
}

export function putDraft(key, draft) {
  const drafts = store.drafts.get(key) ?? new Map();
  drafts.set(draft.draft_id, draft);
  store.drafts.set(key, drafts);
}

export function liveDrafts(key) {
  const now = Date.now() / 1000;
  const drafts = store.drafts.get(key) ?? new Map();
  for (const [id, draft] of drafts) if (draft.until < now) drafts.delete(id);
  return [...drafts.values()];
}
