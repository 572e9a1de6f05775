/** The rules for URLs, hosts, ports and IP addresses of the configuration. */

import * as v from "valibot";
import { isAddressRange } from "../../network/ip_ranges.ts";
import type { BaseUrl, OutboundProxy } from "../config.ts";
import { quotedInput, singleLine, type ValueSchema } from "./values.ts";

/** The base URL of an upstream: `http` or `https`, without credentials, query or fragment. */
export const baseUrlSchema: ValueSchema<BaseUrl> = v.pipe(
  singleLine,
  // The message leaves out the value, which may contain a password.
  v.check((text) => URL.canParse(text), "is not a URL like https://api.example.com/v1"),
  v.transform((text) => ({ text, url: new URL(text) })),
  v.check(({ url }) => url.protocol === "https:" || url.protocol === "http:", "is not an http or https URL"),
  v.check(({ url }) => url.username === "" && url.password === "", "contains a user name or password"),
  v.check(({ text }) => !text.includes("?"), "contains a query (?…): a base URL has none"),
  v.check(({ text }) => !text.includes("#"), "contains a fragment (#…): a base URL has none"),
  v.transform(({ url }) => baseUrlOf(url)),
);

/** Converts a URL to a base URL. Slashes at the end of the path are removed. */
export function baseUrlOf({ origin, pathname }: URL): BaseUrl {
  return { origin, path: pathname.replace(/\/+$/, "") };
}

/** A TCP port. 0: the system chooses a free port. */
export const portSchema: ValueSchema<number> = v.pipe(
  singleLine,
  v.check(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    (issue) => `${quotedInput(issue)} is not a port (0 to 65535)`,
  ),
  v.transform(Number),
);

/** The UDP port of Wake-on-LAN, if no other is written. */
const WAKE_PORT = 9;

/** An IPv4 address or host name with a UDP port, like `192.168.1.255:9`. */
export const udpAddressSchema: ValueSchema<{ readonly hostname: string; readonly port: number }> = v.pipe(
  singleLine,
  v.check(
    (text) => /^[a-z0-9][a-z0-9.-]{0,252}(?::\d{1,5})?$/i.test(text) && udpAddress(text).port <= 65_535,
    (issue) => `${quotedInput(issue)} is not an IPv4 address with a UDP port, like 192.168.1.255:9`,
  ),
  v.transform(udpAddress),
);

function udpAddress(text: string): { readonly hostname: string; readonly port: number } {
  const [hostname = "", port] = text.split(":");
  return { hostname, port: port === undefined ? WAKE_PORT : Number(port) };
}

/** An IP address or host name to listen on. */
export const hostSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^[\w.:%-]+$/.test(text),
    (issue) => `${quotedInput(issue)} is not an address to listen on`,
  ),
);

/** An IP address or CIDR range: `192.168.1.20`, `192.168.1.0/24`, `fd00::/8`. */
export const addressRangeSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    isAddressRange,
    (issue) => `${quotedInput(issue)} is not an IP address or a range like 192.168.1.0/24 or fd00::/8`,
  ),
);

/** Origins of desktop apps with an embedded browser: `app://obsidian.md`, `tauri://localhost`. */
const APP_ORIGIN =
  /^(?!https?:|wss?:|ftp:|file:|data:|blob:|javascript:)[a-z][a-z0-9+.-]*:\/\/[\w.-]+(?::\d+)?$/;

/** A host name without scheme and port. The result is in lower case. */
export const hostNameSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.transform((text) => text.toLowerCase()),
  v.check(
    (text) => /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/.test(text),
    (issue) =>
      `${quotedInput(issue)} is not a host name: write it without scheme and port, like llm.example.com`,
  ),
);

/** An origin of web pages or desktop apps, exactly as browsers send it, or `*`. */
export const originSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => text === "*" || URL.canParse(text) && new URL(text).origin === text || APP_ORIGIN.test(text),
    (issue) => `${quotedInput(issue)} is not an origin: write scheme and host, like https://chat.example.com`,
  ),
);

/**
 * The issuer of a provider with OpenID Connect: a URL without query and fragment. It stays as it is written,
 * because providers compare it byte for byte.
 */
export const issuerSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => URL.canParse(text) && /^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(text),
    (issue) => `${quotedInput(issue)} is not a URL like https://auth.example.com, without query and login`,
  ),
);

/** The URL of the public keys of a provider: without fragment and login. */
export const keysUrlSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => URL.canParse(text) && /^https?:\/\/[^/?#@]+\/[^#]*$/.test(text),
    (issue) => `${quotedInput(issue)} is not a URL like https://auth.example.com/jwks.json, without login`,
  ),
);

/** The address by which browsers reach the admin page: an origin. The result has no slash at its end. */
export const publicUrlSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check(
    (text) => /^https?:\/\/[^/?#@]+\/?$/.test(text) && URL.canParse(text),
    (issue) =>
      `${
        quotedInput(issue)
      } is not an address like https://llm.example.com, with scheme and host, and no path`,
  ),
  v.transform((text) => new URL(text).origin),
);

const PROXY_PORTS: Record<OutboundProxy["scheme"], number> = { http: 80, https: 443, socks5: 1080 };

/** The URL of a forward proxy, or `direct`. Messages leave out the value, which may contain a password. */
export const proxyUrlSchema: ValueSchema<OutboundProxy | "direct"> = v.pipe(
  singleLine,
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const proxy = dataset.value === "direct" ? dataset.value : parseProxyUrl(dataset.value);
    if (proxy !== undefined) return proxy;
    addIssue({
      message: 'is not a proxy URL: write http://, https:// or socks5:// with a host, or "direct"',
    });
    return NEVER;
  }),
);

function parseProxyUrl(text: string): OutboundProxy | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const scheme = protocol.replace(/h?:$/, "");
  if (scheme !== "http" && scheme !== "https" && scheme !== "socks5") return undefined;
  if (hostname === "" || pathname.length > 1 || search !== "" || hash !== "") return undefined;
  const login = decodeLogin(username, password);
  if (login === undefined) return undefined;
  return {
    scheme,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? PROXY_PORTS[scheme] : Number(port),
    ...((login.user !== "" || login.password !== "") && { login }),
  };
}

function decodeLogin(user: string, password: string): { user: string; password: string } | undefined {
  try {
    return { user: decodeURIComponent(user), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}
