// Making elements. Text only ever becomes a text node: what bots and people send is hostile.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.classList.add(...classes);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && key !== "form" && key !== "list") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/chat/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const button = (classes, label, content, onclick, props = {}) =>
  el(`button${classes}`, { type: "button", title: label, "aria-label": label, onclick, ...props },
    ...[content].flat());

const HUES = 6;

export function avatar(title, type) {
  let sum = 0;
  for (const char of title) sum = (sum * 31 + char.codePointAt(0)) % 997;
  const words = title.trim().split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
  return el(`span.avatar.hue-${sum % HUES}`, { "aria-hidden": "true" },
    type === "channel" ? icon("channel") : letters || "·");
}

let toastTimer = 0;

export function toast(text) {
  $("toasts").replaceChildren(el("p.toast", {}, text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toasts").replaceChildren(), 4500);
}

export function announce(text) {
  $("announce").textContent = text;
}
