/**
 * Prints for `llm-proxy check` what to register at the providers of the sign-in, and checks the providers.
 */

import type { Config, SignInProvider } from "../config/config.ts";
import { createHttp1Transport } from "../forwarding/transport/http1.ts";
import { SystemRoots } from "../forwarding/transport/system_roots.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import type { ProviderCheck } from "../people/oidc/check_provider.ts";
import { SCIM_PATH } from "../management/scim/scim_path.ts";
import { systemClock } from "../time/clock.ts";
import { postLogoutUri, redirectUri } from "../people/oidc/return_path.ts";
import { tableText } from "./table.ts";

/** A provider, and the addresses that the administrator registers there. */
export interface SignInCheck {
  readonly provider: string;
  readonly issuer: string;
  /** The redirect URI to register, which some providers call callback URL. */
  readonly redirectUri: string;
  /** The address to register for the time after the sign-out, if the provider has a field for it. */
  readonly logoutUri: string;
  /** The base URL for SCIM of the directory of the provider; `undefined` without a directory. */
  readonly scimUrl: string | undefined;
  /** Whether the provider can be used. `undefined` if it was not checked. */
  readonly ok: boolean | undefined;
  /** The result of the check, as a text. */
  readonly detail: string | undefined;
}

/** Returns all providers of the configuration. With `online`, it reads the metadata of each. */
export async function checkSignIn(
  { management, authorities }: Pick<Config, "management" | "authorities">,
  { online }: { readonly online: boolean },
): Promise<SignInCheck[]> {
  const { signIn, scim } = management ?? {};
  if (signIn === undefined) return [];
  const transport = createHttp1Transport(new SystemRoots(authorities));
  try {
    return await Promise.all(signIn.providers.map(async (provider) => {
      const checked = online ? await check(provider, transport) : undefined;
      return {
        provider: provider.name,
        issuer: provider.issuer,
        redirectUri: redirectUri(signIn.publicUrl, provider.name),
        logoutUri: postLogoutUri(signIn.publicUrl),
        scimUrl: scim?.provider === provider.name ? signIn.publicUrl + SCIM_PATH : undefined,
        ok: checked?.ok,
        detail: checked?.detail,
      };
    }));
  } finally {
    transport.close();
  }
}

/** Loads the library of the sign-in, which other checks do not need. */
async function check(provider: SignInProvider, transport: Transport): Promise<ProviderCheck> {
  const { checkProvider } = await import("../people/oidc/check_provider.ts");
  return await checkProvider(provider, { transport, clock: systemClock });
}

/** Returns the checks as tables for people. Empty if there is no provider. */
export function signInText(checks: readonly SignInCheck[]): string {
  if (checks.length === 0) return "";
  const registered = tableText(
    ["sign-in", "register as redirect URI", "and for the sign-out"],
    checks.map(({ provider, redirectUri, logoutUri }) => [provider, redirectUri, logoutUri]),
  );
  const checked = checks.filter(({ ok }) => ok !== undefined);
  const found = checked.length === 0 ? "" : `\n${
    tableText(
      ["sign-in", "usable", "issuer", ""],
      checked.map(({ provider, ok, issuer, detail = "" }) => [provider, ok ? "yes" : "no", issuer, detail]),
    )
  }`;
  const directories = checks.flatMap(({ provider, scimUrl }) =>
    scimUrl === undefined ? [] : [`\nThe base URL of SCIM for the directory of ${provider}: ${scimUrl}\n`]
  );
  return `\nWhat to register at the providers (docs/sign-in.md):\n${registered}${
    directories.join("")
  }${found}`;
}
