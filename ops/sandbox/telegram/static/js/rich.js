// Text with entities -> nodes. Offsets are UTF-16 units, which is what JavaScript strings count in.

import { el } from "./dom.js";
import { t } from "./texts.js";

const SAFE = /^(https?|mailto):/i;

const MAKERS = {
  bold: () => el("strong"),
  italic: () => el("em"),
  underline: () => el("u"),
  strikethrough: () => el("s"),
  code: () => el("code"),
  pre: (entity) => el("pre", entity.language ? { "data-language": entity.language } : {}),
  blockquote: () => el("blockquote"),
  expandable_blockquote: () => el("blockquote"),
  spoiler: () => spoiler(),
  text_link: (entity, text, go) => link(entity.url, go),
  url: (entity, text, go) => link(/^https?:/i.test(text) ? text : `http://${text}`, go),
  email: (entity, text, go) => link(`mailto:${text}`, go),
  mention: () => el("span.mention"),
  text_mention: () => el("span.mention"),
  hashtag: () => el("span.mention"),
  bot_command: (entity, text, go) =>
    el("button.command", { type: "button", onclick: () => go({ command: text }) }),
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

function spoiler() {
  const show = () => node.classList.add("shown");
  const node = el("span.spoiler", {
    tabIndex: 0, role: "button", "aria-label": t("spoiler"), onclick: show,
    onkeydown: (event) => (event.key === "Enter" || event.key === " ") && show(),
  });
  return node;
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
    at = to;
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}
