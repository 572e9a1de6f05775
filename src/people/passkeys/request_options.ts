/** How a browser asks for a signature of a passkey. Strangers get this, so it needs no library. */

/** How long a browser waits for the person, in milliseconds. */
export const PASSKEY_TIMEOUT_MS = 240_000;

/** The options of WebAuthn, in the form that `PublicKeyCredential.parseRequestOptionsFromJSON` reads. */
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
  readonly timeout: number;
  readonly userVerification: "required";
}

/** The options for a signature by any passkey of a host. The person chooses one in the browser. */
export function requestOptions(
  { challenge, rpId }: { readonly challenge: string; readonly rpId: string },
): RequestOptions {
  return { challenge, rpId, timeout: PASSKEY_TIMEOUT_MS, userVerification: "required" };
}

/** What a passkey stores about its person: the id, which says nothing about them. */
export function userHandleOf(personId: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(personId);
}
