// How a seat looks in each state. Each state has a shape of its own, so that the map can be read
// without telling colours apart; the style sheet adds the colours.
//
// One path a seat and no nested elements: a hall of 5,000 seats is 5,000 nodes, not 20,000. Holes
// are cut by the even-odd rule.

const shell = (r, c) =>
  `M${-r} ${c - r}Q${-r} ${-r} ${c - r} ${-r}H${r - c}Q${r} ${-r} ${r} ${c - r}V${r - c}Q${r} ${r} ${r - c} ${r}H${c - r}Q${-r} ${r} ${-r} ${r - c}Z`;
const dot = (r) => `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`;

export const SHAPES = {
  // A seat to sit down on.
  available: shell(7.4, 3.6),
  // Emptied, with a keyhole.
  locked: shell(7.2, 3.4) + shell(4.9, 2) + dot(2.1),
  // Filling up: the lower half is paid for, so to speak.
  in_process: `${shell(7.2, 3.4)}M-4.9 -4.9H4.9V0.2H-4.9Z`,
  // Gone.
  booked: "M-4.4 -3L-3 -4.4L0 -1.4L3 -4.4L4.4 -3L1.4 0L4.4 3L3 4.4L0 1.4L-3 4.4L-4.4 3L-1.4 0Z",
  // The visitor's own: with a tick.
  mine: `${shell(8.6, 4)}M-4.7 0.4L-3 -1.3L-1.2 0.6L3.2 -3.9L4.9 -2.2L-1.2 4Z`,
};
