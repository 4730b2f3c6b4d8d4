// The floors: choose one, see who is there, search for somebody.

import { image } from "./api.js";
import { ago, clock, count, el, replace, write } from "./dom.js";
import { Plan } from "./plan.js";
import { Search } from "./search.js";

const LIST_AT_MOST = 100;
// An image that could not be had is asked for again after this time, one that is there is asked for its newest version.
const RETRY_MS = 15000;
const RENEW_MS = 600000;
// Who was found is waited for on the floor: its list may be a moment older than the search.
const APPEARS_WITHIN_MS = 8000;

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
    } else this.without();
    this.tick = setInterval(() => this.refresh(), 1000);
  }

  // Nobody can be searched for, either.
  without() {
    this.search.element.hidden = true;
    replace(this.list, el("p", { class: "empty" }, "There is no MistLocations in this system."));
  }

  build(view) {
    this.list = el("div", { id: "levels" }, el("p", { class: "empty" }, "Loading …"));
    this.canvas = el("canvas", {
      id: "plan", tabindex: "0", role: "application", "aria-roledescription": "floor plan",
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
        el("details", { class: "as-list", ontoggle: () => this.refresh() }, el("summary", {}, "As a list"),
          el("table", {}, el("thead", {}, el("tr", {}, ["Device", "Seen", "Give or take", "x, y"].map((text) =>
            el("th", { scope: "col" }, text)))), this.table))));
  }

  close() {
    clearInterval(this.tick);
    this.closed = true;
    this.unbind.forEach((each) => each());
    this.leaveLevel?.();
    this.search.close();
    this.plan.destroy();
  }

  show(zone) {
    this.wanted = zone;
    // Who goes elsewhere meanwhile is not called back.
    if (zone && zone !== this.pending?.location.level) this.pending = null;
    if (this.levels?.length) this.choose();
  }

  // -- choosing a floor -----------------------------------------------------------------------

  take(levels) {
    this.levels = Array.isArray(levels) ? levels : [];
    if (!this.levels.length) {
      this.shape = null;
      this.empty();
      replace(this.list, el("p", { class: "empty" },
        levels ? "No map is mapped to a level yet." : "Floors are not published: set publish_levels on MistLocations."));
      return;
    }
    this.choose();
  }

  // No floor is left: nobody stays on the plan.
  empty() {
    this.leaveLevel?.();
    this.leaveLevel = this.level = null;
    this.records = [];
    this.loading = false;
    this.plan.reset();
    this.plan.show({ width: 100, height: 100 }, null);
    this.refresh();
  }

  // Returns whether the links are new.
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
      return false;
    }
    this.shape = shape;
    const buildings = Map.groupBy ? Map.groupBy(this.levels, (each) => each.building) : grouped(this.levels);
    replace(this.list, [...buildings].map(([building, levels]) => el("div", { class: "building" },
      el("h2", {}, building ? this.page.zoneName(building) : "No building"),
      el("ul", {}, levels.map((level) => el("li", {}, el("a", {
        href: `#floors/${encodeURIComponent(level.zone)}`, "data-zone": level.zone,
        "aria-current": level.zone === this.level?.zone ? "true" : null,
      }, el("span", {}, this.page.levelName(level.name || level.zone, building)), el("span", { class: "count" }, devices(level)))))))));
    return true;
  }

  choose() {
    const level = this.levels.find((each) => each.zone === this.wanted)
      || this.levels.find((each) => each.zone === this.level?.zone) || this.levels[0];
    const changed = level.zone !== this.level?.zone;
    this.level = level;
    const anew = this.offer();
    const link = (anew || changed) && this.list.querySelector("[aria-current]");
    if (link) for (let box = link.parentElement; box !== this.list.parentElement.parentElement; box = box.parentElement) uncover(box, link);
    return changed ? this.enter() : this.ground();
  }

  enter() {
    this.leaveLevel?.();
    this.records = [];
    this.extent = { width: 100, height: 100 };
    this.plan.reset();
    this.hover(null);
    this.details(null);
    this.loading = true;
    this.leaveLevel = this.page.socket.bind(this.page.system, this.page.locations, this.level.zone, (records) => {
      this.loading = false;
      this.records = Array.isArray(records) ? records : [];
      this.refresh();
    });
    this.refresh();
  }

  async ground() {
    const { level } = this;
    if (!level) return;
    const known = this.pictures.get(level.image) || { picture: null, until: 0 };
    this.plan.show(this.size(), level.width > 0 ? known.picture : null);
    if (!level.image || known.until > performance.now()) return;
    this.pictures.set(level.image, known);
    known.until = Infinity;
    const picture = await image(`/systems/${this.page.system}/${this.page.mist}/assets/${level.image}`).catch(() => null);
    known.picture = picture || known.picture;
    known.until = performance.now() + (picture ? RENEW_MS : RETRY_MS);
    if (!this.closed) this.refresh();
  }

  // Where nobody knows how large the floor is, as far as people were seen on it.
  size() {
    const { width, height } = this.level;
    if (width > 0 && height > 0) return { width, height };
    for (const { x, y } of this.records) {
      if (x > this.extent.width) this.extent.width = x * 1.1;
      if (y > this.extent.height) this.extent.height = y * 1.1;
    }
    return { ...this.extent };
  }

  // -- who is there ---------------------------------------------------------------------------

  refresh() {
    const now = this.page.now();
    this.plan.perMetre = this.level?.per_metre || 0;
    this.ground();
    this.plan.update(this.records, now);
    this.canvas.setAttribute("aria-label", this.level
      ? `${this.level.name || this.level.zone}: ${count(this.records.length, "device")}` : "Floor plan");
    const unplaced = this.records.filter((each) => each.x === null).length;
    const text = this.loading ? "Loading …"
      : !this.level ? "" : !this.records.length ? "Nobody is on this floor."
        : unplaced ? `${count(unplaced, "device")} on this floor without a known place.` : "";
    this.banner.hidden = !text;
    write(this.banner, text);
    if (this.chosen) {
      const present = this.records.find((each) => each.mac === this.chosen.mac);
      if (present) this.details(present);
      else if (this.apart) this.details(this.chosen, true);
      else this.details(null);
    }
    if (this.pending) this.point();
    if (this.table.closest("details").open) this.fillTable(now);
  }

  // Rows that stay are not made anew, for whoever is reading or clicking them.
  fillTable(now) {
    const shown = [...this.records].sort((a, b) => (a.mac < b.mac ? -1 : 1)).slice(0, LIST_AT_MOST);
    const rows = new Map([...this.table.children].map((row) => [row.dataset.mac, row]));
    const macs = new Set(shown.map((each) => each.mac));
    for (const [mac, row] of rows) if (!macs.has(mac)) row.remove();
    let next = this.table.firstChild;
    for (const each of shown) {
      const row = rows.get(each.mac) || this.row(each.mac);
      const texts = [ago(now - each.last_seen), `${Math.round(each.variance)} m`,
        each.x === null ? "–" : `${Math.round(each.x)}, ${Math.round(each.y)}`];
      texts.forEach((text, number) => write(row.children[number + 1], text));
      if (row === next) next = row.nextSibling;
      else this.table.insertBefore(row, next);
    }
    if (this.records.length > LIST_AT_MOST) {
      this.table.append(el("tr", {}, el("td", { colspan: "4" }, `and ${(this.records.length - LIST_AT_MOST).toLocaleString()} more`)));
    }
  }

  row(mac) {
    const pick = () => this.pick(this.records.find((each) => each.mac === mac));
    return el("tr", { "data-mac": mac },
      el("td", {}, el("button", { type: "button", class: "quiet", onclick: pick }, mac)), el("td"), el("td"), el("td"));
  }

  hover(record, x, y) {
    this.tip.hidden = !record;
    if (!record) return;
    replace(this.tip, el("b", {}, record.mac), el("br"), ago(this.plan.age(record)), `, give or take ${Math.round(record.variance)} m`);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.canvas.clientWidth - width - 4))}px`;
    this.tip.style.top = `${y + 14 + height > this.canvas.clientHeight ? Math.max(0, y - height - 8) : y + 14}px`;
  }

  // Who is chosen. `apart`: they are not on the floor that is shown, and all there is to see of them is this.
  details(record, apart = false) {
    this.chosen = record;
    this.apart = apart;
    this.panel.hidden = !record;
    if (!record) {
      delete this.panel.dataset.mac;
      this.panelShape = null;
      return replace(this.panel);
    }
    const person = this.person?.macs.has(record.mac) ? this.person.user : null;
    const facts = [
      ["Device", person ? record.mac : null],
      ["Where", record.level_name || this.page.zoneName(record.level || record.building)],
      ["Seen", `${clock(record.last_seen)}, ${ago(this.plan.age(record))}`],
      ["Time of", record.last_seen_from === "arrival" ? "our hearing of it" : "the network"],
      ["Give or take", `${Math.round(record.variance)} m`],
      ["Kind", [record.manufacturer, record.os].filter(Boolean).join(" ")],
      ["Network", record.ssid],
    ].filter(([, value]) => value);
    // The same one, a second older: what is explained, marked or being clicked stays, and is not read out again.
    const shape = JSON.stringify([record.mac, person, record.stale, apart, facts.map(([name]) => name)]);
    if (shape === this.panelShape) {
      return this.panel.querySelectorAll("dd").forEach((each, number) => write(each, facts[number][1]));
    }
    this.panelShape = shape;
    const same = this.panel.dataset.mac === record.mac;
    const because = same ? this.panel.querySelector(".because") : null;
    this.panel.dataset.mac = record.mac;
    this.panel.setAttribute("aria-live", same ? "off" : "polite");
    return replace(this.panel,
      el("h2", {}, person || record.mac),
      el("dl", {}, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
      record.stale ? el("p", { class: "warning" }, "The line to the cloud is interrupted: this may have changed.") : null,
      apart ? el("p", { class: "warning" }, "Not on the floor that is shown.") : null,
      this.page.may("support") ? el("button", { type: "button", onclick: () => this.explain(person || record.mac) }, "Why here?") : null,
      el("button", { type: "button", class: "quiet", onclick: () => this.dismiss() }, "Close"), because);
  }

  // What had the focus goes: it is back where one came from.
  dismiss() {
    this.plan.select(null);
    this.details(null);
    this.canvas.focus({ preventScroll: true });
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
    this.pending = null;
    this.plan.select(null);
    if (!this.levels?.some((each) => each.zone === location.level)) return this.details(location, true);
    this.pending = { location, until: performance.now() + APPEARS_WITHIN_MS };
    if (this.level?.zone === location.level) return this.point();
    this.page.goTo("floors", location.level);
    return this.show(location.level);
  }

  point() {
    const { location, until } = this.pending;
    const record = this.level?.zone === location.level && this.records.find((each) => each.mac === location.mac);
    if (!record && performance.now() < until) return;
    this.pending = null;
    if (record) this.pick(record);
    else this.details(location, true);
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

// Scroll a box so that something in it is to be seen. What browsers have for this moves where the tab key goes on, too.
function uncover(box, item) {
  const [outer, inner] = [box.getBoundingClientRect(), item.getBoundingClientRect()];
  box.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  box.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
}

function grouped(levels) {
  const buildings = new Map();
  for (const level of levels) buildings.set(level.building, [...(buildings.get(level.building) || []), level]);
  return buildings;
}
