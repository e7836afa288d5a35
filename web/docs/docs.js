// The documentation page: renders /openapi.json by resource. Plain links and details elements, so that
// it works by keyboard and with a screen reader without further code.

import { h, inline, paragraphs } from "./elements.js";
import { example, members, resolve, typeOf } from "./schema.js";
import { token, tryIt } from "./try.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const status = document.getElementById("status");

try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  render(await response.json());
} catch (error) {
  status.textContent = `The description of the API can't be loaded: ${error.message}. Reload the page to try again.`;
}

function render(api) {
  const groups = byTag(api);
  document.getElementById("nav").append(navigation(groups));
  status.replaceWith(...introduction(api), ...groups.map(({ tag, operations }) => section(api, tag, operations)));
  openTarget();
  addEventListener("hashchange", openTarget);
}

function byTag(api) {
  const groups = new Map((api.tags ?? []).map((tag) => [tag.name, { tag, operations: [] }]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const name = operation.tags?.[0] ?? "other";
      if (!groups.has(name)) groups.set(name, { tag: { name }, operations: [] });
      groups.get(name).operations.push({ path, method, operation });
    }
  }
  return [...groups.values()].filter(({ operations }) => operations.length);
}

function navigation(groups) {
  const narrow = matchMedia("(max-width: 50rem)").matches;
  return h("details", { open: !narrow }, h("summary", null, "All operations"),
    groups.map(({ tag, operations }) => [h("h2", null, tag.name),
      h("ul", null, operations.map(({ path, method, operation }) =>
        h("li", null, h("a", { href: `#${operation.operationId}` }, badge(method), " ", title(operation, path)))))]));
}

function badge(method) {
  return h("span", { class: `method ${method}` }, method.toUpperCase());
}

function title(operation, path) {
  return (operation.operationId ?? path).replaceAll("_", " ");
}

function introduction(api) {
  const input = h("input", { id: "token", spellcheck: "false", autocomplete: "off", oninput: (event) => token.set(event.target.value) });
  return [h("div", null, paragraphs(api.info.description)),
    h("div", { class: "token" }, h("label", { for: "token" }, "Token for trying operations",
      input, h("small", null, inline("A booking's token, or a JWT: `lastseat token --sub NAME --role ROLE` prints one. It stays in this tab."))))];
}

function section(api, tag, operations) {
  return h("section", { "aria-labelledby": `tag-${tag.name}` },
    h("h2", { id: `tag-${tag.name}` }, tag.name), paragraphs(tag.description),
    operations.map(({ path, method, operation }) => article(api, path, method, operation)));
}

/** An operation. Its inside is built when it is first opened. */
function article(api, path, method, operation) {
  const needs = (operation.security ?? []).flatMap((one) => Object.keys(one));
  const optional = operation.security?.some((one) => !Object.keys(one).length);
  const details = h("details", null, h("summary", null, h("h3", null, badge(method), " ", h("span", { class: "path" }, path)),
    needs.length > 0 && h("span", { class: "lock" }, optional ? "token optional" : "token needed"),
    h("span", { class: "summary" }, inline(operation.summary))));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(inside(api, path, method, operation));
  });
  return h("article", { class: "operation", id: operation.operationId }, details);
}

function inside(api, path, method, operation) {
  return h("div", { class: "inside" },
    paragraphs(operation.description), security(api, operation), parameters(api, operation), body(api, operation),
    h("h4", null, "Try it"), tryIt(api, path, method, operation),
    h("h4", null, "Answers"), answers(api, operation));
}

function security(api, operation) {
  const names = [...new Set((operation.security ?? []).flatMap((one) => Object.keys(one)))];
  return names.length > 0 && [h("h4", null, "Token"),
    h("ul", null, names.map((name) => h("li", null, h("code", null, name), ": ", inline(api.components.securitySchemes[name]?.description))))];
}

function parameters(api, operation) {
  const all = operation.parameters ?? [];
  return all.length > 0 && [h("h4", null, "Parameters"), h("table", null,
    h("thead", null, h("tr", null, ["Name", "Type", "Meaning"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", null, all.map((parameter) => h("tr", null,
      h("td", null, h("code", null, parameter.name), h("span", { class: "soft" }, ` ${parameter.in}${parameter.required ? "" : ", optional"}`)),
      h("td", null, inline(typeOf(api, parameter.schema))),
      h("td", null, inline(parameter.description))))))];
}

function body(api, operation) {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  return schema && [h("h4", null, "Body"), paragraphs(resolve(api, schema).description), members(api, schema),
    h("details", null, h("summary", null, "Example of a body"), json(example(api, schema)))];
}

function json(value) {
  return h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}

function answers(api, operation) {
  return h("table", null,
    h("thead", null, h("tr", null, ["Status", "Meaning"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", null, Object.entries(operation.responses).map(([code, response]) =>
      h("tr", null, h("td", null, h("code", null, code)), h("td", null, meaning(api, resolve(api, response)))))));
}

function meaning(api, response) {
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
  if (type === "application/problem+json") return problems(response.description);
  return [paragraphs(response.description), type && h("p", { class: "soft" }, type),
    content?.schema && type !== "text/event-stream" && h("details", null, h("summary", null, "Members and example"),
      members(api, content.schema), /json/.test(type) && json(example(api, content.schema)))];
}

/** The codes of a status, each with a link to its page. */
function problems(text) {
  return h("ul", null, text.split(/\n\n/).map((line) => {
    const [, code, rest] = line.match(/^`([a-z_]+)`(.*)$/s) ?? [];
    return h("li", null, code ? [h("a", { href: `/problems/${code}` }, h("code", null, code)), inline(rest)] : inline(line));
  }));
}

/** Opens the operation that the address names. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target?.querySelector("details");
  if (!details) return;
  details.open = true;
  target.scrollIntoView();
  details.querySelector("summary").focus({ preventScroll: true });
}
