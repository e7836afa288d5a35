// Withdraws a single code, or all codes of a campaign. Bookings that have one keep it.

import { h } from "../dom.js";
import { commandButton, outcomeBox, say } from "./asking.js";
import { t } from "./voucher-messages.js";

/** 200 bytes at most, whatever the letters. */
const REASON = 100;

const reasonInput = (name) => h("input", { name, autocomplete: "off", maxlength: String(REASON) });

/** What is sent of a reason: nothing, if none was given. */
const given = (input) => (input.value.trim() ? { reason: input.value.trim() } : {});

const withdraw = (call) => async (key, body) => (await call("POST", "/v1/vouchers/withdraw", { key, body })).body;

/** What has become of it before. */
const found = ({ used, reserved }) => (used + reserved > 0 ? t("withdrawn_kept", { used, reserved }) : t("withdrawn_unused"));

/** For a code that somebody brings or reports. `done` is called when it is withdrawn. */
export function withdrawForm({ call, done }) {
  const outcome = outcomeBox();
  const code = h("input", { name: "withdraw_code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: "64" });
  const reason = reasonInput("withdraw_reason");
  const fields = h("fieldset", { class: "toolbar" }, h("label", { class: "field" }, t("code"), code), h("label", { class: "field" }, t("reason"), reason));
  const button = commandButton({
    name: "withdraw",
    text: t("withdraw_now"),
    outcome,
    keep: "withdraw voucher",
    may: () => (code.value.trim() ? undefined : t("code_missing")),
    means: () => t("withdraw_means", { code: code.value.trim() }),
    what: () => ({ voucher: code.value.trim(), ...given(reason) }),
    pending: (isPending) => (fields.disabled = isPending),
    act: withdraw(call),
    done: async (answer) => {
      code.value = reason.value = "";
      say(outcome, found(answer), true);
      await done();
    },
  });
  return h("section", { class: "panel" }, h("h2", null, t("withdraw")), h("p", { class: "hint" }, t("withdraw_hint")), fields, outcome, h("div", null, button));
}

/** The same for a code of a list. */
export function withdrawButton({ call, voucher, outcome, done }) {
  const button = commandButton({
    name: `withdraw-${voucher}`,
    text: t("withdraw_now"),
    outcome,
    keep: `withdraw ${voucher}`,
    means: () => t("withdraw_means", { code: voucher }),
    what: () => ({ voucher }),
    act: withdraw(call),
    done: async (answer) => {
      await done();
      say(outcome, found(answer), true);
    },
  });
  // There is one on each line.
  button.setAttribute("aria-label", `${t("withdraw_now")}: ${voucher}`);
  return button;
}

/** Ends the campaign at `path`. `count`: how many codes it has. */
export function endForm({ call, path, outcome, count, done }) {
  const reason = reasonInput("end_reason");
  const button = commandButton({
    name: "end",
    text: t("end_now"),
    outcome,
    keep: `end ${path}`,
    means: () => t("end_means", { count: count() }),
    what: () => given(reason),
    act: async (key, body) => (await call("POST", `${path}/end`, { key, body })).body,
    done: async ({ status }) => {
      await done();
      say(outcome, t(status === "ended" ? "ended_now" : "ending_now"), true);
    },
  });
  return h("div", { class: "toolbar", hidden: true }, h("label", { class: "field" }, t("reason"), reason), button);
}
