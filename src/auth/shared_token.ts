import { createHash, timingSafeEqual } from "node:crypto";

/** Tells whether a presented value is the proxy's one shared token. */
export type TokenCheck = (candidate: string) => boolean;

/**
 * A check against the shared `PROXY_TOKEN`. Hashes are compared, in constant time, so that neither the
 * token's length nor how much of it was right shows in the time an answer takes.
 */
export function sharedTokenCheck(token: string): TokenCheck {
  const expected = sha256(token);
  return (candidate) => timingSafeEqual(sha256(candidate), expected);
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
