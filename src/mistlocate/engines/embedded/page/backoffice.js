// The backoffice: modules, their statuses, commands, settings and log.

import { call, exec, get } from "./api.js";
import { copyButton, el, pretty, problem, replace } from "./dom.js";
import { Field, blameFields } from "./forms.js";

const LOG_LINES = 500;
const SHORT = 160;
const SEVERITY = ["trace", "debug", "info", "notice", "warning", "error", "fatal"];

export class Backoffice {
  constructor(page, view) {
    this.page = page;
    this.undo = [];
    this.list = el("nav", { class: "side", "aria-label": "Modules" });
    this.main = el("section", { class: "stage", "aria-label": "Module" }, el("p", { class: "empty" }, "Loading …"));
    replace(view, this.list, this.main);
    this.poll();
    this.timer = setInterval(() => this.poll(), 3000);
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

  async poll() {
    try {
      this.modules = await get("/modules");
    } catch (error) {
      if (!this.modules && !this.closed) replace(this.main, problem(error));
      return;
    }
    if (this.closed) return;
    this.choose();
    this.summary();
  }

  menu() {
    replace(this.list, el("ul", {}, this.modules.map((each) => el("li", {}, el("a", {
      href: `#backoffice/${encodeURIComponent(each.id)}`,
      "aria-current": each.id === this.module?.id ? "true" : null,
    }, el("span", {}, each.slug), el("span", { class: `state ${each.state}` }, each.connected === false && each.state === "running" ? "not connected" : each.state))))));
  }

  choose() {
    const module = this.modules.find((each) => each.id === this.wanted) || this.modules[0];
    if (!module) return replace(this.main, el("p", { class: "empty" }, "The settings of this engine name no module."));
    const changed = module.id !== this.module?.id;
    this.module = module;
    this.menu();
    if (changed) this.open();
    return undefined;
  }

  open() {
    this.leave();
    const { module } = this;
    this.stream = this.problems = this.budget = this.rejected = this.trouble = null;
    this.head = el("div", { class: "summary" });
    const parts = [["Commands", this.commands()], ["Statuses", this.statuses()]];
    if (this.page.may("administrator")) parts.push(["Settings", this.settings()]);
    if (this.page.may("support")) parts.push(["Log", this.log()]);
    replace(this.main, el("h2", {}, `${module.slug} · ${module.driver}`), this.head,
      parts.map(([title, part], number) => el("details", { open: number < 2 }, el("summary", {}, title), part)));
    this.summary();
  }

  summary() {
    if (!this.module || !this.head) return;
    const { module } = this;
    const act = (verb) => el("button", {
      type: "button", class: "quiet",
      onclick: async () => {
        this.trouble = await call("POST", `/modules/${module.id}/${verb}`).then(() => null, problem);
        await this.poll();
      },
    }, verb === "start" ? "Start" : "Stop");
    const facts = [
      ["State", module.state], ["Connected", module.connected === null ? "–" : module.connected ? "yes" : "no"],
      ["Restarts", module.restarts], ["Problem", module.problem],
      ["Stream", this.stream], ["REST calls", this.budget], ["Rejected records", this.rejected], ["Problems", this.problems],
    ];
    replace(this.head,
      el("dl", {}, facts.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, String(value))))),
      this.page.may("administrator") ? act(module.state === "stopped" ? "start" : "stop") : null, this.trouble);
  }

  // -- statuses -------------------------------------------------------------------------------

  statuses() {
    const body = el("tbody");
    const rows = new Map();
    const { module, page } = this;
    const set = (key, value) => {
      if (!rows.has(key)) {
        rows.set(key, el("td"));
        body.append(el("tr", {}, el("th", { scope: "row" }, key), rows.get(key)));
      }
      const text = value === null ? "–" : JSON.stringify(value);
      const whole = el("button", { type: "button", class: "quiet", onclick: () => replace(rows.get(key), el("pre", {}, pretty(value))) }, "all of it");
      replace(rows.get(key), text.length > SHORT ? [`${text.slice(0, SHORT)}… `, whole] : text);
      this.note(key, value);
    };
    let left = false;
    const look = async () => {
      const found = await get(`/modules/${module.id}/state`).catch(() => ({}));
      if (left) return;
      for (const [key, text] of Object.entries(found)) {
        if (rows.has(key)) continue;
        set(key, JSON.parse(text));
        this.undo.push(page.socket.bind(module.system_id, module.slug, key, (value) => set(key, value)));
      }
      if (module.slug.startsWith("MistWebsocket_") && page.may("support")) this.diagnose(module);
    };
    look();
    const timer = setInterval(look, 5000);
    this.undo.push(() => { left = true; clearInterval(timer); });
    return el("div", { class: "scroll" }, el("table", {}, body));
  }

  note(key, value) {
    if (key === "stream_state") this.stream = value;
    if (key === "problems") this.problems = value && Object.keys(value).length ? Object.keys(value).join(", ").replaceAll("_", " ") : null;
    if (key === "stream_state" || key === "problems") this.summary();
  }

  async diagnose(module) {
    const found = await exec(module.system_id, module.slug, "diagnostics").catch(() => null);
    if (!found || this.module.id !== module.id) return;
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
    const answer = el("div", { class: "answer", "aria-live": "polite" });
    const button = el("button", { type: "submit" }, "Execute");
    const run = async (event) => {
      event.preventDefault();
      if (!fields.map((each) => each.check()).every(Boolean)) return;
      const args = Object.fromEntries(fields.filter((each) => each.value !== undefined).map((each) => [each.name, each.value]));
      button.disabled = true;
      replace(answer, el("p", { class: "empty" }, "Waiting …"));
      const started = performance.now();
      try {
        const value = await exec(module.system_id, module.slug, name, args);
        const text = pretty(value);
        replace(answer, el("p", { class: "soft" }, `answered after ${Math.round(performance.now() - started)} ms `, copyButton(text)), el("pre", { tabindex: "0" }, text));
      } catch (error) {
        replace(answer, problem(error));
      }
      button.disabled = false;
    };
    return el("details", { class: "command", "data-command": name },
      el("summary", {}, el("code", {}, name), el("span", { class: "soft" }, ` ${description}`), level === "user" ? null : el("span", { class: "level" }, level)),
      el("form", { onsubmit: run, novalidate: true }, fields.map((each) => each.element), button), answer);
  }

  // -- settings -------------------------------------------------------------------------------

  settings() {
    const box = el("div", {}, el("p", { class: "empty" }, "Loading …"));
    const { module } = this;
    const load = (news) => get(`/modules/${module.id}/settings`).then((found) => this.form(box, module, found, load, news))
      .catch((error) => replace(box, problem(error)));
    load();
    return box;
  }

  form(box, module, { settings, drift, fixed, schema }, load, news) {
    const fields = Object.entries(schema.properties).filter(([, each]) => !secret(each)).map(([name, each]) =>
      new Field(name, resolved(each, schema.$defs), { required: (schema.required || []).includes(name), value: settings[name] }));
    const before = new Map(fields.map((each) => [each.name, each.check() ? JSON.stringify(each.value) : null]));
    fields.forEach((each) => each.blame(""));
    for (const each of fields.filter((field) => fixed.includes(field.name))) {
      each.input.disabled = true;
      each.element.append(el("p", { class: "soft" }, "Only in the settings file: it decides where secrets are sent."));
    }
    for (const each of fields.filter((field) => field.name in drift)) {
      each.element.append(el("p", { class: "warning" }, `Saved here; the file says ${JSON.stringify(drift[each.name].file ?? null)}. `,
        el("button", { type: "button", class: "quiet", onclick: () => save({ [each.name]: null }) }, "Take the file's again")));
    }
    const said = el("div", { "aria-live": "polite" }, news ? el("p", { class: "good" }, news) : null);
    const save = async (changes) => {
      try {
        await call("PUT", `/modules/${module.id}/settings`, changes);
        await load("Saved; it is in force now.");
      } catch (error) {
        const left = blameFields(fields, error.message);
        replace(said, problem({ message: left || "Look at the fields above.", hint: error.hint }));
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
      lines.append(el("li", { class: SEVERITY[level] }, el("time", {}, new Date().toLocaleTimeString()), ` ${SEVERITY[level]} `, text));
      while (lines.children.length > LOG_LINES) lines.firstChild.remove();
      lines.scrollTop = lines.scrollHeight;
    };
    button.addEventListener("click", () => {
      stop = stop ? stop() : this.page.socket.debug(this.module.id, add);
      if (!stop) stop = null;
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

