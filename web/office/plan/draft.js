// What was drawn and not saved yet, kept on this device: a tab that is closed or crashes loses nothing.

import { newKey } from "./document.js";

const PREFIX = "lastseat.plan-draft.";
/** A plan that has no revision yet has no id that is its own. */
export const NEW = "";

const keyOf = (plan) => PREFIX + plan;

/** The draft of a plan: `{ document, etag, revision }`, or undefined. */
export function draftOf(plan) {
  try {
    const { document, etag, revision } = JSON.parse(localStorage.getItem(keyOf(plan)) ?? "null");
    const own = (part) => ({ ...part, key: newKey() });
    return { document: { ...document, sections: document.sections.map(own), shapes: document.shapes.map(own) }, etag, revision };
  } catch {
    // None, storage that is switched off, or a form that this version does not know.
    return undefined;
  }
}

/** Returns whether it is kept: storage may be full or switched off. */
export function keepDraft(plan, draft) {
  try {
    localStorage.setItem(keyOf(plan), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(plan) {
  try {
    localStorage.removeItem(keyOf(plan));
  } catch {
    // See above.
  }
}

/** Ids of the plans that have a draft; `NEW` among them. */
export function drafts() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
