/** Hosts that a client may name, and fields by which it may mean to move its request. */

import { type Family, FIELDS, forwarded, GET, HEAD, type HostileCase, refused } from "./hostile_case.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TOKEN = `X-Api-Key: ${SECRETS.proxyToken}\r\n`;

const NO_HOSTS: readonly (readonly [name: string, value: string])[] = [
  ["a path", "p/openai"],
  ["a query", "p?x"],
  ["a fragment", "p#x"],
  ["userinfo", "user@p"],
  ["userinfo with a password", "user:password@p"],
  ["a URL", "http://evil.test"],
  ["a backslash", "evil.test\\p"],
  ["a list", "p, evil.test"],
  ["a space", "p evil.test"],
  ["a tab", "p\tevil.test"],
  ["quotes", '"p"'],
  ["a byte beyond ASCII", "\xe9vil.test"],
  ["angle brackets", "<p>"],
  ["a vertical bar", "p|evil.test"],
  ["braces", "{p}"],
];

const HOSTS: readonly (readonly [name: string, value: string])[] = [
  ["an evil one", "evil.test"],
  ["an evil one with a port", "evil.test:1234"],
  ["the cloud's metadata", "169.254.169.254"],
  ["this machine", "localhost:33000"],
  ["an address of version 6", "[::1]:80"],
  ["an encoded one", "%65vil.test"],
  ["none", ""],
  ["a port alone", ":80"],
  ["a port that is none", "p:99999"],
  ["two ports", "p:80:80"],
  ["a list without blanks", "p,evil.test"],
  ["a full stop at the end", "api.openai.com."],
];

const SHAPES: readonly HostileCase[] = [
  refused("no host", `${GET}${TOKEN}\r\n`),
  refused("two hosts", `${GET}${FIELDS}Host: evil.test\r\n\r\n`),
  refused("the same host twice", `${GET}${FIELDS}Host: p\r\n\r\n`),
  refused("two hosts in two spellings", `${GET}${FIELDS}hOST: evil.test\r\n\r\n`),
  refused("a host and an empty one", `${GET}${FIELDS}Host:\r\n\r\n`),
  refused("a host with a space before its colon", `${GET}Host : p\r\n${TOKEN}\r\n`),
  refused("a hidden second host", `${GET}${FIELDS}Host : evil.test\r\n\r\n`),
  refused("a second host in a folded line", `${GET}${FIELDS} Host: evil.test\r\n\r\n`),
  refused("no host with an absolute target", `GET http://evil.test/openai/v1/x HTTP/1.1\r\n${TOKEN}\r\n`),
  refused("two hosts in HTTP/1.0", `GET /openai/v1/x HTTP/1.0\r\n${FIELDS}Host: evil.test\r\n\r\n`),
  forwarded("a host behind everything else", `${GET}${TOKEN}X-A: 1\r\nHost: p\r\n\r\n`),
  forwarded(
    "a host that is not the target's",
    `GET http://one.test/openai/v1/x HTTP/1.1\r\nHost: two.test\r\n${TOKEN}\r\n`,
    { target: "/openai/v1/x" },
  ),
  forwarded("no host in HTTP/1.0", `GET /openai/v1/x HTTP/1.0\r\n${TOKEN}\r\n`, { closes: true }),
];

/** Fields that some take for an order to go elsewhere. */
const MOVERS: readonly string[] = [
  "X-Forwarded-Host: evil.test",
  "X-Forwarded-Server: evil.test",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Scheme: https",
  "X-Forwarded-Port: 1234",
  "X-Forwarded-Prefix: /anthropic",
  "X-Forwarded-Path: /anthropic/v1/messages",
  "X-Forwarded-Uri: /anthropic/v1/messages",
  "X-Forwarded-For: 127.0.0.1",
  "X-Original-URL: /anthropic/v1/messages",
  "X-Original-URI: /anthropic/v1/messages",
  "X-Original-Host: evil.test",
  "X-Rewrite-URL: /anthropic/v1/messages",
  "X-Rewrite-Uri: /anthropic/v1/messages",
  "X-HTTP-Method-Override: DELETE",
  "X-HTTP-Method: DELETE",
  "X-Method-Override: DELETE",
  "X-Host: evil.test",
  "X-HTTP-Host-Override: evil.test",
  "X-Real-IP: 127.0.0.1",
  "Forwarded: for=127.0.0.1;host=evil.test;proto=https",
  "Via: 1.1 evil.test",
  "Proxy: http://evil.test",
  "Proxy-Host: evil.test",
  "Proxy-Connection: keep-alive",
  "Proxy-Authenticate: Basic",
  "Destination: http://evil.test/",
  "Location: http://evil.test/",
  "Content-Location: http://evil.test/",
  "Base-Url: http://evil.test/",
  "Request-Uri: /anthropic/v1/messages",
  "Referer: http://evil.test/openai/v1/y",
  "Origin: http://evil.test",
  "Max-Forwards: 0",
  "X-Upstream: http://evil.test",
  "X-Backend: evil.test:1234",
  "X-LLM-Proxy-Backend: evil.test",
  "X-LLM-Proxy-Error: bad_request",
  "X-Portkey-Custom-Host: http://evil.test",
  "Helicone-Target-Url: http://evil.test",
  "OpenAI-Base-Url: http://evil.test",
  "Host_: evil.test",
  "X_Host: evil.test",
  "Authority: evil.test",
];

/** What `connection` may name without that anything of it is lost that the proxy needs. */
const NAMED: readonly (readonly [name: string, value: string])[] = [
  ["content-length", "content-length"],
  ["the length in capitals", "Content-Length"],
  ["host", "host"],
  ["authorization", "authorization"],
  [
    "every place of a key",
    "authorization, x-api-key, api-key, x-goog-api-key, proxy-authorization, x-llm-proxy-token",
  ],
  ["itself", "connection"],
  ["everything at once", "keep-alive, host, content-length, authorization, content-type, x-a"],
  ["nothing", ""],
  ["commas", ",,,"],
  ["what is no token", '(), "close", @'],
];

/** Hosts and fields. */
export const HOST_FAMILIES: readonly Family[] = [
  [
    "hosts that are none",
    NO_HOSTS.map(([name, value]) => refused(`as a host: ${name}`, `${GET}Host: ${value}\r\n${TOKEN}\r\n`)),
  ],
  [
    "hosts that move nothing",
    HOSTS.map(([name, value]) => forwarded(`the host ${name}`, `${GET}Host: ${value}\r\n${TOKEN}\r\n`)),
  ],
  ["how many hosts", SHAPES],
  [
    "fields that move nothing",
    MOVERS.map((line) => forwarded(line, `${HEAD}${line}\r\nContent-Length: 3\r\n\r\nabc`, { body: "abc" })),
  ],
  ["what connection names", [
    ...NAMED.map(([name, value]) =>
      forwarded(
        `connection names ${name}`,
        `${HEAD}Connection: ${value}\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabc`,
        { body: "abc" },
      )
    ),
    forwarded(
      "two connection fields",
      `${HEAD}Connection: host\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nabc`,
      { body: "abc" },
    ),
    forwarded(
      "connection names close among others",
      `${HEAD}Connection: x-a, Close\r\nContent-Length: 3\r\n\r\nabc`,
      { body: "abc", closes: true },
    ),
  ]],
];
