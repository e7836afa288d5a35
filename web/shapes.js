// The shape of a seat in each state. Each state has its own shape, so that the map can be read
// without colours; the style sheet adds the colours.
//
// A seat is one path, and place and angle are worked into its points. A `transform` for each seat
// would read better, but a browser keeps a property tree node for every one of them, and a map of
// 5,000 seats then takes half a second per frame instead of a few milliseconds.

/** A square with round corners: half its width, and the radius of the corners. */
const shell = (r, c) => [
  ["M", -r, c - r],
  ["Q", -r, -r, c - r, -r],
  ["L", r - c, -r],
  ["Q", r, -r, r, c - r],
  ["L", r, r - c],
  ["Q", r, r, r - c, r],
  ["L", c - r, r],
  ["Q", -r, r, -r, r - c],
  ["Z"],
];

const polygon = (...points) => [...points.map(([x, y], index) => [index ? "L" : "M", x, y]), ["Z"]];

const cross = (r, w) =>
  polygon([-r, w - r], [w - r, -r], [0, -w], [r - w, -r], [r, w - r], [w, 0], [r, r - w], [r - w, r], [0, w], [w - r, r], [-r, r - w], [-w, 0]);

// What lies inside another outline is a hole in it.
const SHAPES = {
  // Available: a full square.
  available: shell(7.4, 3.6),
  // Locked: an outline with a keyhole.
  locked: [...shell(7.2, 3.4), ...shell(4.9, 2), ...shell(2.1, 2.1)],
  // In process: half full.
  in_process: [...shell(7.2, 3.4), ...polygon([-4.9, -4.9], [4.9, -4.9], [4.9, 0.2], [-4.9, 0.2])],
  // Booked: a cross.
  booked: cross(4.4, 1.4),
  // Not on sale: a bar.
  unavailable: polygon([-5.2, -1.4], [5.2, -1.4], [5.2, 1.4], [-5.2, 1.4]),
  // The visitor's own: a tick.
  mine: [...shell(8.6, 4), ...polygon([-4.7, 0.4], [-3, -1.3], [-1.2, 0.6], [3.2, -3.9], [4.9, -2.2], [-1.2, 4])],
};

/** The outline of a seat at a place, turned by `turn` degrees; `mine` is one of the looks. */
export function outline(look, { x, y, turn }) {
  const angle = (turn * Math.PI) / 180;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  let path = "";
  for (const [command, ...numbers] of SHAPES[look]) {
    path += command;
    for (let i = 0; i < numbers.length; i += 2) {
      const [px, py] = [numbers[i], numbers[i + 1]];
      path += `${(x + px * cos - py * sin).toFixed(2)} ${(y + px * sin + py * cos).toFixed(2)} `;
    }
  }
  return path;
}

/** The corners of what a plan has besides seats. */
export function corners({ x, y, width = 0, height = 0, rotation = 0, points = [] }) {
  const own = points.length > 0 ? points : [[-width / 2, -height / 2], [width / 2, -height / 2], [width / 2, height / 2], [-width / 2, height / 2]];
  const [sin, cos] = [Math.sin((rotation * Math.PI) / 180), Math.cos((rotation * Math.PI) / 180)];
  return own.map(([across, down]) => ({ x: x + across * cos - down * sin, y: y + across * sin + down * cos }));
}
