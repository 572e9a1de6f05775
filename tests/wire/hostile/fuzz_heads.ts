/** Generated heads of requests: mostly proper ones, with tricks in every part. */

import fc from "fast-check";
import { CLIENT_KEY, TOKENS, UPSTREAMS } from "./fuzz_credentials.ts";

/** So much more often something harmless is taken than a trick. */
const MOSTLY = 30;

function mostly(usual: readonly string[], tricks: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: MOSTLY, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...tricks) },
  );
}

const METHOD = mostly(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"], [
  "CONNECT",
  "TRACE",
  "TRACK",
  "get",
  "BREW",
  "P@ST",
  "PRI",
]);

const PREFIX = mostly(
  [...Object.keys(UPSTREAMS).map((name) => `/${name}`), "/own", "/v1", "/v1/messages", "/chat/completions"],
  [
    "",
    "//openai",
    "///openai",
    "/OPENAI",
    "/openai%2fv1",
    "/%6fpenai",
    "/openai;x",
    "/openai@evil.test",
    "/\\openai",
    "/..",
    "/../openai",
    "/./openai",
    "/nowhere",
    "/healthz",
    "http://evil.test/openai",
    "https://user:password@evil.test:99/anthropic",
    "http:///openai",
    "HTTP://EVIL.TEST//gemini",
    "file:///openai",
    "*",
    "evil.test:443",
  ],
);

/**
 * A piece of a path of any bytes that one can hold, many of them encoded; a question mark would end the path.
 */
const ANY_PIECE = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0x21, max: 0xff }).map((code) =>
      code === 0x7f || code === 0x3f ? "~" : String.fromCharCode(code)
    ),
    fc.integer({ min: 0, max: 0xff }).map((code) => `%${code.toString(16).padStart(2, "0")}`),
    fc.constantFrom("..", ".", "%2e", "%2E", "%2f", "%5c", "\\", ";", "/", "%", "%25", "%c0%ae", "%3b"),
  ),
  maxLength: 6,
});

const SEGMENT = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.constantFrom(
      "v1",
      "models",
      "chat",
      "completions",
      "v1beta",
      "",
      "...",
      "..a",
      "a..",
      ".well-known",
    ),
  },
  {
    weight: 30,
    arbitrary: fc.constantFrom(
      "a%20b",
      "a%2Fb",
      "caf%C3%A9",
      "caf\xc3\xa9",
      "\xe9",
      "%252e%252e",
      "..%252f",
      "a;b=1",
      "@evil.test",
      "http:",
      "a:b@c!$&'()*+,=~",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "..",
      ".",
      "%2e%2e",
      "%2E.",
      ".%2e",
      "..;x",
      "%2e%2e;",
      "..%2fx",
      "x%2f..",
      "\\",
      "..%5c",
      "%00",
      "%0d%0a",
      "%c0%ae%c0%ae",
      "%ff",
      "%zz",
      "#",
    ),
  },
  { weight: 1, arbitrary: ANY_PIECE },
);

const WHO = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TOKENS) },
  { weight: 1, arbitrary: fc.constant(CLIENT_KEY) },
);

/** `%` and two digits in place of a letter, which is the same to who decodes it. */
const encoded = (text: string) => text.replace("y", "%79");

const PARAMETER = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "a=1",
      "alt=sse",
      "b=%zz",
      "u=http://evil.test/",
      "p=/../x",
      "a=\xff",
      "",
      "=",
      "key",
      "key=",
      "keys=1",
      "monkey=1",
    ),
  },
  { weight: 1, arbitrary: WHO.map((value) => `key=${value}`) },
  { weight: 1, arbitrary: WHO.map((value) => `${encoded("key")}=${encoded(value)}`) },
  { weight: 1, arbitrary: fc.constantFrom("?", "&&", "key[]=1", "?key=1", "KEY=1", "%", "a=b=c") },
);

const QUERY = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fc.array(PARAMETER, { maxLength: 4 }).map((pairs) => `?${pairs.join("&")}`) },
);

const TARGET = fc.tuple(PREFIX, fc.array(SEGMENT, { maxLength: 5 }), QUERY)
  .map(([prefix, segments, query]) => `${[prefix, ...segments].join("/")}${query}`);

const VERSION = mostly(["HTTP/1.1"], ["HTTP/1.0", "HTTP/2.0", "HTTP/1.1 "]);

const HOST = mostly(
  ["Host: p", "host: p:33000", "HOST: [::1]:80", "Host: api.openai.com", "Host:"],
  [
    "X: no host",
    "Host: p\r\nHost: evil.test",
    "Host: evil.test/openai",
    "Host: user@evil.test",
    "Host: \xe9",
    "Host: a,b",
  ],
);

