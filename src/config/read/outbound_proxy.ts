/** Forward proxies: how they are shown, and which one the environment asks for. */

import * as v from "valibot";
import { proxyUrlSchema } from "../values/address_values.ts";
import type { Candidate, Resolver } from "./resolver.ts";
import type { OutboundProxy } from "../config.ts";
import { textSchema } from "../values/values.ts";

/** A proxy as it may be shown: without its password. */
export function proxyText({ scheme, hostname, port, login }: OutboundProxy): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${scheme}://${login === undefined ? "" : "[redacted]@"}${host}:${port}`;
}

/** A login as it stands in `Proxy-Authorization: Basic` (RFC 7617). */
export function basicCredentials({ user, password }: NonNullable<OutboundProxy["login"]>): string {
  return new TextEncoder().encode(`${user}:${password}`).toBase64();
}

/** The proxy of `HTTP_PROXY` or `HTTPS_PROXY`, which may come without its scheme. */
const environmentProxySchema: typeof proxyUrlSchema = v.pipe(
  v.string(),
  v.transform((text) => /^\w+:\/\//.test(text) || text === "direct" ? text : `http://${text}`),
  proxyUrlSchema,
);

/** The proxy that the environment names for an origin; undefined where it names none, or exempts the origin. */
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
 * Whether `NO_PROXY` exempts a host, as curl and Go read it: names with all that lies below them, addresses, ranges
 * of IPv4 addresses, each with or without a port; `*` is everything. Loopback is always exempt.
 */
function isExempt(origin: string, noProxy: string): boolean {
  const url = new URL(origin);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (isLoopback(host)) return true;
  return noProxy.split(/[\s,]+/).filter((entry) => entry !== "").some((entry) => {
    if (entry === "*") return true;
    // An IPv6 address has a port only behind its brackets.
    const isBare = !entry.startsWith("[") && entry.split(":").length > 2;
    const [, name = entry, onlyPort] = isBare ? [] : /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
    if (onlyPort !== undefined && onlyPort !== port) return false;
    const wanted = name.toLowerCase().replace(/^\*?\./, "").replace(/^\[|\]$/g, "");
    return host === wanted || host.endsWith(`.${wanted}`) || inRange(host, wanted);
  });
}

/** Whether a host is this machine, as a URL spells it: IPv6 addresses are in their shortest form there. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return /^(?:.+\.)?localhost\.?$/.test(host) || host === "::1" || /^::ffff:7f..:/.test(host) ||
    inRange(host, "127.0.0.0/8");
}

function inRange(host: string, range: string): boolean {
  const [base = "", bits] = range.split("/");
  const address = ipv4Number(host);
  const first = ipv4Number(base);
  if (address === undefined || first === undefined || bits === undefined || !/^\d+$/.test(bits)) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(address / size) === Math.floor(first / size);
}

function ipv4Number(text: string): number | undefined {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(text)) return undefined;
  return text.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}
