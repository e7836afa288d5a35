// Puts the page together: finds the show and the booking that the address asks for, and connects the
// seat feed, the map, the checkout and the rest.

import { get, serverNow, sleep } from "./api.js";
import { Bookings } from "./bookings.js";
import { Checkout } from "./checkout.js";
import { byId, h } from "./dom.js";
import { Feed } from "./feed.js";
import { Inventory } from "./inventory.js";
import { translate } from "./language.js";
import { languageChoice } from "./language-choice.js";
import { t as map } from "./map-messages.js";
import { SeatMap } from "./large-map/switch.js";
import { MyBookings } from "./my-bookings.js";
import { Offers } from "./offers.js";
import { Panel } from "./panel.js";
import { t as pay } from "./payment-messages.js";
import { Pulse } from "./pulse.js";
import { t } from "./shop-messages.js";
import { findShow, listShows, SaleStatus } from "./show.js";
import { WhenFull } from "./when-full.js";
import { countdown, duration, moment, useCurrency } from "./words.js";

/** What is beside the map waits for it, but not for ever. */
const MAP_MS = 3_000;
/** The last day is counted down. */
const COUNTED_MS = 24 * 60 * 60 * 1000;

start();

async function start() {
  translate(document, (key) => [t, map, pay].find(({ has }) => has(key))?.(key) ?? key);
  byId("language").replaceWith(languageChoice(t("language")));
  takeReturn();
  const bookings = new Bookings();
  const linked = await findBooking(bookings);
  const id = linked?.booking?.show ?? new URLSearchParams(location.search).get("show") ?? undefined;
  // The list is for visitors who want another show: the others don't wait for it.
  const list = listShows(reconnecting, { upcoming: true });
  const show = await findShow(id, list, reconnecting);
  list.then((shows) => (show ? choose(shows, show) : noShow(id, shows)));
  // The same link with another token changes the fragment only, which loads nothing.
  window.addEventListener("hashchange", () => location.hash.startsWith("#token=") && location.reload());
  if (!show) return new MyBookings(bookings, ({ id }) => location.assign(`/?booking=${id}`));
  const drawn = build(show, list, bookings, linked, await findForm());
  await Promise.race([drawn, sleep(MAP_MS)]);
  hangPoster(show);
  offerOthers(await list, show.id);
}

/** An ornament: its place is there before it, and stays empty without a connection. */
async function hangPoster(show) {
  const { poster } = await import("./poster.js").catch(() => ({ poster: undefined }));
  if (poster) byId("poster").replaceWith(poster(show));
}

/** A server with one show needs none of this. Without a connection the list at the top of the page leads to the others. */
async function offerOthers(shows, chosen) {
  if (shows.every(({ id }) => id === chosen)) return;
  const { drawOtherShows } = await import("./other-shows.js").catch(() => ({ drawOtherShows: undefined }));
  drawOtherShows?.(byId("other-shows"), shows, chosen);
}

/**
 * The bank's page leads back here with the payment's client secret and a result in the address. Neither
 * is of use: the server asks the gateway. The secret should not stay in the address bar.
 */
