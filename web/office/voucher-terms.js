// What vouchers are worth: as the form has it, as the server wants it, and in words.

import { digitsOf, fullMoney, number } from "../words.js";
import { t } from "./voucher-messages.js";

export const KINDS = ["percent", "amount", "free_seats", "goods", "nothing"];
const [MOST_CODES, MOST_USES] = [100_000, 1_000];

/** A whole number as typed; NaN for anything else. */
const whole = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN);
const isBetween = (value, least, most) => value >= least && value <= most;

/** An amount as typed, in minor units; NaN if it has more decimals than the currency. */
export function minorUnits(text, currency) {
  const digits = digitsOf(currency);
  const parts = text.trim().match(/^(\d+)(?:[.,](\d+))?$/);
  if (!parts || (parts[2] ?? "").length > digits) return NaN;
  return Number(parts[1] + (parts[2] ?? "").padEnd(digits, "0"));
}

/**
 * What is wrong with what was typed, or undefined.
 *
 * @param {{ kind: string, value: string, count: string, uses: string, block: string }} typed
 * @param {string} currency
 */
export function mistake({ kind, value, count, uses, block }, currency) {
  if (kind === "percent" && !isBetween(whole(value), 1, 100)) return t("percent_wrong");
  if (kind === "amount" && !(minorUnits(value, currency) > 0)) return t("value_wrong");
  if (kind === "free_seats" && !(whole(value) > 0)) return t("value_wrong");
  if (kind === "goods" && !value.trim()) return t("goods_wrong");
  if (kind === "nothing" && !block) return t("block_wrong");
  return isBetween(whole(count), 1, MOST_CODES) && isBetween(whole(uses), 1, MOST_USES) ? undefined : t("count_wrong");
}

/** The member `discount` of a request. */
export function discountOf({ kind, value }, currency) {
  if (kind === "percent") return { percent: whole(value) };
  if (kind === "amount") return { amount: { value: minorUnits(value, currency), currency } };
  if (kind === "free_seats") return { free_seats: whole(value) };
  return kind === "goods" ? { goods: value.trim() } : undefined;
}

/** What a voucher is worth, in a few words. */
export function worth(discount) {
  if (discount?.percent !== undefined) return t("worth_percent", { value: number(discount.percent) });
  if (discount?.amount) return t("worth_amount", { value: fullMoney(discount.amount.value, discount.amount.currency) });
  if (discount?.free_seats !== undefined) return t("worth_free_seats", { count: discount.free_seats });
  return discount?.goods ?? t("worth_nothing");
}
