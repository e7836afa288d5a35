// A window of a real browser, by chromedriver: as much of WebDriver as the shop's check needs.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Far more than a page needs: the machine may be busy. */
const PATIENCE_MS = 30_000;

/** Starts chromedriver and a window. Rejects if there is no browser. */
export async function openWindow({ width = 1280, height = 900, flags = [] } = {}) {
  const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
  const port = await new Promise((resolve, reject) => {
    driver.once("error", reject);
    driver.once("exit", (code) => reject(new Error(`chromedriver ended with ${code}`)));
    createInterface({ input: driver.stdout }).on("line", (line) => {
      const found = /successfully on port (\d+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  const call = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  // Containers run checks as root, where the sandbox does not start. It opens our own pages only.
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--window-size=${width},${height}`, "--lang=en-GB", ...flags];
  const capabilities = { alwaysMatch: { "goog:chromeOptions": { args }, "goog:loggingPrefs": { browser: "ALL" } } };
  const { sessionId } = await call("POST", "/session", { capabilities });
  return new Window((method, path, body) => call(method, `/session/${sessionId}${path}`, body), driver);
}

class Window {
  #call;
  #driver;

  constructor(call, driver) {
    this.#call = call;
    this.#driver = driver;
  }

  goto = (url) => this.#call("POST", "/url", { url });

  url = () => this.#call("GET", "/url");

  /** Runs a script in the page; a promise that it returns is awaited. */
  eval = (script, ...args) => this.#call("POST", "/execute/sync", { script, args });

  screenshot = async () => Buffer.from(await this.#call("GET", "/screenshot"), "base64");

  /** What the page has written to its console, errors of its policy included. */
  log = () => this.#call("POST", "/se/log", { type: "browser" });

  emulate = (command, params) => this.#call("POST", "/goog/cdp/execute", { cmd: command, params });

  /** Types keys into the element with the focus. */
  async press(...keys) {
    const actions = keys.flatMap((key) => [{ type: "keyDown", value: key }, { type: "keyUp", value: key }]);
    await this.#call("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Waits until a script returns something true, and returns that. A page that is being replaced is asked again. */
  async until(script, ...args) {
    const end = Date.now() + PATIENCE_MS;
    for (let last; ; ) {
      try {
        last = await this.eval(script, ...args);
        if (last) return last;
      } catch (error) {
        last = error.message;
      }
      if (Date.now() > end) {
        const text = await this.eval("return document.body.innerText").catch(() => "");
        throw new Error(`\`${script}\` stays ${last} at ${await this.url()}:\n${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  untilText = (css, text) => this.until("return document.querySelector(arguments[0])?.innerText.includes(arguments[1])", css, text);

  async click(css) {
    await this.until("const e = document.querySelector(arguments[0]); if (!e || e.disabled) return false; e.click(); return true", css);
  }

  async close() {
    await this.#call("DELETE", "").catch(() => undefined);
    this.#driver.kill();
  }
}
