/** Reads the table `[auth]`: the tokens of clients. */

import { rulesOf } from "./limit_settings.ts";
import { injectsCredential } from "../credentials.ts";
import type { LimitSettings } from "../sources/file_schema.ts";
import type { KeyPath } from "../problem.ts";
import type { Resolver } from "./resolver.ts";
import type { AuthConfig, Endpoint, JwtIssuer, NamedToken } from "../config.ts";
import type { Section } from "./section.ts";
import { secretSchema } from "../values/values.ts";

/** The name of `PROXY_TOKEN` in logs and usage. */
export const SHARED = "shared";

/**
 * The beginnings of the ids of managed tokens and accounts. In sums of usage, these ids and the names of the
 * configuration are in the same column.
 */
const GENERATED_ID = /^(?:tok|jwt)_/;

/** Reads the tokens and `auth.mode`. The mode is undefined if the file does not set it. */
export function readTokens(
  resolver: Resolver,
  settings: Section<"auth"> | undefined,
): { tokens: NamedToken[]; mode: "token" | "none" | undefined } {
  const shared = resolver.resolve<string | undefined>(["auth", "token"], [
    resolver.variable("PROXY_TOKEN", secretSchema),
    resolver.inFile(["auth", "token"], settings?.token),
  ], { fallback: undefined, show: (token) => token === undefined ? "none" : "[redacted]" });
  const rules = rulesOf(settings?.limits);
  resolveLimits(resolver, ["auth", "limits"], settings?.limits);
  const tokens: NamedToken[] = shared === undefined
    ? []
    : [{ name: SHARED, token: shared, ...(rules && { rules }) }];
  if (rules !== undefined && shared === undefined) {
    resolver.report(["auth", "limits"], "limits PROXY_TOKEN, which is not set");
  }
  for (const [index, { name, token, limits }] of (settings?.tokens ?? []).entries()) {
    const at = ["auth", "tokens", index];
    if (name === undefined) {
      resolver.reportMissing([...at, "name"], "is missing: the name of the client with this token");
    }
    if (token === undefined) resolver.reportMissing([...at, "token"], "is missing");
    if (name === undefined || token === undefined) continue;
    if (GENERATED_ID.test(name)) {
      resolver.report(
        [...at, "name"],
        `${JSON.stringify(name)} begins like an id of a managed token (tok_) or an account (jwt_)`,
      );
    }
    if (tokens.some((other) => other.name === name)) {
      resolver.report([...at, "name"], `${JSON.stringify(name)} appears twice`);
    }
    if (tokens.some((other) => other.token === token)) {
      resolver.report([...at, "token"], "is the same as another token");
    }
    resolver.resolve([...at, "token"], [{ value: token, at: [...at, "token"] }], {
      fallback: token,
      show: () => `[redacted] (${name})`,
    });
    const own = rulesOf(limits);
    resolveLimits(resolver, [...at, "limits"], limits);
    tokens.push({ name, token, ...(own && { rules: own }) });
  }
  return { tokens, mode: settings?.mode };
}

/** Records limits for `llm-proxy check`. */
function resolveLimits(resolver: Resolver, at: KeyPath, limits: LimitSettings | undefined): void {
  if (limits !== undefined) resolver.resolve(at, [{ value: limits, at }], { fallback: limits });
}

/** Decides whether clients need a token, and reports a missing token. */
export function resolveAuth(
  resolver: Resolver,
  { tokens, jwt, mode, endpoints, hasFile, hasManagedTokens }: {
    tokens: readonly NamedToken[];
    jwt: readonly JwtIssuer[] | undefined;
    mode: "token" | "none" | undefined;
    endpoints: readonly Endpoint[];
    hasFile: boolean;
    /** Whether the management plane has tokens, so that the configuration needs none. */
    hasManagedTokens: boolean;
  },
): AuthConfig {
  const injecting = endpoints.find(({ backends }) => backends.some(injectsCredential));
  if (mode === "none" && tokens.length > 0) {
    resolver.report(["auth", "mode"], 'is "none", but a token is set: keep one of the two');
  }
  if (mode === "none" && jwt !== undefined) {
    resolver.report(["auth", "mode"], 'is "none", but [[auth.jwt]] has providers: keep one of the two');
  }
  const limited = tokens.findIndex(({ rules }) => rules !== undefined);
  if (limited !== -1 && !hasManagedTokens && !resolver.has("MANAGEMENT_TOKEN")) {
    const at = tokens[limited]?.name === SHARED ? ["auth", "limits"] : ["auth", "tokens"];
    resolver.report(at, "contains limits, which need the management plane: set MANAGEMENT_TOKEN");
  }
  const isNeeded = mode === "token" || mode === undefined && (!hasFile || injecting !== undefined);
  const isReported = resolver.has("PROXY_TOKEN") || resolver.hasProblemAt(["auth"]);
  if (tokens.length === 0 && isNeeded && !isReported && !hasManagedTokens) {
    const why = hasFile && injecting !== undefined
      ? `; without it, anyone could use the key of ${injecting.name} (auth.mode = "none" allows that)`
      : "";
    resolver.report("env PROXY_TOKEN", `is missing: the token that clients send to this proxy${why}`);
  }
  const requiresToken = tokens.length > 0 || hasManagedTokens && mode !== "none";
  const auth: AuthConfig = requiresToken
    ? { mode: "token", tokens, ...(jwt !== undefined && { jwt }) }
    : { mode: "none" };
  resolver.resolve(["auth", "mode"], [resolver.inFile(["auth", "mode"], mode)], { fallback: auth.mode });
  return auth;
}
