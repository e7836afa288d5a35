// Draws what is on a tile: seats, names, and the stage.

import { PITCH } from "../layout.js";
import { drawShapes, drawStage, NAME_REACH, STAGE_END, writeRows, writeSections } from "./labels.js";
import { Sprites } from "./sprites.js";
import { areaOf, TILE } from "./tiles.js";

/** Scales whose seats are kept as pictures. */
const SCALES = 8;

export class TilePainter {
  #seats;
  #theme;
  #plates;
  #stage;
  #make;
  #sprites = new Map();

  /** `stage` is what is written on it, `make(width, height)` makes a bitmap. */
  constructor(seats, theme, plates, stage, make) {
    this.#seats = seats;
    this.#theme = theme;
    this.#plates = plates;
    this.#stage = stage;
    this.#make = make;
  }

  /** The colours have changed. */
  refresh() {
    this.#sprites.clear();
  }

  /** Draws a tile, or the `part` of it around a seat that has changed. `ratio`: pixels of the bitmap for one of CSS. */
  paint({ bitmap, column, row, scale }, ratio, part) {
    const context = bitmap.getContext("2d", { alpha: false });
    const area = part ?? areaOf({ column, row }, scale);
    const [dx, dy] = [column * TILE, row * TILE];
    context.save();
    if (part) clip(context, part, scale, dx, dy);
    context.fillStyle = this.#theme.colour("card");
    context.fillRect(0, 0, TILE, TILE);
    Object.assign(context, { textAlign: "center", textBaseline: "middle" });
    context.setTransform(scale, 0, 0, scale, -dx, -dy);
    const sections = this.#plates.within(area, PITCH * 2);
    if (area.top < STAGE_END) drawStage(context, this.#seats.half, this.#theme, this.#stage);
    drawShapes(context, this.#seats.shapes, this.#theme);
    writeRows(context, this.#seats, sections, area, this.#theme, scale / ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.#drawSeats(context, area, scale, dx, dy);
    context.setTransform(scale, 0, 0, scale, -dx, -dy);
    writeSections(context, this.#seats, this.#plates.within(area, (NAME_REACH * ratio) / scale), this.#theme, scale / ratio);
    context.restore();
  }

  #drawSeats(context, area, scale, dx, dy) {
    const sprites = this.#spritesOf(scale);
    const { x, y, turn, look, tone } = this.#seats;
    const draw = (seat) => sprites.draw(context, look[seat], tone[seat], x[seat] * scale - dx, y[seat] * scale - dy, turn[seat]);
    this.#seats.index.within(area.left - PITCH, area.top - PITCH, area.right + PITCH, area.bottom + PITCH, draw);
  }

  #spritesOf(scale) {
    if (!this.#sprites.has(scale)) {
      if (this.#sprites.size >= SCALES) this.#sprites.delete(this.#sprites.keys().next().value);
      this.#sprites.set(scale, new Sprites(this.#make, this.#theme, scale));
    }
    return this.#sprites.get(scale);
  }
}

/** At whole pixels: a soft edge would leave a line in what is around. */
function clip(context, { left, top, right, bottom }, scale, dx, dy) {
  const [x, y] = [Math.floor(left * scale - dx), Math.floor(top * scale - dy)];
  context.beginPath();
  context.rect(x, y, Math.ceil(right * scale - dx) - x, Math.ceil(bottom * scale - dy) - y);
  context.clip();
}