/** A credential in the places that clients have for it, as they write it. */
const CREDENTIAL = fc.tuple(
  WHO,
  fc.constantFrom<(value: string) => string>(
    (value) => `Authorization: Bearer ${value}`,
    (value) => `authorization: bearer  ${value}`,
    (value) => `X-Api-Key: ${value}`,
    (value) => `x-api-key:\t${value} `,
    (value) => `api-key: ${value}`,
    (value) => `X-Goog-Api-Key: ${value}`,
    (value) => `Proxy-Authorization: Bearer ${value}`,
    (value) => `PROXY-AUTHORIZATION: BEARER ${value}`,
    (value) => `Sec-WebSocket-Protocol: openai-insecure-api-key.${value}`,
    (value) => `sec-websocket-protocol: realtime,  openai-insecure-api-key.${value},x`,
  ),
).map(([value, write]) => write(value));

/**
 * Credentials in spellings that take no part in authentication, and still must not reach whom they do not
 * concern.
 */
const ODD_CREDENTIAL = fc.tuple(
  WHO,
  fc.constantFrom<(value: string) => string>(
    (value) => `Authorization: ${value}`,
    (value) => `Authorization: Basic ${btoa(`user:${value}`)}`,
    (value) => `Authorization: Token ${value}`,
    (value) => `Authorization: Bearer ${value} x`,
    (value) => `Authorization: Bearer\t${value}`,
    (value) => `X-Api-Key: Bearer ${value}`,
    (value) => `Api-Key: "${value}"`,
    (value) => `X-Goog-Api-Key: x, ${value}`,
    (value) => `Proxy-Authorization: Basic ${btoa(`user:${value}`)}`,
    (value) => `X-LLM-Proxy-Token: ${value}`,
    (value) => `X-LLM-Proxy-Token: Bearer ${value}`,
    () => "Authorization:",
    () => "Proxy-Authorization: x",
  ),
).map(([value, write]) => write(value));

const CONNECTION = fc.array(
  fc.constantFrom(
    "close",
    "keep-alive",
    "Authorization",
    "x-api-key",
    "api-key",
    "host",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "x-a",
    "connection",
    "proxy-authorization",
    "x-llm-proxy-token",
    "accept",
    "",
    "(",
    "x-goog-api-key ",
  ),
  { maxLength: 4 },
).map((names) => `Connection: ${names.join(", ")}`);

const PLAIN_FIELD = fc.constantFrom(
  "Accept: text/event-stream",
  "Content-Type: application/json",
  "anthropic-version: 2023-06-01",
  "anthropic-beta: one",
  "anthropic-beta: two",
  "User-Agent: caf\xe9/1.0",
  "X-A: \xff\xfe",
  "X-A: 1",
  "X-A:",
  "Cookie: a=b",
  "X-Forwarded-Host: evil.test",
  "X-Original-URL: /anthropic/../x",
  "X-HTTP-Method-Override: DELETE",
  "Forwarded: host=evil.test",
  "Proxy-Connection: keep-alive",
  "Proxy-X: 1",
  "Keep-Alive: timeout=5",
  "TE: trailers",
  "Trailer: x-a",
  "Expect: 100-continue",
  "Upgrade: h2c",
  "Origin: https://page.test",
  "Origin: https://evil.test",
  "Access-Control-Request-Method: POST",
  "Content-Length: 0",
  "Content-Length: 5",
  "Transfer-Encoding: chunked",
  "Sec-WebSocket-Protocol: realtime",
);

const TRICK_FIELD = fc.constantFrom(
  "Upgrade: websocket",
  "Content-Length: -1",
  "X A: 1",
  " folded: 1",
  "X-A: \x00",
  "X-A: 1\nX-B: 2",
  "X-A: 1\rX-B: 2",
  "nonsense",
  "Transfer-Encoding: gzip",
);

const FIELD = fc.oneof(
  { weight: 24, arbitrary: PLAIN_FIELD },
  { weight: 8, arbitrary: CONNECTION },
  { weight: 6, arbitrary: ODD_CREDENTIAL },
  { weight: 1, arbitrary: TRICK_FIELD },
);

/** Who mostly gets in: most heads hold a valid token, and so some reach every endpoint. */
const SURE_CREDENTIAL = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TOKENS).map((token) => `Proxy-Authorization: Bearer ${token}`) },
  { weight: 4, arbitrary: fc.constantFrom(...TOKENS).map((token) => `X-Api-Key: ${token}`) },
  { weight: 1, arbitrary: fc.constant("X-A: 1") },
);

/** A head as it comes off a connection, without its empty line. */
export const HEADS: fc.Arbitrary<string> = fc.tuple(
  METHOD,
  TARGET,
  VERSION,
  HOST,
  SURE_CREDENTIAL,
  fc.array(CREDENTIAL, { maxLength: 3 }),
  fc.array(FIELD, { maxLength: 6 }),
).map(([method, target, version, host, sure, credentials, fields]) =>
  [`${method} ${target} ${version}`, host, ...fields.slice(0, 2), sure, ...credentials, ...fields.slice(2)]
    .join("\r\n")
);
