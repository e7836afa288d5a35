// The auditor's page: a sale at any moment of it, a booking's chain of events, and the export.

import { get } from "../api.js";
import { announce, h, redraw, s } from "../dom.js";
import { locale } from "../language.js";
import { SeatMap } from "../large-map/switch.js";
import { eventName } from "../staff/event-messages.js";
import { listShows } from "../show.js";
import { frame } from "../staff/frame.js";
import { fullMoney, number, seatName, useCurrency } from "../words.js";
import { Inventory } from "../inventory.js";
import { t } from "./messages.js";
import { bookingOf, chainOf, Replay, seatOf, streamsOf } from "./replay.js";
import { ticketOf } from "./tickets.js";
import { verificationBox } from "./verification.js";

/** Events of one request, and of a booking's or a seat's stream. */
const PAGE = 10_000;
const MOST = 100_000;
/** Seats that are named when the page and the server disagree. */
const SHOWN = 20;
const STEP_MS = 250;
const NUMBER = /^[0-9a-f-]{36}$/;
const ROWS = "application/vnd.lastseat.seat-rows+json";

document.title = `${t("title")} · lastseat`;
frame({ page: "audit", roles: ["auditor", "admin"], start, signsInAgain: true });

async function start(call, session) {
  const main = document.querySelector("main");
  const place = () => new URLSearchParams(location.hash.slice(1));
  const shows = await listShows(() => main.replaceChildren(h("p", { class: "notice", role: "status" }, t("reconnecting"))));
  const show = shows.find(({ id }) => id === place().get("show")) ?? shows[0];
  if (!show) return main.replaceChildren(h("p", { class: "empty" }, t("nothing")));
  useCurrency(show.currency);
  const choice = h("select", { onchange: (event) => ((location.hash = `show=${event.target.value}`), location.reload()) }, shows.map(({ id, title }) => h("option", { value: id, selected: id === show.id }, title)));
  const body = h("div", { class: "stack" });
  main.replaceChildren(h("div", { class: "toolbar" }, h("h1", null, t("title")), h("label", { class: "field" }, t("show"), choice)), body);

  const progress = h("p", { role: "status" });
  body.append(progress);
  try {
    // The map comes first: the history that is read after it reaches at least to its position.
    const map = await mapOf(show);
    const history = await historyOf(call, show.id, (count) => (progress.textContent = t("loading", { count })));
    const replay = new Replay(history.map(({ event }) => event));
    const chain = chainBox(call, replay, show, namesIn(show, map.inventory), place().get("booking"));
    redraw(body, sliderBox(show, replay, map, place, chain.open), agreementBox(call, show, replay, map), chain.element, exportBox(show, history), verifyBox(session));
  } catch (error) {
    progress.className = "notice";
    progress.textContent = t("failed", { problem: error.code === undefined ? t("unreachable") : error.message });
  }
}

/** The server's map of the seats as it is now. */
async function mapOf(show) {
  return readMap(await get(`/v1/shows/${encodeURIComponent(show.id)}/seats`, { accept: ROWS }));
}

/** The seats and areas of a map, and the position of the log that it is true at. */
async function readMap(snapshot) {
  const plan = snapshot.plan && (await get(`/v1/plans/${encodeURIComponent(snapshot.plan.plan)}/revisions/${snapshot.plan.revision}`));
  const inventory = new Inventory();
  inventory.reset(snapshot, plan);
  const seats = [...inventory.seats.values()].map(({ seat, state }) => ({ seat, state }));
  const areas = [...inventory.areas.values()].filter(({ labelled }) => !labelled);
  return { position: snapshot.position, inventory, seats, areas };
}

/** The events of a show and its seats, by position, each with its line as it is stored. */
async function historyOf(call, show, progress) {
  const all = [];
  for (const stream of [`show-${show}`, `seat-${show}.*`]) {
    for (let [from, more] = [0, true]; more; ) {
      const query = new URLSearchParams({ stream, from: String(from), limit: String(PAGE) });
      const { body } = await call("GET", `/v1/audit/events?${query}`, { accept: "application/x-ndjson" });
      const lines = String(body).split("\n").filter(Boolean);
      for (const line of lines) all.push({ event: JSON.parse(line), line });
      progress(all.length);
      from = all.at(-1)?.event.position ?? 0;
      more = lines.length === PAGE;
    }
  }
  return all.sort((one, other) => one.event.position - other.event.position);
}

