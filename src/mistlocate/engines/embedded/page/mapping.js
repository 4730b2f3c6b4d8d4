// The mapping assistant: Mist maps beside the zones of the building, and how a map lies on the building's own plan.

import { call, get, image } from "./api.js";
import { copyButton, el, problem, replace, write } from "./dom.js";
import { Align } from "./align.js";

export class Mapping {
  constructor(page, view) {
    this.page = page;
    this.view = view;
    this.undo = [];
    replace(view, el("p", { class: "empty" }, "Loading …"));
    this.load();
  }

  // Whether anything is changed here that is not in force.
  pending() {
    return Boolean(this.mappings) && JSON.stringify(this.mappings) !== this.base;
  }

  close() {
    this.closed = true;
    this.undo.forEach((each) => each());
    this.dialog?.remove();
    // Work that was not applied is still there when one comes back.
    const { system } = this.page;
    this.page.unapplied = this.pending() ? { system, base: this.base, mappings: this.mappings } : null;
  }

  async load() {
    const { page, view } = this;
    if (!page.mist || !page.locations) {
      return replace(view, el("p", { class: "empty" }, "This takes a system with MistWebsocket and MistLocations."));
    }
    try {
      const modules = await get("/modules");
      this.module = modules.find((each) => each.system_id === page.system && each.slug === page.locations);
      const [maps, settings] = await Promise.all([
        get(`/systems/${page.system}/${page.mist}/maps`), get(`/modules/${this.module.id}/settings`),
      ]);
      if (this.closed) return undefined;
      if (!Array.isArray(maps)) return this.wait();
      this.maps = maps;
      this.mappings = settings.settings.floorplan_mappings || {};
      this.base = JSON.stringify(this.mappings);
      const kept = page.unapplied;
      if (kept?.system === page.system && kept.base === this.base) this.mappings = kept.mappings;
      page.unapplied = null;
      this.drift = "floorplan_mappings" in settings.drift;
    } catch (error) {
      return replace(view, problem(error));
    }
    return this.build();
  }

  // Before the cloud has told its maps, every mapping would look as if its map was gone.
  wait() {
    const { page } = this;
    replace(this.view, el("p", { class: "empty" }, "Waiting for MistWebsocket to list the site's maps …"));
    if (!this.undo.length) this.undo.push(page.socket.bind(page.system, page.mist, "maps", (maps) => maps && !this.maps && this.load()));
  }

  build() {
    this.rows = el("tbody");
    this.made = new Map();
    this.zoneNames = zoneNames(this.page.zones);
    this.unapplied = el("p", { class: "warning", role: "status" });
    this.said = el("div", { "aria-live": "polite" });
    this.yaml = el("pre", { tabindex: "0" });
    replace(this.view, el("section", { class: "stage" },
      el("h2", {}, "Maps and levels"),
      el("p", { class: "soft" }, "Which level of the building each Mist map is. People on a map without a level cannot be found there."),
      el("div", { class: "scroll" }, el("table", { class: "mappings" },
        el("thead", {}, el("tr", {}, ["Map", "Building", "Level", "Name of the level", "Own plan", ""].map((text) => el("th", { scope: "col" }, text)))),
        this.rows)),
      el("div", { class: "actions" },
        el("button", { type: "button", id: "apply", onclick: () => this.save(this.mappings) }, "Apply"),
        this.drift ? el("button", { type: "button", class: "quiet", onclick: () => this.save(null) }, "Take the file's again") : null,
        this.unapplied),
      this.said,
      el("details", {}, el("summary", {}, "YAML to keep in the settings file"), copyButton(() => this.yaml.textContent), this.yaml)));
    this.fill();
  }

