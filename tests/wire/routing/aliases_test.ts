import { assertEquals, assertMatch } from "@std/assert";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { OneDoor, type Room } from "../../support/proxies/one_door.ts";

const OVERRIDE = { byName: new Map([["small", "of/the backend"]]), otherwise: undefined };
const ROOMS: Readonly<Record<string, Room>> = {
  azure: { preset: "azure" },
  gemini: { preset: "gemini", dialect: "gemini" },
  groq: { preset: "groq" },
  plain: { preset: "generic" },
  replaced: { preset: "generic", backend: { model: OVERRIDE } },
};
const ALIASES = {
  fast: "groq/llama-3.3-70b",
  flash: "gemini/gemini-3.8-flash",
  "my gpt": "azure/gpt-5",
  anywhere: "llama-3.3-70b",
};

/** Path, body, and what arrives as `endpoint path body`. */
const CASES: readonly (readonly [what: string, path: string, body: string | undefined, expected: string])[] =
  [
    [
      "the path of Google's API",
      "/gemini/v1beta/models/flash:streamGenerateContent?alt=sse",
      '{"contents":[]}',
      'gemini /v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse {"contents":[]}',
    ],
    [
      "the path of Azure's API, and the same name in its body",
      "/azure/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
      '{"model": "my gpt"}',
      'azure /openai/deployments/gpt-5/chat/completions?api-version=2024-10-21 {"model": "gpt-5"}',
    ],
    [
      "the path of Azure's API, with another name in its body",
      "/azure/openai/deployments/my%20gpt/embeddings",
      '{"input":"x","model":"gpt"}',
      'azure /openai/deployments/gpt-5/embeddings {"input":"x","model":"gpt"}',
    ],
    [
      "the body at the path of its endpoint",
      "/groq/openai/v1/chat/completions",
      '{"a":1, "model" : "fast"}',
      'groq /openai/v1/chat/completions {"a":1, "model" : "llama-3.3-70b"}',
    ],
    [
      "an alias of another endpoint stays",
      "/groq/v1/chat/completions",
      '{"model":"flash"}',
      'groq /v1/chat/completions {"model":"flash"}',
    ],
    [
      "an alias that names no endpoint stays",
      "/groq/v1/chat/completions",
      '{"model":"anywhere"}',
      'groq /v1/chat/completions {"model":"anywhere"}',
    ],
    ["a body without a model", "/groq/v1/chat/completions", '{"n":1}', 'groq /v1/chat/completions {"n":1}'],
    ["a path without a model", "/groq/v1/files/file-1", undefined, "groq /v1/files/file-1 "],
    [
      "an endpoint without aliases gets its bodies unread",
      "/plain/v1/chat/completions",
      '{"model":"fast"',
      'plain /v1/chat/completions {"model":"fast"',
    ],
    [
      "an override in the path of Google's API",
      "/replaced/v1beta/models/small:generateContent",
      "{}",
      "replaced /v1beta/models/of%2Fthe%20backend:generateContent {}",
    ],
    [
      "an override in the path and the body of Azure's API",
      "/replaced/openai/deployments/small/chat/completions",
      '{"model":"small"}',
      'replaced /openai/deployments/of%2Fthe%20backend/chat/completions {"model":"of/the backend"}',
    ],
    [
      "an override in the path of Bedrock's API",
      "/replaced/model/small/converse-stream",
      "{}",
      "replaced /model/of%2Fthe%20backend/converse-stream {}",
    ],
    [
      "an override leaves a path with two models as it is",
      "/replaced/deployments/other/models/small:generateContent",
      "{}",
      "replaced /deployments/other/models/small:generateContent {}",
    ],
  ];

for (const [what, path, body, expected] of CASES) {
  Deno.test(`aliases: ${what}`, async () => {
    await using door = new OneDoor(ROOMS, { aliases: ALIASES });
    const { arrived, text } = await door.send(path, body);
    assertEquals(
      arrived && `${arrived.endpoint} ${arrived.request.target} ${arrived.body}`,
      expected,
      text,
    );
  });
}

Deno.test("aliases: at the path of its endpoint, a malformed body is a 400", async () => {
  await using door = new OneDoor(ROOMS, { aliases: ALIASES });
  const { response, text } = await door.send("/groq/v1/chat/completions", '{"model":"fast"');
  assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [400, "bad_request"]);
  assertMatch(text, /The proxy has to know the model in this body/);
  assertEquals(door.arrived, []);
});

ownEngineTests("webSocket").test(
  "aliases: the query of a WebSocket at the path of its endpoint",
  async () => {
    await using door = new OneDoor(ROOMS, { aliases: { voice: "groq/gpt-realtime" } });
    await rawRequest(door.proxy.url, [
      "GET /groq/v1/realtime?model=voice HTTP/1.1",
      `Authorization: Bearer ${SECRETS.proxyToken}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]);
    assertEquals(door.arrived.map(({ endpoint, request }) => `${endpoint} ${request.target}`), [
      "groq /v1/realtime?model=gpt-realtime",
    ]);
  },
);
