// A picture for each show: its own, or one that is drawn from its id. A drawn one is the same on every device and after every restart,
// unlike that of its neighbour; it is an ornament, and says nothing that is not beside it in words.

import { h, s } from "./dom.js";

/** Ground, and what is drawn on it. They are the same in light and dark, as a printed poster is. */
const INKS = [
  ["#1f2a44", "#f2b84b", "#e4572e", "#f4ead5"],
  ["#7a1f3d", "#f3c6a5", "#e4783c", "#fbeee0"],
  ["#0f4c4a", "#f0d58c", "#e07a5f", "#e9f0e4"],
  ["#33244f", "#f28ab2", "#7fb7e6", "#f4e9f7"],
  ["#b5462f", "#f6d8a8", "#2b3a55", "#fdf1e1"],
  ["#22425f", "#8ed1c6", "#f4a259", "#eef4f2"],
  ["#4a3b2a", "#e3b23c", "#c8553d", "#f5ead6"],
  ["#20533b", "#cfe3a1", "#f2955f", "#f3f5e6"],
];
export const [WIDTH, HEIGHT] = [320, 120];

/** Numbers from 0 to 1 that follow from a text (FNV-1a, then xorshift). */
function dice(text) {
  let state = 2_166_136_261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16_777_619);
  state ||= 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `{ name, ...attributes }` of the elements of a show's picture. */
export function posterOf(id) {
  const roll = dice(id);
  // The first numbers after similar texts are similar.
  for (let index = 0; index < 4; index += 1) roll();
  const inks = INKS[Math.floor(roll() * INKS.length)];
  const kind = KINDS[Math.floor(roll() * KINDS.length)];
  return [{ name: "rect", width: WIDTH, height: HEIGHT, fill: inks[0] }, ...kind(roll, inks)];
}

const KINDS = [arcs, beams, tiles, curtain, moons];
const one = (roll, list) => list[Math.floor(roll() * list.length)];
const round = (number) => Math.round(number * 10) / 10;

/** Rows of an amphitheatre around a stage. */
function arcs(roll, inks) {
  const [x, y, step] = [round(60 + roll() * 200), one(roll, [-12, HEIGHT + 12]), 13 + Math.floor(roll() * 5)];
  const rows = Array.from({ length: 12 }, (_, row) => ({
    name: "circle",
    cx: x,
    cy: y,
    r: 34 + row * step,
    fill: "none",
    stroke: inks[1 + Math.floor(roll() * 3)],
    "stroke-width": 6,
    "stroke-dasharray": one(roll, ["6 6", "10 5", "22 8", "300 14"]),
    "stroke-opacity": round(0.55 + roll() * 0.45),
  }));
  return [{ name: "circle", cx: x, cy: y, r: 22, fill: inks[2] }, ...rows];
}

/** Light from above, and whom it falls on. */
function beams(roll, inks) {
  const lamps = 3 + Math.floor(roll() * 3);
  const light = Array.from({ length: lamps }, (_, lamp) => {
    const from = round(((lamp + 0.2 + roll() * 0.6) * WIDTH) / lamps);
    const to = round(from + (roll() - 0.5) * 150);
    const wide = round(28 + roll() * 34);
    return { name: "polygon", points: `${from - 3},-4 ${from + 3},-4 ${to + wide},${HEIGHT} ${to - wide},${HEIGHT}`, fill: one(roll, inks.slice(1)), "fill-opacity": round(0.3 + roll() * 0.4) };
  });
  const heads = Array.from({ length: 11 }, (_, head) => ({ name: "circle", cx: round(head * 32 + roll() * 8), cy: round(HEIGHT + 2 - roll() * 7), r: 15, fill: inks[0] }));
  return [...light, ...heads];
}

