// Builds elements without markup strings: what comes from the server can only ever become text or an
// attribute value, never an element.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `on…` properties become listeners, `data` the dataset, the rest attributes. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Replaces the children of `parent` and keeps the focus on the control with the same `data-key`. If
 * that control is gone or disabled, the focus goes to the first heading: someone who works by keyboard
 * must not be thrown to the top of the page. A child that is drawn again stays where it is.
 */
export function redraw(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : undefined;
  const key = focused?.dataset.key;
  replaceAround(parent, children.flat(2).filter(Boolean));
  if (!focused || focused === document.activeElement) return;
  const control = key && parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (control && !control.disabled && !control.closest("fieldset:disabled")) control.focus({ preventScroll: true });
  else focusHeading(parent);
}

// A control that is drawn again while a mouse presses it would not be clicked: its successor is where the button goes up, and not where it went
// down. Fingers need nothing: a browser looks for what they tap when they leave.
let pressed;
const controlOf = ({ target }) => target.closest?.("[data-key]");
window.addEventListener("pointerdown", (event) => (pressed = event.pointerType === "mouse" && event.button === 0 ? controlOf(event) : undefined), true);
window.addEventListener("pointerup", (event) => {
  const control = controlOf(event);
  if (pressed?.isConnected === false && control?.dataset.key === pressed.dataset.key) control.click();
  pressed = undefined;
}, true);

/** Like `replaceChildren`, but a child that stays never leaves the document: a frame in it would load again. */
function replaceAround(parent, children) {
  const stays = children.find((child) => child.parentNode === parent);
  if (!stays) return parent.replaceChildren(...children);
  for (const child of [...parent.childNodes]) if (child !== stays) child.remove();
  const place = children.indexOf(stays);
  stays.before(...children.slice(0, place));
  stays.after(...children.slice(place + 1));
}

export function focusHeading(parent) {
  const heading = parent.querySelector("h2, h3");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

/** Reads a sentence out to screen readers. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** @returns {any} the element, as the page has it */
export const byId = (id) => document.getElementById(id);

export const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
