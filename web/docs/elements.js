// Builds elements. Text of the description becomes text nodes only, never markup.

/** An HTML element. `on…` properties become listeners, the rest attributes. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text with `code` in backticks. */
export function inline(text) {
  return String(text ?? "").split(/(`[^`]+`)/).map((part) =>
    part.length > 2 && part.startsWith("`") && part.endsWith("`") ? h("code", null, part.slice(1, -1)) : part);
}

/** Paragraphs, separated by empty lines. */
export function paragraphs(text) {
  return String(text ?? "").split(/\n\s*\n/).filter((part) => part.trim()).map((part) => h("p", null, inline(part.replace(/\n/g, " "))));
}