function sliderBox(show, replay, { inventory }, place, openBooking) {
  const paper = s("svg", { id: "map", role: "grid", "aria-label": t("seats") });
  const viewport = h("div", { class: "viewport", tabindex: "-1" }, h("div", { class: "sheet" }, paper));
  const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" }, h("b"), h("span"));
  const map = new SeatMap(viewport, paper, tip);
  const counts = h("ul", { class: "counts" });
  const what = h("div", { class: "what", "aria-live": "polite" });
  const slider = h("input", { type: "range", min: "0", max: String(replay.events.length), value: "0", "aria-label": t("moment") });
  const position = h("input", { type: "number", min: "1", name: "position" });
  const named = namesIn(show, inventory);
  let [timer, remembering] = [0, 0];

  // The plan is that of today; what is sold where follows from the events.
  for (const seat of inventory.seats.values()) seat.state = "available";
  map.draw(show, [...inventory.seats.values()], inventory.shapes);

  const move = (at) => {
    const changed = replay.moveTo(at);
    const changes = [...changed].flatMap((id) => {
      const seat = inventory.seats.get(id);
      if (!seat) return [];
      const before = seat.state;
      seat.state = replay.state(id);
      return [{ seat, before }];
    });
    map.paint(changes);
    draw();
  };
  const draw = () => {
    const event = replay.events[replay.at - 1];
    slider.value = String(replay.at);
    slider.setAttribute("aria-valuetext", `${t("moment_text", { index: replay.at, count: replay.events.length })}${event ? `, ${timeOf(event)}` : ""}`);
    const { locked, booked, unavailable } = replay.counts();
    redraw(counts, [["booked", booked], ["held", locked], ["blocked", unavailable]].map(([name, count]) => h("li", null, h("b", null, number(count)), ` ${t(String(name))}`)));
    const part = replay.part;
    redraw(what, event ? lineOf(event, named, openBooking) : h("p", null, t("nothing_yet")), event && part.count > 1 && h("p", { class: "hint" }, t("part", part)));
    // Browsers refuse more than a few changes of the address a second.
    clearTimeout(remembering);
    remembering = setTimeout(() => history.replaceState(null, "", `#${new URLSearchParams({ ...Object.fromEntries(place()), show: show.id, at: String(event?.position ?? 0) })}`), 300);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = t("play");
  };
  const play = h("button", { type: "button", "data-act": "play" }, t("play"));
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (replay.at === replay.events.length) move(0);
    play.textContent = t("stop");
    timer = setInterval(() => (replay.at < replay.events.length ? move(replay.at + Math.max(1, Math.round(replay.events.length / 400))) : stop()), STEP_MS);
  });
  const step = (name, to) => h("button", { type: "button", "data-act": name, "aria-label": t(name), onclick: () => (stop(), move(to())) }, { first: "|◀", back: "◀", forward: "▶", last: "▶|" }[name]);
  slider.addEventListener("input", () => (stop(), move(Number(slider.value))));
  const find = h("form", { class: "toolbar" }, h("label", { class: "field" }, t("position"), position), h("button", null, t("go")));
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    stop();
    move(replay.indexOf(Number(position.value)));
  });
  const asked = place().get("at");
  move(asked ? replay.indexOf(Number(asked) || 0) : replay.events.length);
  return h(
    "div",
    { class: "moment" },
    h(
      "section",
      { class: "panel" },
      h("h2", null, t("moment")),
      slider,
      h("div", { class: "toolbar" }, step("first", () => 0), step("back", () => replay.at - 1), play, step("forward", () => replay.at + 1), step("last", () => replay.events.length)),
      h("h3", null, t("what")),
      what,
      counts,
      find,
    ),
    h("section", { class: "seats", "aria-label": t("seats"), hidden: inventory.seats.size === 0 }, viewport, tip),
  );
}

// With the time zone: it is compared with what a bank or a gateway says.
const clock = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
const timeOf = ({ metadata }) => clock.format(new Date(metadata.at));

/** The seats of events of a show, as its plan prints them. */
const namesIn = (show, inventory) => (event) => (event.stream.startsWith(`seat-${show.id}.`) ? inventory.named(seatOf(event)) : seatOf(event));

/** An event in words, its seat by what `named` returns for it; its booking can be followed. */
function lineOf(event, named, openBooking) {
  const { position, type, data, metadata, cause } = event;
  const seat = seatOf(event);
  const booking = bookingOf(event);
  return h(
    "div",
    { class: "event" },
    h("time", { datetime: metadata.at }, timeOf(event)),
    h("b", null, eventName(type)),
    seat && h("span", null, seatName(named(event))),
    data.amount?.value !== undefined && h("span", null, fullMoney(data.amount.value, data.amount.currency)),
    h("span", { class: "hint" }, `#${position} · ${t("by", { actor: metadata.actor })}`),
    cause && h("span", { class: "hint" }, t("caused_by", { position: String(cause) })),
    openBooking && booking && h("button", { type: "button", class: "plain", onclick: () => openBooking(booking) }, t("follow")),
  );
}

