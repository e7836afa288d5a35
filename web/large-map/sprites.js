// Seats as small pictures, one for each look and tone at a scale. The shapes are those of shapes.js, so that no state depends
// on colour alone.

import { STATES } from "../inventory.js";
import { PITCH } from "../layout.js";
import { outline } from "../shapes.js";
import { MINE, TONES } from "./model.js";

const COLOURS = { locked: "locked", in_process: "in-process", booked: "booked", unavailable: "booked", mine: "mine" };
const LOOKS = [...STATES, "mine"];
const HERE = { x: 0, y: 0, turn: 0 };

let paths;

export class Sprites {
  #atlas;
  /** Side of a picture in pixels. */
  #side;

  /** `scale`: pixels of the bitmap for one unit of the paper. */
  constructor(make, theme, scale) {
    paths ??= LOOKS.map((look) => new Path2D(outline(look, HERE)));
    this.#side = Math.ceil(PITCH * scale) + 2;
    this.#atlas = make(this.#side * LOOKS.length, this.#side * TONES);
    const context = this.#atlas.getContext("2d");
    for (let look = 0; look < LOOKS.length; look += 1) {
      for (let tone = 0; tone < TONES; tone += 1) {
        context.setTransform(scale, 0, 0, scale, (look + 0.5) * this.#side, (tone + 0.5) * this.#side);
        context.fillStyle = theme.colour(COLOURS[LOOKS[look]] ?? `tone-${tone}`);
        context.fill(paths[look], "evenodd");
      }
    }
  }

  /** Draws a seat with its middle at a place of the bitmap. */
  draw(context, look, tone, x, y, turn) {
    const side = this.#side;
    const [left, top] = [look * side, (look === MINE ? 0 : tone) * side];
    if (turn === 0) return context.drawImage(this.#atlas, left, top, side, side, x - side / 2, y - side / 2, side, side);
    const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
    context.setTransform(cos, sin, -sin, cos, x, y);
    context.drawImage(this.#atlas, left, top, side, side, -side / 2, -side / 2, side, side);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
}
