// Puts the page together: finds the show, keeps the house true, and connects map, checkout and the
// rest. Each of them tells its own story in its own file.

import { backoff, get, sleep } from "./api.js";
import { Checkout } from "./checkout.js";
import { byId, h } from "./dom.js";
import { Feed } from "./feed.js";
import { House } from "./house.js";
import { SeatMap } from "./map.js";
import { Offers } from "./offers.js";
import { Panel } from "./panel.js";
import { Pulse } from "./pulse.js";
import { duration, moment, speakIn } from "./words.js";

const STATUS = {
  loading: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  resting: "Paused",
};

const FAVOURITE = "demo";

start();

async function start() {
  const asked = new URLSearchParams(location.search).get("show");
  const show = await find(asked);
  if (!show) return nothing();
  speakIn(show.currency);
  announce(show);

  const house = new House();
  const pulse = new Pulse(byId("legend"), byId("ticker"), house);
  const map = new SeatMap(byId("hall"), byId("map"), byId("tip"));
  const checkout = new Checkout(show, house);
  new Panel(byId("checkout"), byId("bank"), checkout, show);
  new Offers(byId("offers"), show, house, checkout);

  const mark = () => {
    map.mark(checkout.mine);
    pulse.count(checkout.mine.length);
  };
  house.addEventListener("loaded", () => {
    map.draw(show, [...house.seats.values()]);
    checkout.changed([]);
    byId("hall").classList.add("ready");
    mark();
  });
  house.addEventListener("changed", ({ detail }) => {
    map.paint(detail);
    checkout.changed(detail);
  });
  map.addEventListener("pick", ({ detail }) => checkout.toggle(detail));
  let phase = checkout.phase;
  checkout.addEventListener("changed", () => {
    mark();
    if (checkout.phase === "confirmed" && phase === "paying") map.celebrate(checkout.mine);
    phase = checkout.phase;
  });
  checkout.addEventListener("refused", ({ detail }) => detail.forEach((label) => map.refuse(label)));

  const feed = new Feed(show.id, house);
  const tell = () => {
    byId("link").dataset.state = feed.status;
    byId("link").lastElementChild.textContent = STATUS[feed.status];
  };
  feed.addEventListener("status", tell);
  feed.addEventListener("gone", () => location.reload());
  tell();

  byId("nearer").addEventListener("click", () => map.zoom.step(1.5));
  byId("farther").addEventListener("click", () => map.zoom.step(1 / 1.5));
  byId("whole").addEventListener("click", () => map.zoom.whole());
}

/** The show that was asked for, else the demo, else the first. */
async function find(asked) {
  // The list is for those who want another show: nobody has to wait for it who finds theirs at once.
  const list = persist("/v1/shows?limit=100").then(({ data }) => data);
  list.then((shows) => choose(shows, asked));
  const guess = await describe(asked ?? FAVOURITE);
  if (guess) return guess;
  const [first] = await list;
  return first && describe(first.id);
}

async function describe(id) {
  try {
    return await persist(`/v1/shows/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

/** Asks until there is an answer: a visitor who came too early need not reload. */
async function persist(path) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await get(path, { patience: 0 });
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      byId("link").dataset.state = "reconnecting";
      byId("link").lastElementChild.textContent = STATUS.reconnecting;
      await sleep(backoff(attempt));
    }
  }
}

function announce(show) {
  document.title = `${show.title} · lastseat`;
  byId("title").textContent = show.title;
  const facts = {
    on_sale: `Up to ${show.max_seats_per_booking} seats a booking, held for ${duration(show.hold_seconds)} while you pay.`,
    not_open: `The sale opens on ${moment(show.sale_opens_at ?? Date.now())}.`,
    closed: "The sale is over.",
    paused: "The sale is paused for a moment.",
    cancelled: "This show was cancelled.",
  };
  byId("facts").textContent = facts[show.status] ?? "";
}

function choose(shows, asked) {
  if (shows.length < 2) return;
  const select = byId("shows");
  const chosen = [asked, FAVOURITE].find((id) => shows.some((show) => show.id === id));
  select.append(...shows.map(({ id, title }) => h("option", { value: id, selected: id === chosen }, title)));
  select.addEventListener("change", () => (location.search = `?show=${encodeURIComponent(select.value)}`));
  select.hidden = false;
}

function nothing() {
  byId("title").textContent = "No show is on sale";
  byId("facts").textContent = "As soon as there is one, its seats are here.";
  byId("link").dataset.state = "resting";
  byId("link").lastElementChild.textContent = "Connected";
  document.body.classList.add("none");
}
