// The box office: chooses a show and a tab. The address keeps both, so that a reload or a link leads back.

import { h } from "../dom.js";
import { frame } from "../staff/frame.js";
import { listShows } from "../show.js";
import { useCurrency } from "../words.js";
import { BookingList } from "./bookings.js";
import { Manage } from "./manage.js";
import { t } from "./messages.js";
import { Sales } from "./sales.js";
import { System } from "./system.js";

const TABS = { sales: Sales, bookings: BookingList, shows: Manage, system: System };

document.title = `${t("title")} · lastseat`;
frame({ page: "office", roles: ["staff", "manager", "admin"], start });

async function start(call, session) {
  const main = document.querySelector("main");
  main.replaceChildren(h("p", { class: "empty" }, t("loading")));
  let open;
  const place = () => new URLSearchParams(location.hash.slice(1));
  const go = (changes) => {
    const next = place();
    for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name);
    location.hash = next.toString();
  };

  const build = async () => {
    const shows = await listShows();
    const choice = h(
      "select",
      { id: "show", onchange: (event) => go({ show: event.target.value }) },
      shows.map(({ id, title, status }) => h("option", { value: id }, `${title} · ${t(`sale_${status}`)}`)),
    );
    const panel = h("section", { id: "tab-panel", role: "tabpanel", tabindex: "-1" });
    const tabs = Object.keys(TABS).map((name) =>
      h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-panel", onclick: () => go({ tab: name }) }, t(name)),
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

    const draw = () => {
      const asked = place();
      const tab = Object.hasOwn(TABS, asked.get("tab") ?? "") ? asked.get("tab") : "sales";
      const show = shows.find(({ id }) => id === asked.get("show")) ?? shows[0];
      if (show) choice.value = show.id;
      for (const button of tabs) {
        const chosen = button.id === `tab-${tab}`;
        button.setAttribute("aria-selected", String(chosen));
        button.tabIndex = chosen ? 0 : -1;
      }
      panel.setAttribute("aria-labelledby", `tab-${tab}`);
      open?.close?.();
      panel.replaceChildren();
      if (!show && !["shows", "system"].includes(tab)) return panel.append(h("p", { class: "empty" }, t("no_shows")));
      if (show) useCurrency(show.currency);
      open = new TABS[tab]({ panel, call, session, show, go, booking: asked.get("booking"), again: build });
    };
    window.onhashchange = draw;
    draw();
  };
  await build();
}
