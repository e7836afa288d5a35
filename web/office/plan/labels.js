// Names of rows and numbers of seats: letters and numbers in order, and how they are recognised.

/** Row styles. */
export const [LETTERS, NUMBERS, LISTED] = ["letters", "numbers", "listed"];

/** 0 is A, 25 is Z, 26 is AA. */
export function lettersOf(index) {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : lettersOf(Math.floor(index / 26) - 1) + letter;
}

/** The other way round; -1 if it is no such name. */
export function indexOfLetters(text) {
  if (!/^[A-Z]{1,3}$/.test(text)) return -1;
  return [...text].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/**
 * The names of a section's rows, front first.
 *
 * @param {{ rows: number, rowStyle: string, rowFrom: string, rowReversed: boolean, rowNames?: string[] }} section
 */
export function rowNames({ rows, rowStyle, rowFrom, rowReversed, rowNames: listed = [] }) {
  if (rowStyle === LISTED) return Array.from({ length: rows }, (_, row) => listed[row] ?? String(row + 1));
  const first = rowStyle === LETTERS ? Math.max(0, indexOfLetters(rowFrom)) : Math.trunc(Number(rowFrom)) || 0;
  const names = Array.from({ length: rows }, (_, row) => (rowStyle === LETTERS ? lettersOf(first + row) : String(first + row)));
  return rowReversed ? names.reverse() : names;
}

/** How names of rows are made, or as a list if they follow no rule. */
export function ruleOfRows(names) {
  const listed = { rowStyle: LISTED, rowFrom: "A", rowReversed: false, rowNames: names };
  for (const [rowStyle, index] of /** @type {const} */ ([[LETTERS, indexOfLetters], [NUMBERS, (name) => (/^(0|[1-9]\d{0,5})$/.test(name) ? Number(name) : -1)]])) {
    const numbers = names.map(index);
    if (numbers.includes(-1)) continue;
    const rowReversed = numbers.length > 1 && numbers[0] > numbers[1];
    const rowFrom = names[rowReversed ? names.length - 1 : 0];
    const rule = { rowStyle, rowFrom, rowReversed };
    if (rowNames({ rows: names.length, ...rule }).every((name, row) => name === names[row])) return rule;
  }
  return listed;
}

/** The labels of a row's seats, from the left as its buyers see the stage. */
export function seatLabels(count, { numberFrom, numberStep, numberReversed }) {
  const labels = Array.from({ length: count }, (_, seat) => String(numberFrom + seat * numberStep));
  return numberReversed ? labels.reverse() : labels;
}

/** How the labels of rows are made; undefined if they follow no rule. */
export function ruleOfSeats(rows) {
  const longest = rows.reduce((best, row) => (row.length > best.length ? row : best));
  if (!longest.every((label) => /^(0|[1-9]\d{0,5})$/.test(label))) return undefined;
  const numbers = longest.map(Number);
  const numberReversed = numbers.length > 1 && numbers[0] > numbers[1];
  const numberStep = numbers.length > 1 ? Math.abs(numbers[1] - numbers[0]) : 1;
  const rule = { numberFrom: Math.min(...numbers), numberStep, numberReversed };
  const fits = (labels) => seatLabels(labels.length, rule).every((label, seat) => label === labels[seat]);
  return numberStep > 0 && rows.every(fits) ? rule : undefined;
}

/** `18, 20, 22` as numbers within bounds; undefined if it is something else. */
export function numbersIn(text, most) {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  const numbers = parts.map(Number);
  return numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= most) ? numbers : undefined;
}

/** The name as an id of an area or a plan: `Upper circle` is `upper-circle`. */
export function slug(text) {
  const plain = text.replaceAll("ß", "ss").normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return plain.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 50);
}

/** A name with a number that makes it unlike all others: `stalls`, `stalls-2`. */
export function unlike(name, others) {
  for (let count = 1; ; count += 1) {
    const tried = count === 1 ? name : `${name}-${count}`;
    if (!others.includes(tried)) return tried;
  }
}
