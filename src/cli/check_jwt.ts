/** Checks for `llm-proxy check` the providers whose tokens are valid as tokens of clients. */

import type { Config, JwtIssuer, JwtKeySet } from "../config/config.ts";
import { createHttp1Transport } from "../forwarding/transport/http1.ts";
import { SystemRoots } from "../forwarding/transport/system_roots.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import { messageOf } from "../text/error_text.ts";
import { systemClock } from "../time/clock.ts";
import { tableText } from "./table.ts";

/** A provider, and whether its keys can be used. */
export interface JwtCheck {
  readonly provider: string;
  readonly issuer: string;
  /** The claim `aud` that tokens need. */
  readonly audience: readonly string[];
  /** Whether the proxy can use the keys. `undefined` if they were not read. */
  readonly ok: boolean | undefined;
  /** The result of the check, as a text. */
  readonly detail: string | undefined;
}

/** Returns all providers of the configuration. With `online`, it reads the keys of each. */
export async function checkJwt(
  { auth, authorities }: Pick<Config, "auth" | "authorities">,
  { online }: { readonly online: boolean },
): Promise<JwtCheck[]> {
  const issuers = auth.mode === "token" ? auth.jwt ?? [] : [];
  if (issuers.length === 0) return [];
  const transport = createHttp1Transport(new SystemRoots(authorities));
  try {
    return await Promise.all(issuers.map(async (config) => {
      const found = online ? await check(config, transport) : undefined;
      const { name: provider, issuer, audiences: audience } = config;
      return { provider, issuer, audience, ok: found?.ok, detail: found?.detail };
    }));
  } finally {
    transport.close();
  }
}

async function check(
  issuer: JwtIssuer,
  transport: Transport,
): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const { publishedKeys } = await import("../people/oidc/published_keys.ts");
  try {
    const keys = await publishedKeys(issuer, { transport, clock: systemClock });
    const usable = usableKeys(keys, issuer);
    return usable > 0
      ? { ok: true, detail: `keys for signatures: ${usable}` }
      : { ok: false, detail: `no key for a signature with ${issuer.algorithms.join(", ")}` };
  } catch (error) {
    return { ok: false, detail: messageOf(error) };
  }
}

/** Returns how many keys can sign tokens with an algorithm of the configuration. */
function usableKeys({ keys }: JwtKeySet, { algorithms }: JwtIssuer): number {
  return keys.filter(({ kty, alg, use = "sig" }) =>
    kty !== "oct" && use === "sig" && (alg === undefined || algorithms.some((one) => one === alg))
  ).length;
}

/** Returns the checks as a table for people. Empty if there is no provider. */
export function jwtText(checks: readonly JwtCheck[]): string {
  if (checks.length === 0) return "";
  return `\nProviders whose tokens are valid (docs/sign-in.md#tokens-of-the-provider):\n${
    tableText(
      ["provider", "issuer", "audience", "usable", ""],
      checks.map(({ provider, issuer, audience, ok, detail = "" }) => [
        provider,
        issuer,
        audience.join(" "),
        ok === undefined ? "not checked" : ok ? "yes" : "no",
        detail,
      ]),
    )
  }`;
}