/** Squares with a part of a circle each. */
function tiles(roll, inks) {
  const side = 40;
  const found = [];
  for (let x = 0; x < WIDTH; x += side) {
    for (let y = 0; y < HEIGHT; y += side) {
      const fill = one(roll, inks.slice(1));
      const [cx, cy] = one(roll, [[x, y], [x + side, y], [x, y + side], [x + side, y + side]]);
      const [dx, dy] = [cx === x ? side : -side, cy === y ? side : -side];
      const turn = dx * dy > 0 ? 1 : 0;
      const kind = roll();
      if (kind < 0.62) found.push({ name: "path", d: `M${cx} ${cy}h${dx}A${side} ${side} 0 0 ${turn} ${cx} ${cy + dy}Z`, fill });
      else if (kind < 0.82) found.push({ name: "circle", cx: x + side / 2, cy: y + side / 2, r: one(roll, [8, 13, 20]), fill });
    }
  }
  return found;
}

/** A curtain in folds, a little open. */
function curtain(roll, inks) {
  const gap = round(0.3 * WIDTH + roll() * 0.4 * WIDTH);
  const cloth = one(roll, inks.slice(1, 3));
  /** @type {any[]} */
  const found = [{ name: "circle", cx: gap, cy: round(HEIGHT * (0.45 + roll() * 0.3)), r: round(26 + roll() * 16), fill: inks[3] }];
  for (let fold = 0; fold < 20; fold += 1) {
    const x = fold * 17 - 6;
    const far = Math.abs(x + 8 - gap);
    if (far < 24) continue;
    const side = x < gap ? -1 : 1;
    const sway = round(side * Math.max(0, 46 - far / 3));
    found.push({ name: "path", d: `M${x} -2h18C${x + 18} ${HEIGHT * 0.4} ${x + 18 + sway / 2} ${HEIGHT * 0.7} ${x + 18 + sway} ${HEIGHT + 2}h-18C${x + sway / 2} ${HEIGHT * 0.7} ${x} ${HEIGHT * 0.4} ${x} -2Z`, fill: cloth, "fill-opacity": fold % 2 ? 1 : 0.72 });
  }
  return found;
}

/** Discs over waves. */
function moons(roll, inks) {
  const discs = Array.from({ length: 3 }, (_, disc) => ({ name: "circle", cx: round(40 + roll() * 240), cy: round(10 + roll() * 60), r: round(14 + roll() * (disc === 0 ? 34 : 14)), fill: inks[1 + disc] }));
  const waves = Array.from({ length: 4 }, (_, wave) => {
    const [y, swing] = [62 + wave * 16, round(5 + roll() * 8)];
    const start = round(-roll() * 40);
    const path = Array.from({ length: 5 }, () => `q20 ${-swing * 2} 40 0t40 0`).join("");
    return { name: "path", d: `M${start} ${y}${path}V${HEIGHT}H${start}Z`, fill: wave % 2 ? inks[0] : one(roll, inks.slice(1, 3)), "fill-opacity": wave % 2 ? 1 : 0.85 };
  });
  return [...discs, ...waves];
}

/**
 * The show's picture as an element: its own, or the drawn one if it has none or if that can't be loaded. One that is `far` is loaded
 * only when it comes into view.
 *
 * @param {{ id: string, picture?: { url: string, width: number, height: number, alt?: string } }} show
 */
export function poster({ id, picture }, far = false) {
  // What is drawn in the place of a picture has its shape, so that nothing moves.
  const shape = picture ? "poster own" : "poster";
  const drawn = () => s("svg", { class: shape, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" }, posterOf(id).map(({ name, ...attributes }) => s(name, attributes)));
  if (!picture) return drawn();
  const { url, width, height, alt = "" } = picture;
  // Before its address: what is set later counts for nothing once it is loading.
  const image = h("img", { class: shape, loading: far ? "lazy" : undefined, decoding: "async", width, height, alt });
  image.addEventListener("error", () => image.replaceWith(drawn()), { once: true });
  image.setAttribute("src", url);
  return image;
}
