// The backoffice: modules, their statuses, commands, settings and log.

import { call, exec, get } from "./api.js";
import { copyButton, el, pretty, problem, replace, write } from "./dom.js";
import { Field, blameFields } from "./forms.js";

const LOG_LINES = 500;
const SHORT = 160;
const SEVERITY = ["trace", "debug", "info", "notice", "warning", "error", "fatal"];

export class Backoffice {
  constructor(page, view) {
    this.page = page;
    this.undo = [];
    this.turn = 0;
    this.list = el("nav", { class: "side", "aria-label": "Modules" });
    this.main = el("section", { class: "stage", "aria-label": "Module" }, el("p", { class: "empty" }, "Loading …"));
    replace(view, this.list, this.main);
    this.poll();
    this.timer = setInterval(() => this.polling || this.poll(), 3000);
  }

  close() {
    clearInterval(this.timer);
    this.closed = true;
    this.leave();
  }

  leave() {
    this.undo.splice(0).forEach((each) => each());
  }

  show(id) {
    this.wanted = id;
    if (this.modules) this.choose();
  }

  // A slow engine is not asked twice at once, and of two answers the one that was asked for last counts.
  async poll() {
    const mine = ++this.turn;
    this.polling = true;
    let found;
    try {
      found = await get("/modules");
    } catch (error) {
      if (mine === this.turn && !this.modules && !this.closed) replace(this.main, problem(error));
      return;
    } finally {
      if (mine === this.turn) this.polling = false;
    }
    if (this.closed || mine !== this.turn) return;
    this.modules = found;
    this.choose();
    this.summary();
  }

  menu() {
    const shape = JSON.stringify(this.modules.map(({ id, slug, state, connected }) => [id, slug, state, connected, id === this.module?.id]));
    if (shape === this.menuShape) return;
    this.menuShape = shape;
    const link = (each) => el("li", {}, el("a", {
      href: `#backoffice/${encodeURIComponent(each.id)}`,
      "aria-current": each.id === this.module?.id ? "true" : null,
    }, el("span", {}, each.slug),
    el("span", { class: `state ${each.state}` }, each.connected === false && each.state === "running" ? "not connected" : each.state)));
    // Modules of several systems have the same names.
    const systems = [...new Set(this.modules.map((each) => each.system_id))];
    replace(this.list, systems.map((id) => [
      systems.length > 1 ? el("h2", {}, this.systemName(id)) : null,
      el("ul", {}, this.modules.filter((each) => each.system_id === id).map(link)),
    ]));
  }

  systemName(id) {
    return this.page.systems.get(id) || id;
  }

  choose() {
    const module = this.modules.find((each) => each.id === this.wanted)
      || this.modules.find((each) => each.system_id === this.page.system) || this.modules[0];
    const changed = module?.id !== this.module?.id;
    this.module = module;
    this.menu();
    if (module) return changed && this.open();
    this.leave();
    this.head = null;
    return replace(this.main, el("p", { class: "empty" }, "The settings of this engine name no module."));
  }

  open() {
    this.leave();
    const { module } = this;
    this.stream = this.problems = this.budget = this.rejected = this.trouble = this.acting = this.summaryShape = null;
    this.head = el("div", { class: "summary" });
    const parts = [["Commands", this.commands()], ["Statuses", this.statuses()]];
    if (this.page.may("administrator")) parts.push(["Settings", this.settings()]);
    if (this.page.may("support")) parts.push(["Log", this.log()]);
    const several = this.modules.some((each) => each.system_id !== module.system_id);
    replace(this.main, el("h2", {}, `${module.slug} · ${module.driver}${several ? ` · ${this.systemName(module.system_id)}` : ""}`), this.head,
      parts.map(([title, part], number) => el("details", { open: number < 2 }, el("summary", {}, title), part)));
    this.summary();
  }

