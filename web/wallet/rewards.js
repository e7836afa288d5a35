// Points and vouchers. What is under a scratch card is not said before it is scratched.

import { h, redraw } from "../dom.js";
import { kept as scratched } from "../scratch.js";
import { Commands } from "./commands.js";
import { DEVICE } from "./loader.js";
import { t } from "./messages.js";

/** Every tenth seat earns a voucher. */
const MILESTONE = 10;

export class Rewards {
  element = h("section", { class: "panel rewards", hidden: true, "aria-label": t("points") });
  #wallet;
  #drawn = "";
  #commands = new Commands(() => this.#draw());

  /** @param {import("./loader.js").Wallet} wallet */
  constructor(wallet) {
    this.#wallet = wallet;
  }

  update() {
    const { account, session, online } = this.#wallet;
    const drawn = JSON.stringify([account, session?.id, online, this.#vouchers.map(({ voucher }) => voucher), scratched()]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#draw();
  }

  /** Those of the account, and those of the bookings on this device, each with what proves it. */
  get #vouchers() {
    const { account, cards, session } = this.#wallet;
    const own = (account?.vouchers ?? []).map((voucher) => ({ voucher, proof: { headers: session?.headers } }));
    const known = new Set(own.map(({ voucher }) => voucher.voucher));
    const others = [...cards.values()].filter(({ owner }) => owner === DEVICE).flatMap((card) => card.vouchers.map((voucher) => ({ voucher, proof: this.#wallet.proof(card) })));
    return [...own, ...others.filter(({ voucher }) => !known.has(voucher.voucher))];
  }

  #draw() {
    const { account } = this.#wallet;
    const vouchers = this.#vouchers;
    this.element.hidden = !account && vouchers.length === 0;
    redraw(
      this.element,
      account && this.#points(account),
      vouchers.length > 0 && [h("h2", null, t("vouchers")), h("ul", { class: "vouchers" }, vouchers.map((each) => this.#line(each))), this.#commands.outcome],
    );
  }

  #points({ seats, points }) {
    const done = seats % MILESTONE;
    const label = t("seats_of_ten", { seats: done });
    return [
      h("div", { class: "head" }, h("h2", null, t("points")), h("p", { class: "sum" }, t("points_count", { count: points }))),
      h("progress", { max: String(MILESTONE), value: String(done), "aria-label": label }),
      h("p", null, t("to_next", { count: MILESTONE - done })),
    ];
  }

  /** @param {{ voucher: import("./store.js").Voucher, proof: object }} each */
  #line({ voucher: { voucher, cause, reward, state, code }, proof }) {
    const hidden = cause === "booking" && state === "issued" && !scratched().includes(voucher);
    const usable = state === "issued" && !hidden;
    return h(
      "li",
      { data: { voucher, state } },
      h("div", { class: "head" }, h("b", null, hidden ? t("voucher_hidden") : reward), h("span", { class: `badge ${usable ? "good" : ""}` }, t(`voucher_${state}`))),
      h("p", { class: "hint" }, t(`voucher_${cause}`)),
      usable && code && [h("code", null, code), h("p", { class: "hint" }, t("voucher_code"))],
      usable &&
        !code &&
        this.#wallet.online &&
        this.#commands.button({
          name: "redeem",
          key: `redeem ${voucher}`,
          text: t("voucher_use"),
          sure: t("voucher_sure", { reward }),
          run: async (send) => {
            await send("POST", `/v1/me/rewards/${encodeURIComponent(voucher)}/redeem`, proof);
            await this.#wallet.refresh();
          },
        }),
    );
  }
}
