// The limit: a page with a canvas and nothing in it, which is filled anew for each input.

import { createServer } from "node:http";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Blank</title>
<style>body { margin: 0 } #viewport { position: absolute; left: 37px; top: 247px; width: 804px; height: 650px }</style>
<div id="viewport"><canvas width="804" height="650"></canvas></div><script type="module" src="blank.js"></script></html>`;

const SCRIPT = `
const canvas = document.querySelector("canvas");
const context = canvas.getContext("2d", { alpha: false });
let [frame, shade] = [0, 0];
const draw = () => {
  frame = 0;
  context.fillStyle = "rgb(" + (shade++ % 256) + " 200 200)";
  context.fillRect(0, 0, 804, 650);
};
const soon = () => (frame ||= requestAnimationFrame(draw));
canvas.addEventListener("wheel", (event) => (event.preventDefault(), soon()), { passive: false });
canvas.addEventListener("pointermove", soon);
draw();
requestAnimationFrame(() => setTimeout(() => performance.mark("seat-map")));`;

/** `{ url, close }` */
export async function blankPage() {
  const server = createServer(({ url }, answer) => {
    answer.setHeader("content-type", url.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8");
    answer.end(url.endsWith(".js") ? SCRIPT : PAGE);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
