// Sends the visitor's requests, each under a key of its own. The same request again gets the same key while
// it is not known whether it was carried out, so that nothing is done twice.

import { get, newKey, Problem, send } from "./api.js";

export class Requests {
  #onwait;
  /** The request that was never answered, with its key. */
  #unanswered;

  /** `onwait` is called when an answer takes long. */
  constructor(onwait) {
    this.#onwait = onwait;
  }

  /** The key of a request, `{ command, body }`: the same as before if the same request was never answered. */
  keyOf({ command, body }) {
    return this.#unanswered?.command === command && this.#unanswered.body === body ? this.#unanswered.key : newKey();
  }

  async send(method, path, options) {
    const answer = await sendAsSession(method, path, { ...options, onwait: this.#onwait });
    this.#unanswered = undefined;
    return answer;
  }

  /** A request has failed: remembers its key if it may have been carried out. */
  failed(request, key, error) {
    this.#unanswered = isDecided(error) ? undefined : { ...request, key };
  }
}

/** Whether the server has said that the request was not, and will not be, carried out. */
export function isDecided(error) {
  return error instanceof Problem && error.status < 500 && error.code !== "idempotency_in_flight";
}

/** Whether a refusal asks for a solved challenge, or for another one. */
export function asksForChallenge(error) {
  return error instanceof Problem && (error.code === "challenge_required" || error.code === "challenge_failed");
}

/** The browser adds the cookie of an account's session by itself; commands need its CSRF token as well. Guests have none, and are asked for none. */
async function sendAsSession(method, path, options) {
  try {
    return await send(method, path, options);
  } catch (error) {
    if (error.code !== "csrf_token_invalid" || options.headers?.["x-csrf-token"]) throw error;
    const { csrf_token } = await get("/v1/sessions/current");
    return send(method, path, { ...options, headers: { ...options.headers, "x-csrf-token": csrf_token } });
  }
}
