/** Tokens of providers as tokens of clients. Their code is loaded only if a provider is configured. */

import { type ClientJwt, type JwtAccess, mayBeJwt, type VerifiedTokens } from "../auth/jwt/client_jwt.ts";
import type { JwtTokens } from "../auth/jwt/jwt_tokens.ts";
import type { JwtIssuer } from "../config/config.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import type { Log } from "../observability/log.ts";
import type { Clock } from "../time/clock.ts";

/** What {@link ProviderTokens} needs. */
export interface ProviderTokensParts {
  readonly access: JwtAccess;
  readonly transport: Pick<Transport, "send">;
  readonly clock: Clock;
  readonly log: Log;
  /** The tokens under the configuration before, which is a reload. */
  readonly before: ProviderTokens | undefined;
}

const NOTHING: VerifiedTokens = { results: new Map(), why: undefined };

/** Verifies tokens of the providers of one configuration. It begins to read their keys at once. */
export class ProviderTokens implements ClientJwt {
  /** The providers as text, by which a reload finds out whether they have changed. */
  readonly settings: string;
  readonly #opening: Promise<JwtTokens>;
  #tokens: JwtTokens | undefined;
  #isClosed = false;

  constructor(issuers: readonly JwtIssuer[], parts: ProviderTokensParts) {
    this.settings = JSON.stringify(issuers);
    this.#opening = openTokens(issuers, { ...parts, before: parts.before?.tokens });
    this.#opening.then((tokens) => {
      this.#tokens = tokens;
      if (this.#isClosed) tokens.close();
    }, () => {/* Each request that needs the code fails with the reason. */});
  }

  /** The tokens, as soon as their code is loaded. */
  get tokens(): JwtTokens | undefined {
    return this.#tokens;
  }

  verify(values: readonly string[]): VerifiedTokens | Promise<VerifiedTokens> | undefined {
    if (this.#tokens !== undefined) return this.#tokens.verify(values);
    if (!values.some(mayBeJwt)) return undefined;
    return this.#opening.then((tokens) => tokens.verify(values) ?? NOTHING);
  }

  /** Reads no more keys. Requests that run are still verified. */
  close(): void {
    this.#isClosed = true;
    this.#tokens?.close();
  }
}

async function openTokens(
  issuers: readonly JwtIssuer[],
  { access, transport, clock, log, before }:
    & Omit<ProviderTokensParts, "before">
    & { readonly before: JwtTokens | undefined },
): Promise<JwtTokens> {
  const [{ JwtTokens }, { publishedKeys }] = await Promise.all([
    import("../auth/jwt/jwt_tokens.ts"),
    import("../people/oidc/published_keys.ts"),
  ]);
  return new JwtTokens(issuers, {
    access,
    clock,
    before,
    load: (issuer) => publishedKeys(issuer, { transport, clock }),
    onKeys: ({ name }, { kind, detail }) =>
      log(kind === "failing" ? "warn" : "info", `jwt_keys_${kind}`, {
        detail: detail === undefined ? name : `${name}: ${detail}`,
      }),
    onUnknownProject: ({ name }, project) =>
      log("warn", "jwt_project_unknown", {
        detail: `there is no project ${JSON.stringify(project)}, which [[auth.jwt]] ${name} names`,
      }),
  });
}
