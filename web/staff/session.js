// Who works with a page for staff: an account's session in its cookie, or a token that somebody pasted.
//
// The token is kept in this tab only. With a session every command sends its CSRF token.

import { get, send } from "../api.js";

const KEY = "lastseat.staff-token";
/** Who worked here last, without anything that proves it: so that a page can be opened without a network. */
const LAST = "lastseat.staff-last";

/** @typedef {{ role: string, name: string, headers: Record<string, string>, token?: string, ended?: Error }} Session `ended`: the answer that says so */

/**
 * Who works here, or undefined if nobody has signed in.
 * @returns {Promise<Session | undefined>}
 */
export async function current() {
  const token = sessionStorage.getItem(KEY);
  if (token) return ofToken(token);
  try {
    return ofSession(await get("/v1/sessions/current", { patience: 2_000, within: 5_000 }));
  } catch (error) {
    // Nobody, or a server without accounts: tokens work there.
    if ([401, 403, 404].includes(error.status)) return undefined;
    const last = JSON.parse(localStorage.getItem(LAST) ?? "null");
    if (last) return { ...last, headers: {} };
    throw error;
  }
}

/** Signs in with an account of this server. */
export async function signIn(email, password) {
  const { body } = await send("POST", "/v1/sessions", { body: { email, password } });
  sessionStorage.removeItem(KEY);
  return ofSession(body);
}

/** Works with a token from now on, in this tab. */
export function useToken(token) {
  const session = ofToken(token.trim());
  sessionStorage.setItem(KEY, token.trim());
  return session;
}

/**
 * Ends the session, and forgets who worked here. Throws if the server has not ended it: the next one at this screen would go on with it.
 *
 * @param {Session} session
 */
export async function signOut(session) {
  if (!session.token) {
    try {
      await callerOf(session)("DELETE", "/v1/sessions/current", { patience: 5_000, within: 5_000 });
    } catch (error) {
      // 401: it has ended already.
      if (error.status !== 401) throw error;
    }
  }
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(LAST);
  location.reload();
}

function ofSession({ csrf_token: csrf, account: { role, email: name } }) {
  localStorage.setItem(LAST, JSON.stringify({ role, name }));
  return { role, name, headers: { "x-csrf-token": csrf } };
}

/** What a token says of its owner. Whether it is true, the server decides at every request. */
function ofToken(token) {
  let claims;
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    claims = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Error("not a token");
  }
  return { role: claims?.role ?? "buyer", name: claims?.sub ?? "", headers: {}, token };
}

/**
 * Requests of the one who works here: `call("POST", "/v1/…", { body, key })`.
 *
 * Once the server has said that the session has ended, nothing is sent any more until somebody has signed in again: a hold without a
 * session would be a guest's. `again` asks for that, changes the session and returns true, or returns false if nobody wants to.
 *
 * @param {Session} session
 * @param {(() => Promise<boolean>) | undefined} [again]
 */
export function callerOf(session, again) {
  const request = (method, path, options) => send(method, path, { ...options, token: session.token, headers: { ...session.headers, ...options.headers } });

  return async (method, path, options = {}) => {
    if (session.ended && (method === "GET" || !(await again?.()))) throw session.ended;
    for (let renewed = false; ; ) {
      try {
        return await request(method, path, options);
      } catch (error) {
        const isForged = error.code === "csrf_token_invalid";
        if (isForged && !renewed && (await renew(session))) {
          renewed = true;
          continue;
        }
        if (!again || !(error.status === 401 || isForged)) throw error;
        session.ended = error;
        if (!(await again())) throw error;
      }
    }
  };
}

/** Takes the CSRF token of the session that the browser has by now. False if it is somebody else's. */
async function renew(session) {
  if (session.token) return false;
  const { csrf_token: csrf, account } = await get("/v1/sessions/current");
  if (account.email !== session.name) return false;
  session.headers = { "x-csrf-token": csrf };
  return true;
}
