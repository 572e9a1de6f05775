import { assertEquals } from "@std/assert";
import { fieldsOf, linesOf } from "../support/data/fields.ts";
import { hopByHopTest } from "../../src/http/hop_by_hop.ts";
import { type RequestHeaderPolicy, upstreamFields } from "../../src/forwarding/request_headers.ts";
import { clientFields } from "../../src/forwarding/response_headers.ts";

const POLICY: RequestHeaderPolicy = {
  credentialsToStrip: new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key", "subprotocol"]),
  backend: backendWith("authorization"),
};

function backendWith(keyField: string, more: Partial<RequestHeaderPolicy["backend"]> = {}) {
  return {
    key: { mode: "inject", value: "K" },
    keyField,
    headers: [],
    removeHeaders: [],
    ...more,
  } as const satisfies RequestHeaderPolicy["backend"];
}

const KEY = "authorization: Bearer K";
const DATED = { backend: backendWith("x-api-key"), anthropicVersion: "2023-06-01" } as const;

/** What comes in, the policy's difference, what goes out. */
const REQUESTS: readonly (readonly [string, string[], Partial<RequestHeaderPolicy>, string[]])[] = [
  ["the key is put in", [], {}, [KEY]],
  ["Anthropic's own header", [], { backend: backendWith("x-api-key") }, ["x-api-key: K"]],
  ["Gemini's own header", [], { backend: backendWith("x-goog-api-key") }, ["x-goog-api-key: K"]],
  ["every credential goes", ["Authorization: x", "X-API-Key: x", "api-key: x", "x-goog-api-key: x"], {}, [
    KEY,
  ]],
  ["host and expect go, the length stays", ["Content-Length: 3", "Host: h", "Expect: 100-continue"], {}, [
    "Content-Length: 3",
    KEY,
  ]],
  ["passthrough leaves credentials", ["x-api-key: own"], {
    backend: backendWith("authorization", { key: { mode: "passthrough" } }),
    credentialsToStrip: new Set(),
  }, [
    "x-api-key: own",
  ]],
  ["the header that the key goes into is nobody else's", ["X-My-Key: the-proxy-token"], {
    backend: backendWith("x-my-key"),
  }, ["x-my-key: K"]],
  ["no key, and none of the client's", ["X-My-Key: the-proxy-token"], {
    backend: backendWith("x-my-key", { key: { mode: "none" } }),
  }, []],
  ["a version that is set stands once", ["Anthropic-Version: 1"], {
    backend: backendWith("x-api-key", { headers: [["anthropic-version", "2"]] }),
    anthropicVersion: "3",
  }, ["x-api-key: K", "anthropic-version: 2"]],
  [
    "a subprotocol that is a key goes, others stay",
    [
      "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.T, beta",
    ],
    {},
    ["Sec-WebSocket-Protocol: realtime, beta", KEY],
  ],
  [
    "a subprotocol header of keys only goes whole",
    ["Sec-WebSocket-Protocol: openai-insecure-api-key.T"],
    {},
    [KEY],
  ],
  ["anthropic-version where absent", [], DATED, ["x-api-key: K", "anthropic-version: 2023-06-01"]],
  ["anthropic-version as the client has it", ["Anthropic-Version: 2024-01-01"], DATED, [
    "Anthropic-Version: 2024-01-01",
    "x-api-key: K",
  ]],
];
for (const [name, lines, policy, expected] of REQUESTS) {
  Deno.test(`upstreamFields: ${name}`, () => {
    assertEquals(linesOf(upstreamFields(fieldsOf(...lines), { ...POLICY, ...policy })), expected);
  });
}

Deno.test("upstreamFields: order, spelling and repeats stay as the client sent them", () => {
  const lines = ["X-B: 2", "x-a: 1", "X-b: 3", "ACCEPT: */*", "Cookie: a=1", "Cookie: b=2"];
  assertEquals(linesOf(upstreamFields(fieldsOf(...lines), POLICY)), [...lines, "authorization: Bearer K"]);
});

Deno.test("hopByHopTest: the known fields, proxy-* and the fields that connection names", () => {
  const isHopByHop = hopByHopTest(
    fieldsOf("Connection: close, X-Named ,,Keep-Alive", "connection: x-second"),
  );
  for (
    const name of [
      "connection",
      "keep-alive",
      "proxy-authorization",
      "proxy-connection",
      "te",
      "trailer",
      "upgrade",
    ]
      .concat("x-named", "x-second")
  ) assertEquals(isHopByHop(name), true, name);
  for (const name of ["x-proxy", "content-type", "trailers"]) assertEquals(isHopByHop(name), false, name);
});

Deno.test("clientFields: order and repeats stay, hop-by-hop fields are removed, two may be added", () => {
  const fields = clientFields(
    fieldsOf(
      "Content-Type: Text/Event-Stream; charset=utf-8",
      "Set-Cookie: a=1",
      "set-cookie: b=2",
      "Connection: x-one",
      "connection: X-Two",
      "X-One: 1",
      "x-two: 2",
      "Proxy-Authenticate: Basic",
    ),
    {
      requestId: "req_1",
      path: "/openai/x",
      backend: { hasProxysKey: true, exposedName: undefined },
      hasBody: true,
    },
  );
  assertEquals(linesOf(fields), [
    "Content-Type: Text/Event-Stream; charset=utf-8",
    "Set-Cookie: a=1",
    "set-cookie: b=2",
    "x-accel-buffering: no",
    "x-request-id: req_1",
  ]);
});
