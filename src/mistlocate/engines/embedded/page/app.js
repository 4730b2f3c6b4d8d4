// The page: who is looking, which view, whether the engine can be heard.

import { ApiError, Socket, engineClock, exec, get, key, readable } from "./api.js";
import { el, replace } from "./dom.js";
import { Audit } from "./audit.js";
import { Backoffice } from "./backoffice.js";
import { Floors } from "./floors.js";
import { Mapping } from "./mapping.js";

const view = document.getElementById("view");
const tabs = document.getElementById("tabs");
const health = document.getElementById("health");
const leave = document.getElementById("leave");
const chooser = document.getElementById("system");

// Which of several systems was chosen, in this tab.
const CHOSEN = "mistlocate-system";

const LEVELS = ["user", "support", "administrator"];

// What every view works with.
const page = {
  socket: null,
  me: null,
  system: null,
  locations: null,
  mist: null,
  zones: new Map(),
  systems: new Map(),
  // Mappings that somebody changed and has not applied, while they look at another view.
  unapplied: null,
  // A level's name below or beside that of its building, without saying it twice.
  levelName: (name, building) => {
    const prefix = building ? `${page.zoneName(building)} - ` : "";
    return prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  },
  // The present as the cloud counts it, whatever this browser's clock says (unix seconds).
  now: () => Date.now() / 1000 + engineClock.offset + page.cloudOffset,
  cloudOffset: 0,
  zoneName: (id) => page.zones.get(id)?.name || id,
  may: (level) => LEVELS.indexOf(page.me?.level) >= LEVELS.indexOf(level),
  locate: (command, args) => exec(page.system, page.locations, command, args),
  goTo: (name, argument) => { location.hash = argument ? `${name}/${encodeURIComponent(argument)}` : name; },
};

const VIEWS = [
  { name: "floors", title: "Floors", make: (...args) => new Floors(...args), level: "user" },
  { name: "backoffice", title: "Backoffice", make: (...args) => new Backoffice(...args), level: "user" },
  { name: "mapping", title: "Mapping", make: (...args) => new Mapping(...args), level: "administrator" },
  { name: "audit", title: "Audit", make: (...args) => new Audit(...args), level: "administrator" },
];

let current = null;
let heard = "connecting";
let stream = {};

let turn = 0;
let known = "";

async function asked() {
  const me = await get("/self");
  const [systems, zones] = await Promise.all([get("/systems"), get("/zones")]);
  return { me, systems, zones };
}

async function start() {
  const mine = ++turn;
  let found;
  try {
    found = await asked();
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof ApiError && error.status === 401) return signIn(key.get() && refusal(error));
    if (page.me) end();
    const text = `${error.message}. Trying again …`;
    // It is said once, however often it is tried.
    if (view.textContent !== text) {
      view.className = "";
      replace(view, el("p", { class: "error", role: "alert" }, text));
    }
    setTimeout(() => mine === turn && start(), 3000);
    return;
  }
  if (mine === turn) begin(found);
}

// After a gap, or where something is refused: another engine may answer, or this one by other rules.
async function check() {
  const mine = turn;
  if (!page.me) return;
  try {
    const found = await asked();
    if (mine === turn && JSON.stringify(found) !== known) {
      turn++;
      begin(found);
    }
  } catch (error) {
    if (mine === turn && error.status === 401) signIn(refusal(error));
  }
}

function begin({ me, systems, zones }) {
  end();
  known = JSON.stringify({ me, systems, zones });
  page.me = me;
  leave.hidden = !me.keys;
  page.zones = new Map(zones.map((each) => [each.id, each]));
  const system = choose(systems);
  if (!system) {
    replace(view, el("p", { class: "empty" }, "The settings of this engine name no system."));
    return;
  }
  page.system = system.id;
  page.locations = system.modules.find((slug) => slug.startsWith("MistLocations_"));
  page.mist = system.modules.find((slug) => slug.startsWith("MistWebsocket_"));
  page.socket = new Socket((state) => {
    const again = heard === "disconnected" && state === "connected";
    heard = state;
    tell();
    if (state === "refused") start();
    if (again) check();
  });
  if (page.mist) {
    const follow = (name, take) => page.socket.bind(page.system, page.mist, name, take);
    follow("stream_state", (value) => { stream.state = value; tell(); });
    follow("stream_reason", (value) => { stream.reason = value; tell(); });
    follow("clock_offset", (value) => { page.cloudOffset = Number(value) || 0; });
  }
  route();
}

