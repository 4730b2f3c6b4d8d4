// The page: who is looking, which view, whether the engine can be heard.

import { ApiError, Socket, exec, get, key } from "./api.js";
import { el, replace } from "./dom.js";
import { Backoffice } from "./backoffice.js";
import { Floors } from "./floors.js";
import { Mapping } from "./mapping.js";

const view = document.getElementById("view");
const tabs = document.getElementById("tabs");
const health = document.getElementById("health");
const leave = document.getElementById("leave");

const LEVELS = ["user", "support", "administrator"];

// What every view works with.
const page = {
  socket: null,
  me: null,
  system: null,
  locations: null,
  mist: null,
  zones: new Map(),
  zoneName: (id) => page.zones.get(id)?.name || id,
  may: (level) => LEVELS.indexOf(page.me.level) >= LEVELS.indexOf(level),
  locate: (command, args) => exec(page.system, page.locations, command, args),
  goTo: (name, argument) => { location.hash = argument ? `${name}/${encodeURIComponent(argument)}` : name; },
};

const VIEWS = [
  { name: "floors", title: "Floors", make: (...args) => new Floors(...args), level: "user" },
  { name: "backoffice", title: "Backoffice", make: (...args) => new Backoffice(...args), level: "user" },
  { name: "mapping", title: "Mapping", make: (...args) => new Mapping(...args), level: "administrator" },
];

let current = null;
let heard = "connecting";
let stream = {};

async function start() {
  try {
    page.me = await get("/self");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return signIn(key.get() ? error : null);
    replace(view, el("p", { class: "error", role: "alert" }, `${error.message}. Trying again …`));
    setTimeout(start, 3000);
    return;
  }
  leave.hidden = !page.me.keys;
  const [systems, zones] = await Promise.all([get("/systems"), get("/zones")]);
  page.zones = new Map(zones.map((each) => [each.id, each]));
  const system = systems.find((each) => each.modules.some((slug) => slug.startsWith("MistLocations_"))) || systems[0];
  if (!system) return replace(view, el("p", { class: "empty" }, "The settings of this engine name no system."));
  page.system = system.id;
  page.locations = system.modules.find((slug) => slug.startsWith("MistLocations_"));
  page.mist = system.modules.find((slug) => slug.startsWith("MistWebsocket_"));
  page.socket?.close();
  page.socket = new Socket((state) => {
    heard = state;
    if (state === "refused") { key.set(null); start(); }
    tell();
  });
  if (page.mist) {
    page.socket.bind(page.system, page.mist, "stream_state", (value) => { stream.state = value; tell(); });
    page.socket.bind(page.system, page.mist, "stream_reason", (value) => { stream.reason = value; tell(); });
  }
  route();
}

// One line about how good everything is that the page shows.
function tell() {
  const good = heard === "connected" && (stream.state === "live" || stream.state === "quiet");
  const text = heard !== "connected" ? "No connection to the engine, trying again …"
    : { live: "Live", quiet: "Live, quiet" }[stream.state] || `${stream.state || "waiting"}: ${stream.reason || ""}`;
  health.textContent = text;
  health.dataset.state = good ? "good" : heard === "connected" ? "poor" : "bad";
  document.body.classList.toggle("offline", heard !== "connected");
}

function route() {
  if (!page.me) return;
  const [name, argument] = location.hash.slice(1).split("/");
  const wanted = VIEWS.find((each) => each.name === name && page.may(each.level)) || VIEWS[0];
  replace(tabs, VIEWS.filter((each) => page.may(each.level)).map((each) =>
    el("a", { href: `#${each.name}`, "aria-current": each === wanted ? "page" : null }, each.title)));
  if (current?.name !== wanted.name) {
    current?.shown.close();
    replace(view);
    view.className = wanted.name;
    current = { name: wanted.name, shown: wanted.make(page, view) };
  }
  current.shown.show?.(argument ? decodeURIComponent(argument) : null);
}

function signIn(error) {
  current?.shown.close();
  current = null;
  replace(tabs);
  view.className = "sign-in";
  const input = el("input", { id: "key", type: "password", autocomplete: "current-password", required: true });
  const form = el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      key.set(input.value.trim());
      start();
    },
  },
  el("h2", {}, "Sign in"),
  el("label", { for: "key" }, "API key"), input,
  error ? el("p", { class: "error", role: "alert" }, "This key is not known here, or not any more.") : null,
  el("button", { type: "submit" }, "Sign in"),
  el("p", { class: "soft" }, "Keys are made with ", el("code", {}, "mistlocate key"), " and kept for this tab only."));
  replace(view, form);
  input.focus();
}

leave.addEventListener("click", () => {
  key.set(null);
  page.socket?.close();
  page.me = null;
  start();
});

// Light, dark, or as the system has it.
const theme = document.getElementById("theme");
const THEMES = ["auto", "light", "dark"];
function setTheme(name) {
  localStorage.setItem("mistlocate-theme", name);
  document.documentElement.dataset.theme = name;
  theme.textContent = { auto: "◐", light: "☀", dark: "☾" }[name];
  theme.title = `Colours: ${name}`;
  theme.setAttribute("aria-label", `Colours: ${name}. Change`);
  window.dispatchEvent(new Event("resize"));
}
theme.addEventListener("click", () =>
  setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
setTheme(THEMES.includes(localStorage.getItem("mistlocate-theme")) ? localStorage.getItem("mistlocate-theme") : "auto");

window.addEventListener("hashchange", route);
window.mistlocate = page;
start();
