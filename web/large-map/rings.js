// Rings that light up where a seat changes. They are drawn over the seats, which stay as they are.

/** Rings that can light up at once. Beyond that many changes a second nobody sees single ones. */
const RINGS = 40;
const LASTS_MS = 750;

export class Rings {
  #rings = [];

  add(x, y, colour, start) {
    this.#rings.push({ x, y, colour, start });
    if (this.#rings.length > RINGS) this.#rings.shift();
  }

  /** Draws those that are lit; says whether any are left. `place` leads from the paper to CSS pixels. */
  draw(context, place, pitch, now) {
    this.#rings = this.#rings.filter(({ start }) => now - start < LASTS_MS);
    context.lineWidth = 2.5;
    for (const { x, y, colour, start } of this.#rings) {
      if (start > now) continue;
      const part = (now - start) / LASTS_MS;
      const at = place(x, y);
      context.globalAlpha = 0.9 * (1 - part);
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(at.x, at.y, pitch * 0.65 * (0.5 + 1 - (1 - part) ** 3), 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
    return this.#rings.length > 0;
  }
}
