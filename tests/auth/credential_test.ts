import { assertEquals } from "@std/assert";
import { fieldsOf } from "../support/fields.ts";
import { findCredentials } from "../../src/auth/credential.ts";

const CASES: readonly (readonly [string, string[], string, string[]])[] = [
  ["nothing", [], "", []],
  ["bearer", ["authorization: Bearer t"], "", ["authorization=t"]],
  ["bearer, any case and spacing", ["authorization: bEaReR   t"], "", ["authorization=t"]],
  ["basic is no token", ["authorization: Basic dXNlcg=="], "", []],
  ["bearer without a token", ["authorization: Bearer "], "", []],
  ["bearer with two words", ["authorization: Bearer a b"], "", []],
  ["x-api-key", ["x-api-key:  t "], "", ["x-api-key=t"]],
  ["api-key", ["api-key: t"], "", ["api-key=t"]],
  ["x-goog-api-key", ["x-goog-api-key: t"], "", ["x-goog-api-key=t"]],
  ["proxy-authorization", ["proxy-authorization: Bearer t"], "", ["proxy-authorization=t"]],
  ["query", [], "a=1&key=t&b=2", ["query=t"]],
  ["query, encoded name and value", [], "%6Bey=a%2Bb", ["query=a+b"]],
  ["query, several", [], "key=one&key=two", ["query=one", "query=two"]],
  ["query, another name", [], "monkey=t&keys=t", []],
  ["subprotocol", ["sec-websocket-protocol: realtime, openai-insecure-api-key.t , other"], "", [
    "subprotocol=t",
  ]],
  [
    "all at once, in the order they came, repeats included",
    ["X-Api-Key: b", "Authorization: Bearer a", "X-API-KEY: d"],
    "key=c",
    [
      "x-api-key=b",
      "authorization=a",
      "x-api-key=d",
      "query=c",
    ],
  ],
];

for (const [name, lines, query, expected] of CASES) {
  Deno.test(`findCredentials: ${name}`, () => {
    const found = findCredentials(fieldsOf(...lines), query);
    assertEquals(found.map(({ place, value }) => `${place}=${value}`), expected);
  });
}
