// Who works with a page for staff: an account's session in its cookie, or a token that somebody pasted.
//
// The token is kept in this tab only. With a session every command sends its CSRF token.

import { get, send } from "../api.js";

const KEY = "lastseat.staff-token";
/** Who worked here last, without anything that proves it: so that a page can be opened without a network. */
const LAST = "lastseat.staff-last";

/** @typedef {{ role: string, name: string, headers: Record<string, string>, token?: string }} Session */

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

/** @param {Session} session */
export async function signOut(session) {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(LAST);
  if (!session.token) await send("DELETE", "/v1/sessions/current", { headers: session.headers });
  location.reload();
}

function ofSession({ csrf_token: csrf, account: { role, email: name } }) {
  localStorage.setItem(LAST, JSON.stringify({ role, name }));
  return { role, name, headers: { "x-csrf-token": csrf } };
}

/** What a token says of its owner. Whether it is true, the server decides at every request. */
function ofToken(token) {
  let claims = {};
  try {
    claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    throw new Error("not a token");
  }
  return { role: claims.role ?? "buyer", name: claims.sub ?? "", headers: {}, token };
}

/** A request of the one who works here: `call("POST", "/v1/…", { body, key })`. */
export const callerOf = (session) => (method, path, options = {}) =>
  send(method, path, { ...options, token: session.token, headers: { ...session.headers, ...options.headers } });
