// The wallet: a buyer's bookings and tickets on one page, also without a network.

import { Bookings } from "../bookings.js";
import { announce, h } from "../dom.js";
import { languageChoice } from "../language-choice.js";
import { language } from "../language.js";
import { signInForm, signOut } from "./account.js";
import { BookingCard } from "./card.js";
import { Commands, say as sayOutcome } from "./commands.js";
import { AccountNumber } from "./give.js";
import { Wallet } from "./loader.js";
import { t } from "./messages.js";
import { byDate, groupOf } from "./names.js";
import { printing } from "./print.js";
import { Rewards } from "./rewards.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";

const TICK_MS = 1_000;
/** How often the server is asked: what is being paid for changes by itself, the rest rarely. */
const ASK_PAYING_MS = 3_000;
const ASK_MS = 60_000;
/** The server ends a hold; the page only asks whether it has. */
const LATE_MS = 1_000;

document.documentElement.lang = language;
document.title = `${t("title")} · lastseat`;
navigator.serviceWorker?.register("/wallet-worker.js", { scope: "/wallet" }).catch(() => undefined);
start();

async function start() {
  const link = takeLink();
  const bookings = new Bookings();
  const wallet = new Wallet(await Store.open(), bookings);
  const page = draw(wallet);
  await wallet.restore();
  if (link) await page.open(link);
  let asked = Date.now();
  const refresh = async () => {
    asked = Date.now();
    await wallet.refresh();
  };
  refresh().then(() => link && page.reveal(link.id));
  // Another tab has bought, paid or given something back; a page that comes back from the browser's memory has heard of none of it.
  window.addEventListener("storage", ({ key }) => (key === null || key.startsWith("lastseat:booking:")) && refresh());
  window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  window.addEventListener("online", refresh);
  window.addEventListener("offline", () => {
    wallet.online = false;
    page.update();
  });
  window.addEventListener("hashchange", () => {
    const next = takeLink();
    if (next) page.open(next);
  });
  document.addEventListener("visibilitychange", () => !document.hidden && Date.now() - asked > ASK_PAYING_MS && refresh());
  setInterval(() => {
    page.tick();
    if (document.hidden) return;
    const cards = [...wallet.cards.values()];
    const paying = cards.some(({ booking }) => ["paying", "action_required"].includes(booking.status)) || page.late(LATE_MS);
    if (Date.now() - asked > (paying ? ASK_PAYING_MS : ASK_MS)) refresh();
  }, TICK_MS);
}

/**
 * The booking of a link, `#booking=<id>&token=<token>`, or of one within this browser, without a token. A token leaves the address at once: neither the
 * history nor a bookmark is to have it.
 */
function takeLink() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const [id, token] = [fragment.get("booking"), fragment.get("token")];
  if (token) history.replaceState(null, "", `${location.pathname}#booking=${encodeURIComponent(id ?? "")}`);
  return id ? { id, token } : undefined;
}

