// Draws what the camera sees, in one loop of animation frames that ends when nothing is left to do.
//
// Far away: the overview. Nearer: tiles, which are drawn a few milliseconds a frame, so that a movement never waits for them;
// until one is there, what there is of another scale is shown in its place. A changed seat is drawn again in its tiles, alone.

import { PITCH } from "../layout.js";
import { drawShapes, drawStage } from "./labels.js";
import { Plates } from "./plates.js";
import { Rings } from "./rings.js";
import { TilePainter } from "./tile-painter.js";
import { inOrder, stepOf, TILE, tilesOver, TileStore } from "./tiles.js";

/** Screen pixels between seats from which on single seats are drawn. */
export const SEATS_FROM = 5;
/** How far a seat reaches from its middle, turned ones and their corners included. */
const REACH = PITCH * 0.6;
/** Milliseconds of a frame that tiles may take. */
const BUDGET_MS = 5;
/** After the scale has rested for so long, tiles are drawn for exactly this scale. */
const REST_MS = 120;
/** With more changed seats a tile is drawn as a whole. */
const MANY_STALE = 60;
/** Finer bitmaps look the same and take four times the time. */
const FINEST = 2;

const make = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

export class Renderer {
  rings = new Rings();
  #canvas;
  #context;
  #seats;
  #camera;
  #theme;
  #plates;
  #painter;
  #stage;
  #after;
  #store = new TileStore(make);
  #ratio = 1;
  #frame = 0;
  #scale = 0;
  #scaled = 0;

  /** `stage` is what is written on it; `after` is called at the end of each frame. */
  constructor(canvas, seats, camera, theme, stage, after) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#seats = seats;
    this.#camera = camera;
    this.#theme = theme;
    this.#stage = stage;
    this.#after = after;
    this.#plates = new Plates(seats, theme, make);
    this.#painter = new TilePainter(seats, theme, this.#plates, stage, make);
  }

  get showsSeats() {
    return this.#camera.pitch >= SEATS_FROM;
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#frame = -1;
  }

  /** Draws in the next frame. Until there is none more to draw, the canvas has `data-drawing`: for tests. */
  invalidate() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame((now) => this.#draw(now));
    this.#canvas.dataset.drawing = "";
  }

  /** A seat looks different. */
  changed(seat) {
    const [x, y] = [this.#seats.x[seat], this.#seats.y[seat]];
    this.#store.over({ left: x - REACH, top: y - REACH, right: x + REACH, bottom: y + REACH }, ({ stale }) => stale.add(seat));
    this.invalidate();
  }

  /** The colours have changed. */
  recolour() {
    this.#store.clear();
    this.#painter.refresh();
    this.#plates.refresh();
    this.invalidate();
  }

  sectionAt({ x, y }) {
    return this.#plates.at(this.#context, x, y);
  }

  #draw(now) {
    this.#frame = 0;
    this.#camera.tick(now);
    this.#resize();
    const { scale } = this.#camera;
    if (scale !== this.#scale) [this.#scale, this.#scaled] = [scale, now];
    const unfinished = this.showsSeats ? this.#drawSeats(now) : this.#drawOverview();
    const place = (x, y) => this.#camera.toWindow(x, y);
    this.#context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const lit = this.rings.draw(this.#context, place, this.#camera.pitch, now);
    this.#after();
    if (unfinished || lit || this.#camera.gliding) this.invalidate();
    if (this.#frame === 0) delete this.#canvas.dataset.drawing;
  }

  #resize() {
    this.#ratio = Math.min(FINEST, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(this.#camera.width * this.#ratio), Math.round(this.#camera.height * this.#ratio)];
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    Object.assign(this.#canvas, { width, height });
  }

  /** From units of the paper to the canvas. */
  #toPaper() {
    const scale = this.#camera.scale * this.#ratio;
    this.#context.setTransform(scale, 0, 0, scale, -this.#camera.x * scale, -this.#camera.y * scale);
    return 1 / scale;
  }

  #blank() {
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.fillStyle = this.#theme.colour("card");
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    Object.assign(this.#context, { textAlign: "center", textBaseline: "middle" });
  }

  #drawOverview() {
    this.#blank();
    const pixel = this.#toPaper();
    drawStage(this.#context, this.#seats.half, this.#theme, this.#stage);
    drawShapes(this.#context, this.#seats.shapes, this.#theme);
    this.#plates.drawAll(this.#context, this.#camera.view, pixel);
    this.#context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    this.#plates.write(this.#context, (x, y) => this.#camera.toWindow(x, y), this.#camera.scale);
    return false;
  }

  // --- Tiles ------------------------------------------------------------------------------------

  /** Says whether something is left to draw. */
  #drawSeats(now) {
    const until = performance.now() + BUDGET_MS;
    const resting = now - this.#scaled > REST_MS;
    const exact = this.#camera.scale * this.#ratio;
    const scale = resting || this.#store.scales.at(-1) === exact ? exact : stepOf(exact);
    const wanted = inOrder(tilesOver(this.#camera.view, scale));
    let [missing, stale] = [false, false];
    for (const { column, row } of wanted) {
      const tile = this.#store.get(scale, column, row);
      if (tile) stale = this.#renew(tile, until) || stale;
      else if (performance.now() > until) missing = true;
      else this.#painter.paint(this.#store.add(scale, column, row), this.#ratio);
    }
    this.#compose(scale, missing);
    return missing || stale || !resting;
  }

  /** Draws what has changed in a tile; says whether that has to wait. */
  #renew(tile, until) {
    if (tile.stale.size === 0) return false;
    if (tile.stale.size > MANY_STALE) {
      if (performance.now() > until) return true;
      this.#painter.paint(tile, this.#ratio);
    } else {
      for (const seat of tile.stale) {
        const [x, y] = [this.#seats.x[seat], this.#seats.y[seat]];
        this.#painter.paint(tile, this.#ratio, { left: x - REACH, top: y - REACH, right: x + REACH, bottom: y + REACH });
      }
    }
    tile.stale.clear();
    return false;
  }

  #compose(scale, gaps) {
    const zoom = this.#camera.scale * this.#ratio;
    if (gaps) {
      this.#blank();
      const pixel = this.#toPaper();
      this.#plates.drawAll(this.#context, this.#camera.view, pixel);
      this.#context.setTransform(1, 0, 0, 1, 0, 0);
      for (const other of this.#store.scales.slice(-3)) if (other !== scale) this.#lay(other, zoom);
    }
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#lay(scale, zoom);
  }

  /** Lays the tiles of a scale side by side. */
  #lay(scale, zoom) {
    const { view, x, y } = this.#camera;
    const { left, top, right, bottom } = tilesOver(view, scale);
    const edge = (tile, from) => Math.round(((tile * TILE) / scale - from) * zoom);
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const tile = this.#store.get(scale, column, row);
        // Up to where the next one begins: rounding must leave no gaps.
        const [fromX, fromY] = [edge(column, x), edge(row, y)];
        if (tile) this.#context.drawImage(tile.bitmap, fromX, fromY, edge(column + 1, x) - fromX, edge(row + 1, y) - fromY);
      }
    }
  }
}
