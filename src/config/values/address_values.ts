/** The rules for values that say where something is: URLs, hosts, ports and addresses. */

import * as v from "valibot";
import { isAddressRange } from "../../network/ip_ranges.ts";
import type { BaseUrl, OutboundProxy } from "../config.ts";
import { line, shown, type ValueSchema } from "./values.ts";

/** A base URL of an upstream, `http` or `https`, without credentials, query or fragment. */
export const baseUrlSchema: ValueSchema<BaseUrl> = v.pipe(
  line,
  // Without the value: it may hold a password.
  v.check((text) => URL.canParse(text), "is not a URL; it looks like https://api.example.com/v1"),
  v.transform((text) => ({ text, url: new URL(text) })),
  v.check(({ url }) => url.protocol === "https:" || url.protocol === "http:", "is not an http or https URL"),
  v.check(({ url }) => url.username === "" && url.password === "", "holds a user name or password"),
  v.check(({ text }) => !text.includes("?"), "holds a query (?…): a base URL has none"),
  v.check(({ text }) => !text.includes("#"), "holds a fragment (#…): a base URL has none"),
  v.transform(({ url }) => baseUrlOf(url)),
);

/** The address without the slash at its end. */
export function baseUrlOf({ origin, pathname }: URL): BaseUrl {
  return { origin, path: pathname.replace(/\/+$/, "") };
}

/** A TCP port; 0 lets the system choose. */
export const portSchema: ValueSchema<number> = v.pipe(
  line,
  v.check(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    (issue) => `${shown(issue)} is not a port (0 to 65535)`,
  ),
  v.transform(Number),
);

/** An address or host name to listen on. */
export const hostSchema: ValueSchema<string> = v.pipe(
  line,
  v.check((text) => /^[\w.:%-]+$/.test(text), (issue) => `${shown(issue)} is not an address to listen on`),
);

/** An address or a range of them: `192.168.1.20`, `192.168.1.0/24`, `fd00::/8`. */
export const addressRangeSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(
    isAddressRange,
    (issue) => `${shown(issue)} is not an address or a range like 192.168.1.0/24 or fd00::/8`,
  ),
);

/** `app://obsidian.md`, `tauri://localhost`. */
const OWN_SCHEME =
  /^(?!https?:|wss?:|ftp:|file:|data:|blob:|javascript:)[a-z][a-z0-9+.-]*:\/\/[\w.-]+(?::\d+)?$/;

/** A name under which a machine is reached, in small letters; no address, scheme or port. */
export const hostNameSchema: ValueSchema<string> = v.pipe(
  line,
  v.transform((text) => text.toLowerCase()),
  v.check(
    (text) => /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/.test(text),
    (issue) => `${shown(issue)} is not a host name: write it without scheme and port, like llm.example.com`,
  ),
);

/**
 * An origin of web pages, exactly as browsers send it; or `*`. Programs that are built on a browser have schemes of
 * their own.
 */
export const originSchema: ValueSchema<string> = v.pipe(
  line,
  v.check(
    (text) => text === "*" || URL.canParse(text) && new URL(text).origin === text || OWN_SCHEME.test(text),
    (issue) => `${shown(issue)} is not an origin: write scheme and host, like https://chat.example.com`,
  ),
);

const PROXY_PORTS: Record<OutboundProxy["scheme"], number> = { http: 80, https: 443, socks5: 1080 };

/** A forward proxy's URL, or `direct`. Its messages never repeat the value, which may hold a password. */
export const proxyUrlSchema: ValueSchema<OutboundProxy | "direct"> = v.pipe(
  line,
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const proxy = dataset.value === "direct" ? dataset.value : parseProxyUrl(dataset.value);
    if (proxy !== undefined) return proxy;
    addIssue({
      message: 'is not a proxy\'s URL: write http://, https:// or socks5:// with a host, or "direct"',
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