  summary() {
    if (!this.module || !this.head) return;
    const { module } = this;
    const verb = module.state === "stopped" ? "start" : "stop";
    const act = async () => {
      if (this.acting) return;
      const acting = this.acting = verb === "start" ? "Starting …" : "Stopping …";
      this.trouble = null;
      this.summary();
      const trouble = await call("POST", `/modules/${module.id}/${verb}`).then(() => null, (error) => error);
      await this.poll();
      // What became of one module is not said of another.
      if (this.module?.id !== module.id || this.acting !== acting) return;
      this.acting = null;
      this.trouble = trouble;
      this.summary();
    };
    const facts = [
      ["State", module.state], ["Connected", module.connected === null ? "–" : module.connected ? "yes" : "no"],
      ["Restarts", module.restarts], ["Problem", module.problem],
      ["Stream", this.stream], ["REST calls", this.budget], ["Rejected records", this.rejected], ["Problems", this.problems],
    ];
    const told = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
    const label = this.acting || (verb === "start" ? "Start" : "Stop");
    const shape = JSON.stringify([told, label, this.trouble?.message]);
    if (shape === this.summaryShape) return;
    this.summaryShape = shape;
    replace(this.head,
      el("dl", {}, told.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value))))),
      this.page.may("administrator") ? el("button", { type: "button", class: "quiet", onclick: act }, label) : null,
      this.trouble ? problem(this.trouble) : null);
  }

  // -- statuses -------------------------------------------------------------------------------

  statuses() {
    const body = el("tbody");
    const rows = new Map();
    const { module, page } = this;
    const values = new Map();
    // What was opened stays open, whatever becomes of its value.
    const whole = new Set();
    const show = (cell, key) => {
      const value = values.get(key);
      const text = value === null ? "–" : JSON.stringify(value);
      if (whole.has(key)) write(cell.querySelector("pre"), pretty(value));
      else if (text.length <= SHORT) write(cell, text);
      else if (cell.querySelector("button")) write(cell.firstChild, `${text.slice(0, SHORT)}… `);
      else {
        replace(cell, el("span", {}, `${text.slice(0, SHORT)}… `), el("button", { type: "button", class: "quiet", onclick: () => {
          whole.add(key);
          replace(cell, el("pre", { tabindex: "0" }, pretty(values.get(key))));
          cell.firstChild.focus();
        } }, "all of it"));
      }
    };
    const set = (key, value) => {
      if (!rows.has(key)) {
        rows.set(key, el("td"));
        body.append(el("tr", {}, el("th", { scope: "row" }, key), rows.get(key)));
      }
      values.set(key, value);
      show(rows.get(key), key);
      this.note(key, value);
    };
    let left = false;
    let looking = false;
    const trouble = el("div");
    const look = async () => {
      if (looking) return;
      looking = true;
      const found = await get(`/modules/${module.id}/state`).catch((error) => error);
      looking = false;
      if (left) return;
      // Those that are bound already go on without.
      if (found instanceof Error) return void (rows.size || replace(trouble, problem(found)));
      replace(trouble);
      for (const [key, text] of Object.entries(found)) {
        if (rows.has(key)) continue;
        set(key, JSON.parse(text));
        this.undo.push(page.socket.bind(module.system_id, module.slug, key, (value) => set(key, value)));
      }
      if (module.slug.startsWith("MistWebsocket_") && module.state === "running" && page.may("support")) this.diagnose(module);
    };
    look();
    const timer = setInterval(look, 5000);
    this.undo.push(() => { left = true; clearInterval(timer); });
    return el("div", { class: "scroll" }, trouble, el("table", {}, body));
  }

  note(key, value) {
    if (key === "stream_state") this.stream = value;
    if (key === "problems") this.problems = value && Object.keys(value).length ? Object.keys(value).join(", ").replaceAll("_", " ") : null;
    if (key === "stream_state" || key === "problems") this.summary();
  }

  async diagnose(module) {
    const found = await exec(module.system_id, module.slug, "diagnostics").catch(() => null);
    if (!found || this.module?.id !== module.id) return;
    const used = found.rest_budget;
    this.budget = used ? `${used.used} of ${used.limit} this hour` : null;
    this.rejected = found.records.rejected || 0;
    this.summary();
  }

  // -- commands -------------------------------------------------------------------------------

  commands() {
    const box = el("div", {}, el("p", { class: "empty" }, "Loading …"));
    const { module } = this;
    get(`/systems/${module.system_id}/functions/${module.slug}`).then((functions) => {
      replace(box, Object.entries(functions).map(([name, each]) => this.command(module, name, each)));
    }).catch((error) => replace(box, problem(error)));
    return box;
  }

  command(module, name, { params, order, description, level }) {
    const needed = (each) => !("default" in params[each]);
    const fields = order.map((each) => new Field(each, params[each], { required: needed(each) }));
    const answer = el("div", { class: "answer" });
    // How it went is read out, and not pages of JSON.
    const said = el("p", { class: "soft", role: "status" });
    const button = el("button", { type: "submit" }, "Execute");
    let running = false;
    const run = async (event) => {
      event.preventDefault();
      if (running || !fields.map((each) => each.check()).every(Boolean)) return;
      const args = Object.fromEntries(fields.filter((each) => each.value !== undefined).map((each) => [each.name, each.value]));
      running = true;
      button.setAttribute("aria-disabled", "true");
      replace(answer);
      said.textContent = "Waiting …";
      const started = performance.now();
      try {
        const text = pretty(await exec(module.system_id, module.slug, name, args));
        said.textContent = `Answered after ${Math.round(performance.now() - started)} ms.`;
        replace(answer, copyButton(text), el("pre", { tabindex: "0" }, text));
      } catch (error) {
        said.textContent = "";
        replace(answer, problem(error));
      }
      running = false;
      button.removeAttribute("aria-disabled");
    };
    return el("details", { class: "command", "data-command": name },
      el("summary", {}, el("code", {}, name), el("span", { class: "soft" }, ` ${description}`), level === "user" ? null : el("span", { class: "level" }, level)),
      el("form", { onsubmit: run, novalidate: true }, fields.map((each) => each.element), button), said, answer);
  }

  // -- settings -------------------------------------------------------------------------------

  settings() {
    const box = el("div", {}, el("p", { class: "empty" }, "Loading …"));
    const { module } = this;
    const load = (news, edits) => get(`/modules/${module.id}/settings`).then((found) => this.form(box, module, found, load, news, edits))
      .catch((error) => replace(box, problem(error)));
    load();
    return box;
  }

  form(box, module, { settings, drift, fixed, kept, schema }, load, news, edits = new Map()) {
    const fields = Object.entries(schema.properties).filter(([name, each]) => !secret(each) && !kept.includes(name)).map(([name, each]) =>
      new Field(name, resolved(each, schema.$defs), { required: (schema.required || []).includes(name), value: settings[name] }));
    const before = new Map(fields.map((each) => [each.name, each.check() ? JSON.stringify(each.value) : null]));
    fields.forEach((each) => each.blame(""));
    for (const each of fields.filter((field) => fixed.includes(field.name))) {
      each.input.disabled = true;
      each.element.append(el("p", { class: "soft" }, "Only in the settings file: it decides where secrets are sent."));
    }
    const typed = new Map(fields.map((each) => [each.name, each.input.value]));
    // What is being typed elsewhere in the form is not lost when one setting goes back to the file's.
    const others = (name) => new Map(fields.filter((each) => each.name !== name && each.input.value !== typed.get(each.name))
      .map((each) => [each.name, each.input.value]));
    fields.filter((each) => edits.has(each.name)).forEach((each) => { each.input.value = edits.get(each.name); });
    for (const each of fields.filter((field) => field.name in drift)) {
      each.element.append(el("p", { class: "warning" }, `Saved here; the file says ${JSON.stringify(drift[each.name].file ?? null)}. `,
        el("button", { type: "button", class: "quiet", onclick: () => save({ [each.name]: null }, others(each.name)) }, "Take the file's again")));
    }
    const said = el("div", { "aria-live": "polite" }, news ? el("p", { class: "good" }, news) : null);
    let saving = false;
    const save = async (changes, left) => {
      if (saving) return;
      saving = true;
      replace(said, el("p", { class: "soft" }, "Saving …"));
      try {
        await call("PUT", `/modules/${module.id}/settings`, changes);
        await load("Saved; it is in force now.", left);
      } catch (error) {
        saving = false;
        const rest = blameFields(fields, error.message);
        replace(said, problem({ message: rest || "Look at the fields above.", hint: error.hint }));
      }
    };
    replace(box, el("form", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (!fields.map((each) => each.check()).every(Boolean)) return;
        const changed = fields.filter((each) => JSON.stringify(each.value) !== before.get(each.name));
        if (!changed.length) return void replace(said, "Nothing has changed.");
        save(Object.fromEntries(changed.map((each) => [each.name, each.value === undefined ? null : each.value])));
      },
    }, el("p", { class: "soft" }, "What is saved here lies over the settings file and takes effect at once. Secrets stay in the file."),
    fields.map((each) => each.element), said, el("button", { type: "submit" }, "Save")));
  }

  // -- log ------------------------------------------------------------------------------------

  log() {
    const lines = el("ol", { class: "log", tabindex: "0", "aria-label": "Log", "data-empty": "Nobody follows this log." });
    const button = el("button", { type: "button", "aria-pressed": "false" }, "Follow the log");
    let stop = null;
    const add = (level, text) => {
      // Who reads further up is left there.
      const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
      lines.append(el("li", { class: SEVERITY[level] }, el("time", {}, new Date().toLocaleTimeString()), ` ${SEVERITY[level]} `, text));
      while (lines.children.length > LOG_LINES) lines.firstChild.remove();
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    };
    const { module } = this;
    button.addEventListener("click", () => {
      stop = stop ? void stop() : this.page.socket.debug(module.id, add);
      button.textContent = stop ? "Stop following" : "Follow the log";
      lines.dataset.empty = stop ? "Waiting for the next line …" : "Nobody follows this log.";
      button.setAttribute("aria-pressed", String(Boolean(stop)));
    });
    this.undo.push(() => stop && stop());
    return el("div", {}, button, lines);
  }
}

function secret(schema) {
  return [schema, ...(schema.anyOf || [])].some((each) => each.format === "password" || each.writeOnly);
}

// A schema without references to others of the same document.
function resolved(schema, definitions) {
  if (Array.isArray(schema)) return schema.map((each) => resolved(each, definitions));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) return resolved({ ...definitions[schema.$ref.split("/").pop()], ...schema, $ref: undefined }, definitions);
  return Object.fromEntries(Object.entries(schema).map(([name, each]) => [name, resolved(each, definitions)]));
}

