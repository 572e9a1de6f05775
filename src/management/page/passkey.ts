/** Asks the browser for passkeys (WebAuthn). */

import { send } from "./api.ts";
import { knownPasskeys, notePasskey, post, SESSION, signInAt, signInReason } from "./session.ts";

/** Whether people can sign in with passkeys here: `ready` if there are some; `undefined` if they cannot. */
export function passkeyState(): ReturnType<typeof knownPasskeys> {
  // Browsers have this since 2025, and over plain HTTP only at localhost.
  return "parseRequestOptionsFromJSON" in (globalThis.PublicKeyCredential ?? {})
    ? knownPasskeys()
    : undefined;
}

/** Signs in with a passkey, or confirms with it who the user is. Throws the proxy's or browser's error. */
export async function signInWithPasskey(): Promise<void> {
  const { options } = JSON.parse(await post("/passkey/begin", {}));
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const passkey = await chosen(navigator.credentials.get({ publicKey }));
  await signInAt(signInReason() === "confirm" ? "/passkey/confirm" : "/passkey", { passkey });
}

/** Makes a passkey and adds it to the user. Throws like {@link signInWithPasskey}. */
export async function addPasskey(name: string): Promise<void> {
  const path = `${SESSION}/passkeys`;
  const { body } = await send<{ options: PublicKeyCredentialCreationOptionsJSON }>(
    "POST",
    `${path}/begin`,
    {},
  );
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(body.options);
  const passkey = await chosen(navigator.credentials.create({ publicKey }));
  await send("POST", path, { body: { name, passkey } });
  notePasskey();
}

/** What the browser made with the passkey that the user chose, for a request. */
async function chosen(asked: Promise<Credential | null>): Promise<unknown> {
  try {
    // A request for a public key gives no other credential.
    return (await asked as PublicKeyCredential | null)?.toJSON();
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotAllowedError") {
      throw new Error("The browser gave no passkey: the request was cancelled, or took too long.");
    }
    throw error;
  }
}
