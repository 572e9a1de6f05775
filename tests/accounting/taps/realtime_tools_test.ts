/** The input of realtime responses that does not come from the client: what MCP servers say. */

import { assert, assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";

type Event = Record<string, unknown>;

const CREATED = { type: "session.created", session: { type: "realtime", model: "gpt-realtime" } };
const CREATE = { type: "response.create" };
const BEGUN = { type: "response.created", response: { id: "r", status: "in_progress", usage: null } };
/** About 2,000 tokens. */
const TEXT_OF_SERVER = "The cat sat down on a mat. ".repeat(300);
const CALL = { id: "i", type: "mcp_call", name: "read", arguments: "{}", output: TEXT_OF_SERVER };
const TOOLS = {
  id: "i",
  type: "mcp_list_tools",
  tools: [{ name: "read", description: TEXT_OF_SERVER, input_schema: { type: "object" } }],
};

function inputsAfter(events: readonly Event[], sent: readonly Event[] = []): number {
  const tap = new RealtimeTap();
  for (const event of [...sent, CREATE]) tap.sent(frame(TEXT, JSON.stringify(event), { isMasked: true }));
  for (const event of [CREATED, ...events, BEGUN]) tap.write(frame(TEXT, JSON.stringify(event)));
  return (tap.end().unfinished ?? []).reduce((total, { inputTokens = 0 }) => total + inputTokens, 0);
}

for (
  const [what, types, item] of [
    ["the result of a call", ["conversation.item.done"], CALL],
    ["the result of a call, in three events", [
      "response.output_item.done",
      "conversation.item.added",
      "conversation.item.done",
    ], CALL],
    ["a list of tools", ["conversation.item.added", "conversation.item.done"], TOOLS],
    ["a list of tools, in the beta", ["conversation.item.created"], TOOLS],
  ] as const
) {
  Deno.test(`a cut response counts what an MCP server said, once: ${what}`, () => {
    const inputs = inputsAfter(types.map((type) => ({ type, item })));
    assert(inputs > 1_500 && inputs < 3_500, `${inputs}`);
  });
}

Deno.test("a call of an MCP server that ends after its response is no response", () => {
  const tap = new RealtimeTap();
  const usage = { input_tokens: 20_000, output_tokens: 5, total_tokens: 20_005 };
  const delta = { type: "response.mcp_call_arguments.delta", response_id: "r", item_id: "i", delta: "{}" };
  const done = { type: "response.done", response: { id: "r", status: "completed", usage } };
  const ends = ["in_progress", "completed", "failed"]
    .map((end) => ({ type: `response.mcp_call.${end}`, item_id: "i", output_index: 0 }));
  const item = { type: "response.output_item.done", response_id: "r", output_index: 0, item: CALL };
  for (const event of [CREATED, BEGUN, delta, done, ...ends, item]) {
    tap.write(frame(TEXT, JSON.stringify(event)));
  }
  assertEquals(tap.isOver, true);
  assertEquals(tap.end().unfinished, []);
  const cut = new RealtimeTap();
  for (const event of [CREATED, delta]) cut.write(frame(TEXT, JSON.stringify(event)));
  assertEquals(cut.end().unfinished, [{ inputTokens: 0, outputTokens: 2 }]);
});

Deno.test("several results of an MCP server count together", () => {
  const events = [1, 2, 3].map((id) => ({ type: "conversation.item.done", item: { ...CALL, id: `${id}` } }));
  const inputs = inputsAfter(events);
  assert(inputs > 4_500 && inputs < 10_500, `${inputs}`);
});

Deno.test("the result of a function of the client counts once", () => {
  const item = { id: "i", type: "function_call_output", call_id: "c", output: TEXT_OF_SERVER };
  const inputs = inputsAfter(
    [{ type: "conversation.item.added", item }, { type: "conversation.item.done", item }],
    [{ type: "conversation.item.create", item }],
  );
  assert(inputs > 1_500 && inputs < 3_500, `${inputs}`);
});
