import { assertEquals, assertNotEquals } from "@std/assert";
import { conversationStart } from "../../src/payload/conversation.ts";

const bytes = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));
const keyOf = (body: unknown) => conversationStart(bytes(body)).key;

const system = "You are helpful. ".repeat(50);
const openai = (first: string, ...more: unknown[]) => ({
  model: "gpt-5",
  temperature: more.length,
  messages: [{ role: "system", content: system }, { role: "user", content: first }, ...more],
});
const anthropic = (first: unknown, ...more: unknown[]) => ({
  max_tokens: 10 + more.length,
  messages: [{ role: "user", content: first }, ...more],
  system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
  model: "claude",
});
const answer = { role: "assistant", content: "Yes." };
const question = { role: "user", content: "And why?" };

/** The first request of a conversation, a later one, and the first of another conversation. */
const CONVERSATIONS: Record<string, readonly [first: unknown, later: unknown, other: unknown]> = {
  "OpenAI chat": [openai("Is it?"), openai("Is it?", answer, question), openai("Was it?")],
  "Anthropic, with a mark that moves": [
    anthropic([{ type: "text", text: "Is it?", cache_control: { type: "ephemeral" } }]),
    anthropic("Is it?", answer, {
      role: "user",
      content: [{ type: "text", text: "And?", cache_control: {} }],
    }),
    anthropic("Was it?"),
  ],
  "OpenAI responses": [
    {
      model: "m",
      instructions: system,
      input: [{ role: "user", content: [{ type: "input_text", text: "Is it?" }] }],
    },
    {
      model: "m",
      instructions: system,
      input: [
        { role: "user", content: [{ type: "input_text", text: "Is it?" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Yes." }] },
      ],
    },
    { model: "m", instructions: system, input: "Was it?" },
  ],
  "Gemini, without roles": [
    { contents: [{ parts: [{ text: "Is it?" }] }], systemInstruction: { parts: [{ text: system }] } },
    {
      contents: [{ parts: [{ text: "Is it?" }] }, { role: "model", parts: [{ text: "Yes." }] }, {
        parts: [],
      }],
      systemInstruction: { parts: [{ text: system }] },
    },
    { contents: [{ parts: [{ text: "Was it?" }] }], systemInstruction: { parts: [{ text: system }] } },
  ],
};

for (const [name, [first, later, other]] of Object.entries(CONVERSATIONS)) {
  Deno.test(`conversation: ${name}: each turn has the key of the first, and another conversation has not`, () => {
    const key = keyOf(first);
    assertEquals(key?.startsWith("start "), true);
    assertEquals(keyOf(later), key);
    assertNotEquals(keyOf(other), key);
  });
}

Deno.test("conversation: an id in the body wins over the messages, in any place", () => {
  assertEquals(keyOf({ ...openai("a"), prompt_cache_key: "k1" }), "id k1");
  assertEquals(keyOf({ prompt_cache_key: "k1", ...openai("b") }), "id k1");
  assertEquals(
    keyOf({ ...anthropic("a"), metadata: { user_id: "user_1_session_2" } }),
    "id user_1_session_2",
  );
});

Deno.test("conversation: the name of a user is no conversation", () => {
  assertEquals(keyOf({ ...anthropic("a"), metadata: { user_id: "anna" } }), keyOf(anthropic("a")));
  assertEquals(keyOf({ ...openai("a"), user: "anna", safety_identifier: "x" }), keyOf(openai("a")));
});

Deno.test("conversation: a text that changes with each request of Claude Code does not count", () => {
  const body = (cch: string) => ({
    messages: [{ role: "user", content: "Is it?" }],
    system: [{ type: "text", text: `x-anthropic-billing-header: cch=${cch};` }, {
      type: "text",
      text: system,
    }],
  });
  assertEquals(keyOf(body("1")), keyOf(body("2")));
});

Deno.test("conversation: the model is the outermost one, and quotes in texts are skipped", () => {
  const { model } = conversationStart(
    bytes({ tools: [{ model: "no" }], x: 'a "model":"no" \\', model: "yes" }),
  );
  assertEquals(model, "yes");
});

Deno.test("conversation: every cut of a body, and what is not JSON, is read without a failure", () => {
  const whole = bytes(CONVERSATIONS["Gemini, without roles"]?.[1]);
  for (let end = 0; end <= whole.length; end++) conversationStart(whole.subarray(0, end));
  for (
    const text of [
      "",
      "]]]]",
      "{{{{",
      '"',
      '{"a',
      "[".repeat(1_000),
      '{"messages":"x"}',
      "hello",
      '{"input":[1]}',
    ]
  ) {
    assertEquals(conversationStart(new TextEncoder().encode(text)).key, undefined, text);
  }
});
