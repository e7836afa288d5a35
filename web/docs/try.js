// "Try it": a form for an operation, the same request as a curl command, and the answer.

import { h, inline } from "./elements.js";
import { example, resolve, typeOf } from "./schema.js";

const MAX_SHOWN = 200_000;

/** A token that every form sends; shared by all of them, kept for this tab only. */
export const token = {
  value: "",
  listeners: new Set(),
  set(value) {
    this.value = value.trim();
    this.listeners.forEach((listener) => listener());
  },
};

/** The form of an operation. */
export function tryIt(api, path, method, operation) {
  const fields = (operation.parameters ?? []).map((parameter) => field(api, operation, parameter));
  const bodySchema = operation.requestBody?.content?.["application/json"]?.schema;
  const body = bodySchema && h("textarea", { spellcheck: "false", id: `${operation.operationId}-body` });
  if (body) body.value = JSON.stringify(example(api, bodySchema), null, 2);

  const command = h("pre", { tabindex: "0", "aria-label": "curl command" });
  const result = h("div", { role: "status", "aria-live": "polite" });
  const answer = h("pre", { tabindex: "0", "aria-label": "Answer", hidden: true });
  const send = h("button", { type: "submit" }, "Send");
  const stop = h("button", { type: "button", class: "plain", hidden: true }, "Stop");
  const copy = h("button", { type: "button", class: "plain" }, "Copy the curl command");

  const request = () => build(path, method, operation, fields, body);
  const refresh = () => { command.textContent = curl(request()); };
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command);
      copy.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { copy.textContent = "Copy the curl command"; }, 2500);
  });

  const form = h("form", { "aria-label": `Try ${method.toUpperCase()} ${path}`, oninput: refresh },
    fields.map(({ label }) => label),
    body && h("label", { for: body.id }, "Body", body),
    h("div", { class: "buttons" }, send, stop, copy),
    command, result, answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!valid(fields, body, result)) return;
    const control = new AbortController();
    stop.onclick = () => control.abort();
    [send.disabled, stop.hidden] = [true, false];
    await show(request(), control.signal, result, answer);
    [send.disabled, stop.hidden] = [false, true];
  });
  token.listeners.add(refresh);
  refresh();
  return form;
}

function field(api, operation, parameter) {
  const id = `${operation.operationId}-${parameter.name}`;
  const schema = resolve(api, parameter.schema);
  const input = h("input", { id, spellcheck: "false", autocomplete: "off" });
  if (parameter.name === "show") input.value = "demo";
  const hint = [typeOf(api, schema), parameter.description].filter(Boolean).join(". ");
  const label = h("label", { for: id }, parameter.name + (parameter.required ? "" : " (optional)"), input, h("small", null, inline(hint)));
  return { parameter, input, label };
}

function valid(fields, body, result) {
  const missing = fields.find(({ parameter, input }) => {
    const bad = parameter.required && !input.value;
    input.setAttribute("aria-invalid", String(Boolean(bad)));
    return bad;
  });
  if (missing) {
    result.textContent = `${missing.parameter.name} is needed.`;
    missing.input.focus();
    return false;
  }
  try {
    if (body?.value) JSON.parse(body.value);
  } catch (error) {
    result.textContent = `The body is not JSON: ${error.message}`;
    body.focus();
    return false;
  }
  return true;
}

function build(path, method, operation, fields, body) {
  const headers = {};
  const query = new URLSearchParams();
  let url = path;
  for (const { parameter, input } of fields) {
    const value = input.value;
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, value ? encodeURIComponent(value) : `{${parameter.name}}`);
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value && parameter.in === "header") headers[parameter.name] = value;
  }
  if (token.value && operation.security?.some((one) => Object.keys(one).length)) headers.Authorization = `Bearer ${token.value}`;
  if (body?.value) headers["Content-Type"] = "application/json";
  const search = query.toString();
  return { url: location.origin + url + (search ? `?${search}` : ""), method: method.toUpperCase(), headers, body: body?.value || undefined };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ url, method, headers, body }) {
  const parts = ["curl -i"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push(quoted(url));
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body) parts.push(`-d ${quoted(body.replace(/\s*\n\s*/g, " "))}`);
  return parts.join(" \\\n  ");
}

async function show({ url, ...request }, signal, result, answer) {
  const begun = performance.now();
  result.textContent = "Waiting for the answer…";
  answer.hidden = true;
  try {
    const response = await fetch(url, { ...request, signal, cache: "no-store" });
    const status = `${response.status} ${response.statusText} after ${Math.round(performance.now() - begun)} ms`;
    result.textContent = status;
    answer.hidden = false;
    answer.textContent = "";
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
      text += part.value;
      answer.textContent = head(response) + text.slice(0, MAX_SHOWN);
      if (text.length > MAX_SHOWN) {
        result.textContent = `${status}; only the first ${MAX_SHOWN} characters are shown`;
        await reader.cancel();
        break;
      }
    }
    answer.textContent = head(response) + pretty(response, text.slice(0, MAX_SHOWN));
  } catch (error) {
    result.textContent = signal.aborted ? "Stopped." : `No answer: ${error.message}. Is the server running?`;
  }
}

function head(response) {
  return `${[...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n`;
}

function pretty(response, text) {
  if (!/json$/.test((response.headers.get("content-type") ?? "").split(";")[0])) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
