// The plan of a stadium: tiers of sections around a pitch, as many seats as wanted.

/** Rows are longer farther out; of four tiers, 40 on average. */
const SEATS_OF_ROW = [34, 38, 42, 46];
const ROWS_OF_SECTION = 25;
const SECTIONS_OF_TIER = 25;
/** Centimetres, or whatever else: the map shows any unit. */
const SEAT = 50;
const ROW = 60;
const AISLE = 120;
const CATEGORIES = ["front", "lower", "middle", "upper"];

/** A plan of `POST /v1/plans` with about so many seats, in sections of about 1,000. */
export function stadium(plan, seats) {
  const sections = Math.max(1, Math.round(seats / (40 * ROWS_OF_SECTION)));
  const tiers = Math.ceil(sections / SECTIONS_OF_TIER);
  const areas = Array.from({ length: sections }, (_, index) => {
    const tier = Math.floor(index / SECTIONS_OF_TIER);
    return section(tier, index % SECTIONS_OF_TIER, Math.min(SECTIONS_OF_TIER, sections - tier * SECTIONS_OF_TIER));
  });
  const categories = CATEGORIES.slice(0, Math.min(tiers, CATEGORIES.length)).map((category, index) => ({ category, price: 12_000 - index * 2_500 }));
  return { plan: { plan, name: "Stadium", areas }, categories };
}

function section(tier, index, count) {
  const name = `${tier + 1}${String(index + 1).padStart(2, "0")}`;
  const angle = (2 * Math.PI * index) / count;
  // Wide enough for its sections side by side, and farther out with each tier.
  const nearest = (SECTIONS_OF_TIER * (SEATS_OF_ROW[0] * SEAT + AISLE)) / (2 * Math.PI);
  const width = SEATS_OF_ROW[tier % SEATS_OF_ROW.length];
  const depth = nearest + tier * (ROWS_OF_SECTION * ROW + 2 * AISLE);
  const rows = Array.from({ length: ROWS_OF_SECTION }, (_, row) => ({
    row: String(row + 1),
    seats: Array.from({ length: width }, (_, seat) => ({
      seat: `${name}.${row + 1}-${seat + 1}`,
      label: String(seat + 1),
      ...place(angle, depth + row * ROW, (seat - (width - 1) / 2) * SEAT),
    })),
  }));
  return { area: `block-${name}`, section: `Block ${name}`, category: CATEGORIES[Math.min(tier, CATEGORIES.length - 1)], rows };
}

function place(angle, depth, along) {
  const hundredth = (value) => Math.round(value * 100) / 100;
  return {
    x: hundredth(Math.cos(angle) * depth * 1.15 - Math.sin(angle) * along),
    y: hundredth(Math.sin(angle) * depth + Math.cos(angle) * along),
  };
}