function takeReturn() {
  const url = new URL(location.href);
  const added = ["payment_intent", "payment_intent_client_secret", "redirect_status"];
  if (!added.some((name) => url.searchParams.has(name))) return;
  for (const name of added) url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

/** Makes the gateway's own form, if this server has a key for it. */
async function findForm() {
  const key = document.querySelector('meta[name="stripe-publishable-key"]')?.content;
  if (!key) return undefined;
  const { PaymentForm } = await import("./payment-form.js");
  return (checkout) => new PaymentForm(key, checkout);
}

/**
 * The booking of a link: `/?booking=<id>#token=<token>`. `{}` if the server does not show it with that
 * token, or with the one that this browser keeps. `undefined` without such a link.
 */
async function findBooking(bookings) {
  const id = new URLSearchParams(location.search).get("booking");
  if (!id) return undefined;
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? bookings.entry(id)?.token;
  try {
    // Without a token, it may be the account's that is signed in.
    const booking = await get(`/v1/bookings/${encodeURIComponent(id)}`, { token, patience: Infinity, onwait: reconnecting });
    bookings.keep(booking, token);
    // The token is kept now. It should not stay in the address bar, where others can read it.
    history.replaceState(null, "", `/?show=${encodeURIComponent(booking.show)}`);
    return { booking, token };
  } catch {
    // Whatever the token is good for, it should not stay in the address bar either.
    history.replaceState(null, "", `/?booking=${encodeURIComponent(id)}`);
    return {};
  }
}

/** Returns a promise that resolves once the map is on the screen. */
function build(show, list, bookings, linked, makeForm) {
  useCurrency(show.currency);
  document.title = `${show.title} · lastseat`;
  byId("title").textContent = show.title;
  byId("poster").classList.toggle("own", Boolean(show.picture));

  const sale = new SaleStatus(show);
  const inventory = new Inventory();
  const pulse = new Pulse(byId("legend"), byId("ticker"), inventory);
  const map = new SeatMap(byId("viewport"), byId("map"), byId("tip"), show, { says: true });
  const checkout = new Checkout(show, inventory, bookings, linked, Boolean(makeForm));
  new Panel(byId("checkout"), byId("bank"), checkout, sale, bookings, makeForm?.(checkout));
  new Offers(byId("offers"), sale, inventory, checkout);
  const whenFull = new WhenFull(byId("sold-out"), sale, inventory, list);
  new MyBookings(bookings, (entry) => {
    if (entry.show === show.id) checkout.open(entry);
    else location.assign(`/?booking=${encodeURIComponent(entry.id)}`);
  });

  const facts = () => {
    const text = saleFacts(sale.show, inventory);
    // Setting the same text again would be read out again.
    if (byId("facts").textContent !== text) byId("facts").textContent = text;
    byId("facts").dataset.sale = sale.show.status;
  };
  sale.addEventListener("changed", facts);
  facts();
  setInterval(() => countDown(sale.show), 250);
  const mark = () => {
    map.mark(checkout.mine);
    pulse.count(checkout.mine.length);
  };
  let isDrawn;
  inventory.addEventListener("loaded", () => {
    map.draw(show, [...inventory.seats.values()], inventory.shapes).finally(() => {
      byId("viewport").classList.add("ready");
      requestAnimationFrame(() => setTimeout(isDrawn));
    });
    checkout.loaded();
    mark();
    facts();
  });
  inventory.addEventListener("changed", ({ detail }) => {
    map.paint(detail);
    checkout.changed(detail);
    facts();
  });
  map.addEventListener("pick", ({ detail }) => checkout.toggle(detail));
  let phase = checkout.phase;
  checkout.addEventListener("changed", () => {
    mark();
    if (checkout.phase === "confirmed" && phase === "paying") map.celebrate(checkout.mine);
    phase = checkout.phase;
    // Who has seats waits for none.
    if (phase === "held") whenFull.stop();
  });
  checkout.addEventListener("refused", ({ detail }) => detail.forEach((label) => map.refuse(label)));

  const feed = new Feed(show.id, inventory, "", show.plan);
  feed.wanted = () => whenFull.on;
  const showConnection = () => connection(feed.status);
  feed.addEventListener("status", showConnection);
  feed.addEventListener("gone", () => location.reload());
  // Prices, times or seats have changed. All readers hear it at once, and must not all ask at once.
  feed.addEventListener("revised", () => setTimeout(() => location.reload(), Math.random() * 2_000));
  showConnection();

  byId("nearer").addEventListener("click", () => map.zoom.step(1.5));
  byId("farther").addEventListener("click", () => map.zoom.step(1 / 1.5));
  byId("whole").addEventListener("click", () => map.zoom.whole());
  return new Promise((resolve) => (isDrawn = resolve));
}

/** The last hours until the sale opens, by the server's clock. The page notices by itself when it does. */
function countDown({ status, sale_opens_at: opens }) {
  const left = Date.parse(opens ?? "") - serverNow();
  const box = byId("countdown");
  box.hidden = status !== "not_open" || !(left < COUNTED_MS);
  if (box.hidden) return;
  const text = left > 0 ? t("opens_in", { time: countdown(left) }) : t("opening");
  if (box.textContent !== text) box.textContent = text;
}

/** Whether the show sells, and what is left. */
function saleFacts(show, inventory) {
  const facts = {
    not_open: map("sale_opens", { time: moment(show.sale_opens_at ?? Date.now()) }),
    closed: map("sale_over"),
    paused: t("paused"),
    cancelled: map("show_cancelled"),
  }[show.status];
  if (facts) return facts;
  if (inventory.soldOut) return t("sold_out");
  if (inventory.notOnSale) return t("not_on_sale");
  if (inventory.full) return t("full");
  return t("terms", { count: show.max_seats_per_booking, time: duration(show.hold_seconds) });
}

function choose(shows, chosen) {
  const select = byId("shows");
  // One that is over or cancelled is not in the list, but in view.
  const all = shows.some(({ id }) => id === chosen.id) ? shows : [chosen, ...shows];
  select.append(...all.map(({ id, title }) => h("option", { value: id, selected: id === chosen.id }, title)));
  select.addEventListener("change", () => (location.search = `?show=${encodeURIComponent(select.value)}`));
}

/** No such show, or none at all. */
function noShow(id, shows) {
  document.body.classList.add("none");
  byId("poster").remove();
  connection("resting");
  byId("link").lastElementChild.textContent = t("connected");
  if (id === undefined) {
    byId("title").textContent = t("no_show_on_sale");
    byId("facts").textContent = t("reload");
    return;
  }
  document.title = `${t("no_such_show")} · lastseat`;
  byId("title").textContent = t("no_show_named", { show: id });
  byId("facts").textContent = t(shows.length > 0 ? "choose_another" : "nothing_else");
  byId("choice").append(...shows.map(({ id, title }) => h("li", null, h("a", { href: `/?show=${encodeURIComponent(id)}` }, title))));
  byId("choice").hidden = shows.length === 0;
}

function connection(status) {
  byId("link").dataset.state = status;
  byId("link").lastElementChild.textContent = t(status === "loading" ? "connecting" : status);
}

function reconnecting() {
  connection("reconnecting");
}