  fill() {
    const known = new Map(this.maps.map((each) => [each.id, each]));
    const dangling = Object.keys(this.mappings).filter((id) => !known.has(id));
    const levels = new Map();
    for (const id of known.keys()) {
      const level = this.mappings[id]?.level;
      if (level && !this.mappings[id].align) levels.set(level, (levels.get(level) || 0) + 1);
    }
    const all = [...this.maps, ...dangling.map((id) => ({ id, name: id, gone: true }))];
    const rows = all.map((map) => this.row(map, levels));
    if (!rows.length) rows.push(el("tr", {}, el("td", { colspan: "6", class: "empty" }, "The site has no maps.")));
    // Not even taken out and put back: a click that has begun would be lost.
    if (rows.some((row, number) => row !== this.rows.children[number]) || rows.length !== this.rows.children.length) replace(this.rows, rows);
    write(this.unapplied, this.pending() ? "Not applied yet." : "");
    this.yaml.textContent = toYaml(this.mappings);
  }

  row(map, levels) {
    const mapping = this.mappings[map.id] || {};
    const flag = map.gone ? "no such map on the site"
      : !this.mappings[map.id] ? "not mapped"
        : map.type === "google" && !(map.width && map.latlng_tl && map.latlng_br) ? "cannot be placed"
          : levels.get(mapping.level) > 1 ? "two maps on one level" : "";
    // With many zones a row is long; those that stay as they are need not be made again.
    const shape = JSON.stringify([mapping, flag]);
    const made = this.made.get(map.id);
    if (made?.shape === shape) return made.row;
    const row = this.makeRow(map, mapping, flag);
    this.made.set(map.id, { shape, row, flag });
    return row;
  }

  makeRow(map, mapping, flag) {
    const set = (name) => (event) => this.change(map.id, name, event.target.value);
    const zones = (name) => el("select", { "aria-label": `${name} of ${map.name}`, onchange: set(name) },
      el("option", { value: "" }, "–"),
      [...this.page.zones.keys()].map((id) => el("option", { value: id, selected: mapping[name] === id }, this.zoneNames.get(id))),
      mapping[name] && !this.page.zones.has(mapping[name]) ? el("option", { value: mapping[name], selected: true }, mapping[name]) : null);
    return el("tr", { "data-map": map.id },
      el("th", { scope: "row" }, this.thumbnail(map), el("span", {}, map.name || map.id),
        el("span", { class: "soft" }, map.width ? `${map.width} × ${map.height}` : "size unknown"),
        flag ? el("span", { class: "flag" }, flag) : null),
      el("td", {}, zones("building")), el("td", {}, zones("level")),
      el("td", {}, el("input", { type: "text", value: mapping.level_name || "", "aria-label": `Name of the level of ${map.name}`, onchange: set("level_name") })),
      el("td", {}, map.gone || !map.width || !this.mappings[map.id] ? null : el("button", { type: "button", class: "quiet align", onclick: () => this.align(map) }, mapping.align ? "Aligned, change" : "Align")),
      el("td", {}, this.mappings[map.id] ? el("button", { type: "button", class: "quiet", "aria-label": `Unmap ${map.name}`, onclick: () => this.unmap(map.id) }, "Unmap") : null));
  }

  unmap(id) {
    this.mappings = { ...this.mappings };
    delete this.mappings[id];
    this.fill();
  }

  thumbnail(map) {
    const frame = el("span", { class: map.has_image ? "thumbnail" : "thumbnail none" });
    this.thumbnails = this.thumbnails || new Map();
    if (map.has_image && !this.thumbnails.has(map.id)) {
      const { page } = this;
      this.thumbnails.set(map.id, image(`/systems/${page.system}/${page.mist}/assets/map/${map.id}/thumbnail`).catch(() => null));
    }
    this.thumbnails.get(map.id)?.then((found) => found && frame.append(found));
    return frame;
  }