/** Draws the page. @param {Wallet} wallet */
function draw(wallet) {
  const stage = new Stage();
  const rewards = new Rewards(wallet);
  /** @type {Map<string, BookingCard>} */
  const drawn = new Map();
  const ready = () => [...wallet.cards.values()].filter((card) => groupOf(card) === "ready").sort(byDate);
  const print = printing(ready);
  const network = h("p", { class: "badge network", role: "status" });
  const who = h("div", { class: "who" });
  const notice = h("p", { class: "notice", role: "alert", hidden: true });
  const empty = h("div", { class: "empty" }, h("p", null, t("none")), h("p", null, t("none_hint")));
  const groups = Object.fromEntries(["pending", "ready", "earlier"].map((name) => [name, h("ul", { class: "cards" })]));
  const sections = Object.entries(groups).map(([name, list]) =>
    name === "earlier" ? h("details", { data: { group: name } }, h("summary", null, h("h2", null, t(name))), list) : h("section", { data: { group: name } }, h("h2", null, t(name)), list),
  );
  const form = signInForm(() => wallet.refresh());
  const account = new Commands(() => update());
  const number = new AccountNumber();
  const languages = languageChoice(t("language"));
  const main = document.querySelector("main");
  main.before(h("header", { class: "page-top" }, h("a", { class: "page-brand", href: "/" }, "lastseat"), h("nav", { "aria-label": t("shop") }, h("a", { href: "/" }, t("shop"))), languages, who));
  main.replaceChildren(h("div", { class: "toolbar title" }, h("h1", null, t("title")), network), notice, account.outcome, h("div", { id: "lists", class: "stack" }, empty, sections), rewards.element, number.element, form);

  function update() {
    const { cards, online, loading, session } = wallet;
    for (const id of drawn.keys()) if (!cards.has(id)) drawn.delete(id);
    for (const [id, card] of cards) {
      if (!drawn.has(id)) drawn.set(id, new BookingCard(wallet, stage, print));
      drawn.get(id).update(card);
    }
    for (const [name, list] of Object.entries(groups)) arrange(list, [...cards.values()].filter((card) => groupOf(card) === name).sort(byDate).map(({ id }) => drawn.get(id).element));
    // What has just ended is not put away unseen.
    if (groups.earlier.querySelector("[data-ended]")) groups.earlier.parentElement.setAttribute("open", "");
    for (const section of sections) section.hidden = groups[section.dataset.group].childElementCount === 0;
    empty.hidden = cards.size > 0 || loading;
    const text = t(!online ? "offline" : loading ? "loading" : "online");
    if (network.textContent !== text) network.textContent = text;
    network.classList.toggle("bad", !online);
    form.hidden = session !== null || !wallet.accounts;
    signedIn();
    number.show(session);
    rewards.update();
    stage.update(cards);
  }

  function signedIn() {
    const { account: known, session } = wallet;
    // Signed out elsewhere, or for too long: the tickets stay until somebody says otherwise.
    const away = session === null && known !== undefined;
    const drawnFor = `${known?.email} ${away}`;
    if (who.dataset.for === drawnFor) return;
    who.dataset.for = drawnFor;
    const leave = account.button({
      name: "sign-out",
      key: "sign-out",
      text: t(away ? "remove" : "sign_out"),
      sure: t("sign_out_hint"),
      run: async () => {
        if (wallet.session) await signOut(wallet.session);
        await wallet.signedOut();
      },
    });
    who.replaceChildren(...(known ? [h("span", { class: "name" }, known.email), leave] : []));
    if (away) say(t("signed_out"));
  }

  function say(text) {
    notice.textContent = text;
    notice.hidden = text === "";
  }

  async function open({ id, token }) {
    say("");
    try {
      if (token) await wallet.open(id, token);
    } catch (error) {
      if (error.status >= 400 && error.status < 500) return say(t("bad_link"));
      wallet.online = false;
    }
    reveal(id);
  }

  /** The booking of a link comes into view. */
  function reveal(id) {
    const element = drawn.get(id)?.element;
    element?.closest("details")?.setAttribute("open", "");
    element?.scrollIntoView({ block: "start", behavior: "instant" });
    if (element) announce(element.querySelector("h3").textContent);
  }

  wallet.addEventListener("changed", update);
  document.addEventListener("scratched", () => rewards.update());
  document.addEventListener("given", () => {
    sayOutcome(account.outcome, t("give_done"), true);
    const heading = main.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus();
  });
  return {
    update,
    open,
    reveal,
    tick: () => drawn.forEach((card) => card.tick()),
    late: (ms) => [...drawn.values()].some((card) => card.left !== undefined && card.left < -ms),
  };
}

/** Puts elements in order, and leaves those alone that are in their place: a control that has the focus keeps it. */
function arrange(list, elements) {
  const wanted = new Set(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}
