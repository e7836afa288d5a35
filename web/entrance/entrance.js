// The page of the entrance: one large answer for each scan, counts, and what has to be looked into.

import { announce, h, redraw } from "../dom.js";
import { listShows } from "../show.js";
import { frame } from "../staff/frame.js";
import { current } from "../staff/session.js";
import { seatName, timeOfDay } from "../words.js";
import { Door } from "./door.js";
import { reasonText, t } from "./messages.js";
import { Camera, hasCamera, readPicture } from "./scanner.js";
import { Store } from "./store.js";

const SYNC_MS = 5_000;
/** The server reads all scans of the show for its counts: not each time. */
const COUNT_EVERY = 4;
/** An answer is for the person who is there now. */
const SHOWN_MS = 8_000;

document.title = `${t("title")} · lastseat`;
navigator.serviceWorker?.register("/entrance-worker.js", { scope: "/entrance" }).catch(() => undefined);
let door;
// Without the answer of somebody who knows, scans that nobody has yet would stay on a device that nobody is signed in to.
const maySignOut = async () => (await door?.unsent()) === 0 || !door || confirm(t("unsent_sign_out"));
frame({ page: "entrance", roles: ["staff", "manager", "admin"], start, maySignOut });

async function start(call, first) {
  let session = first;
  const main = document.querySelector("main");
  // Storage, keys and the camera are for pages that nobody on the way can have changed.
  if (!window.isSecureContext) return main.replaceChildren(h("p", { class: "notice" }, t("needs_https")));
  navigator.storage?.persist?.();
  const store = await Store.open();
  const shows = await findShows(store);
  const place = new URLSearchParams(location.hash.slice(1));
  const show = shows.find(({ id }) => id === place.get("show")) ?? shows[0];
  if (!show) return main.replaceChildren(h("p", { class: "empty" }, t("no_list")));
  door = new Door(store, () => session, show.id);
  await door.open();

  const verdict = h("section", { class: "verdict", "data-verdict": "none", tabindex: "-1" }, h("p", { class: "hint" }, t("code_hint")));
  const network = h("p", { class: "badge", role: "status" });
  const state = h("div", { class: "stack" });
  const found = h("section", { class: "panel", hidden: true });
  const code = h("input", { name: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", required: true });
  const gate = h("input", { name: "gate", value: localStorage.getItem("lastseat.gate") ?? "main", pattern: "[a-z0-9][a-z0-9_\\-]*", maxlength: "64", required: true });
  const directions = ["entry", "exit"].map((kind) => h("label", { class: "check" }, h("input", { type: "radio", name: "kind", value: kind, checked: kind === "entry" }), t(kind)));
  const sound = h("input", { type: "checkbox", name: "sound", checked: localStorage.getItem("lastseat.sound") !== "off" });
  sound.addEventListener("change", () => localStorage.setItem("lastseat.sound", sound.checked ? "on" : "off"));
  const form = h(
    "form",
    { class: "panel" },
    h("label", { class: "field" }, t("code"), code),
    h("div", { class: "toolbar" }, h("button", { class: "primary" }, t("check")), cameraButton(), pictureButton()),
    h(
      "div",
      { class: "toolbar" },
      h("label", { class: "field" }, t("gate"), gate),
      h("fieldset", { class: "toolbar" }, h("legend", { class: "unseen" }, t("direction")), directions),
      h("label", { class: "check" }, sound, t("sound")),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    check(code.value);
    code.value = "";
  });
  const choice = h("select", { onchange: (event) => ((location.hash = `show=${event.target.value}`), location.reload()) }, shows.map(({ id, title }) => h("option", { value: id, selected: id === show.id }, title)));
  main.replaceChildren(
    h("div", { class: "toolbar" }, h("h1", null, t("title")), h("label", { class: "field" }, t("show"), choice), network),
    h("div", { class: "entrance" }, h("div", { class: "stack" }, verdict, form), h("div", { class: "stack" }, state, found)),
  );
  code.focus();
  // A scanner that types works wherever the focus is: its keys come faster than anybody types, and its Enter presses no button.
  typed((text) => check(text), code);
  window.addEventListener("beforeunload", (event) => unsent > 0 && door.network === "signed_out" && event.preventDefault());
  door.addEventListener("network", () => draw());
  window.addEventListener("online", () => work());

  let [busy, unsent, counts, loading, clearing, working, turn] = [Promise.resolve(), 0, undefined, "", 0, false, 0];
  /** One after the other, in the order in which they were scanned. */
  function check(text) {
    if (!gate.reportValidity()) return answer({ admits: false, offline: false, text: t("wrong_gate") }, "entry");
    const kind = /** @type {HTMLInputElement} */ (form.querySelector("[name=kind]:checked")).value === "exit" ? "exit" : "entry";
    localStorage.setItem("lastseat.gate", gate.value);
    busy = busy.then(async () => {
      // No answer of the one before, whatever happens now.
      neutral("asking");
      try {
        answer(await door.scan(text, kind, gate.value), kind);
      } catch (error) {
        // It could not be stored: nobody may be let in.
        answer({ admits: false, offline: true, text: t("failed", { problem: String(error?.message ?? error) }) }, kind);
      }
      await draw().catch(() => undefined);
    });
  }

  function neutral(state = "none") {
    clearTimeout(clearing);
    verdict.dataset.verdict = state;
    redraw(verdict, h("p", { class: "hint" }, state === "asking" ? "…" : t("code_hint")));
  }

  /** @param {import("./door.js").Outcome} outcome */
  function answer({ admits, offline, reason, text, seat, at, gate: where, entries }, kind) {
    const word = admits ? t(kind === "entry" ? "admitted" : "left") : t("refused");
    const lines = [
      !admits && reasonText(reason, text),
      seat && seatName(seat),
      !admits && at && t("since", { time: timeOfDay(at), gate: where ?? "" }),
      admits && entries > 1 && t("again", { count: entries }),
      offline && t("by_list"),
    ].filter(Boolean);
    verdict.dataset.verdict = admits ? "good" : "bad";
    redraw(verdict, h("p", { class: "sign", "aria-hidden": "true" }, admits ? "✓" : "✕"), h("h2", null, word), lines.map((line) => h("p", null, line)));
    announce([word, ...lines].join(". "));
    clearTimeout(clearing);
    clearing = setTimeout(neutral, SHOWN_MS);
    try {
      if (sound.checked) beep(admits);
      navigator.vibrate?.(admits ? 80 : [120, 60, 120, 60, 120]);
    } catch {
      // A device without sound shows it all the same.
    }
  }

  function cameraButton() {
    const camera = new Camera((text) => check(text));
    let on = false;
    const button = h("button", { type: "button", hidden: !hasCamera() }, t("camera_on"));
    button.addEventListener("click", async () => {
      if (on) camera.stop();
      else {
        try {
          await camera.start();
        } catch {
          return answer({ admits: false, offline: false, text: t("no_camera") }, "entry");
        }
        form.prepend(camera.element);
      }
      on = !on;
      if (!on) camera.element.remove();
      button.textContent = t(on ? "camera_off" : "camera_on");
    });
    return button;
  }

  function pictureButton() {
    const input = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    input.addEventListener("change", async () => {
      const file = input.files[0];
      const text = file && (await readPicture(file).catch(() => undefined));
      if (text) check(text);
      else if (file) answer({ admits: false, offline: false, text: t("nothing_read") }, "entry");
      input.value = "";
    });
    return [h("button", { type: "button", onclick: () => input.click() }, t("picture")), input];
  }

  async function load() {
    loading = t("loading");
    await draw();
    try {
      loading = t("loaded", { count: await door.load(), time: timeOfDay(new Date()) });
    } catch (error) {
      loading = t("failed", { problem: error.message });
    }
    await draw();
  }

  async function draw() {
    unsent = await door.unsent();
    network.textContent = t(door.network);
    network.className = `badge ${door.network === "online" ? "good" : "bad"}`;
    const figure = (name, value) => h("div", { class: "figure" }, h("b", null, String(value)), h("span", null, name));
    const about = loading || (door.canWorkAlone ? t("listed", { time: timeOfDay(door.listedAt) }) : t(door.listedAt ? "no_signatures" : "no_list"));
    redraw(
      state,
      counts && h("div", { class: "figures" }, figure(t("inside"), counts.inside), figure(t("entries"), counts.entries)),
      h("section", { class: "panel" }, h("h2", null, t("list")), h("p", { role: "status" }, about), h("button", { type: "button", "data-key": "load", "data-act": "load", onclick: load }, t("load"))),
      unsent > 0 && h("section", { class: "panel" }, h("p", { class: "unsent" }, t("unsent", { count: unsent })), h("button", { type: "button", "data-key": "send", onclick: () => work() }, t("send"))),
      door.network === "signed_out" && h("a", { href: "/office", target: "_blank", rel: "opener" }, t("sign_in")),
    );
    const conflicts = await door.conflicts();
    found.hidden = conflicts.length === 0;
    redraw(found, h("h2", null, t("conflicts")), h("p", { class: "hint" }, t("conflicts_hint")), h("ul", { class: "stack" }, conflicts.map(conflictLine)));
  }

  /** Sends what is to be sent, and asks how many are inside. */
  async function work() {
    if (working) return;
    working = true;
    try {
      if (door.network === "signed_out") session = (await current()) ?? session;
      await door.sync();
      if (turn++ % COUNT_EVERY === 0) counts = (await call("GET", `/v1/shows/${encodeURIComponent(show.id)}/checkins?limit=1`, { patience: 0, within: 5_000 })).body;
      door.reached();
    } catch {
      // The next time. The badge says how it went.
    }
    working = false;
    await draw().catch(() => undefined);
  }

  await draw();
  if (!door.listedAt) load();
  await work();
  setInterval(work, SYNC_MS);
}

/** The shows, or those that this device knew when it was online. */
async function findShows(store) {
  const asked = listShows().then(async (shows) => {
    const kept = shows.map(({ id, title }) => ({ id, title }));
    await store.put("shows", kept);
    return kept;
  });
  const kept = await store.get("shows");
  // Asking goes on until there is an answer; a device that knows shows does not wait for it.
  return kept ? Promise.race([asked, new Promise((resolve) => setTimeout(() => resolve(kept), 2_000))]) : asked;
}

/** @param {import("./store.js").Scan} scan */
function conflictLine({ seat, at, gate, conflicts = [], problem }) {
  const text = ({ type, at: other, gate: where, reason }) => t(`conflict_${type}`, { time: other ? timeOfDay(other) : "", gate: where ?? "", reason: reason ? reasonText(reason) : "" });
  const lines = problem ? [t("rejected", { problem: problem.detail ?? problem.code })] : conflicts.map(text);
  return h("li", null, h("b", null, `${seatName(seat)} · ${timeOfDay(at)} · ${gate}`), lines.map((line) => h("p", null, line)));
}

/** Longest pause between two keys of a scanner, and the least that it types. */
const KEY_MS = 80;
const LEAST_KEYS = 20;

/** Takes what a scanner types wherever the focus is, but in the field of the code, which takes it by itself. */
function typed(onread, field) {
  let [text, last] = ["", 0];
  const listen = (event) => {
    if (event.target === field || event.ctrlKey || event.metaKey) return;
    if (event.timeStamp - last > KEY_MS) text = "";
    last = event.timeStamp;
    if (event.key.length === 1) text += event.key;
    if (event.key !== "Enter" || text.length < LEAST_KEYS) return;
    event.preventDefault();
    event.stopPropagation();
    onread(text);
    text = "";
  };
  document.addEventListener("keydown", listen, { capture: true });
}

/** @type {AudioContext | undefined} */
let audio;
function beep(good) {
  audio ??= new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = good ? 880 : 220;
  volume.gain.value = 0.15;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + (good ? 0.12 : 0.5));
}
