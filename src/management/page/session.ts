/** The session of the page: whether the user is signed in. The page never stores the management token. */

import { fetchOrThrow, problemOf } from "./http.ts";

const SESSION = "/admin/session";

/** Whether the user is signed in or signed out. */
type SessionState = "in" | "out";
const listeners = new Set<(state: SessionState) => void>();
let waiting: (() => void)[] = [];

/** Calls `listener` at each change of the session. Returns a function that ends this. */
export function onSession(listener: (state: SessionState) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Asks the proxy whether the user is signed in. Throws an `ApiError` or `Unreachable`. */
export async function readSession(): Promise<boolean> {
  const response = await fetchOrThrow(SESSION, { headers: { "x-llm-proxy-unattended": "1" } });
  if (!response.ok) throw problemOf(response.status, await response.text());
  const { signed_in: isSignedIn } = await response.json();
  setState(isSignedIn === true ? "in" : "out");
  return isSignedIn === true;
}

/** Signs in with the management token. Throws the proxy's error where the proxy rejects the token. */
export async function signIn(token: string): Promise<void> {
  const response = await fetchOrThrow(SESSION, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw problemOf(response.status, await response.text());
  setState("in");
}

/** Ends the session at the proxy, and reloads the page. */
export async function signOut(): Promise<void> {
  await fetchOrThrow(SESSION, { method: "DELETE" });
  // The reload removes all data from the page.
  location.hash = "";
  location.reload();
}

/** Shows the sign-in dialog, and resolves once the user has signed in. */
export function waitForSignIn(): Promise<void> {
  setState("out");
  return new Promise((resolve) => waiting.push(resolve));
}

function setState(state: SessionState): void {
  for (const listener of listeners) listener(state);
  if (state !== "in") return;
  const resolvers = waiting;
  waiting = [];
  for (const resolve of resolvers) resolve();
}
