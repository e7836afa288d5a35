// Serves this folder, as any web server would: the shop is static files.
//
//   node serve.mjs [port]
//
// LASTSEAT is the address of the server that sells.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const lastseat = (process.env.LASTSEAT ?? "http://127.0.0.1:8080").replace(/\/$/, "");
const kinds = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://shop");
  const path = normalize(pathname === "/" ? "/index.html" : pathname);
  try {
    if (!/^\/(index\.html|shop\.css|built\/|node_modules\/openapi-fetch\/dist\/)/.test(path)) throw new Error("not for the public");
    let body = await readFile(join(folder, path));
    if (path === "/index.html") body = body.toString().replaceAll("LASTSEAT", lastseat);
    response.writeHead(200, {
      "content-type": `${kinds[extname(path)] ?? "application/octet-stream"}; charset=utf-8`,
      "cache-control": "no-cache",
    });
    response.end(body);
  } catch {
    response.writeHead(404, { "content-type": "text/plain" }).end("Not found");
  }
});

server.listen(Number(process.argv[2] ?? 5173), "127.0.0.1", () => console.log(`Shop  http://127.0.0.1:${server.address().port}/`));
