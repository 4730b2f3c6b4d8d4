// The engine's public API: HTTP calls, and the control socket with everything that is bound to it.

const BASE = "/api/engine/v2";
const KEY = "mistlocate-key";

// A clock that is off by less is taken for right: the engine tells its time in whole seconds.
const SAME_TIME = 2;
const PING_MS = 15000;
// A status that has no value is bound without a word about that; what has one is told at once.
const NO_VALUE_MS = 400;

export class ApiError extends Error {
  constructor(status, body) {
    super(body.message || `the engine answered ${status}`);
    this.status = status;
    this.kind = body.error;
    this.hint = body.hint;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

// What only the engine can read is no key: a header takes no other characters than these.
export const readable = (text) => /^[\x21-\x7e]+$/.test(text);

// How far the engine's clock is ahead of this browser's (seconds).
export const engineClock = { offset: 0 };

export async function call(method, path, body) {
  const headers = {};
  if (key.get()) headers["X-API-Key"] = key.get();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { message: "the engine cannot be reached" });
  }
  const at = Date.parse(response.headers.get("Date") || "") / 1000 + 0.5 - Date.now() / 1000;
  if (Number.isFinite(at)) engineClock.offset = Math.abs(at) < SAME_TIME ? 0 : at;
  const text = await response.text().catch(() => "");
  const answer = parsed(text);
  // Gone, or allowed less than it was: who is looking has to be asked anew.
  if ([401, 403].includes(response.status) && path !== "/self") window.dispatchEvent(new Event("mistlocate-refused"));
  if (!response.ok) throw new ApiError(response.status, answer || {});
  // An answer that broke off, or that something between here and the engine gave, is none.
  if (answer === undefined) throw new ApiError(0, { message: "the engine's answer cannot be read" });
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const get = (path) => call("GET", path);
export const exec = (system, slug, command, args = []) => call("POST", `/systems/${system}/${slug}/${command}`, args);

// An image that the engine proxies, ready to be drawn; null if there is none.
export async function image(path) {
  const response = await fetch(BASE + path, { headers: key.get() ? { "X-API-Key": key.get() } : {} });
  return response.ok ? picture(await response.blob()) : null;
}

// Bytes as an image; null if they are none. What was loaded stays, and needs its URL no longer.
export async function picture(blob) {
  const found = new Image();
  found.alt = "";
  found.src = URL.createObjectURL(blob);
  await found.decode().catch(() => null);
  URL.revokeObjectURL(found.src);
  return found.naturalWidth ? found : null;
}

// One socket for the page. What is bound stays bound over every reconnection.
export class Socket {
  constructor(onState) {
    this.onState = onState;
    this.bound = new Map();
    this.next = 1;
    this.pause = 500;
    this.closed = false;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${BASE}/systems/control`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      if (key.get()) socket.send(JSON.stringify({ api_key: key.get() }));
      this.pause = 500;
      this.onState("connected");
      for (const [id, each] of this.bound) this.send({ id, ...each.message });
    });
    let answered = true;
    socket.addEventListener("message", (event) => {
      answered = true;
      if (socket === this.socket) this.take(event.data);
    });
    // A line that was cut (a machine that slept, another network) is not said to be closed for minutes.
    const alive = setInterval(() => {
      if (!answered) return lost({});
      if (socket.readyState !== 1) return undefined;
      answered = false;
      return socket.send("ping");
    }, PING_MS);
    const lost = (event) => {
      clearInterval(alive);
      if (this.closed || socket !== this.socket) return;
      this.socket = null;
      socket.close();
      if (event.code === 1008) {
        this.closed = true;
        this.onState("refused");
        return;
      }
      this.onState("disconnected");
      setTimeout(() => this.closed || this.open(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(this.pause * 2, 15000);
    };
    socket.addEventListener("close", lost);
  }

  close() {
    this.closed = true;
    for (const each of this.bound.values()) clearTimeout(each.silence);
    this.socket?.close();
  }

  send(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  take(text) {
    if (text === "pong") return;
    const message = JSON.parse(text);
    const bound = this.bound.get(message.id);
    if (!bound) return;
    if (message.type === "notify" || message.type === "debug") return this.tell(bound, message);
    // What cannot be followed any more may be somebody else's, or gone: the page looks again.
    if (message.type === "error") window.dispatchEvent(new Event("mistlocate-refused"));
    if (bound.message.cmd !== "bind") return;
    clearTimeout(bound.silence);
    bound.silence = setTimeout(() => this.tell(bound, { type: "notify", value: null }), NO_VALUE_MS);
  }

  tell(bound, message) {
    clearTimeout(bound.silence);
    bound.last = message.type === "notify" ? message : null;
    for (const listener of [...bound.listeners]) listener(message);
  }

  // Keep something bound for as long as anybody listens to it; who comes later is given what came last.
  keep(message, release, listener) {
    const place = JSON.stringify(message);
    let entry = [...this.bound].find(([, each]) => each.place === place);
    if (!entry) {
      entry = [this.next++, { place, message, listeners: new Set(), last: null }];
      this.bound.set(...entry);
      this.send({ id: entry[0], ...message });
    } else if (entry[1].last) listener(entry[1].last);
    const [id, each] = entry;
    each.listeners.add(listener);
    return () => {
      each.listeners.delete(listener);
      if (each.listeners.size || !this.bound.delete(id)) return;
      clearTimeout(each.silence);
      this.send({ id: this.next++, ...release });
    };
  }

  // Follow a status; returns the way to stop.
  bind(system, slug, name, listener) {
    const place = { sys: system, ...module(slug), name };
    return this.keep({ cmd: "bind", ...place }, { cmd: "unbind", ...place }, (news) => listener(news.value ?? null));
  }

  // Follow the log of a module.
  debug(moduleId, listener) {
    return this.keep({ cmd: "debug", mod: moduleId }, { cmd: "ignore", mod: moduleId }, (news) =>
      listener(news.level, news.msg));
  }
}

export function module(slug) {
  const found = /^(.*)_(\d+)$/.exec(slug);
  return found ? { mod: found[1], index: Number(found[2]) } : { mod: slug, index: 1 };
}
