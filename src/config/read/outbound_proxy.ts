/** The forward proxy that the environment names for an upstream, and how a forward proxy is shown. */

import * as v from "valibot";
import { addressTest, isAddressRange } from "../../network/ip_ranges.ts";
import { proxyUrlSchema } from "../values/address_values.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { OutboundProxy } from "../config.ts";
import { textSchema } from "../values/values.ts";

/** The URL of a forward proxy for logs and messages. A login in the URL is replaced by `[redacted]`. */
export function proxyText({ scheme, hostname, port, login }: OutboundProxy): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${scheme}://${login === undefined ? "" : "[redacted]@"}${host}:${port}`;
}

/** User name and password in base64, as `Proxy-Authorization: Basic` carries them (RFC 7617). */
export function basicCredentials({ user, password }: NonNullable<OutboundProxy["login"]>): string {
  return new TextEncoder().encode(`${user}:${password}`).toBase64();
}

/** The value of `HTTP_PROXY` or `HTTPS_PROXY`. Its scheme is optional and defaults to `http`. */
export const environmentProxySchema: typeof proxyUrlSchema = v.pipe(
  v.string(),
  v.transform((text) => /^\w+:\/\//.test(text) || text === "direct" ? text : `http://${text}`),
  proxyUrlSchema,
);

/**
 * The forward proxy that `HTTPS_PROXY` or `HTTP_PROXY` names for an origin like `https://api.example.com`;
 * `undefined` if the variable is not set or `NO_PROXY` exempts the origin. Loopback addresses are always
 * exempt.
 */
export function environmentProxy(
  origin: string,
  resolver: Resolver,
): Candidate<OutboundProxy | "direct"> | undefined {
  const variable = origin.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY";
  if (!resolver.has(variable)) return undefined;
  const noProxy = resolver.variable("NO_PROXY", textSchema)?.value ?? "";
  return isExempt(origin, noProxy) ? undefined : resolver.variable(variable, environmentProxySchema);
}

/**
 * Whether `NO_PROXY` exempts an origin. The format is that of curl and Go: a list of host names (each with
 * its subdomains), IP addresses and CIDR ranges, each with an optional port. `*` exempts every origin.
 */
export function isExempt(origin: string, noProxy: string): boolean {
  const url = new URL(origin);
  const host = unbracketed(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (isLoopback(host)) return true;
  return noProxy.split(/[\s,]+/).filter((entry) => entry !== "").some((entry) => {
    if (entry === "*") return true;
    // An IPv6 address can have a port only if the address is in brackets.
    const isBareIpv6 = !entry.startsWith("[") && entry.split(":").length > 2;
    const [, name = entry, onlyPort] = isBareIpv6 ? [] : /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
    if (onlyPort !== undefined && onlyPort !== port) return false;
    const wanted = unbracketed(name.toLowerCase().replace(/^\*?\./, ""));
    return host === wanted || host.endsWith(`.${wanted}`) ||
      isAddressRange(wanted) && addressTest([wanted])(host);
  });
}

/** Whether a host name or IP address is this machine. An IPv6 address may be in brackets, as in a URL. */
export function isLoopback(hostname: string): boolean {
  const host = unbracketed(hostname);
  return /^(?:.+\.)?localhost\.?$/.test(host) || addressTest(["127.0.0.0/8", "::1"])(host);
}

function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}
