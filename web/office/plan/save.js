// Saves a plan as its next revision, and notices if somebody else has saved one meanwhile.

import { toApi } from "./document.js";

/** The tag of a plan that has no revision yet: who saves one first, wins. */
export const NO_REVISION = '"0-plan"';

const path = (plan) => `/v1/plans/${encodeURIComponent(plan)}`;

/** The latest revision of a plan: `{ plan, etag, revision }`, the plan in the API's form. */
export async function latest(call, id) {
  const { body, etag } = await call("GET", path(id));
  const { body: plan } = await call("GET", `${path(id)}/revisions/${body.revision}`);
  return { plan, etag, revision: body.revision };
}

/**
 * Saves `plan` after the revision that `etag` names. Returns `{ etag, revision, isNew }`, or `{ conflict }` with the revision that
 * somebody else has saved.
 */
export async function save(call, plan, etag, key) {
  try {
    const answer = await call("POST", "/v1/plans", { key, body: toApi(plan), headers: { "if-match": etag }, within: 120_000 });
    return { etag: answer.etag, revision: answer.body.revision, isNew: answer.status === 201 };
  } catch (error) {
    if (error.code !== "plan_changed") throw error;
    return { conflict: error.facts.revision };
  }
}
