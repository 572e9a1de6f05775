/** Decides who calls, and which credentials of the request must not travel on. */

import { type Credential, type CredentialPlace, KEY_HEADERS } from "./credential.ts";
import type { TokenCheck } from "./shared_token.ts";

/** Who calls: the name of the token, `shared` for the only one; or `anonymous`, where none is asked for. */
export type Principal = string;

/** What authentication found. */
export type Verdict =
  | {
    readonly admitted: true;
    readonly principal: Principal;
    /** Where the proxy's own token stood, which no upstream may see. */
    readonly tokenPlaces: ReadonlySet<CredentialPlace>;
  }
  | { readonly admitted: false; readonly message: string };

/** What has to be known of the endpoint that is addressed. */
export interface AuthenticationContext {
  /** Undefined: anybody may call. */
  readonly check: TokenCheck | undefined;
  /** The client's own credential goes upstream, so the proxy's token has to stand in `Proxy-Authorization`. */
  readonly passthrough: boolean;
}

/** Every place: all are withheld from a backend that gets a key of the proxy's, or none. */
export const EVERY_PLACE: ReadonlySet<CredentialPlace> = new Set([
  ...KEY_HEADERS,
  "proxy-authorization",
  "query",
  "subprotocol",
]);

/** Judges the credentials a request presents; any valid one admits. */
export function authenticate(presented: readonly Credential[], context: AuthenticationContext): Verdict {
  const { check, passthrough } = context;
  if (check === undefined) {
    return { admitted: true, principal: "anonymous", tokenPlaces: new Set() };
  }
  // Every one is checked, so that a token of the proxy standing in a second place is known and withheld too.
  const valid = presented.flatMap(({ place, value }) => {
    const holder = check(value);
    return holder === undefined ? [] : [{ place, holder }];
  });
  const admitting = valid.find(({ place }) => !passthrough || place === "proxy-authorization");
  if (admitting === undefined) return { admitted: false, message: refusal(presented, passthrough) };
  return {
    admitted: true,
    principal: admitting.holder,
    tokenPlaces: new Set(valid.map(({ place }) => place)),
  };
}

function refusal(presented: readonly Credential[], passthrough: boolean): string {
  if (passthrough) {
    return presented.some(({ place }) => place === "proxy-authorization")
      ? "The token in Proxy-Authorization is not valid for this proxy."
      : "This endpoint passes your own key on; send this proxy's token as Proxy-Authorization: Bearer <token>.";
  }
  if (presented.length === 0) {
    return "No token was sent. Use this proxy's token as the API key (Authorization: Bearer <token> or x-api-key).";
  }
  const places = [...new Set(presented.map(({ place }) => place))].join(", ");
  return `The token sent (${places}) is not valid for this proxy. Use the proxy's token, not the provider's key.`;
}
