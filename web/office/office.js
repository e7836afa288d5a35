// The box office: chooses a show and a tab. The address keeps both, so that a reload or a link leads back.

import { h } from "../dom.js";
import { frame } from "../staff/frame.js";
import { listShows, SaleStatus } from "../show.js";
import { useCurrency } from "../words.js";
import { unread } from "./asking.js";
import { Blocks } from "./blocks.js";
import { BookingList } from "./bookings.js";
import { Manage } from "./manage.js";
import { t } from "./messages.js";
import { Plans } from "./plan/plans.js";
import { Sales } from "./sales.js";
import { System } from "./system.js";
import { Vouchers } from "./vouchers.js";

const TABS = { sales: Sales, bookings: BookingList, blocks: Blocks, vouchers: Vouchers, shows: Manage, plans: Plans, system: System };
/** What there is without a show. */
const WITHOUT_SHOW = ["vouchers", "shows", "plans", "system"];

document.title = `${t("title")} · lastseat`;
// The browser would open a file that misses the place it is meant for, and what was typed here would be gone.
for (const name of /** @type {const} */ (["dragover", "drop"])) {
  window.addEventListener(name, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}
frame({ page: "office", roles: ["staff", "manager", "admin"], start, signsInAgain: true });

function start(call, session) {
  const main = document.querySelector("main");
  main.replaceChildren(h("p", { class: "empty" }, t("loading")));
  /** What is drawn: a tab of a show, and the watch on its sale. */
  let open;
  let sale;
  const place = () => new URLSearchParams(location.hash.slice(1));
  const go = (changes) => {
    const next = place();
    for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name);
    location.hash = next.toString();
  };
  const optionText = ({ title, status }) => `${title} · ${t(`sale_${status}`)}`;

  const build = async () => {
    let shows;
    try {
      shows = await listShows(() => main.replaceChildren(h("p", { class: "notice", role: "status" }, t("reconnecting"))));
    } catch (error) {
      return main.replaceChildren(h("p", { class: "notice", role: "alert" }, unread(error)));
    }
    const choice = h("select", { id: "show", onchange: (event) => go({ show: event.target.value, booking: "" }) }, shows.map((show) => h("option", { value: show.id }, optionText(show))));
    const panel = h("section", { id: "tab-panel", role: "tabpanel", tabindex: "-1" });
    const tabs = Object.keys(TABS).map((name) =>
      h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-panel", onclick: () => go({ tab: name, booking: "" }) }, t(name)),
    );
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": t("title") }, tabs);
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
    main.replaceChildren(
      h("div", { class: "toolbar" }, h("h1", null, t("title")), h("label", { class: "field", hidden: shows.length === 0 }, t("show"), choice)),
      list,
      panel,
    );

    /** Paused, cancelled or opened, by whom and wherever. */
    const watch = (show) => {
      sale?.close();
      sale = new SaleStatus(show);
      sale.addEventListener("changed", () => {
        Object.assign(show, sale.show);
        const option = /** @type {HTMLElement} */ ([...choice.options].find(({ value }) => value === show.id));
        option.textContent = optionText(show);
        open?.view.changed?.(show);
      });
      sale.addEventListener("pictured", () => {
        show.picture = sale.show.picture;
        open?.view.pictured?.();
      });
    };

    const draw = () => {
      const asked = place();
      const tab = Object.hasOwn(TABS, asked.get("tab") ?? "") ? asked.get("tab") : "sales";
      const show = shows.find(({ id }) => id === asked.get("show")) ?? shows[0];
      const booking = asked.get("booking") ?? "";
      // A booking opens over what was searched for, and leaves it there.
      if (open?.panel === panel && open.tab === tab && open.show === show && open.view.open) return open.view.open(booking);
      if (show) choice.value = show.id;
      for (const button of tabs) {
        const chosen = button.id === `tab-${tab}`;
        button.setAttribute("aria-selected", String(chosen));
        button.tabIndex = chosen ? 0 : -1;
      }
      panel.setAttribute("aria-labelledby", `tab-${tab}`);
      open?.view.close?.();
      open = undefined;
      panel.replaceChildren();
      if (!show && !WITHOUT_SHOW.includes(tab)) return panel.append(h("p", { class: "empty" }, t("no_shows")));
      if (show) useCurrency(show.currency);
      if (show && sale?.show.id !== show.id) watch(show);
      open = { panel, tab, show, view: new TABS[tab]({ panel, call, session, show, go, again: build }) };
      open.view.open?.(booking);
    };
    window.onhashchange = draw;
    sale?.close();
    sale = undefined;
    draw();
  };
  build();
}
