// What an exchange of seats changes in what they cost. Pure; the server counts in the same way, and decides.

/**
 * What the new seats cost more (or less, below zero) than those that are given up: prices and fees of the seats, without discounts.
 *
 * @param {{ price: number, fee?: number }[]} leaves as the booking has them
 * @param {number[]} prices of the new seats, as the show has them now
 * @param {{ per_seat?: number }} [fees] of the show
 */
export function difference(leaves, prices, fees) {
  const sum = (amounts) => amounts.reduce((all, amount) => all + amount, 0);
  return sum(prices.map((price) => price + (fees?.per_seat ?? 0))) - sum(leaves.map(({ price, fee = 0 }) => price + fee));
}

/**
 * How much of a difference in prices the buyer has paid, and can have back: a voucher lowered all prices in proportion, and what was
 * given away has cost nothing. Rounded down, as the server does for refunds of seats.
 *
 * @param {number} less what the new seats cost less, without discounts
 * @param {{ amount: { value: number }, discount?: { value: number } }} booking
 */
export function paidOf(less, { amount, discount }) {
  const whole = amount.value + (discount?.value ?? 0);
  return less <= 0 || whole <= 0 ? 0 : Number((BigInt(less) * BigInt(amount.value)) / BigInt(whole));
}

/** The price type for a seat that is taken: that of the seat for which it is taken, if the area has it; else the area's first. */
export const typeFor = (types, wanted) => (types.includes(wanted) ? wanted : types[0]);
