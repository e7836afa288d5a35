// The states of the pages that are looked at: each with its address, what it has when it is ready, and what is done in it.

const RICH = {
  id: "gala",
  title: "Galaabend Ärger & Söhne",
  venue: "Stadthalle",
  currency: "EUR",
  hold_seconds: 3600,
  starts_at: "2031-06-01T17:30:00Z",
  fees: { per_seat: 150, per_booking: 200 },
  categories: [
    { category: "seated", price_types: [{ price_type: "adult", price: 4500 }, { price_type: "child", price: 2000 }] },
    { category: "standing", price: 2500 },
  ],
  areas: [
    { area: "stalls", category: "seated", rows: [{ row: "A", seats: 8 }] },
    { area: "floor", category: "standing", capacity: 30 },
  ],
};
const tiny = (id, more = {}) => ({
  id,
  title: id.toUpperCase(),
  currency: "EUR",
  hold_seconds: 300,
  categories: [{ category: "seated", price: 4500 }],
  areas: [{ area: "stalls", category: "seated", rows: [{ row: "A", seats: 2 }] }],
  ...more,
});

/** A house so large that its map is a canvas. */
function arena() {
  const row = (block, number) => ({
    row: String(number + 1),
    seats: Array.from({ length: 60 }, (_, seat) => ({ seat: `${block}.${number + 1}-${seat + 1}`, label: String(seat + 1), x: (block % 2) * 1400 + seat * 20, y: Math.floor(block / 2) * 600 + number * 22 })),
  });
  const areas = [0, 1, 2, 3].map((block) => ({ area: `b${block}`, section: `Block ${block}`, category: "seated", rows: Array.from({ length: 20 }, (_, number) => row(block, number)) }));
  return { plan: "arena", name: "Arena", areas };
}

async function enterSection(page, inside = "") {
  await (await page.$(`${inside}.cells [data-section='1']`)).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
}

/** A house with an arc, places without numbers, a stage, and a section whose seats follow no rule. */
function opera() {
  const row = (number) => ({
    row: "AB"[number],
    seats: Array.from({ length: 9 }, (_, seat) => {
      const angle = (seat - 4) * 0.05;
      return { seat: `oper.${"AB"[number]}-${seat + 1}`, label: String(seat + 1), x: Math.round(Math.sin(angle) * (400 + 22 * number) * 100) / 100, y: Math.round((Math.cos(angle) * (400 + 22 * number) - 400) * 100) / 100 };
    }),
  });
  const box = { row: "1", seats: [{ seat: "loge.1-1", label: "1", x: -180, y: 10 }, { seat: "loge.1-2", label: "2", x: -171, y: 33 }, { seat: "loge.1-3", label: "3", x: -150, y: 40 }] };
  return {
    plan: "oper",
    name: "Oper",
    categories: [{ category: "seated" }, { category: "standing" }],
    areas: [{ area: "oper", section: "Parkett", category: "seated", rows: [row(0), row(1)] }, { area: "loge", section: "Loge", category: "seated", rows: [box] }, { area: "floor", category: "standing", capacity: 40 }],
    shapes: [{ shape: "rectangle", x: 0, y: -70, width: 200, height: 40, text: "Oper" }, { shape: "ellipse", x: 0, y: 140, width: 200, height: 60, area: "floor" }],
  };
}

async function importWrongFile(page) {
  await page.$eval(".plan-editor [type=file]", (field) => {
    const files = new DataTransfer();
    files.items.add(new File(["section,row,seat\nParkett,A,1\nParkett,A,1\n"], "plan.csv"));
    field.files = files.files;
    field.dispatchEvent(new Event("change"));
  });
}

/** What is data in these states, and the same in every language. */
export const NAMES = [
  "Last Night of the Proms", "Royal Albert Hall", RICH.title, RICH.venue, "Stalls", "Circle", "Floor", "Seated", "Standing", "Adult", "Child", "AUS", "BALD", "PAUSE", "ABGESAGT", "VORBEI", "ann", "Arena", "Block", "Oper", "Opera", "Parkett", "Loge",
  // The rewards of the demo show.
  "Presse", "Sponsor", "sponsor", "stan", "demo", "guest",
  "A glass of wine in the interval", "The programme, signed by the conductor", "A seat in the box for the final rehearsal",
];

/**
 * Prepares a server: shows in each state of a sale, and bookings in each state. Returns the pages. `ask` sends a request as an admin.
 *
 * @param {(method: string, path: string, body?: object, headers?: object) => Promise<any>} ask
 * @param {string} token the admin's
 * @param {string} stan the token of somebody with the role `staff`
 * @param {(show: string) => string} embedded the page of another site with the map of a show
 */
