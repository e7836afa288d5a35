// Moves a map as a person would, and records each frame and each input as the page sees them.

const FRAME_MS = 1_000 / 60;

/** In the page: when frames begin, how long the main thread is busy with each, and when inputs are handled. */
const RECORDER = () => {
  const record = { begins: [], work: [], turned: 0, releases: 0, delays: [] };
  const channel = new MessageChannel();
  // A message that is sent in a frame comes when the frame has been laid out and painted.
  channel.port1.onmessage = ({ data }) => record.work.push(performance.now() - data);
  const frame = (now) => {
    if (window.recorded) return;
    record.begins.push(now);
    channel.port2.postMessage(now);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const input = (event) => {
    // The browser makes one event of several that wait; nothing is lost as long as the sum arrives.
    record.turned += event.deltaY ?? 0;
    record.delays.push(performance.now() - event.timeStamp);
  };
  for (const name of ["wheel", "pointermove"]) window.addEventListener(name, input, { capture: true, passive: true });
  window.addEventListener("pointerup", () => (record.releases += 1), { capture: true });
  Object.assign(window, { record, recorded: false });
};

/** Zooms in, drags, and zooms out for so many seconds. Returns `{ lost, begins, work, delays }`; `lost` are turns of the wheel and drags. */
export async function move(page, seconds) {
  await page.evaluate(RECORDER);
  const devtools = await page.createCDPSession();
  const box = await page.evaluate(() => {
    const { left, top, width, height } = document.querySelector("#viewport").getBoundingClientRect();
    return { left, top, width, height: Math.min(height, innerHeight - top) };
  });
  const [x, y] = [box.left + box.width / 2, box.top + box.height * 0.12];
  const until = performance.now() + seconds * 1_000;
  let [turned, releases, next] = [0, 0, performance.now()];
  const sending = [];
  // Without waiting for the answer: a hand does not wait for the screen either.
  const send = async (event) => {
    next += FRAME_MS;
    const pause = next - performance.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    else next = performance.now();
    turned += event.deltaY ?? 0;
    releases += event.type === "mouseReleased" ? 1 : 0;
    sending.push(devtools.send("Input.dispatchMouseEvent", event));
  };
  const wheel = async (turns, deltaY) => {
    for (let turn = 0; turn < turns; turn += 1) await send({ type: "mouseWheel", x, y, deltaX: 0, deltaY });
  };
  const drag = async (dx, dy, steps) => {
    const from = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    await send({ type: "mousePressed", ...from, button: "left", buttons: 1, clickCount: 1 });
    for (let step = 1; step <= steps; step += 1) {
      await send({ type: "mouseMoved", x: from.x + dx * step, y: from.y + dy * step, button: "left", buttons: 1 });
    }
    await send({ type: "mouseReleased", x: from.x + dx * steps, y: from.y + dy * steps, button: "left", buttons: 0, clickCount: 1 });
  };
  while (performance.now() < until) {
    await wheel(16, -60);
    await drag(-5, 3, 50);
    await wheel(8, -60);
    await drag(6, -4, 50);
    // As far out as it came in: from the whole map on the wheel would scroll the page.
    await wheel(24, 60);
  }
  await Promise.all(sending);
  const record = await page.evaluate(() => Object.assign(window.record, { ended: (window.recorded = true) }));
  await devtools.detach();
  return { lost: Math.abs(turned - record.turned) / 60 + Math.abs(releases - record.releases), ...record };
}

/** The value below which a share of them is. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export const intervals = (begins) => begins.slice(1).map((begin, index) => begin - begins[index]);
