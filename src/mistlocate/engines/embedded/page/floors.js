// The floors: choose one, see who is there, search for somebody.

import { image } from "./api.js";
import { ago, clock, count, el, replace } from "./dom.js";
import { Plan } from "./plan.js";
import { Search } from "./search.js";

const LIST_AT_MOST = 100;

// How many devices a level has; too few to be told is not none.
const devices = (level) => level.devices?.toLocaleString() ?? "few";

export class Floors {
  constructor(page, view) {
    this.page = page;
    this.levels = null;
    this.level = null;
    this.records = [];
    this.pictures = new Map();
    this.unbind = [];
    this.build(view);
    this.plan = new Plan(this.canvas, {
      onSelect: (record) => {
        this.details(record);
        return record && window.matchMedia("(max-width: 44rem)").matches ? this.panel.offsetHeight : 0;
      },
      onHover: (record, x, y) => this.hover(record, x, y),
    });
    page.plan = this.plan;
    if (page.locations) {
      this.unbind.push(page.socket.bind(page.system, page.locations, "levels", (value) => this.take(value)));
    } else replace(this.list, el("p", { class: "empty" }, "There is no MistLocations in this system."));
    this.tick = setInterval(() => this.refresh(), 1000);
  }

  build(view) {
    this.list = el("div", { id: "levels" }, el("p", { class: "empty" }, "Loading …"));
    this.canvas = el("canvas", {
      id: "plan", tabindex: "0", role: "img",
      "aria-describedby": "plan-help", "aria-label": "Floor plan",
    });
    this.tip = el("div", { class: "tip", hidden: true });
    this.banner = el("p", { class: "banner", role: "status", hidden: true });
    this.panel = el("aside", { id: "details", "aria-live": "polite", "aria-label": "Chosen device", hidden: true });
    this.table = el("tbody");
    this.search = new Search(this.page, (result) => this.found(result));
    const zoom = (text, label, action) => el("button", { type: "button", "aria-label": label, onclick: action }, text);
    const middle = (factor) => () => this.plan.zoom(factor, this.canvas.clientWidth / 2, this.canvas.clientHeight / 2);
    replace(view,
      el("section", { class: "side", "aria-label": "Search and floors" }, this.search.element, this.list),
      el("section", { class: "stage", "aria-label": "Floor" },
        this.canvas, this.tip, this.banner,
        el("div", { class: "zoom" }, zoom("+", "Zoom in", middle(1.4)), zoom("−", "Zoom out", middle(1 / 1.4)),
          zoom("⤢", "Show the whole floor", () => { this.plan.fit(true); this.plan.draw(); })),
        el("p", { id: "plan-help", class: "visually-hidden" },
          "Arrow keys move the plan, plus and minus zoom, 0 shows all of it, N and P step through the devices."),
        this.panel,
        el("details", { class: "as-list" }, el("summary", {}, "As a list"),
          el("table", {}, el("thead", {}, el("tr", {}, ["Device", "Seen", "Give or take", "x, y"].map((text) =>
            el("th", { scope: "col" }, text)))), this.table))));
  }

  close() {
    clearInterval(this.tick);
    this.unbind.forEach((each) => each());
    this.leaveLevel?.();
    this.search.close();
    this.plan.destroy();
  }

  show(zone) {
    this.wanted = zone;
    if (this.levels) this.choose();
  }

  // -- choosing a floor -----------------------------------------------------------------------

  take(levels) {
    this.levels = levels || [];
    if (!this.levels.length) {
      this.shape = null;
      replace(this.list, el("p", { class: "empty" },
        levels ? "No map is mapped to a level yet." : "Floors are not published: set publish_levels on MistLocations."));
      return;
    }
    this.offer();
    this.choose();
  }

