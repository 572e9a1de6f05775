/** The table `[auth]`: who may call. */

import { rulesOf } from "./limit_settings.ts";
import { injectsCredential } from "../credentials.ts";
import type { LimitSettings } from "../sources/file_schema.ts";
import type { KeyPath } from "../problem.ts";
import type { Resolver } from "./resolver.ts";
import type { AuthConfig, Endpoint, NamedToken } from "../config.ts";
import type { Section } from "./section.ts";
import { secretSchema } from "../values/values.ts";

/** The name under which the one token is logged. */
export const SHARED = "shared";

/** The tokens, and the mode where it is said. */
export function readTokens(
  resolver: Resolver,
  settings: Section<"auth"> | undefined,
): { tokens: NamedToken[]; mode: "token" | "none" | undefined } {
  const shared = resolver.settle<string | undefined>(["auth", "token"], [
    resolver.variable("PROXY_TOKEN", secretSchema),
    resolver.inFile(["auth", "token"], settings?.token),
  ], { fallback: undefined, show: (token) => token === undefined ? "none" : "[redacted]" });
  const rules = rulesOf(settings?.limits);
  settleLimits(resolver, ["auth", "limits"], settings?.limits);
  const tokens: NamedToken[] = shared === undefined
    ? []
    : [{ name: SHARED, token: shared, ...(rules && { rules }) }];
  if (rules !== undefined && shared === undefined) {
    resolver.report(["auth", "limits"], "limits PROXY_TOKEN, which is not set");
  }
  for (const [index, { name, token, limits }] of (settings?.tokens ?? []).entries()) {
    const at = ["auth", "tokens", index];
    if (name === undefined) resolver.reportMissing([...at, "name"], "is missing: who holds this token");
    if (token === undefined) resolver.reportMissing([...at, "token"], "is missing");
    if (name === undefined || token === undefined) continue;
    if (tokens.some((other) => other.name === name)) {
      resolver.report([...at, "name"], `${JSON.stringify(name)} stands twice`);
    }
    if (tokens.some((other) => other.token === token)) {
      resolver.report([...at, "token"], "is the same as another token");
    }
    resolver.settle([...at, "token"], [{ value: token, at: [...at, "token"] }], {
      fallback: token,
      show: () => `[redacted] (${name})`,
    });
    const own = rulesOf(limits);
    settleLimits(resolver, [...at, "limits"], limits);
    tokens.push({ name, token, ...(own && { rules: own }) });
  }
  return { tokens, mode: settings?.mode };
}

/** Notes limits, where there are any, for those who want to see every value. */
function settleLimits(resolver: Resolver, at: KeyPath, limits: LimitSettings | undefined): void {
  if (limits !== undefined) resolver.settle(at, [{ value: limits, at }], { fallback: limits });
}

/** Decides who may call, and reports what that lacks. */
export function settleAuth(
  resolver: Resolver,
  { tokens, mode, endpoints, hasFile, hasManagedTokens }: {
    tokens: readonly NamedToken[];
    mode: "token" | "none" | undefined;
    endpoints: readonly Endpoint[];
    hasFile: boolean;
    /** Tokens are handed out by the management plane, so that none has to be configured. */
    hasManagedTokens: boolean;
  },
): AuthConfig {
  const injecting = endpoints.find(({ backends }) => backends.some(injectsCredential));
  if (mode === "none" && tokens.length > 0) {
    resolver.report(["auth", "mode"], '"none" stands beside a token: keep one of the two');
  }
  const limited = tokens.findIndex(({ rules }) => rules !== undefined);
  if (limited !== -1 && !hasManagedTokens && !resolver.has("MANAGEMENT_TOKEN")) {
    const at = tokens[limited]?.name === SHARED ? ["auth", "limits"] : ["auth", "tokens"];
    resolver.report(at, "holds limits, which need the management plane: set MANAGEMENT_TOKEN");
  }
  const isNeeded = mode === "token" || mode === undefined && (!hasFile || injecting !== undefined);
  const isReported = resolver.has("PROXY_TOKEN") || resolver.hasProblemAt(["auth"]);
  if (tokens.length === 0 && isNeeded && !isReported && !hasManagedTokens) {
    const why = hasFile && injecting !== undefined
      ? `, or anybody could use the key of ${injecting.name}; auth.mode = "none" allows that`
      : "";
    resolver.report("env PROXY_TOKEN", `is missing: the token that clients of this proxy present${why}`);
  }
  const asksForToken = tokens.length > 0 || hasManagedTokens && mode !== "none";
  const auth: AuthConfig = asksForToken ? { mode: "token", tokens } : { mode: "none" };
  resolver.settle(["auth", "mode"], [resolver.inFile(["auth", "mode"], mode)], { fallback: auth.mode });
  return auth;
}
