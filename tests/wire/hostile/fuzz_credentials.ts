/**
 * Credentials for generated requests. Each is unlike any other text, so that finding one means that it
 * leaked.
 */

import { SECRETS } from "../../support/data/secrets.ts";

/** Two tokens of the proxy's. */
export const TOKENS = [SECRETS.proxyToken, "canary-second-token-64fe02ab"] as const;
/** What the client has from a provider; the proxy does not know it. */
export const CLIENT_KEY: string = SECRETS.clientKey;

/** What a configured origin may be sent. */
export interface UpstreamRule {
  readonly path: string;
  readonly keyField: string;
  /** The proxy's key for it; null: none; undefined: the client's own goes on. */
  readonly key: string | null | undefined;
}

/** Every origin there is, by its endpoint; `pair` has two. */
export const UPSTREAMS: Readonly<Record<string, Readonly<Record<string, UpstreamRule>>>> = {
  openai: { "https://openai.test": { path: "/v1", keyField: "authorization", key: SECRETS.openaiKey } },
  anthropic: { "https://anthropic.test": { path: "", keyField: "x-api-key", key: SECRETS.anthropicKey } },
  gemini: {
    "https://gemini.test": {
      path: "/base/v1beta",
      keyField: "x-goog-api-key",
      key: "canary-gemini-key-e2706b5d",
    },
  },
  azure: {
    "https://azure.test:8443": {
      path: "/deployments/x",
      keyField: "api-key",
      key: "canary-azure-key-0d4c8f91",
    },
  },
  own: { "https://own.test": { path: "/own/v1", keyField: "authorization", key: undefined } },
  local: { "http://local.test:8080": { path: "/api", keyField: "authorization", key: null } },
  pair: {
    "https://one.test": { path: "/one/v1", keyField: "authorization", key: "canary-first-of-pair-ab12c09e" },
    "https://two.test": { path: "/two", keyField: "x-api-key", key: "canary-second-of-pair-5f6e77d0" },
  },
};

/** The rules of every origin. */
export const RULES: ReadonlyMap<string, UpstreamRule> = new Map(
  Object.values(UPSTREAMS).flatMap((origins) => Object.entries(origins)),
);

/** The proxy's keys. */
export const PROVIDER_KEYS: readonly string[] = [...RULES.values()].flatMap(({ key }) => key ?? []);
