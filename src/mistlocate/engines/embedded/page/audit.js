// Who asked for whom, for administrators. Reading it leaves a record, too.

import { exec } from "./api.js";
import { count, el, problem, replace } from "./dom.js";

const HOURS = [[1, "last hour"], [24, "last day"], [168, "last week"], [720, "last 30 days"]];
const AT_MOST = 1000;

export class Audit {
  constructor(page, view) {
    this.page = page;
    this.turn = 0;
    this.span = el("select", { id: "span", onchange: () => this.load() },
      HOURS.map(([hours, text]) => el("option", { value: String(hours) }, text)));
    this.span.value = "24";
    this.said = el("div", { role: "status" });
    this.rows = el("tbody");
    replace(view, el("section", { class: "stage" },
      el("h2", {}, "Who asked for whom"),
      el("p", { class: "soft" }, "Every command that names a person leaves a record here: who asked, for whom, and whether "
        + "there was an answer. Never where anybody is."),
      el("div", { class: "actions" },
        el("label", { for: "span" }, "Since"), this.span,
        el("button", { type: "button", onclick: () => this.load() }, "Refresh")),
      this.said,
      el("div", { class: "scroll" }, el("table", { class: "audit" },
        el("thead", {}, el("tr", {}, ["When", "Who", "Asked", "For", "Result"].map((text) => el("th", { scope: "col" }, text)))),
        this.rows))));
    this.load();
  }

  close() {
    this.turn++;
  }

  async load() {
    const turn = ++this.turn;
    const since = Date.now() / 1000 - Number(this.span.value) * 3600;
    const modules = [this.page.locations, this.page.mist].filter(Boolean);
    let found;
    try {
      found = await Promise.all(modules.map((slug) => exec(this.page.system, slug, "audit", [since, AT_MOST])));
    } catch (error) {
      if (turn === this.turn) replace(this.said, problem(error));
      return;
    }
    if (turn !== this.turn) return;
    const records = found.flat().sort((one, two) => two.at - one.at).slice(0, AT_MOST);
    replace(this.said, records.length === AT_MOST ? `The newest ${AT_MOST} records.` : `${count(records.length, "record")}.`);
    replace(this.rows, records.map((each) => el("tr", {},
      el("td", {}, new Date(each.at * 1000).toLocaleString()),
      [each.asker, each.command, each.about, each.result].map((text) => el("td", {}, text)))));
  }
}