// The system that the page shows: the one that was chosen here, or the first that locates people.
function choose(systems) {
  const locating = systems.filter((each) => each.modules.some((slug) => /^Mist(Locations|Websocket)_/.test(slug)));
  const offered = locating.length ? locating : systems;
  page.systems = new Map(systems.map((each) => [each.id, each.name || each.id]));
  const system = offered.find((each) => each.id === sessionStorage.getItem(CHOSEN))
    || offered.find((each) => each.modules.some((slug) => slug.startsWith("MistLocations_"))) || offered[0];
  chooser.hidden = offered.length < 2;
  replace(chooser, offered.map((each) => el("option", { value: each.id, selected: each === system }, each.name || each.id)));
  return system;
}

chooser.addEventListener("change", () => {
  sessionStorage.setItem(CHOSEN, chooser.value);
  // What the address names besides the view is of the other system.
  history.replaceState(null, "", `#${current?.name || ""}`);
  // It is hidden for as long as nothing is known of systems.
  start().then(() => chooser.hidden || chooser.focus());
});

// Close what is open: nobody looks any more, or somebody else. Nothing of it stays to be seen.
function end() {
  current?.shown.close();
  current = null;
  page.socket?.close();
  page.socket = null;
  page.me = null;
  page.plan = null;
  page.cloudOffset = 0;
  stream = {};
  heard = "connecting";
  known = "";
  view.className = "";
  replace(view, el("p", { class: "empty" }, "Loading …"));
  replace(tabs);
  chooser.hidden = leave.hidden = true;
  health.textContent = health.title = "";
  delete health.dataset.state;
  document.body.classList.remove("offline");
}

// One line about how good everything is that the page shows.
function tell() {
  const good = heard === "connected" && (!page.mist || stream.state === "live" || stream.state === "quiet");
  const text = heard === "connecting" ? "Connecting …"
    : heard !== "connected" ? "No connection to the engine, trying again …"
      : !page.mist ? "Connected"
        : { live: "Live", quiet: "Live, quiet" }[stream.state]
          || [stream.state || "waiting", stream.reason || (stream.state ? "" : "MistWebsocket says nothing")].filter(Boolean).join(": ");
  // Whoever has it read out hears what changed, and only that.
  if (health.textContent !== text) health.textContent = health.title = text;
  health.dataset.state = good ? "good" : ["connected", "connecting"].includes(heard) ? "poor" : "bad";
  document.body.classList.toggle("offline", heard !== "connected" && heard !== "connecting");
}

function route() {
  if (!page.socket) return;
  const [name, argument] = location.hash.slice(1).split("/");
  const wanted = VIEWS.find((each) => each.name === name && page.may(each.level)) || VIEWS[0];
  replace(tabs, VIEWS.filter((each) => page.may(each.level)).map((each) =>
    el("a", { href: `#${each.name}`, "aria-current": each === wanted ? "page" : null }, each.title)));
  if (current?.name !== wanted.name) {
    if (current) check();
    current?.shown.close();
    // A root of its own: what a view still hears after it was left goes nowhere.
    const root = el("div", { class: "root" });
    replace(view, root);
    view.className = wanted.name;
    current = { name: wanted.name, shown: wanted.make(page, root) };
    document.title = `${wanted.title} · mistlocate`;
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

const UNKNOWN = "This key is not known here, or not any more.";

// A key for /metrics is known, and still opens nothing here.
function refusal(error) {
  return error.kind === "LevelTooLow" && error.hint ? `This key does not open the page: ${error.hint}.` : UNKNOWN;
}

// `refused` says what is wrong with the key that was given, if one was.
function signIn(refused) {
  turn++;
  end();
  page.unapplied = null;
  key.set(null);
  document.title = "mistlocate";
  view.className = "sign-in";
  const input = el("input", { id: "key", type: "password", autocomplete: "current-password", required: true });
  const button = el("button", { type: "submit" }, "Sign in");
  const form = el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const typed = input.value.trim();
      if (!readable(typed)) return void signIn(UNKNOWN);
      key.set(typed);
      button.textContent = "Signing in …";
      start();
    },
  },
  el("h2", {}, "Sign in"),
  el("label", { for: "key" }, "API key"), input,
  refused ? el("p", { class: "error", role: "alert" }, refused) : null,
  button,
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
window.addEventListener("mistlocate-refused", check);

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
