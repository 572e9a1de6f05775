/** Whether somebody is signed in, for the whole page. The management token itself is never kept. */

import { fetchOrThrow, problemOf } from "./http.ts";

const SESSION = "/admin/session";

type State = "in" | "out";
const listeners = new Set<(state: State) => void>();
let waiting: (() => void)[] = [];

/** Calls back with each change; gives what ends it. */
export function onSession(listener: (state: State) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Asks the proxy whether somebody is. Throws where it does not answer. */
export async function readSession(): Promise<boolean> {
  const response = await fetchOrThrow(SESSION, { headers: { "x-llm-proxy-unattended": "1" } });
  if (!response.ok) throw problemOf(response.status, await response.text());
  const { signed_in: isSignedIn } = await response.json();
  become(isSignedIn === true ? "in" : "out");
  return isSignedIn === true;
}

/** Throws what the proxy says where it does not take the token. */
export async function signIn(token: string): Promise<void> {
  const response = await fetchOrThrow(SESSION, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw problemOf(response.status, await response.text());
  become("in");
}

/** Ends the session here and at the proxy. */
export async function signOut(): Promise<void> {
  await fetchOrThrow(SESSION, { method: "DELETE" });
  // What was seen is not left behind for the next one.
  location.hash = "";
  location.reload();
}

/** Asks for the token, and resolves once somebody has given it. */
export function signedInAgain(): Promise<void> {
  become("out");
  return new Promise((resolve) => waiting.push(resolve));
}

function become(state: State): void {
  for (const listener of listeners) listener(state);
  if (state !== "in") return;
  const resolvers = waiting;
  waiting = [];
  for (const resolve of resolvers) resolve();
}
