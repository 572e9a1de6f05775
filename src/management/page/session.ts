/** The session of the page: whether the user is signed in. The page never stores the management token. */

import { fetchOrThrow, problemOf } from "./http.ts";

/** The path of the session. */
export const SESSION = "/admin/session";

/** Whether the user is signed in or signed out. */
type SessionState = "in" | "out";
const listeners = new Set<(state: SessionState) => void>();
let waiting: (() => void)[] = [];

/** A provider with which people sign in. */
interface Provider {
  readonly title: string;
  readonly path: string;
}
let providers: readonly Provider[] = [];

/** The providers with which people sign in. */
export function signInProviders(): readonly Provider[] {
  return providers;
}

let passkeys: "ready" | "unused" | undefined;

/** Whether people can sign in with passkeys at this address: `ready` if there are some. */
export function knownPasskeys(): typeof passkeys {
  return passkeys;
}

/** Notes that there is a passkey. */
export function notePasskey(): void {
  passkeys = "ready";
}

/** Calls `listener` at each change of the session. Returns a function that ends this. */
export function onSession(listener: (state: SessionState) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Asks the proxy whether the user is signed in. Throws an `ApiError` or `Unreachable`. */
export async function readSession(): Promise<boolean> {
  const response = await fetchOrThrow(SESSION, { headers: { "x-llm-proxy-unattended": "1" } });
  if (!response.ok) throw problemOf(response.status, await response.text());
  const { signed_in: isSignedIn, providers: shown = [], passkeys: found } = await response.json();
  providers = shown;
  passkeys = found;
  setState(isSignedIn === true ? "in" : "out");
  return isSignedIn === true;
}

/** What a person signs in with: the management token, a name and a passphrase, or an invitation. */
export interface Credentials {
  readonly token?: string;
  readonly name?: string;
  readonly passphrase?: string;
  readonly invitation?: string;
}

/** The invitation in the address of the page, which servers and logs do not see; `undefined` without one. */
export function invitationOf(hash: string): string | undefined {
  return /^#invite=(\w+)$/.exec(hash)?.[1];
}

/**
 * Signs in. Calls `onAccepted` before any part of the page knows of the session. Throws the proxy's error
 * where the proxy rejects the credentials.
 */
export async function signIn(credentials: Credentials, onAccepted: () => void): Promise<void> {
  await signInAt(credentials.invitation === undefined ? "" : "/invitation", credentials, onAccepted);
}

/** Signs in with what a step below the session accepts. Throws like {@link signIn}. */
export async function signInAt(step: string, body: unknown, onAccepted = () => {}): Promise<void> {
  await post(step, body);
  onAccepted();
  setState("in");
}

/** Sends a body to a step below the session, without a session. Throws the proxy's error. */
export async function post(step: string, body: unknown): Promise<string> {
  const response = await fetchOrThrow(SESSION + step, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return text;
}

/** Ends the session at the proxy, and reloads the page. */
export async function signOut(): Promise<void> {
  const response = await fetchOrThrow(SESSION, { method: "DELETE" });
  // For a person of a provider, the proxy names the page where the session there ends.
  const ended = response.status === 200 ? await response.json() : undefined;
  if (ended !== undefined) return location.assign(ended.logout_url);
  // The reload removes all data from the page.
  location.hash = "";
  location.reload();
}

/** Why the page asks for a sign-in: the session has ended, or a change needs a fresh proof of the user. */
export type SignInReason = "ended" | "confirm";
let reason: SignInReason = "ended";

/** Why the page asks for a sign-in now. */
export function signInReason(): SignInReason {
  return reason;
}

/** Shows the sign-in dialog, and resolves once the user has signed in. */
export function waitForSignIn(why: SignInReason): Promise<void> {
  reason = why;
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
