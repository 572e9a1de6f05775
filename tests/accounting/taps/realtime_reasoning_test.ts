/** The time in which a model of a realtime session generates invisible output. */

import { assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";

type Event = Record<string, unknown>;

class Session {
  now = 0;
  readonly tap = new RealtimeTap({ now: () => this.now });

  server(...events: readonly Event[]): this {
    for (const event of events) this.tap.write(frame(TEXT, JSON.stringify(event)));
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this;
  }

  get unseenMs(): (number | undefined)[] {
    return (this.tap.end().unfinished ?? []).map(({ unseenMs }) => unseenMs);
  }
}

const begun = (id: string): Event => ({ type: "response.created", response: { id, usage: null } });
const word = (response_id: string): Event => ({
  type: "response.output_text.delta",
  response_id,
  delta: "x",
});
const done = (id: string, usage: unknown): Event => ({
  type: "response.done",
  response: { id, status: "completed", usage },
});
const USAGE = { input_tokens: 5, output_tokens: 5, total_tokens: 10 };

Deno.test("a cut response counts the time before its first word, and long pauses", () => {
  const session = new Session().after(5_000).server(begun("a")).after(3_000).server(word("a"))
    .after(200).server(word("a")).after(2_000).server(word("a")).after(100);
  assertEquals(session.unseenMs, [5_000]);
  assertEquals(new Session().server(begun("a")).after(50).unseenMs, [50]);
});

Deno.test("each response counts its own time, and a response with its usage counts none", () => {
  const session = new Session().server(begun("a")).after(3_000).server(begun("b"), word("a"))
    .after(500).server(word("b"), done("b", USAGE));
  assertEquals(session.unseenMs, [3_000]);
  session.server(done("a", USAGE));
  assertEquals(session.unseenMs, []);
});

Deno.test("a response that ends without its output counts its time", () => {
  assertEquals(new Session().server(begun("a")).after(700).server(done("a", null)).unseenMs, [700]);
  const reported = new Session().server(begun("a")).after(700).server(done("a", { output_tokens: 3 }));
  assertEquals(reported.unseenMs, [undefined]);
  const many = new Session();
  for (let id = 0; id < 600; id++) many.server(begun(`${id}`)).after(10).server(done(`${id}`, null));
  assertEquals(many.unseenMs.reduce((total = 0, ms = 0) => total + ms, 0), 6_000);
});

Deno.test("an event that states no response counts no time", () => {
  const session = new Session().server(begun("a"), word("a"), done("a", USAGE))
    .server({ type: "response.output_text.done", item_id: "i" }, { serverContent: {} }).after(60_000);
  assertEquals(session.unseenMs, [undefined]);
});
