/** Credentials as requests present them, and their form where the client's own goes on. */

import { credentialWords, findCredentials } from "../../../src/auth/credential.ts";
import { malformedCredential } from "../../../src/auth/well_formed.ts";
import { fieldValue } from "../../../src/http/fields.ts";
import type { Field } from "../../../src/http/fields.ts";
import { parseHead } from "../../../src/http/head.ts";
import { type FuzzTarget, holds, latin1Text, same, utf8 } from "../target.ts";

/** The first line is the query, each other one a field. */
function partsOf(input: Uint8Array): { query: string; fields: Field[] } {
  const [query = "", ...lines] = latin1Text(input).split("\n");
  const fields = lines.filter((line) => /^(?!content-length|transfer-encoding)[\w-]+:/i.test(line)).map(
    (line) => {
      const [name = ""] = line.split(":", 1);
      const value = line.slice(name.length + 1).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "");
      return checkedValue(name, value);
    },
  );
  return { query: query.replaceAll(/[^\x21-\x7e]/g, ""), fields };
}

/** The reader of heads takes blanks off both ends. */
function checkedValue(name: string, value: string): Field {
  const [field] = parseHead(`GET / HTTP/1.1\r\n${name}:${value}`, 1).fields;
  return field ?? { name, lower: name.toLowerCase(), value: "" };
}

function read(input: Uint8Array): string | undefined {
  const { query, fields } = partsOf(input);
  credentialWords(findCredentials(fields, query), fields);
  return malformedCredential(fields, query);
}

function check(input: Uint8Array): string {
  const { query, fields } = partsOf(input);
  const found = findCredentials(fields, query);
  const words = credentialWords(found, fields);
  for (const { place, value } of found) {
    const source = place === "query"
      ? new URLSearchParams(query).getAll("key").join("\n")
      : fieldValue(fields, place === "subprotocol" ? "sec-websocket-protocol" : place) ?? "";
    holds(source.includes(value) && value !== "", "a credential stands where it was found");
    if (/^[^\s,"':=;]+$/.test(value)) holds(words.includes(value), "a plain credential is a word");
  }
  const problem = malformedCredential(fields, query);
  if (problem !== undefined) {
    holds(
      !fields.some(({ value }) => value.length > 40 && problem.includes(value)),
      "it repeats no credential",
    );
    return `${problem} ${found.length > 0}`;
  }
  const places = found.map(({ place }) => place).filter((place) => place !== "subprotocol");
  same(places.length, new Set(places).size, "one credential in each place");
  const authorization = fieldValue(fields, "authorization");
  const [scheme = "", ...rest] = authorization?.split(/ +/) ?? [];
  if (scheme.toLowerCase() === "bearer" && rest.length === 1 && !/[\t"]/.test(rest[0] ?? "")) {
    same(found.find(({ place }) => place === "authorization")?.value, rest[0], "the bearer's word");
  }
  return [...new Set(found.map(({ place }) => place))].sort().join();
}

/** Places of credentials. */
export const target: FuzzTarget = {
  name: "credentials",
  seeds: [
    "key=abc&x=1\nAuthorization: Bearer sk-1\nx-api-key: k",
    "\nProxy-Authorization: Bearer token\nAuthorization: Basic dXNlcjpwYXNz\napi-key: a, b",
    "k%65y=a&key=b\nSec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-2\nsec-fetch-mode: navigate",
    '\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x, Signature="c"\nx-goog-api-key: g',
  ].map(utf8),
  words: [
    ..." \n\t,;=:\"'&%.-_",
    "\nAuthorization: ",
    "Bearer ",
    "bearer  x",
    "Basic dXNlcjpwYXNz",
    "\nx-api-key: ",
    "\nproxy-authorization: Bearer t",
    "\nx-llm-proxy-token: ",
    "key=",
    "&key=b",
    "%6b%65%79=",
    "openai-insecure-api-key.",
    "\nsec-websocket-protocol: ",
    'a="b"',
    "\xa0",
    "\x85",
  ],
  check,
  read,
};
