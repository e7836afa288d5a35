// Shows a JSON schema of the description as a table of members, and makes an example of it.

import { h, inline } from "./elements.js";

/** Follows a reference; a description beside it wins. */
export function resolve(api, schema) {
  if (!schema?.$ref) return schema ?? {};
  const target = schema.$ref.replace(/^#\//, "").split("/").reduce((at, key) => at?.[key], api) ?? {};
  return { ...resolve(api, target), ...(schema.description ? { description: schema.description } : {}), $name: schema.$ref.split("/").pop() };
}

/** The schema without the choice of `null`. */
function present(api, schema) {
  const full = resolve(api, schema);
  const choices = full.oneOf?.filter((choice) => choice.type !== "null");
  if (choices?.length === 1) return { ...resolve(api, choices[0]), ...(full.description ? { description: full.description } : {}) };
  return full;
}

function kind(schema) {
  const types = [schema.type].flat().filter((type) => type && type !== "null");
  return types[0] ?? (schema.properties ? "object" : schema.oneOf ? "one of" : "any");
}

/** The type in words, such as "list of string (uuid), 1 to 10". */
export function typeOf(api, schema) {
  const full = present(api, schema);
  let text = kind(full);
  if (text === "array") text = `list of ${typeOf(api, full.items ?? {})}`;
  if (full.format && !/^u?int/.test(full.format)) text += ` (${full.format})`;
  if (full.enum) text += `: ${full.enum.map((value) => `\`${value}\``).join(", ")}`;
  const [low, high] = [full.minimum ?? full.minItems ?? full.minLength, full.maximum ?? full.maxItems ?? full.maxLength];
  if (low !== undefined && high !== undefined) text += `, ${low} to ${high}`;
  else if (low !== undefined) text += `, at least ${low}`;
  else if (high !== undefined) text += `, at most ${high}`;
  if (full.maxLength || full.minLength) text += " characters";
  if (full.default !== undefined) text += `, \`${full.default}\` if absent`;
  return text;
}

/** An example of a schema: its own, or one made of its members. */
export function example(api, schema, depth = 0) {
  const full = present(api, schema);
  if (full.example !== undefined) return full.example;
  if (full.examples?.length) return full.examples[0];
  if (full.default !== undefined) return full.default;
  if (full.enum) return full.enum[0];
  if (full.oneOf && !full.properties) return example(api, full.oneOf[0], depth);
  switch (kind(full)) {
    case "object": {
      const result = {};
      if (depth > 4) return result;
      const all = Object.entries(full.properties ?? {});
      for (const [name, member] of all) result[name] = example(api, member, depth + 1);
      return result;
    }
    case "array": return [example(api, full.items ?? {}, depth + 1)];
    case "integer": case "number": return full.minimum ?? 1;
    case "boolean": return false;
    default:
      if (full.format === "date-time") return "2030-06-01T19:30:00Z";
      if (full.format === "uuid") return "0197a6a4-5b0e-7c3a-9d52-3f1f0c4f7c11";
      return "text";
  }
}

/** The members of an object or of a list's items as a table; nothing for plain values. */
export function members(api, schema, caption) {
  let full = present(api, schema);
  if (kind(full) === "array") full = present(api, full.items);
  if (full.oneOf && !full.properties) return full.oneOf.map((choice, index) => choiceOf(api, choice, index));
  const entries = Object.entries(full.properties ?? {});
  if (!entries.length) return h("p", null, inline(typeOf(api, schema)));
  return h("table", null,
    caption && h("caption", null, inline(caption)),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Member"), h("th", { scope: "col" }, "Type"), h("th", { scope: "col" }, "Meaning"))),
    h("tbody", null, entries.map(([name, member]) => row(api, name, member, full.required?.includes(name)))));
}

/** One of several forms that a value may have. */
function choiceOf(api, choice, index) {
  const full = resolve(api, choice);
  return [h("p", null, h("strong", null, index > 0 ? "Or: " : "Either: "), inline(full.description ?? choice.title)), members(api, choice)];
}

function row(api, name, member, required) {
  const full = present(api, member);
  const inner = kind(full) === "array" ? present(api, full.items) : full;
  return h("tr", null,
    h("td", null, h("code", null, name), required ? "" : h("span", { class: "soft" }, " optional")),
    h("td", null, inline(typeOf(api, member))),
    h("td", null, inline(full.description),
      inner.properties && h("details", null, h("summary", null, "Members of ", h("code", null, name)), members(api, inner))));
}