  offer() {
    // Links that stay are not made anew: one that is being clicked would miss the click.
    const shape = JSON.stringify(this.levels.map(({ zone, name, building }) => [zone, name, building]));
    if (shape === this.shape) {
      this.list.querySelectorAll("a").forEach((link) => {
        const level = this.levels.find((each) => each.zone === link.dataset.zone);
        link.lastChild.textContent = devices(level);
        if (level.zone === this.level?.zone) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
      return;
    }
    this.shape = shape;
    const buildings = Map.groupBy ? Map.groupBy(this.levels, (each) => each.building) : grouped(this.levels);
    replace(this.list, [...buildings].map(([building, levels]) => el("div", { class: "building" },
      el("h2", {}, building ? this.page.zoneName(building) : "No building"),
      el("ul", {}, levels.map((level) => el("li", {}, el("a", {
        href: `#floors/${encodeURIComponent(level.zone)}`, "data-zone": level.zone,
        "aria-current": level.zone === this.level?.zone ? "true" : null,
      }, el("span", {}, this.page.levelName(level.name || level.zone, building)), el("span", { class: "count" }, devices(level)))))))));
  }

  choose() {
    const level = this.levels.find((each) => each.zone === this.wanted)
      || this.levels.find((each) => each.zone === this.level?.zone) || this.levels[0];
    const changed = level.zone !== this.level?.zone;
    this.level = level;
    this.offer();
    if (changed) this.enter();
    else this.ground();
  }

  enter() {
    this.leaveLevel?.();
    this.records = [];
    this.plan.reset();
    this.loading = true;
    this.ground();
    this.leaveLevel = this.page.socket.bind(this.page.system, this.page.locations, this.level.zone, (records) => {
      this.loading = false;
      this.records = records || [];
      this.refresh();
      if (this.pending) this.point();
    });
    this.refresh();
  }

  async ground() {
    const { level } = this;
    const size = this.size();
    this.plan.show(size, this.pictures.get(level.image) || null);
    if (!level.image || this.pictures.has(level.image)) return;
    this.pictures.set(level.image, null);
    const url = await image(`/systems/${this.page.system}/${this.page.mist}/assets/${level.image}`).catch(() => null);
    if (!url) return;
    const picture = new Image();
    picture.src = url;
    await picture.decode().catch(() => null);
    this.pictures.set(level.image, picture.naturalWidth ? picture : null);
    if (this.level.image === level.image) this.plan.show(this.size(), picture.naturalWidth ? picture : null);
  }

  // Where nobody knows how large the floor is, as far as people are seen on it.
  size() {
    const { width, height } = this.level;
    if (width > 0 && height > 0) return { width, height };
    const xs = this.records.map((each) => each.x || 0);
    const ys = this.records.map((each) => each.y || 0);
    return { width: Math.max(100, ...xs) * 1.1, height: Math.max(100, ...ys) * 1.1 };
  }

  // -- who is there ---------------------------------------------------------------------------

  refresh() {
    const now = Date.now() / 1000 + (this.page.clockOffset || 0);
    this.plan.perMetre = this.level?.per_metre || 0;
    if (this.level && !(this.level.width > 0)) this.plan.show(this.size(), null);
    this.plan.update(this.records, now);
    this.canvas.setAttribute("aria-label", this.level
      ? `${this.level.name || this.level.zone}: ${count(this.records.length, "device")}` : "Floor plan");
    const unplaced = this.records.filter((each) => each.x === null).length;
    const text = this.loading ? "Loading …"
      : !this.level ? "" : !this.records.length ? "Nobody is on this floor."
        : unplaced ? `${count(unplaced, "device")} on this floor without a known place.` : "";
    this.banner.hidden = !text;
    this.banner.textContent = text;
    if (this.chosen) this.details(this.records.find((each) => each.mac === this.chosen.mac) || null);
    if (this.table.closest("details").open) this.fillTable(now);
  }

  fillTable(now) {
    replace(this.table, this.records.slice(0, LIST_AT_MOST).map((each) => el("tr", {},
      el("td", {}, el("button", { type: "button", class: "quiet", onclick: () => this.pick(each) }, each.mac)),
      el("td", {}, ago(now - each.last_seen)), el("td", {}, `${Math.round(each.variance)} m`),
      el("td", {}, each.x === null ? "–" : `${Math.round(each.x)}, ${Math.round(each.y)}`))));
    if (this.records.length > LIST_AT_MOST) {
      this.table.append(el("tr", {}, el("td", { colspan: "4" }, `and ${this.records.length - LIST_AT_MOST} more`)));
    }
  }

  hover(record, x, y) {
    this.tip.hidden = !record;
    if (!record) return;
    replace(this.tip, el("b", {}, record.mac), el("br"), ago(this.plan.age(record)), `, give or take ${Math.round(record.variance)} m`);
    this.tip.style.left = `${Math.min(x + 14, this.canvas.clientWidth - 180)}px`;
    this.tip.style.top = `${y + 14}px`;
  }

  details(record) {
    this.chosen = record;
    this.panel.hidden = !record;
    if (!record) {
      delete this.panel.dataset.mac;
      return replace(this.panel);
    }
    const line = (name, value) => (value ? [el("dt", {}, name), el("dd", {}, value)] : []);
    const person = this.person?.macs.has(record.mac) ? this.person.user : null;
    // The same one, a second older: what was explained stays, and is not read out again.
    const same = this.panel.dataset.mac === record.mac;
    const because = same ? this.panel.querySelector(".because") : null;
    this.panel.dataset.mac = record.mac;
    this.panel.setAttribute("aria-live", same ? "off" : "polite");
    replace(this.panel,
      el("h2", {}, person || record.mac),
      el("dl", {},
        line("Device", person ? record.mac : null),
        line("Where", record.level_name),
        line("Seen", `${clock(record.last_seen)}, ${ago(this.plan.age(record))}`),
        line("Time of", record.last_seen_from === "arrival" ? "our hearing of it" : "the network"),
        line("Give or take", `${Math.round(record.variance)} m`),
        line("Kind", [record.manufacturer, record.os].filter(Boolean).join(" ")),
        line("Network", record.ssid)),
      record.stale ? el("p", { class: "warning" }, "The line to the cloud is interrupted: this may have changed.") : null,
      this.page.may("support") ? el("button", { type: "button", onclick: () => this.explain(person || record.mac) }, "Why here?") : null,
      el("button", { type: "button", class: "quiet", onclick: () => this.plan.select(null) }, "Close"), because);
  }

  async explain(who) {
    const { mac } = this.panel.dataset;
    const found = await this.page.locate("explain", [who]).catch((error) => ({ because: [error.message] }));
    if (!mac || this.panel.dataset.mac !== mac) return;
    this.panel.querySelector(".because")?.remove();
    this.panel.append(el("ul", { class: "because" }, found.because.map((text) => el("li", {}, text))));
  }

  // -- search ---------------------------------------------------------------------------------

  // Somebody was found: go to the floor, and point when the floor is there.
  found({ user, location }) {
    this.person = { user, macs: new Set([location.mac]) };
    this.pending = location.mac;
    if (this.level?.zone === location.level) this.point();
    else this.page.goTo("floors", location.level);
  }

  point() {
    const record = this.records.find((each) => each.mac === this.pending);
    if (!record) return;
    this.pick(record);
    this.pending = null;
  }

  // Who has no place on the plan has details all the same.
  pick(record) {
    this.plan.select(record.mac, { centre: true });
    if (!this.plan.devices.has(record.mac)) {
      this.plan.selected = null;
      this.details(record);
    }
  }
}

function grouped(levels) {
  const buildings = new Map();
  for (const level of levels) buildings.set(level.building, [...(buildings.get(level.building) || []), level]);
  return buildings;
}