  change(id, name, value) {
    const mapping = { ...this.mappings[id] };
    if (value) mapping[name] = value;
    else delete mapping[name];
    // A name that was typed before there was anything to be called so.
    const made = this.made.get(id);
    const typed = made.row.querySelector("input").value.trim();
    if (name !== "level_name" && typed) mapping.level_name = typed;
    if (name === "level") this.follow(mapping, this.mappings[id]?.level, value);
    this.mappings = { ...this.mappings };
    this.mappings[id] = mapping;
    if (!mapping.building && !mapping.level) delete this.mappings[id];
    // A name is taken when one goes on, most likely with a click in the same row: it stays to be clicked.
    else if (name === "level_name") made.shape = JSON.stringify([mapping, made.flag]);
    this.fill();
  }

  // A level knows its building and its name; what was said otherwise by hand stays.
  follow(mapping, before, level) {
    const { zones } = this.page;
    const parent = zones.get(level)?.parent_id;
    if (parent && (!mapping.building || mapping.building === zones.get(before)?.parent_id)) mapping.building = parent;
    if (mapping.level_name && mapping.level_name !== this.page.zoneName(before)) return;
    if (level) mapping.level_name = this.page.zoneName(level);
    else delete mapping.level_name;
  }

  align(map) {
    this.dialog?.remove();
    const before = this.mappings[map.id];
    const align = new Align(this.page, map, before, (change) => {
      const mapping = { ...before };
      for (const name of ["align", "width", "height"]) delete mapping[name];
      this.mappings = { ...this.mappings, [map.id]: { ...mapping, ...change } };
      this.fill();
    });
    this.dialog = align.element;
    document.body.append(this.dialog);
    // The button that led here may have been made anew meanwhile.
    this.dialog.addEventListener("close", () => this.made.get(map.id)?.row.querySelector(".align")?.focus());
    this.dialog.showModal();
  }

  async save(mappings) {
    if (this.rows.inert) return;
    // What is changed while the engine takes these would be lost with its answer.
    this.rows.inert = true;
    replace(this.said, el("p", { class: "soft" }, "Applying …"));
    try {
      await call("PUT", `/modules/${this.module.id}/settings`, { floorplan_mappings: mappings });
      this.mappings = null;
      await this.load();
      replace(this.said, el("p", { class: "good" }, mappings ? "Applied. To keep it, put the YAML below into the settings file." : "The file's mappings are in force again."));
      this.yaml.parentElement.open = Boolean(mappings);
    } catch (error) {
      this.rows.inert = false;
      replace(this.said, problem(error));
    }
  }
}

// What zones are called in a list; those of the same name with what they lie in.
function zoneNames(zones) {
  const name = (zone) => zone.name || zone.id;
  const counts = new Map();
  for (const zone of zones.values()) counts.set(name(zone), (counts.get(name(zone)) || 0) + 1);
  return new Map([...zones.values()].map((zone) => {
    const parent = zones.get(zone.parent_id);
    return [zone.id, counts.get(name(zone)) > 1 ? `${name(zone)} (${parent ? name(parent) : zone.id})` : name(zone)];
  }));
}

// As much YAML as mappings need. Texts are quoted as JSON, which YAML reads as well, once what YAML takes for the end of
// a line or for unprintable is escaped. Some words would be no texts without, and what stands for something else in a
// settings file (`${NAME}`) is to stand for itself.
export function toYaml(mappings) {
  const plain = (text) => /^[A-Za-z][\w-]*$/.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text);
  const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const scalar = (value) => (typeof value === "string" && !plain(value) ? quoted(value) : String(value));
  const lines = ["floorplan_mappings:"];
  for (const [id, mapping] of Object.entries(mappings)) {
    lines.push(`  ${scalar(id)}:`);
    for (const [name, value] of Object.entries(mapping)) {
      if (value === null || value === undefined) continue;
      if (name !== "align") lines.push(`    ${scalar(name)}: ${scalar(typeof value === "string" ? value.replaceAll("${", "$$${") : value)}`);
      else lines.push("    align:", ...value.map((each) => `      - {pixel: ${JSON.stringify(each.pixel)}, fraction: ${JSON.stringify(each.fraction)}}`));
    }
  }
  return lines.length > 1 ? `${lines.join("\n")}\n` : "floorplan_mappings: {}\n";
}
