// Asking the sandbox.

export class Refused extends Error {
  constructor(code, text) {
    super(text || code);
    this.code = code;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(`/chat/api/${path}`, { ...options, credentials: "same-origin" });
  } catch {
    throw new Refused("network", "");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(body.code ?? `http_${answer.status}`, body.text);
  return body;
}

export const read = (path, params = {}) => ask(`${path}?${new URLSearchParams(params)}`, {});

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Play": "1" },
    body: JSON.stringify(body),
  });

export function upload(fields, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined) form.append(name, value);
  }
  for (const file of files) form.append("files", file, file.name);
  return ask("files", { method: "POST", headers: { "X-Play": "1" }, body: form });
}
