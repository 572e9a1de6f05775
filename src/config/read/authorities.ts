/** Reads `SSL_CERT_FILE` and `SSL_CERT_DIR`, by which curl, Go and OpenSSL find certificate authorities. */

import type { AuthorityPlaces } from "../config.ts";
import { reasonOf } from "../problem.ts";
import type { Environment, EnvironmentSources } from "../sources/env.ts";
import type { Resolver } from "./resolver.ts";

/** The places that the variables name. `undefined` if both are unset or empty. */
export function authorityPlaces(get: (name: string) => string | undefined): AuthorityPlaces | undefined {
  const file = get("SSL_CERT_FILE") || undefined;
  const folders =
    get("SSL_CERT_DIR")?.split(Deno.build.os === "windows" ? ";" : ":").filter((one) => one !== "") ?? [];
  return file === undefined && folders.length === 0 ? undefined : { file, folders };
}

/** The same, with a warning about a file without certificates. Other programs ignore such a file, too. */
export function readAuthorities(
  { get }: Pick<Environment, "get">,
  { resolver, sources }: { readonly resolver: Resolver; readonly sources: EnvironmentSources },
): AuthorityPlaces | undefined {
  const places = authorityPlaces(get);
  for (const name of ["SSL_CERT_FILE", "SSL_CERT_DIR"]) {
    const value = get(name) || undefined;
    const at = sources.get(name) ? `env ${name}` : `.env: ${name}`;
    // A setting that is unset is not shown, because most installations leave both unset.
    if (value !== undefined) resolver.resolve([name], [{ value, at }], { fallback: "" });
  }
  if (places?.file === undefined) return places;
  const name = JSON.stringify(places.file);
  try {
    if (!sources.readTextFile(places.file).includes("-----BEGIN CERTIFICATE-----")) {
      resolver.warn("SSL_CERT_FILE", `names ${name}, which contains no certificate in PEM format`);
    }
  } catch (error) {
    resolver.warn("SSL_CERT_FILE", `names ${name}, which cannot be read: ${reasonOf(error)}`);
  }
  return places;
}
