// Sends the visitor's requests, each under a key of its own. The same request again gets the same key while
// it is not known whether it was carried out, so that nothing is done twice.

import { newKey, Problem, send } from "./api.js";

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
    const answer = await send(method, path, { ...options, onwait: this.#onwait });
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