/** Whether the events, read here, and the server's own reading agree: on the map that it shows to all, and on any moment of its log. */
function agreementBox(call, show, replay, map) {
  const result = h("div", { class: "stack", role: "status" });
  const compare = ({ position, seats, areas }, at) => {
    const now = replay.at;
    replay.moveTo(at);
    const wrong = [
      ...replay.differences(seats).map(({ seat, here, there }) => `${seatName(map.inventory.named(seat))}: ${t(`state_${here}`)} / ${t(`state_${there}`)}`),
      ...areas.filter(({ area, capacity, available }) => capacity - replay.taken(area) !== available).map(({ area, available, capacity }) => `${area}: ${capacity - replay.taken(area)} / ${available}`),
    ];
    replay.moveTo(now);
    const text = wrong.length === 0 ? t("agrees", { position: String(position) }) : t("differs", { count: wrong.length, position: String(position) });
    redraw(result, h("p", { class: wrong.length === 0 ? "notice good" : "notice" }, text), wrong.length > 0 && h("ul", null, wrong.slice(0, SHOWN).map((line) => h("li", null, line))));
  };
  const button = h("button", { type: "button", "data-act": "compare" }, t("compare"));
  button.addEventListener("click", async () => {
    const at = replay.at;
    const position = replay.events[at - 1]?.position;
    if (position === undefined) return redraw(result, h("p", null, t("nothing_yet")));
    button.disabled = true;
    try {
      const { body } = await call("GET", `/v1/shows/${encodeURIComponent(show.id)}/seats?at=${position}`, { accept: ROWS });
      compare({ ...(await readMap(body)), position }, at);
    } catch (error) {
      redraw(result, h("p", { class: "notice" }, error.code === undefined ? t("unreachable") : error.message));
    }
    button.disabled = false;
  });
  compare(map, replay.indexOf(map.position));
  return h("section", { class: "panel", id: "agreement" }, h("h2", null, t("agreement")), result, h("div", null, button));
}

function chainBox(call, replay, show, printed, asked) {
  const input = h("input", { name: "booking", autocomplete: "off", spellcheck: "false", size: "36", pattern: "\\s*[0-9a-fA-F\\-]{36}\\s*", required: true });
  const list = h("ol", { class: "timeline" });
  const outcome = h("p", { class: "notice", hidden: true });
  /** Of the booking that was asked for last: an earlier answer may come later. */
  let turn = 0;
  const read = async (stream) => {
    const { body } = await call("GET", `/v1/audit/events?${new URLSearchParams({ stream, limit: String(MOST) })}`, { accept: "application/x-ndjson" });
    return String(body).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  };
  const open = async (asked) => {
    const mine = (turn += 1);
    const booking = asked.trim().toLowerCase();
    input.value = booking;
    outcome.hidden = true;
    // What is no number would be the beginning of many streams.
    if (!NUMBER.test(booking)) return;
    try {
      const own = await read(`booking-${booking}`);
      const named = streamsOf(own);
      // The seats of this show are here already.
      const isHere = (stream) => named.show === show.id && stream.startsWith("seat-");
      const tickets = await Promise.all(named.seats.map((seat) => ticketOf(booking, seat)));
      const streams = [...named.streams.filter((stream) => !isHere(stream)), ...tickets.filter(Boolean).map((ticket) => `ticket-${ticket}`)];
      const others = [];
      for (const stream of streams) others.push(...(await read(stream)));
      if (mine !== turn) return;
      const chain = chainOf([...own, ...others, ...replay.events], booking);
      redraw(list, chain.map((event) => h("li", null, lineOf(event, printed, undefined))));
      outcome.hidden = chain.length > 0;
      outcome.textContent = t("no_events");
      announce(`${t("booking")}: ${chain.length}`);
    } catch (error) {
      if (mine !== turn) return;
      redraw(list);
      outcome.hidden = false;
      outcome.textContent = t("failed", { problem: error.code === undefined ? t("unreachable") : error.message });
    }
  };
  const form = h("form", { class: "toolbar" }, h("label", { class: "field" }, t("number"), input), h("button", null, t("follow")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    open(input.value);
  });
  if (asked) open(asked);
  return { element: h("section", { class: "panel" }, h("h2", null, t("booking")), h("p", { class: "hint" }, t("chain_hint")), form, outcome, list), open };
}

function exportBox(show, history) {
  const save = () => {
    const link = h("a", { href: URL.createObjectURL(new Blob(history.map(({ line }) => `${line}\n`), { type: "application/x-ndjson" })), download: `${show.id}.ndjson` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return h("section", { class: "panel" }, h("h2", null, t("export")), h("p", { class: "hint" }, t("export_hint")), h("div", null, h("button", { type: "button", "data-act": "export", onclick: save }, t("download"))));
}

function verifyBox(session) {
  return h("section", { class: "panel stack" }, h("h2", null, t("verify")), verificationBox(session), h("p", { class: "hint" }, t("verify_hint")), h("pre", { tabindex: "0" }, h("code", null, "lastseat verify --data lastseat-data\nlastseat audit export > log.ndjson && lastseat verify --file log.ndjson")));
}
