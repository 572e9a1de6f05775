/** Reads `[management.scim]`: the directory that writes people with SCIM. */

import type { Resolver } from "./resolver.ts";
import type { ScimConfig, SignInConfig } from "../config.ts";
import type { ScimSettings } from "../sources/scim_schema.ts";

/** The claim with the id of a user in Microsoft Entra. The subject is another one for each application. */
const MICROSOFT_CLAIM = "oid";

/** What the reading needs besides the table. */
export interface ScimContext {
  readonly resolver: Resolver;
  /** The providers; `undefined` if none was configured, or if one has a problem. */
  readonly signIn: SignInConfig | undefined;
  /** The names of all tables of providers, also of those with problems. */
  readonly names: readonly string[];
}

/** Reads the table. Returns undefined without one. Problems are reported. */
export function readScim(
  table: ScimSettings | undefined,
  { resolver, signIn, names }: ScimContext,
): ScimConfig | undefined {
  if (table === undefined) return undefined;
  const at = (key: keyof ScimSettings) => ["management", "scim", key];
  const { provider: name } = table;
  if (name === undefined) {
    resolver.reportMissing(at("provider"), "is missing: the name of the provider in [[management.sign_in]]");
    return undefined;
  }
  if (!names.includes(name)) {
    resolver.report(at("provider"), `there is no provider ${JSON.stringify(name)} in [[management.sign_in]]`);
    return undefined;
  }
  const provider = signIn?.providers.find((one) => one.name === name);
  if (provider === undefined) return undefined;
  const show = <Value>(key: keyof ScimSettings, value: Value): Value =>
    resolver.resolve<Value>(at(key), [table[key] === undefined ? undefined : { value, at: at(key) }], {
      fallback: value,
    });
  const groupsDecide = show("groups", table.groups ?? false);
  if (groupsDecide && provider.roles.size + provider.projects.size === 0) {
    resolver.report(at("groups"), "has no effect: the provider has no table roles or projects");
  }
  return {
    provider: show("provider", name),
    claim: show("claim", table.claim ?? (provider.preset === "microsoft" ? MICROSOFT_CLAIM : "sub")),
    groupsDecide,
  };
}
