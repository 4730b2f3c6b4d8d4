// The mapping assistant: Mist maps beside the zones of the building, and how a map lies on the building's own plan.

import { call, get, image } from "./api.js";
import { copyButton, el, problem, replace } from "./dom.js";
import { Align } from "./align.js";

export class Mapping {
  constructor(page, view) {
    this.page = page;
    this.view = view;
    this.undo = [];
    replace(view, el("p", { class: "empty" }, "Loading …"));
    this.load();
  }

  close() {
    this.undo.forEach((each) => each());
    this.dialog?.remove();
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
      this.maps = maps || [];
      this.mappings = structuredClone(settings.settings.floorplan_mappings || {});
      this.drift = "floorplan_mappings" in settings.drift;
    } catch (error) {
      return replace(view, problem(error));
    }
    return this.build();
  }

  build() {
    this.rows = el("tbody");
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
        this.drift ? el("button", { type: "button", class: "quiet", onclick: () => this.save(null) }, "Take the file's again") : null),
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
    replace(this.rows, [...this.maps, ...dangling.map((id) => ({ id, name: id, gone: true }))].map((map) => this.row(map, levels)));
    this.yaml.textContent = toYaml(this.mappings);
  }

  row(map, levels) {
    const mapping = this.mappings[map.id] || {};
    const flag = map.gone ? "no such map on the site"
      : !this.mappings[map.id] ? "not mapped"
        : map.type === "google" && !(map.width && map.latlng_tl && map.latlng_br) ? "cannot be placed"
          : levels.get(mapping.level) > 1 ? "two maps on one level" : "";
    const set = (name) => (event) => this.change(map.id, name, event.target.value);
    const zones = (name) => el("select", { "aria-label": `${name} of ${map.name}`, onchange: set(name) },
      el("option", { value: "" }, "–"),
      [...this.page.zones.values()].map((zone) => el("option", { value: zone.id, selected: mapping[name] === zone.id }, zone.name || zone.id)),
      mapping[name] && !this.page.zones.has(mapping[name]) ? el("option", { value: mapping[name], selected: true }, mapping[name]) : null);
    return el("tr", { "data-map": map.id },
      el("th", { scope: "row" }, map.gone ? null : this.thumbnail(map), el("span", {}, map.name || map.id),
        el("span", { class: "soft" }, map.width ? `${map.width} × ${map.height}` : "size unknown"),
        flag ? el("span", { class: "flag" }, flag) : null),
      el("td", {}, zones("building")), el("td", {}, zones("level")),
      el("td", {}, el("input", { type: "text", value: mapping.level_name || "", "aria-label": `Name of the level of ${map.name}`, onchange: set("level_name") })),
      el("td", {}, map.gone || !map.width || !this.mappings[map.id] ? null : el("button", { type: "button", class: "quiet", onclick: () => this.align(map) }, mapping.align ? "Aligned, change" : "Align")),
      el("td", {}, this.mappings[map.id] ? el("button", { type: "button", class: "quiet", "aria-label": `Unmap ${map.name}`, onclick: () => { delete this.mappings[map.id]; this.fill(); } }, "Unmap") : null));
  }

  thumbnail(map) {
    const frame = el("span", { class: map.has_image ? "thumbnail" : "thumbnail none" });
    this.thumbnails = this.thumbnails || new Map();
    if (map.has_image && !this.thumbnails.has(map.id)) {
      const { page } = this;
      this.thumbnails.set(map.id, image(`/systems/${page.system}/${page.mist}/assets/map/${map.id}/thumbnail`).catch(() => null));
    }
    this.thumbnails.get(map.id)?.then((url) => url && frame.append(el("img", { alt: "", src: url })));
    return frame;
  }

  change(id, name, value) {
    const mapping = { ...this.mappings[id] };
    if (value) mapping[name] = value;
    else delete mapping[name];
    // A level knows its building.
    const parent = name === "level" && value ? this.page.zones.get(value)?.parent_id : null;
    if (parent && !mapping.building) mapping.building = parent;
    if (name === "level" && value && !mapping.level_name) mapping.level_name = this.page.zoneName(value);
    this.mappings[id] = mapping;
    if (!mapping.building && !mapping.level) delete this.mappings[id];
    this.fill();
  }

  align(map) {
    this.dialog?.remove();
    const before = this.mappings[map.id];
    const align = new Align(this.page, map, before, (change) => {
      const mapping = { ...before };
      for (const name of ["align", "width", "height"]) delete mapping[name];
      this.mappings[map.id] = { ...mapping, ...change };
      this.fill();
    });
    this.dialog = align.element;
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  async save(mappings) {
    try {
      await call("PUT", `/modules/${this.module.id}/settings`, { floorplan_mappings: mappings });
      await this.load();
      replace(this.said, el("p", { class: "good" }, mappings ? "Applied. To keep it, put the YAML below into the settings file." : "The file's mappings are in force again."));
      this.yaml.parentElement.open = Boolean(mappings);
    } catch (error) {
      replace(this.said, problem(error));
    }
  }
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
