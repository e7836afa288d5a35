// The scratch card of a booking that has earned a reward: scratch with a finger or the pointer, or press the button.
//
// What is underneath was decided when the money was taken (the draw is in the log); the card only shows it.

import { get, sleep } from "./api.js";
import { announce, calm, h } from "./dom.js";
import { t } from "./scratch-messages.js";

/** The reward is written right after the booking: asked for so often, with a pause between. */
const TRIES = 6;
const PAUSE_MS = 1_000;
const BRUSH = 22;
/** Of the cover; then the rest comes off by itself. */
const ENOUGH = 0.45;
const KEPT = "lastseat.scratched";

/** The card of a booking, empty and hidden until it is known that there is a reward. */
export function scratchCard(booking, token) {
  const card = h("section", { class: "scratch", hidden: true, "aria-label": t("scratch_card") });
  load(card, booking, token);
  return card;
}

async function load(card, booking, token) {
  for (let tried = 0; tried < TRIES; tried += 1) {
    try {
      const { vouchers } = await get("/v1/me/rewards", { token });
      const reward = vouchers.find((voucher) => voucher.booking === booking && voucher.state !== "revoked");
      if (reward) return draw(card, reward);
    } catch {
      // The booking is paid all the same; its card comes with the next visit.
    }
    await sleep(PAUSE_MS);
  }
}

function draw(card, { voucher, reward, code }) {
  const prize = h("p", { class: "prize" }, reward, code && h("code", null, code));
  const button = h("button", { type: "button", data: { act: "reveal" } }, t("reveal"));
  const cover = h("canvas", { width: "320", height: "120", "aria-hidden": "true" });
  const title = h("h3", null, t("scratch_title"));
  card.hidden = false;
  card.replaceChildren(title, h("div", { class: "under" }, prize, cover), button);

  const reveal = () => {
    title.textContent = t("won");
    prize.hidden = false;
    button.remove();
    cover.classList.add(calm.matches ? "gone" : "fading");
    cover.addEventListener("transitionend", () => cover.remove(), { once: true });
    if (calm.matches) cover.remove();
    keep(voucher);
    card.dispatchEvent(new Event("scratched", { bubbles: true }));
  };
  if (kept().includes(voucher)) return reveal();
  // Not even for a screen reader before it is scratched.
  prize.hidden = true;
  button.addEventListener("click", () => {
    reveal();
    announce(t("won_reward", { reward }));
    prize.setAttribute("tabindex", "-1");
    prize.focus();
  });
  scratchable(cover, () => (prize.hidden = false), () => {
    reveal();
    announce(t("won_reward", { reward }));
  });
}

/** Lets a cover be scratched off. `began` is called with the first stroke, `done` once enough of it is gone. */
function scratchable(cover, began, done) {
  const paint = cover.getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(document.documentElement);
  paint.fillStyle = style.getPropertyValue("--soft");
  paint.fillRect(0, 0, cover.width, cover.height);
  paint.fillStyle = style.getPropertyValue("--card");
  paint.font = "600 20px system-ui, sans-serif";
  paint.textAlign = "center";
  paint.fillText(t("scratch_here"), cover.width / 2, cover.height / 2 + 7);
  paint.globalCompositeOperation = "destination-out";
  paint.lineWidth = 2 * BRUSH;
  paint.lineCap = "round";
  let last;
  const at = ({ clientX, clientY }) => {
    const box = cover.getBoundingClientRect();
    return [((clientX - box.left) * cover.width) / box.width, ((clientY - box.top) * cover.height) / box.height];
  };
  cover.addEventListener("pointerdown", (event) => {
    cover.setPointerCapture(event.pointerId);
    began();
    last = at(event);
  });
  cover.addEventListener("pointermove", (event) => {
    if (!last) return;
    paint.beginPath();
    paint.moveTo(...last);
    last = at(event);
    paint.lineTo(...last);
    paint.stroke();
  });
  const end = () => {
    if (!last) return;
    last = undefined;
    if (bare(paint, cover) >= ENOUGH) done();
  };
  cover.addEventListener("pointerup", end);
  cover.addEventListener("pointercancel", end);
}

/** The share of the cover that is gone. */
function bare(paint, { width, height }) {
  const { data } = paint.getImageData(0, 0, width, height);
  let gone = 0;
  // Every tenth point is enough.
  for (let at = 3; at < data.length; at += 40) gone += data[at] === 0 ? 1 : 0;
  return gone / (data.length / 40);
}

/** The vouchers whose cards were scratched on this device. */
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]");
  } catch {
    return [];
  }
}

function keep(voucher) {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...new Set([...kept(), voucher])].slice(-100)));
  } catch {
    // Then it is scratched again at the next visit.
  }
}
