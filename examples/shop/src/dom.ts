// Elements without markup strings: what comes from the server only ever becomes text.

type Props = Record<string, string | boolean | ((event: Event) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props, ...children: (Node | string)[]): HTMLElementTagNameMap[K];
export function h(tag: string, props: Props, ...children: (Node | string)[]): HTMLElement;
export function h(tag: string, props: Props, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export function show(...children: (Node | string)[]): void {
  document.getElementById("page")?.replaceChildren(...children);
}

export function say(text: string): void {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
}
