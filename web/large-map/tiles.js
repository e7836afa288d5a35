// The drawing of the seats in tiles: which ones a part of the paper needs, and those that are kept. A tile belongs to a scale;
// it is drawn once, and only what changes in it is drawn again.

/** Side of a tile, in pixels of its bitmap. All scales here are such pixels for one unit of the paper. */
export const TILE = 256;
/** Tiles that are kept, those used last: 80 MB. */
const MOST = 320;
/** While the scale changes, tiles are drawn for the nearest of these steps and shown larger or smaller by a fifth at most. */
const STEP = Math.SQRT2;

/** The step of scale nearest to `scale`. */
export function stepOf(scale) {
  return STEP ** Math.round(Math.log(scale) / Math.log(STEP));
}

/** Columns and rows of the tiles that a rectangle of the paper touches at a scale: `{ left, top, right, bottom }`, all inclusive. */
export function tilesOver({ left, top, right, bottom }, scale) {
  const side = TILE / scale;
  return { left: Math.floor(left / side), top: Math.floor(top / side), right: Math.ceil(right / side) - 1, bottom: Math.ceil(bottom / side) - 1 };
}

/** The same in a list, those in the middle first: that is where people look. */
export function inOrder({ left, top, right, bottom }) {
  const tiles = [];
  for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) tiles.push({ column, row });
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const far = ({ column, row }) => (column - x) ** 2 + (row - y) ** 2;
  return tiles.sort((a, b) => far(a) - far(b));
}

/** The rectangle of the paper that a tile shows. */
export function areaOf({ column, row }, scale) {
  const side = TILE / scale;
  return { left: column * side, top: row * side, right: (column + 1) * side, bottom: (row + 1) * side };
}

export class TileStore {
  /** By scale, then by column and row; the scale that was used last is the last one. */
  #scales = new Map();
  #count = 0;
  #make;
  #most;
  #spare = [];

  /** `make(width, height)` makes a bitmap. */
  constructor(make, most = MOST) {
    this.#make = make;
    this.#most = most;
  }

  get count() {
    return this.#count;
  }

  /** The tile, or `undefined` if it is not drawn. */
  get(scale, column, row) {
    return this.#scales.get(scale)?.get(`${column}:${row}`);
  }

  /** Makes a place for a tile, which the caller draws. */
  add(scale, column, row) {
    const tile = { column, row, scale, bitmap: this.#spare.pop() ?? this.#make(TILE, TILE), stale: new Set() };
    this.#touch(scale).set(`${column}:${row}`, tile);
    this.#count += 1;
    this.#evict();
    return tile;
  }

  /** Tiles of that scale are in use: others go before them. */
  #touch(scale) {
    const tiles = this.#scales.get(scale) ?? new Map();
    this.#scales.delete(scale);
    this.#scales.set(scale, tiles);
    return tiles;
  }

  #evict() {
    while (this.#count > this.#most) {
      const [scale, tiles] = this.#scales.entries().next().value;
      const key = tiles.keys().next().value;
      this.#spare.push(tiles.get(key).bitmap);
      tiles.delete(key);
      this.#count -= 1;
      if (tiles.size === 0) this.#scales.delete(scale);
    }
  }

  /** Scales of which there are tiles, the one used last at the end. */
  get scales() {
    return [...this.#scales.keys()];
  }

  /** Calls `visit` with each tile that shows a part of the rectangle. */
  over(area, visit) {
    for (const [scale, tiles] of this.#scales) {
      const range = tilesOver(area, scale);
      for (let row = range.top; row <= range.bottom; row += 1) {
        for (let column = range.left; column <= range.right; column += 1) {
          const tile = tiles.get(`${column}:${row}`);
          if (tile) visit(tile);
        }
      }
    }
  }

  clear() {
    for (const tiles of this.#scales.values()) for (const { bitmap } of tiles.values()) this.#spare.push(bitmap);
    this.#scales.clear();
    this.#count = 0;
  }
}
