// The outline of a section: around the ends of its rows, and along its first and its last row. Pure arithmetic.

/** Points of a row that follow its curve. */
const ALONG = 6;
/** No corner reaches farther than so many times the distance: a sharp one would grow into a spike. */
const LONGEST = 1.8;

/** The outline of a section as a list of points `[x, y]`, so far beyond the middles of its outermost seats. */
export function outlineOf(seats, { firstRow, lastRow }, beyond) {
  const [lefts, rights] = [[], []];
  let direction;
  for (let row = firstRow; row <= lastRow; row += 1) {
    let [from, to] = endsOf(seats, row);
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    // Some plans number every other row from the other side.
    if (direction && dx * direction[0] + dy * direction[1] < 0) [from, to] = [to, from];
    else if (dx !== 0 || dy !== 0) direction = [dx, dy];
    lefts.push(from);
    rights.push(to);
  }
  const [front, back] = [along(seats, firstRow, lefts[0]), along(seats, lastRow, lefts[lefts.length - 1])];
  return widened([...front, ...rights.slice(1, -1), ...back.reverse(), ...lefts.slice(1, -1).reverse()], beyond);
}

function endsOf({ x, y, rowStart }, row) {
  const [first, last] = [rowStart[row], rowStart[row + 1] - 1];
  return [[x[first], y[first]], [x[last], y[last]]];
}

/** Points of a row, beginning at the end that is `from`. */
function along({ x, y, rowStart }, row, from) {
  const [first, last] = [rowStart[row], rowStart[row + 1] - 1];
  const steps = Math.min(ALONG, last - first);
  const points = Array.from({ length: steps + 1 }, (_, step) => {
    const seat = steps === 0 ? first : Math.round(first + ((last - first) * step) / steps);
    return [x[seat], y[seat]];
  });
  return points[0][0] === from[0] && points[0][1] === from[1] ? points : points.reverse();
}

/** Moves each side outwards by `beyond`. */
function widened(points, beyond) {
  const ring = points.filter(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length];
    return x !== nextX || y !== nextY;
  });
  if (ring.length === 0) {
    const [[x, y]] = points;
    return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([dx, dy]) => [x + dx * beyond, y + dy * beyond]);
  }
  const sides = ring.map(([x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length];
    const length = Math.hypot(nextX - x, nextY - y);
    return [(nextX - x) / length, (nextY - y) / length];
  });
  const area = ring.reduce((sum, [x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  // To the right of each side if the ring goes clockwise on the screen, else to the left.
  const sign = area < 0 ? -beyond : beyond;
  return ring.flatMap((point, index) => corner(point, sides.at(index - 1), sides[index], sign, beyond));
}

/** The points that a corner between two sides becomes. */
function corner([x, y], [ax, ay], [bx, by], sign, beyond) {
  const [mx, my] = [ay + by, -ax - bx];
  const size = mx * mx + my * my;
  // A turn back, as at the ends of a single row.
  if (size < 0.05) {
    return [[x + ay * sign + ax * beyond, y - ax * sign + ay * beyond], [x + by * sign + ax * beyond, y - bx * sign + ay * beyond]];
  }
  const far = Math.min(2 / size, LONGEST / Math.sqrt(size)) * sign;
  return [[x + mx * far, y + my * far]];
}
