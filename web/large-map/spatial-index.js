// Finds seats by place: the nearest one to a point, and all in a rectangle. A grid of squares over typed arrays, which is built
// once for a plan, as seats do not move.

/** Seats are sorted by square; `starts[square]` is where those of a square begin in `order`. */
export class SpatialIndex {
  #x;
  #y;
  #size;
  #left;
  #top;
  #columns;
  #rows;
  #starts;
  #order;

  /** `x` and `y` are typed arrays of equal length, `size` the side of a square. */
  constructor(x, y, size) {
    this.#x = x;
    this.#y = y;
    this.#size = size;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let seat = 0; seat < x.length; seat += 1) {
      if (x[seat] < left) left = x[seat];
      if (x[seat] > right) right = x[seat];
      if (y[seat] < top) top = y[seat];
      if (y[seat] > bottom) bottom = y[seat];
    }
    this.#left = x.length > 0 ? left : 0;
    this.#top = x.length > 0 ? top : 0;
    this.#columns = x.length > 0 ? Math.floor((right - left) / size) + 1 : 0;
    this.#rows = x.length > 0 ? Math.floor((bottom - top) / size) + 1 : 0;
    this.#sort();
  }

  #sort() {
    const { length } = this.#x;
    const squares = new Uint32Array(length);
    this.#starts = new Uint32Array(this.#columns * this.#rows + 1);
    for (let seat = 0; seat < length; seat += 1) {
      squares[seat] = this.#column(this.#x[seat]) + this.#row(this.#y[seat]) * this.#columns;
      this.#starts[squares[seat] + 1] += 1;
    }
    for (let square = 1; square < this.#starts.length; square += 1) this.#starts[square] += this.#starts[square - 1];
    const next = this.#starts.slice();
    this.#order = new Uint32Array(length);
    for (let seat = 0; seat < length; seat += 1) this.#order[next[squares[seat]]++] = seat;
  }

  #column(x) {
    return Math.floor((x - this.#left) / this.#size);
  }

  #row(y) {
    return Math.floor((y - this.#top) / this.#size);
  }

  /** Calls `visit` with each seat whose place is in the rectangle. */
  within(left, top, right, bottom, visit) {
    const [from, to] = [Math.max(0, this.#column(left)), Math.min(this.#columns - 1, this.#column(right))];
    if (from > to) return;
    for (let row = Math.max(0, this.#row(top)); row <= Math.min(this.#rows - 1, this.#row(bottom)); row += 1) {
      // The squares of a row of the grid are next to each other.
      const end = this.#starts[row * this.#columns + to + 1];
      for (let at = this.#starts[row * this.#columns + from]; at < end; at += 1) {
        const seat = this.#order[at];
        const [x, y] = [this.#x[seat], this.#y[seat]];
        if (x >= left && x <= right && y >= top && y <= bottom) visit(seat);
      }
    }
  }

  /** The seat nearest to a point, if one is no farther than `reach`; else -1. */
  nearest(x, y, reach) {
    let [found, least] = [-1, reach];
    this.within(x - reach, y - reach, x + reach, y + reach, (seat) => {
      const far = Math.hypot(this.#x[seat] - x, this.#y[seat] - y);
      if (far <= least && (far < least || found < 0)) [found, least] = [seat, far];
    });
    return found;
  }
}
