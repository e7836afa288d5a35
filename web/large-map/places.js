// Computes the places of many seats, as typed arrays. Pure: it touches no element.
//
// The same drawing as layout.js makes, whose objects for each seat take most of a second for a hundred thousand.

import { FIRST_ROW, layOut, PITCH, ROW } from "../layout.js";
import { corners } from "../shapes.js";

/** Steps from seat to seat that are looked at, to find the usual one. */
const SAMPLE = 5_000;

/**
 * `{ list, x, y, turn, box, half, shapes }`: seats in the order of their rows, places, angles in radians, the paper, half the stage (0: none),
 * and the shapes of a drawn plan, which has its stage among them.
 */
export function placesOf(areas, seats, shapes = []) {
  return seats.every(({ x, y }) => x !== undefined && y !== undefined) ? drawnPlaces(seats, shapes) : arcs(areas, seats);
}

function arcs(areas, seats) {
  const { box, places, stage } = layOut(areas, seats);
  const [x, y, turn] = [new Float32Array(places.length), new Float32Array(places.length), new Float32Array(places.length)];
  places.forEach((place, seat) => {
    [x[seat], y[seat]] = [place.x, place.y];
    turn[seat] = (place.turn * Math.PI) / 180;
  });
  return { list: places, x, y, turn, box, half: stage.half, shapes: [] };
}

function drawnPlaces(seats, shapes) {
  const count = seats.length;
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let seat = 0; seat < count; seat += 1) {
    const { x: across, y: down } = seats[seat];
    [x[seat], y[seat]] = [across, down];
    if (across < left) left = across;
    if (across > right) right = across;
    if (down < top) top = down;
    if (down > bottom) bottom = down;
  }
  const scale = PITCH / usualStep(seats);
  const around = shapes.length > 0 || surround(x, y, { left, right, top, bottom });
  for (const corner of shapes.flatMap(corners)) {
    [left, right] = [Math.min(left, corner.x), Math.max(right, corner.x)];
    [top, bottom] = [Math.min(top, corner.y), Math.max(bottom, corner.y)];
  }
  const middle = (left + right) / 2;
  const first = around ? 1.6 * PITCH : FIRST_ROW + ROW;
  for (let seat = 0; seat < count; seat += 1) {
    x[seat] = (x[seat] - middle) * scale;
    y[seat] = (y[seat] - top) * scale + first;
  }
  const half = ((right - left) / 2) * scale + 1.6 * PITCH;
  const height = (bottom - top) * scale + first + (around ? 1.6 : 1) * PITCH;
  const box = { x: -half, y: 0, width: half * 2, height };
  const placed = shapes.map((shape) => ({ ...shape, x: (shape.x - middle) * scale, y: (shape.y - top) * scale + first, scale }));
  return { list: seats, x, y, turn: turns(seats, x, y), box, half: around ? 0 : Math.min(half * 0.62, 340), shapes: placed };
}

/** Seats are turned as their rows are, by at most 45 degrees: they look the same from all four sides. */
function turns(seats, x, y) {
  const turn = new Float32Array(seats.length);
  const together = (one, other) => one && other && one.row === other.row && one.area === other.area;
  for (let seat = 0; seat < seats.length; seat += 1) {
    const from = together(seats[seat - 1], seats[seat]) ? seat - 1 : seat;
    const to = together(seats[seat], seats[seat + 1]) ? seat + 1 : seat;
    const angle = Math.atan2(y[to] - y[from], x[to] - x[from]);
    const least = angle - Math.round(angle / (Math.PI / 2)) * (Math.PI / 2);
    // Rounding of coordinates is no angle, and a seat that is not turned is drawn faster.
    if (Math.abs(least) > 0.01) turn[seat] = least;
  }
  return turn;
}

/** How far apart most seats are: the paper's size of a seat is made of it. */
function usualStep(seats) {
  const steps = [];
  const every = Math.max(1, Math.floor(seats.length / SAMPLE));
  for (let seat = 1; seat < seats.length; seat += every) {
    const [one, other] = [seats[seat - 1], seats[seat]];
    if (one.row === other.row && one.area === other.area) steps.push(Math.hypot(other.x - one.x, other.y - one.y));
  }
  return steps.sort((a, b) => a - b)[steps.length >> 1] || PITCH;
}

/** Whether the seats are all around an empty middle, as in a stadium: then the stage is not in front of the first row. */
function surround(x, y, { left, right, top, bottom }) {
  const [width, height] = [right - left, bottom - top];
  let sides = 0;
  for (let seat = 0; seat < x.length; seat += 1) {
    const [across, down] = [(x[seat] - left) / width - 0.5, (y[seat] - top) / height - 0.5];
    if (Math.max(Math.abs(across), Math.abs(down)) < 0.12) return false;
    // The quarter of the house, seen from its middle.
    sides |= Math.abs(across) > Math.abs(down) ? (across > 0 ? 1 : 2) : down > 0 ? 4 : 8;
  }
  return sides === 15;
}
