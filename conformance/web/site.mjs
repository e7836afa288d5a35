// A page of another site with the embedded map.

import { createServer } from "node:http";

const STYLE = ":root { color-scheme: light dark; } body { margin: 16px; background: light-dark(#fff, #16121a); color: light-dark(#000, #fff); font-family: sans-serif; }";

/** Serves it. `pageOf` returns the address of the page for a server of ours and a show. */
export async function site() {
  const served = createServer((request, response) => {
    const asked = new URL(request.url, "http://site").searchParams;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html>
      <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Opera</title><style>${STYLE}</style>
      <script>document.documentElement.lang = localStorage.getItem("lastseat.language") ?? "en";</script>
      <script type="module" src="${asked.get("server")}/embed.js"></script>
      <main><h1>Opera</h1><lastseat-map show="${asked.get("show")}"></lastseat-map></main>`);
  });
  await new Promise((resolve) => served.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = served.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address.port : address}`;
  const pageOf = (server) => (show) => `${url}/?${new URLSearchParams({ server, show })}`;
  return { url, pageOf, close: () => served.close() };
}
