// The engine's public API: HTTP calls, and the control socket with everything that is bound to it.

const BASE = "/api/engine/v2";
const KEY = "mistlocate-key";

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
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401 && path !== "/self") window.dispatchEvent(new Event("mistlocate-refused"));
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

export const get = (path) => call("GET", path);
export const exec = (system, slug, command, args = []) => call("POST", `/systems/${system}/${slug}/${command}`, args);

// An image that the engine proxies, as a URL of this page; null if there is none.
export async function image(path) {
  const response = await fetch(BASE + path, { headers: key.get() ? { "X-API-Key": key.get() } : {} });
  return response.ok ? URL.createObjectURL(await response.blob()) : null;
}

// One socket for the page. What is bound stays bound over every reconnection.
export class Socket {
  constructor(onState) {
    this.onState = onState;
    this.bound = new Map();
    this.waiting = new Map();
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
      this.alive = setInterval(() => socket.readyState === 1 && socket.send("ping"), 20000);
    });
    socket.addEventListener("message", (event) => this.take(event.data));
    socket.addEventListener("close", (event) => {
      clearInterval(this.alive);
      for (const [, answer] of this.waiting) answer.reject(new ApiError(0, { message: "the connection broke" }));
      this.waiting.clear();
      if (this.closed) return;
      if (event.code === 1008) {
        this.closed = true;
        this.onState("refused");
        return;
      }
      this.onState("disconnected");
      setTimeout(() => this.closed || this.open(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(this.pause * 2, 15000);
    });
  }

  close() {
    this.closed = true;
    this.socket.close();
  }

  send(message) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  take(text) {
    if (text === "pong") return;
    const message = JSON.parse(text);
    const bound = this.bound.get(message.id);
    if (bound && (message.type === "notify" || message.type === "debug")) {
      bound.last = message.type === "notify" ? message : null;
      for (const listener of [...bound.listeners]) listener(message);
    }
    const answer = this.waiting.get(message.id);
    if (!answer) return;
    this.waiting.delete(message.id);
    if (message.type === "error") answer.reject(new ApiError(400, { message: message.msg }));
    else answer.resolve(message.value);
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
      if (!each.listeners.size && this.bound.delete(id)) this.send({ id: this.next++, ...release });
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
