import { assertEquals } from "@std/assert";
import { keptAlive } from "../../src/forwarding/keepalive.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fieldsOf } from "../support/fields.ts";

const STREAM = ["Content-Type: text/event-stream; charset=utf-8"];
const COMMENT = ": keepalive\n\n";

/** An answer whose pieces the test sends one by one, and what a client got of it. */
class Bench {
  readonly clock = new FakeClock();
  got = "";
  end: "open" | "ended" | "failed" = "open";
  readonly #source: MessageBody | null;
  #answer: ((piece: Uint8Array | null) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(fields: readonly string[] = STREAM, length?: number) {
    const source: MessageBody = {
      length,
      tryRead: () => undefined,
      read: () =>
        new Promise((resolve, reject) => {
          this.#answer = resolve;
          this.#fail = reject;
        }),
      cancel() {},
    };
    this.#source = keptAlive({ fields: fieldsOf(...fields), body: source }, {
      silenceMs: 15_000,
      clock: this.clock,
    });
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      for (let piece = await this.#source?.read(); piece; piece = await this.#source?.read()) {
        this.got += new TextDecoder().decode(piece);
      }
      this.end = "ended";
    } catch {
      this.end = "failed";
    }
  }

  async send(text: string | null): Promise<void> {
    this.#answer?.(text === null ? null : new TextEncoder().encode(text));
    await settled();
  }

  async fail(): Promise<void> {
    this.#fail?.(new Error("cut"));
    await settled();
  }

  async silence(ms: number): Promise<void> {
    this.clock.pass(ms);
    await settled();
  }
}

/** What waits for nothing but promises has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("keptAlive: a comment for every so long a silence, also before the first event, and nothing else changes", async () => {
  const bench = new Bench();
  await bench.silence(14_999);
  assertEquals(bench.got, "");
  await bench.silence(1);
  assertEquals(bench.got, COMMENT);
  await bench.silence(15_000);
  assertEquals(bench.got, COMMENT + COMMENT);
  await bench.send("data: 1\n\n");
  await bench.silence(14_000);
  await bench.send("data: 2\n\n");
  await bench.silence(14_000);
  assertEquals(bench.got, `${COMMENT}${COMMENT}data: 1\n\ndata: 2\n\n`);
  await bench.silence(1_000);
  await bench.send(null);
  assertEquals(bench.got, `${COMMENT}${COMMENT}data: 1\n\ndata: 2\n\n${COMMENT}`);
  assertEquals([bench.end, bench.clock.pending], ["ended", 0]);
});

const PIECES: readonly (readonly [what: string, pieces: readonly string[], isBoundary: boolean])[] = [
  ["a whole event", ["data: 1\n\n"], true],
  ["a whole event with CR LF", ["data: 1\r\n\r\n"], true],
  ["an event cut before its empty line", ["data: 1\n"], false],
  ["an event cut within its line", ["data: 1"], false],
  ["an event whose empty line comes by itself", ["data: 1\n", "\n"], true],
  ["CR LF cut between its two bytes", ["data: 1\r\n\r"], false],
  ["CR LF cut there, and the rest", ["data: 1\r\n\r", "\n"], true],
  ["a line end alone behind a long event", [`data: ${"x".repeat(100)}\n`], false],
  ["an empty line within the data of the next", ["data: 1\n\ndata: 2"], false],
  ["byte by byte", [..."data: 1\n\n"], true],
];
for (const [what, pieces, isBoundary] of PIECES) {
  Deno.test(`keptAlive: behind ${what} there is ${isBoundary ? "" : "no "}room for a comment`, async () => {
    const bench = new Bench();
    for (const piece of pieces) await bench.send(piece);
    await bench.silence(60_000);
    assertEquals(bench.got.includes(COMMENT), isBoundary);
    assertEquals(bench.got.replaceAll(COMMENT, ""), pieces.join(""));
  });
}

Deno.test("keptAlive: what breaks off breaks off, also behind a comment", async () => {
  const bench = new Bench();
  await bench.silence(15_000);
  await bench.fail();
  assertEquals([bench.got, bench.end, bench.clock.pending], [COMMENT, "failed", 0]);
});

Deno.test("keptAlive: what came while a comment was on its way is not lost", async () => {
  const clock = new FakeClock();
  let answer = (_: Uint8Array | null): void => {};
  const source: MessageBody = {
    length: undefined,
    tryRead: () => undefined,
    read: () => new Promise((resolve) => answer = resolve),
    cancel() {},
  };
  const kept = keptAlive({ fields: fieldsOf(...STREAM), body: source }, { silenceMs: 1_000, clock });
  const first = kept?.read();
  clock.pass(1_000);
  assertEquals(new TextDecoder().decode(await first ?? undefined), COMMENT);
  answer(new TextEncoder().encode("data: 1\n\n"));
  await settled();
  assertEquals(kept?.tryRead(), undefined);
  assertEquals(new TextDecoder().decode(await kept?.read() ?? undefined), "data: 1\n\n");
  const last = kept?.read();
  kept?.cancel();
  assertEquals(await last, null);
});

for (
  const [fields, length] of [
    [["Content-Type: application/json"], undefined],
    [[...STREAM, "Content-Encoding: gzip"], undefined],
    [STREAM, 100],
  ] as const
) {
  Deno.test(`keptAlive: an answer with ${fields.join(", ")} and the length ${length} is left as it is`, async () => {
    const bench = new Bench(fields, length);
    await bench.silence(60_000);
    assertEquals(bench.got, "");
  });
}
