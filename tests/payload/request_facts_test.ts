import { operationOf } from "../../src/apis/operation_of.ts";
import { assertEquals } from "@std/assert";
import { readPayload } from "../../src/payload/read_payload.ts";
import { MAX_OUTPUT_TOKENS, type RequestFacts } from "../../src/payload/request_facts.ts";
import { fieldsOf } from "../support/data/fields.ts";

const CHAT = "/v1/chat/completions";

/** What a body of JSON asks for at a path. */
const CASES: [path: string, body: string, facts: RequestFacts][] = [
  [CHAT, "{}", {}],
  [CHAT, '{"model":"a","stream":true}', { model: "a", stream: true }],
  ["/v1/responses", '{"background":true}', { background: true }],
  ["/v1/responses", '{"background":false}', {}],
  [CHAT, '{"max_tokens":5,"max_completion_tokens":9}', { maxOutputTokens: 9 }],
  [CHAT, '{"max_tokens":9,"max_completion_tokens":5}', { maxOutputTokens: 9 }],
  [CHAT, '{"max_tokens":5,"max_output_tokens":9}', { maxOutputTokens: 5 }],
  ["/v1/Chat/Completions/", '{"max_tokens":5,"max_output_tokens":9}', { maxOutputTokens: 5 }],
  [CHAT, '{"max_tokens":5,"n":3}', { maxOutputTokens: 15, choices: 3 }],
  [CHAT, '{"max_tokens":5,"n":3,"best_of":4}', { maxOutputTokens: 20, choices: 4 }],
  [CHAT, '{"n":3}', { choices: 3 }],
  [CHAT, '{"n":1000000}', { choices: 1_000 }],
  [CHAT, '{"max_tokens":1e300,"n":9}', { maxOutputTokens: MAX_OUTPUT_TOKENS, choices: 9 }],
  [CHAT, '{"max_tokens":-5}', {}],
  [CHAT, '{"max_tokens":null,"n":null}', {}],
  ["/api/chat", '{"max_tokens":1}', {}],
  ["/model/m/converse-stream", '{"max_tokens":1}', {}],
  [CHAT, '{"max_tokens":0.5}', { maxOutputTokens: 1 }],
  [CHAT, '{"max_tokens":1.5}', { maxOutputTokens: 2 }],
  ["/v1/messages", '{"max_tokens":5,"max_completion_tokens":9}', { maxOutputTokens: 5 }],
  ["/v1/responses", '{"max_tokens":5,"max_output_tokens":9}', { maxOutputTokens: 9 }],
  ["/v1/completions", '{"max_tokens":5,"prompt":["a","b","c"]}', { maxOutputTokens: 15, choices: 3 }],
  ["/v1/completions", '{"max_tokens":5,"prompt":[[1],[2]],"n":2}', { maxOutputTokens: 20, choices: 4 }],
  ["/v1/completions", '{"max_tokens":5,"prompt":[1,2,3]}', { maxOutputTokens: 5 }],
  [CHAT, '{"max_tokens":5,"prompt":["a","b","c"]}', { maxOutputTokens: 5 }],
  ["/x:generateContent", '{"generationConfig":{"maxOutputTokens":5,"candidateCount":2}}', {
    maxOutputTokens: 10,
    choices: 2,
  }],
  [
    "/x:generateContent",
    '{"generationConfig":{"maxOutputTokens":5,"max_output_tokens":9},"generation_config":{"maxOutputTokens":7}}',
    { maxOutputTokens: 9 },
  ],
];
CASES.push(
  // A limit that an API may not know lowers nothing.
  ["/chat/completions", '{"generationConfig":{"maxOutputTokens":1}}', {}],
  ["/model/a/converse", '{"generationConfig":{"maxOutputTokens":1}}', {}],
  ["/unknown", '{"max_tokens":1}', {}],
  ["/chat/completions", '{"max_completion_tokens":1}', { maxOutputTokens: 1, isCompletionLimit: true }],
  ["/chat/completions", '{"max_completion_tokens":1,"max_tokens":5}', { maxOutputTokens: 5 }],
);
for (const [path, body, facts] of CASES) {
  Deno.test(`jsonFacts: ${body} at ${path}`, async () => {
    const payload = await readPayload(new TextEncoder().encode(body), {
      fields: fieldsOf("content-type: application/json"),
      operation: operationOf("POST", path),
      maxBytes: 10_000,
      mustBeKnown: true,
      readsFiles: false,
      hold() {},
    });
    assertEquals(payload.facts, facts);
  });
}
