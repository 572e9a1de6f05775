/** Reads the public keys that a provider publishes for its tokens. */

import { keySetIn } from "../../config/read/jwt_settings.ts";
import type { JwtIssuer, JwtKeySet } from "../../config/config.ts";
import type { Transport } from "../../forwarding/transport/transport.ts";
import type { Clock } from "../../time/clock.ts";
import { outbound } from "./outbound.ts";
import { SignInFailure } from "./signed_in.ts";

/** The most keys of a provider. Usual ones publish two or three. */
const MAX_KEYS = 100;

/** What the request to a provider needs. */
export interface PublishedKeysParts {
  readonly transport: Pick<Transport, "send">;
  readonly clock: Pick<Clock, "after">;
}

/**
 * The keys of a provider: of its file, of its URL, or of the URL in its metadata (OpenID Connect Discovery).
 * Throws an `Error` that says what is wrong, after 20 seconds at the latest.
 */
export async function publishedKeys(issuer: JwtIssuer, parts: PublishedKeysParts): Promise<JwtKeySet> {
  const { keys, name: title, outbound: rules, caCerts } = issuer;
  if (keys.kind === "file") return keys.keys;
  const provider = { title, outbound: rules, ...(caCerts !== undefined && { caCerts }) };
  const send = outbound({ provider, ...parts });
  const read = async (url: string): Promise<string> => {
    try {
      const response = await send(url, { headers: { accept: "application/json" } });
      if (response.status === 200) return await response.text();
      throw new Error(`${withoutQuery(url)} answered with the status ${response.status}`);
    } catch (error) {
      if (!(error instanceof SignInFailure)) throw error;
      throw new Error(error.detail === undefined ? error.message : `${error.message} (${error.detail})`);
    }
  };
  const url = keys.kind === "url"
    ? keys.url
    : keysUrlIn(await read(metadataUrl(issuer.issuer)), issuer.issuer);
  const set = keySetIn(await read(url));
  if (set === undefined || set.keys.length === 0) {
    throw new Error(`${withoutQuery(url)} contains no list of keys`);
  }
  if (set.keys.length > MAX_KEYS) throw new Error(`${withoutQuery(url)} contains more than ${MAX_KEYS} keys`);
  return set;
}

/** A URL for messages. Its query can be a secret, and the URL can be from a provider. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function metadataUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** The URL of the keys in metadata. Throws if they are of another issuer. */
function keysUrlIn(text: string, issuer: string): string {
  let metadata: unknown;
  try {
    metadata = JSON.parse(text);
  } catch {
    throw new Error(`there is no provider at ${issuer}: check issuer, or set jwks_uri`);
  }
  if (typeof metadata !== "object" || metadata === null) throw new Error("the metadata are not an object");
  const named: unknown = Reflect.get(metadata, "issuer");
  const url: unknown = Reflect.get(metadata, "jwks_uri");
  if (named !== issuer) {
    throw new Error("the provider names itself differently: write issuer exactly like the provider");
  }
  if (typeof url !== "string" || !URL.canParse(url)) throw new Error("the metadata have no jwks_uri");
  return url;
}
