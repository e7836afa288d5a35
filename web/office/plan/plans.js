// All plans, and the one that is edited. The address names it, so that a link or a reload leads back.

import { announce, h } from "../../dom.js";
import { number } from "../../words.js";
import { unread } from "../asking.js";
import { emptyPlan, fromApi } from "./document.js";
import { draftOf, drafts, NEW } from "./draft.js";
import { Editor } from "./editor.js";
import { t } from "./messages.js";
import { latest, NO_REVISION } from "./save.js";

const PAGE = 100;
const MAY_SAVE = ["manager", "admin"];
/** In the address, in place of the id of a plan. */
const NEW_PLAN = "new!";

/** Every plan in short, page by page. */
export async function listPlans(call) {
  const plans = [];
  for (let more = true; more; ) {
    const after = plans.length > 0 ? `&starting_after=${encodeURIComponent(plans[plans.length - 1].plan)}` : "";
    const { body } = await call("GET", `/v1/plans?limit=${PAGE}${after}`);
    plans.push(...body.data);
    more = body.has_more && body.data.length > 0;
  }
  return plans;
}

export class Plans {
  #panel;
  #call;
  #session;
  #go;
  #editor;
  #shown;
  #closed = false;

  constructor({ panel, call, session, go }) {
    this.#panel = panel;
    this.#call = call;
    this.#session = session;
    this.#go = go;
  }

  close() {
    this.#closed = true;
    this.#editor?.close();
  }

  /** The address has changed. */
  open() {
    const plan = new URLSearchParams(location.hash.slice(1)).get("plan") ?? undefined;
    if (plan === this.#shown && this.#panel.hasChildNodes()) return;
    this.#shown = plan;
    this.#editor?.close();
    this.#editor = undefined;
    this.#panel.replaceChildren(h("p", { class: "empty" }, t("loading")));
    (plan === undefined ? this.#list() : this.#edit(plan)).catch((error) => {
      if (this.#isShown(plan)) this.#panel.replaceChildren(h("p", { class: "notice", role: "alert" }, unread(error)), this.#back());
    });
  }

  #isShown(plan) {
    return !this.#closed && this.#shown === plan;
  }

  #back() {
    return h("button", { type: "button", class: "plain", onclick: () => this.#go({ plan: "" }) }, t("all_plans"));
  }

  async #list() {
    const plans = await listPlans(this.#call);
    if (!this.#isShown(undefined)) return;
    const own = drafts();
    const draft = (plan) => own.includes(plan) && h("span", { class: "badge" }, t("draft"));
    const open = ({ plan, name }) => h("button", { type: "button", class: "plain", "data-plan": plan, onclick: () => this.#go({ plan }) }, name);
    const line = (plan) => {
      const { plan: id, revision, seats, sections } = plan;
      const amount = (value) => h("td", { class: "amount" }, number(value));
      return h("tr", null, h("th", { scope: "row" }, open(plan), " ", draft(id)), h("td", null, id), amount(revision), amount(seats), h("td", null, sections.join(", ")));
    };
    const column = (name, className) => h("th", { scope: "col", class: className }, t(name));
    const table = h(
      "div",
      { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("plans") },
      h(
        "table",
        { class: "data" },
        h("thead", null, h("tr", null, column("plan_name"), column("plan_id"), column("revision", "amount"), column("seats", "amount"), column("sections"))),
        h("tbody", null, plans.map(line)),
      ),
    );
    const may = MAY_SAVE.includes(this.#session.role);
    this.#panel.replaceChildren(
      h("p", { class: "hint" }, t("plans_hint")),
      h("div", { class: "toolbar" }, h("button", { type: "button", class: "primary", "data-act": "new_plan", onclick: () => this.#go({ plan: NEW_PLAN }) }, t("new_plan")), draft(NEW)),
      may ? "" : h("p", { class: "hint" }, t("plans_not_for")),
      plans.length > 0 ? table : h("p", { class: "empty" }, t("no_plans")),
    );
  }

  async #edit(plan) {
    const isNew = plan === NEW_PLAN;
    const draft = draftOf(isNew ? NEW : plan);
    const found = draft ? undefined : isNew ? { etag: NO_REVISION, revision: 0 } : await latest(this.#call, plan);
    if (!this.#isShown(plan)) return;
    const base = draft ?? found;
    const document = draft?.document ?? (isNew ? emptyPlan(t("stage")) : fromApi(/** @type {any} */ (found).plan));
    this.#editor = new Editor({
      call: this.#call,
      document,
      base: { etag: base.etag, revision: base.revision },
      isDraft: draft !== undefined,
      maySave: MAY_SAVE.includes(this.#session.role),
      leave: () => this.#go({ plan: "" }),
      named: (id) => {
        // The address follows, and what is drawn stays.
        const place = new URLSearchParams(location.hash.slice(1));
        place.set("plan", id);
        history.replaceState(null, "", `#${place}`);
        this.#shown = id;
      },
      putOnSale: (id) => this.#go({ tab: "shows", plan: id }),
      reload: () => {
        this.#shown = undefined;
        this.#panel.replaceChildren();
        this.open();
      },
    });
    this.#panel.replaceChildren(this.#editor.element);
    announce(t("opened", { name: document.name || t("new_plan") }));
  }
}
