/** Streams of the management plane end when their reader may read less. */

import { assertEquals } from "@std/assert";
import { STREAM_CHECK_MS, whileAllowed } from "../../../src/management/api/identity.ts";
import { type Actor, BOOTSTRAP } from "../../../src/people/actor.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { until, within } from "../../support/time/deadline.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const anna: Actor = { ...BOOTSTRAP, kind: "person", role: "viewer", projects: ["prj_1"] };

/** A stream without events, whose reader is asked for again. */
function openStream(again: () => Promise<Actor | undefined>) {
  const clock = new FakeClock();
  const cancelled = Promise.withResolvers<void>();
  const unexpected: unknown[] = [];
  let end = (): void => {};
  const stream = whileAllowed(new ReadableStream({ cancel: () => cancelled.resolve() }), {
    identity: {
      actor: anna,
      again,
      onEnd: (ended) => {
        end = ended;
        return () => {};
      },
    },
    clock,
    onUnexpected: (error) => unexpected.push(error),
  });
  const text = new Response(stream).text();
  return { clock, text, cancelled: cancelled.promise, unexpected, end: () => end() };
}

const ENDS: [what: string, again: () => Promise<Actor | undefined>][] = [
  ["the session has ended", () => Promise.resolve(undefined)],
  ["the role is another one", () => Promise.resolve({ ...anna, role: "member" })],
  ["the projects are others", () => Promise.resolve({ ...anna, projects: [] })],
];
for (const [what, again] of ENDS) {
  Deno.test(`whileAllowed: a stream without events ends at the next check if ${what}`, async () => {
    const { clock, text, cancelled } = openStream(again);
    clock.pass(STREAM_CHECK_MS);
    assertEquals(await within(text, "the end of the stream"), "");
    await within(cancelled, "the end of the source");
    assertEquals(clock.pending, 0);
  });
}

Deno.test("whileAllowed: a stream goes on while the actor is the same, and while the database fails", async () => {
  const answers: (() => Promise<Actor | undefined>)[] = [
    () => Promise.resolve({ ...anna, provenAt: 5 }),
    () => Promise.reject(new StoreError("busy", "busy")),
    () => Promise.resolve(undefined),
  ];
  let asked = 0;
  const answered: PromiseWithResolvers<void>[] = answers.map(() => Promise.withResolvers());
  const { clock, text, unexpected } = openStream(() => {
    const answer = answers[asked];
    answered[asked++]?.resolve();
    return answer?.() ?? Promise.resolve(undefined);
  });
  for (const one of answered) {
    clock.pass(STREAM_CHECK_MS);
    await within(one.promise, "a check");
    // The check sets the next timer when it has its answer.
    await until(() => clock.pending > 0 || asked === answers.length, "the next timer");
  }
  assertEquals(await within(text, "the end of the stream"), "");
  assertEquals([asked, unexpected], [3, []]);
});

Deno.test("whileAllowed: the sign-out in this process ends a stream at once", async () => {
  const { text, end, clock } = openStream(() => Promise.resolve(anna));
  end();
  assertEquals(await within(text, "the end of the stream"), "");
  assertEquals(clock.pending, 0);
});
