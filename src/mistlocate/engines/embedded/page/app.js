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
  // A level's name below or beside that of its building, without saying it twice.
  levelName: (name, building) => {
    const prefix = building ? `${page.zoneName(building)} - ` : "";
    return prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  },
  zoneName: (id) => page.zones.get(id)?.name || id,
  may: (level) => LEVELS.indexOf(page.me?.level) >= LEVELS.indexOf(level),
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

let turn = 0;

async function start() {
  const mine = ++turn;
  let me, systems, zones;
  try {
    me = await get("/self");
    [systems, zones] = await Promise.all([get("/systems"), get("/zones")]);
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof ApiError && error.status === 401) return signIn(key.get());
    end();
    replace(view, el("p", { class: "error", role: "alert" }, `${error.message}. Trying again …`));
    setTimeout(() => mine === turn && start(), 3000);
    return;
  }
  if (mine !== turn) return;
  end();
  page.me = me;
  leave.hidden = !me.keys;
  page.zones = new Map(zones.map((each) => [each.id, each]));
  const system = systems.find((each) => each.modules.some((slug) => slug.startsWith("MistLocations_"))) || systems[0];
  if (!system) {
    replace(view, el("p", { class: "empty" }, "The settings of this engine name no system."));
    return;
  }
  page.system = system.id;
  page.locations = system.modules.find((slug) => slug.startsWith("MistLocations_"));
  page.mist = system.modules.find((slug) => slug.startsWith("MistWebsocket_"));
  page.socket = new Socket((state) => {
    heard = state;
    tell();
    if (state === "refused") start();
  });
  if (page.mist) {
    page.socket.bind(page.system, page.mist, "stream_state", (value) => { stream.state = value; tell(); });
    page.socket.bind(page.system, page.mist, "stream_reason", (value) => { stream.reason = value; tell(); });
  }
  route();
}

// Close what is open: nobody looks any more, or somebody else.
function end() {
  current?.shown.close();
  current = null;
  page.socket?.close();
  page.socket = null;
  page.me = null;
  stream = {};
  heard = "connecting";
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
  if (!page.socket) return;
  const [name, argument] = location.hash.slice(1).split("/");
  const wanted = VIEWS.find((each) => each.name === name && page.may(each.level)) || VIEWS[0];
  replace(tabs, VIEWS.filter((each) => page.may(each.level)).map((each) =>
    el("a", { href: `#${each.name}`, "aria-current": each === wanted ? "page" : null }, each.title)));
  if (current?.name !== wanted.name) {
    current?.shown.close();
    // A root of its own: what a view still hears after it was left goes nowhere.
    const root = el("div", { class: "root" });
    replace(view, root);
    view.className = wanted.name;
    current = { name: wanted.name, shown: wanted.make(page, root) };
  }
  current.shown.show?.(argument ? decoded(argument) : null);
}

// Part of an address, which anybody may have typed.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function signIn(refused) {
  end();
  key.set(null);
  leave.hidden = true;
  health.textContent = "";
  delete health.dataset.state;
  document.body.classList.remove("offline");
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
  refused ? el("p", { class: "error", role: "alert" }, "This key is not known here, or not any more.") : null,
  el("button", { type: "submit" }, "Sign in"),
  el("p", { class: "soft" }, "Keys are made with ", el("code", {}, "mistlocate key"), " and kept for this tab only."));
  replace(view, form);
  input.focus();
}

leave.addEventListener("click", () => {
  key.set(null);
  end();
  start();
});

// A key that is refused somewhere may be gone, or may only not do for this.
window.addEventListener("mistlocate-refused", () => page.me && get("/self").catch((error) => error.status === 401 && signIn(true)));

// The skip link leads to the view, and not to another one.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  view.focus();
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