export async function prepare(ask, token, stan, embedded) {
  const pay = (booking, card = "pm_card_visa", headers) => ask("POST", `/v1/bookings/${booking.id}/payment`, { payment_method: card }, headers);
  const guest = (show, seats) => ask("POST", `/v1/shows/${show}/bookings`, { seats }, {});
  const bearer = ({ token: own }) => ({ authorization: `Bearer ${own}` });
  const linked = ({ id, token: own }) => `/?booking=${id}#token=${own}`;

  const held = await ask("POST", "/v1/shows/demo/bookings", { seats: ["A-1", "A-2", "A-3"] });
  await pay(held);
  const paid = await guest("demo", ["B-1", "B-2", "B-3"]);
  await pay(paid, undefined, bearer(paid));
  const waiting = await guest("demo", ["C-1"]);
  const asked = await guest("demo", ["C-3"]);
  await pay(asked, "pm_card_authenticationRequired", bearer(asked));
  const ended = await guest("demo", ["C-5"]);
  await ask("DELETE", `/v1/bookings/${ended.id}`, undefined, bearer(ended));

  for (const show of [RICH, tiny("aus"), tiny("bald", { sale_opens_at: "2031-01-01T10:00:00Z" }), tiny("pause"), tiny("abgesagt"), tiny("vorbei", { sale_closes_at: "2020-01-01T10:00:00Z" })]) {
    await ask("POST", "/v1/shows", show);
  }
  await ask("POST", "/v1/plans", arena());
  await ask("POST", "/v1/plans", opera());
  await ask("POST", "/v1/shows", { id: "arena", title: "Arena", currency: "EUR", plan: "arena", categories: [{ category: "seated", price: 4500 }] });
  await ask("POST", "/v1/shows", { id: "oper", title: "Oper", currency: "EUR", plan: "oper", categories: [{ category: "seated", price: 4500 }, { category: "standing", price: 2500 }] });
  const dear = await guest("gala", ["A-1", { seat: "A-2", price_type: "child" }]);
  await ask("POST", "/v1/shows/pause/pause");
  await ask("POST", "/v1/shows/abgesagt/cancel");
  await pay(await ask("POST", "/v1/shows/aus/bookings", { seats: ["A-1", "A-2"] }));

  await ask("POST", "/v1/shows/demo/blocks", { seats: ["E-1", "E-2"], reason: "Presse" });
  await ask("POST", "/v1/shows/demo/blocks", { area: "floor", quantity: 5, reason: "Sponsor", access_code: "sesame-2027", channel: "sponsor" });
  await ask("POST", "/v1/vouchers", { discount: { percent: 50 }, count: 3, shows: ["demo"], valid_until: "2031-01-01T00:00:00Z" });

  const wallet = ({ id, token: own }) => `/wallet#booking=${id}&token=${own}`;
  const click = (css) => (page) => page.click(css);
  const staff = (path, ready, more = {}) => ({ path, ready, token, ...more });
  /** Pages of the box office that are looked at in German, too. */
  const office = (path, ready, more = {}) => staff(`/office#show=demo&${path}`, ready, { german: true, ...more });
  const choose = (seat) => (page) => page.$eval(`[data-seat='${seat}']`, (found) => found.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })));
  const inTurn = (...steps) => async (page) => {
    for (const step of steps) await step(page);
  };
  const when = (css) => (page) => page.waitForSelector(css, { timeout: 30_000 });
  /** Everybody's pages are looked at in both languages; `few` differ in a sentence, and are looked at in one width. */
  const shop = [
    { path: "/", ready: "#map [data-seat]" },
    { path: "/?show=gala", ready: "#map [data-seat]", act: (page) => page.$eval("[data-seat=A-3]", (seat) => seat.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }))), then: "[data-act=hold]" },
    { path: "/?show=arena", ready: ".cells [data-section]" },
    { path: "/?show=oper", ready: "#map .shape" },
    { path: "/?show=arena", ready: ".cells [data-section]", act: (page) => enterSection(page), then: ".cells .mine" },
    { path: embedded("gala"), ready: "lastseat-map >>> [data-seat]" },
    { path: embedded("arena"), ready: "lastseat-map >>> .cells [data-section]" },
    { path: embedded("arena"), ready: "lastseat-map >>> .cells [data-section]", act: (page) => enterSection(page, "lastseat-map >>> "), then: "lastseat-map >>> .cells .mine" },
    { path: "/?show=aus", ready: ".alternatives" },
    { path: "/?show=aus", ready: ".alternatives", act: click("[data-act=tell]"), then: "[data-act=tell].quiet" },
    { path: "/?show=bald", ready: "#map [data-seat]", few: true },
    { path: "/?show=pause", ready: "#map [data-seat]", few: true },
    { path: "/?show=abgesagt", ready: "#map [data-seat]", few: true },
    { path: "/?show=vorbei", ready: "#map [data-seat]", few: true },
    { path: linked(waiting), ready: "[data-act=pay]", act: (page) => page.$eval("details", (more) => (more.open = true)), then: "details[open]" },
    { path: linked(dear), ready: ".sums", act: (page) => page.$eval(".voucher", (field) => (field.open = true)), then: ".voucher[open]" },
    { path: linked(asked), ready: "#bank[open]" },
    { path: linked(ended), ready: "#checkout[data-phase=over]" },
    { path: linked(paid), ready: ".scratch h3" },
    { path: linked(paid), ready: "#my-bookings:not([hidden])", act: click("#my-bookings"), then: "#bookings[open]" },
    { path: linked({ ...waiting, token: "bt_wrong" }), ready: "#checkout[data-phase=unknown]" },
    { path: "/?show=nothing", ready: "#choice:not([hidden])" },
    { path: "/account", ready: "form:not([hidden])" },
    { path: "/account#verify", ready: "#verify:not([hidden])" },
    { path: "/account#reset", ready: "#reset:not([hidden])" },
    { path: "/wallet", ready: ".empty:not([hidden])" },
    { path: wallet(paid), ready: ".wallet-card .scratch h3" },
    { path: wallet(paid), ready: "[data-act=show]", act: click("[data-act=show]"), then: ".stage[open] .qr" },
    { path: wallet(paid), ready: ".wallet-card summary", act: click(".wallet-card summary"), then: "[data-act=mail]" },
    { path: wallet(waiting), ready: "[data-act=cancel]" },
    { path: wallet(waiting), ready: "[data-act=cancel]", act: click("[data-act=cancel]"), then: "dialog[open] [value=yes]" },
    { path: wallet(ended), ready: "[data-state=aborted]" },
    { path: wallet({ ...waiting, token: "bt_wrong" }), ready: ".page > .notice:not([hidden])" },
    { path: "/sandbox/authenticate/pi_none", ready: "#yes", act: click("#no"), then: "#outcome:not(:empty)" },
  ];
  const others = [
    { path: "/docs", ready: "main" },
    { path: "/office", ready: "form" },
    office("tab=sales", ".figures"),
    office("tab=sales", "[data-seat='G-1']", { act: inTurn(choose("G-1"), when(".sale-details"), click(".sale-details summary")), then: ".sale-details[open]" }),
    office("tab=bookings", ".data"),
    office(`tab=bookings&booking=${held.id}`, "dialog .timeline"),
    office(`tab=bookings&booking=${held.id}`, "[data-act=open_exchange]", {
      act: inTurn(click("[data-act=open_exchange]"), when("dialog [data-seat='K-1']"), click("[name=leaves][value='A-1']"), choose("K-1")),
      then: "dialog .chosen li",
    }),
    office("tab=blocks", "[data-block]"),
    office("tab=blocks", "[data-seat='G-1']", { act: choose("G-1"), then: "[data-act=clear]" }),
    office("tab=blocks", "[data-block]", { act: inTurn(when("[data-seat='E-1']"), choose("E-1")), then: "tr[aria-current]" }),
    office("tab=blocks", "[data-block]", { token: stan }),
    office("tab=vouchers", "[data-campaign]"),
    office("tab=vouchers", "[data-campaign]", { act: click("[data-campaign]"), then: "dialog .data code" }),
    office("tab=vouchers", "[name=redeem_code]", { token: stan }),
    staff("/office#show=demo&tab=shows", ".preview"),
    staff("/office#show=demo&tab=shows&plan=oper", "[data-category=standing]"),
    staff("/office#show=demo&tab=plans", ".data"),
    staff("/office#show=demo&tab=plans&plan=oper", ".plan-preview .seat"),
    { ...staff("/office#show=demo&tab=plans&plan=oper", ".plan-preview .seat"), act: (page) => page.$eval(".plan-part.standing [data-key]", (part) => part.focus()), then: ".plan-fields [name=capacity]" },
    { ...staff("/office#show=demo&tab=plans&plan=oper", ".plan-preview .seat"), act: importWrongFile, then: ".plan-editor > .notice:not([hidden])" },
    { ...staff("/office#show=demo&tab=plans&plan=new!", ".plan-editor"), act: click("[data-act=add_rows]"), then: ".plan-fields [name=curve]" },
    staff("/office#show=demo&tab=plans&plan=arena", ".plan-part .dots"),
    staff("/office#show=demo&tab=system", ".data"),
    staff("/entrance", ".verdict"),
    staff("/audit#show=demo", ".counts li"),
  ];
  return { shop, others };
}
