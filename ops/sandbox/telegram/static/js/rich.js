// Text with entities -> nodes. Offsets are UTF-16 units, which is what JavaScript strings count in.

import { el } from "./dom.js";
import { t } from "./texts.js";

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const SAFE = /^(https?|mailto):/i;

const MAKERS = {
  bold: () => el("strong"),
  italic: () => el("em"),
  underline: () => el("u"),
  strikethrough: () => el("s"),
  code: () => el("code"),
  pre: (entity) => el("pre", entity.language ? { "data-language": entity.language } : {}),
  blockquote: () => el("blockquote"),
  expandable_blockquote: () => folded(),
  spoiler: () => spoiler(),
  text_link: (entity, text, go) => link(entity.url, go),
  url: (entity, text, go) => link(/^https?:/i.test(text) ? text : `http://${text}`, go),
  email: (entity, text, go) => link(`mailto:${text}`, go),
  mention: () => el("span.mention"),
  text_mention: () => el("span.mention"),
  hashtag: () => el("span.mention"),
  bot_command: (entity, text, go) => pressed(el("span.command"), () => go({ command: text })),
};

function link(url, go) {
  if (!SAFE.test(url)) return el("span");
  const onclick = (event) => {
    if (go({ url })) event.preventDefault();
  };
  return el("a", {
    href: url, target: "_blank", rel: "noopener noreferrer nofollow", title: url, onclick,
  });
}

// Words that can be pressed: a button is a box of its own, and lines would break around it.
function pressed(node, act) {
  node.tabIndex = 0;
  node.setAttribute("role", "button");
  node.addEventListener("click", act);
  node.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && act());
  return node;
}

function spoiler() {
  const node = el("span.spoiler", { "aria-label": t("spoiler") });
  return pressed(node, () => node.classList.add("shown"));
}

// Three lines of it, as in Telegram, and all of it when it is pressed.
function folded() {
  const node = el("blockquote.folded", { title: t("folded") });
  return pressed(node, () => {
    node.classList.remove("folded");
    for (const name of ["role", "tabindex", "title"]) node.removeAttribute(name);
  });
}

// `go` is asked what to do with a link or a command; true means that it has done it.
export function rich(text, entities = [], go = () => false) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return build(text, 0, text.length, sorted, go);
}

function build(text, start, end, entities, go) {
  const nodes = [];
  let at = start;
  let index = 0;
  while (index < entities.length) {
    const entity = entities[index];
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    index += 1;
    if (to <= from) continue;
    const inner = [];
    while (index < entities.length && entities[index].offset < to) inner.push(entities[index++]);
    if (from > at) nodes.push(text.slice(at, from));
    const make = MAKERS[entity.type];
    const node = make ? make(entity, text.slice(from, to), go) : el("span");
    node.append(...build(text, from, to, inner, go));
    nodes.push(node);
    at = to + (BLOCKS.has(entity.type) && text[to] === "\n" ? 1 : 0); // a block ends its line by itself
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}
