import { assertEquals } from "@std/assert";
import { hopByHopTest } from "../../src/forwarding/hop_by_hop.ts";
import { type RequestHeaderPolicy, upstreamHeaders } from "../../src/forwarding/request_headers.ts";
import { clientHeaders } from "../../src/forwarding/response_headers.ts";

const POLICY: RequestHeaderPolicy = {
  withheld: new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key", "subprotocol"]),
  keySubprotocolPrefix: "openai-insecure-api-key.",
  provider: "openai",
  apiKey: "K",
};

/** What comes in, the policy's difference, what goes out. */
const REQUESTS:
  readonly (readonly [string, Record<string, string>, Partial<RequestHeaderPolicy>, string[]])[] = [
    ["the key is put in", {}, {}, ["authorization: Bearer K"]],
    ["Anthropic's own header", {}, { provider: "anthropic" }, ["x-api-key: K"]],
    ["Gemini's own header", {}, { provider: "gemini" }, ["x-goog-api-key: K"]],
    [
      "every credential goes",
      { "authorization": "x", "x-api-key": "x", "api-key": "x", "x-goog-api-key": "x" },
      {},
      [
        "authorization: Bearer K",
      ],
    ],
    [
      "host, length and expect are not forwarded",
      { "content-length": "3", host: "h", expect: "100-continue" },
      {},
      [
        "authorization: Bearer K",
      ],
    ],
    ["passthrough leaves credentials", { "x-api-key": "own" }, { apiKey: undefined, withheld: new Set() }, [
      "x-api-key: own",
    ]],
    [
      "a subprotocol that is a key goes, others stay",
      {
        "sec-websocket-protocol": "realtime, openai-insecure-api-key.T, beta",
      },
      {},
      ["sec-websocket-protocol: realtime, beta", "authorization: Bearer K"],
    ],
    [
      "a subprotocol header of keys only goes whole",
      { "sec-websocket-protocol": "openai-insecure-api-key.T" },
      {},
      [
        "authorization: Bearer K",
      ],
    ],
    ["anthropic-version where absent", {}, { provider: "anthropic", anthropicVersion: "2023-06-01" }, [
      "x-api-key: K",
      "anthropic-version: 2023-06-01",
    ]],
    ["anthropic-version as the client has it", { "anthropic-version": "2024-01-01" }, {
      provider: "anthropic",
      anthropicVersion: "2023-06-01",
    }, ["anthropic-version: 2024-01-01", "x-api-key: K"]],
  ];
for (const [name, headers, policy, expected] of REQUESTS) {
  Deno.test(`upstreamHeaders: ${name}`, () => {
    const pairs = upstreamHeaders(new Headers(headers), { ...POLICY, ...policy });
    assertEquals(pairs.map(([key, value]) => `${key}: ${value}`), expected);
  });
}

Deno.test("hopByHopTest: the known ones, proxy-* and those that connection names", () => {
  const isHopByHop = hopByHopTest("close, X-Named ,,Keep-Alive");
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
      .concat("transfer-encoding", "x-named")
  ) assertEquals(isHopByHop(name), true, name);
  for (const name of ["x-proxy", "content-type", "trailers"]) assertEquals(isHopByHop(name), false, name);
});

Deno.test("clientHeaders: repeats stay, hop-by-hop ones go, two may be added", () => {
  const headers = clientHeaders([
    ["content-type", "Text/Event-Stream; charset=utf-8"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["connection", "x-one"],
    ["connection", "x-two"],
    ["x-one", "1"],
    ["x-two", "2"],
    ["proxy-authenticate", "Basic"],
  ], "req_1");
  assertEquals([...headers].map(([name, value]) => `${name}: ${value}`), [
    "content-type: Text/Event-Stream; charset=utf-8",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "x-accel-buffering: no",
    "x-request-id: req_1",
  ]);
});
