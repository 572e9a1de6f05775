import { assert, assertEquals } from "@std/assert";
import { fieldsOf } from "../support/data/fields.ts";
import { credentialWords, findCredentials, MAX_PRESENTED } from "../../src/auth/credential.ts";
import { shortestRun } from "../support/time/shortest_run.ts";

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
  ["x-llm-proxy-token", ["X-LLM-Proxy-Token: t"], "", ["x-llm-proxy-token=t"]],
  ["x-llm-proxy-token, empty", ["X-LLM-Proxy-Token:"], "", []],
  ["query", [], "a=1&key=t&b=2", ["query=t"]],
  ["query, encoded name and value", [], "%6Bey=a%2Bb", ["query=a+b"]],
  ["query, several", [], "key=one&key=two", ["query=one", "query=two"]],
  ["query, another name", [], "monkey=t&keys=t", []],
  ["query, in other spellings", [], "?key=1&k%65y=2&ke%79=3&KEY=4&key&key=&a&?key=5&%6b%65%79=6", [
    "query=1",
    "query=2",
    "query=3",
    "query=6",
  ]],
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

Deno.test("findCredentials: of thousands it finds as many as show that there are too many", () => {
  const lines = Array.from({ length: 300 }, (_, at) => `x-api-key: h${at}`);
  const protocols = `sec-websocket-protocol: ${"openai-insecure-api-key.t,".repeat(2_000)}`;
  assertEquals(findCredentials([], "key=a&".repeat(10_000)).length, MAX_PRESENTED + 1);
  assertEquals(findCredentials(fieldsOf(protocols), "key=a&".repeat(10_000)).length, MAX_PRESENTED + 1);
  assertEquals(findCredentials(fieldsOf(...lines, protocols), "key=a").length, MAX_PRESENTED + 1);
});

for (const [name, lines, query, expected] of CASES) {
  Deno.test(`findCredentials: ${name}`, () => {
    const found = findCredentials(fieldsOf(...lines), query);
    assertEquals(found.map(({ place, value }) => `${place}=${value}`), expected);
  });
}

Deno.test("credentialWords: text that is not base64 costs no more than its length", () => {
  const value = Array.from({ length: 8 }, (_, index) => `*${index}!`).join();
  const fields = Array.from({ length: 250 }, () => ({ name: "api-key", lower: "api-key", value }));
  const took = shortestRun(() => credentialWords(findCredentials(fields, ""), fields));
  // Some milliseconds; an exception for each word takes a hundred.
  assert(took < 30, `${took.toFixed(1)} ms`);
});

Deno.test("credentialWords: base64 is decoded with and without padding, in both alphabets", () => {
  for (const word of ["dXNlcjpwYXNzPw==", "dXNlcjpwYXNzPw", "dXNlcjp-fn4_", "dXNlcjp+fn4/"]) {
    const fields = [{ name: "Authorization", lower: "authorization", value: `Basic ${word}` }];
    assert(credentialWords([], fields).includes("user"), word);
  }
});
