import { assertEquals } from "@std/assert";
import { withKeepaliveComments } from "../../src/forwarding/keepalive.ts";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { fieldsOf } from "../support/data/fields.ts";

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
    const source = new PulledSource(() =>
      new Promise((resolve, reject) => {
        this.#answer = resolve;
        this.#fail = reject;
      }), { length });
    this.#source = withKeepaliveComments({ fields: fieldsOf(...fields), body: source }, {
      silenceMs: 15_000,
      clock: this.clock,
    });
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      const source = this.#source;
      if (source === null) throw new Error("no body");
      for (let piece = await nextPiece(source); piece !== null; piece = await nextPiece(source)) {
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

Deno.test("withKeepaliveComments: a comment after each silence, also before the first event, and no other change", async () => {
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
  ["a whole event with CR", ["data: 1\r\r"], true],
  ["an event with CR whose empty line comes by itself", ["data: 1\r", "\r"], true],
  ["an event with CR cut before its empty line", ["data: 1\r"], false],
  ["an event with CR, and an LF behind it", ["data: 1\r\r", "\n"], true],
  ["a CR alone behind a long event", [`data: ${"x".repeat(100)}\r`], false],
  ["a line end alone behind a long event", [`data: ${"x".repeat(100)}\n`], false],
  ["an empty line within the data of the next", ["data: 1\n\ndata: 2"], false],
  ["byte by byte", [..."data: 1\n\n"], true],
];
for (const [what, pieces, isBoundary] of PIECES) {
  Deno.test(`withKeepaliveComments: behind ${what} a comment ${isBoundary ? "is" : "is not"} inserted`, async () => {
    const bench = new Bench();
    for (const piece of pieces) await bench.send(piece);
    await bench.silence(60_000);
    assertEquals(bench.got.includes(COMMENT), isBoundary);
    assertEquals(bench.got.replaceAll(COMMENT, ""), pieces.join(""));
  });
}

Deno.test("withKeepaliveComments: a stream that breaks off behind a comment fails", async () => {
  const bench = new Bench();
  await bench.silence(15_000);
  await bench.fail();
  assertEquals([bench.got, bench.end, bench.clock.pending], [COMMENT, "failed", 0]);
});

Deno.test("withKeepaliveComments: what arrives while a comment is sent is not lost", async () => {
  const clock = new FakeClock();
  let answer = (_: Uint8Array | null): void => {};
  const source = new PulledSource(() => new Promise((resolve) => answer = resolve));
  const kept = withKeepaliveComments({ fields: fieldsOf(...STREAM), body: source }, {
    silenceMs: 1_000,
    clock,
  });
  if (kept === null) throw new Error("no body");
  const first = nextPiece(kept);
  clock.pass(1_000);
  assertEquals(new TextDecoder().decode(await first ?? undefined), COMMENT);
  answer(new TextEncoder().encode("data: 1\n\n"));
  await settled();
  assertEquals(new TextDecoder().decode(kept.tryRead() ?? undefined), "data: 1\n\n");
  assertEquals(kept.tryRead(), undefined);
  const last = nextPiece(kept);
  kept.cancel();
  assertEquals(await last, null);
});

for (
  const [fields, length] of [
    [["Content-Type: application/json"], undefined],
    [[...STREAM, "Content-Encoding: gzip"], undefined],
    [STREAM, 100],
  ] as const
) {
  Deno.test(`withKeepaliveComments: an answer with ${fields.join(", ")} and the length ${length} stays as it is`, async () => {
    const bench = new Bench(fields, length);
    await bench.silence(60_000);
    assertEquals(bench.got, "");
  });
}

Deno.test("withKeepaliveComments: what arrives at the end of a silence comes first, and no comment cuts it", async () => {
  const clock = new FakeClock();
  let answer = (_: Uint8Array | null): void => {};
  const source = new PulledSource(() => new Promise((resolve) => answer = resolve));
  const kept = withKeepaliveComments({ fields: fieldsOf(...STREAM), body: source }, {
    silenceMs: 1_000,
    clock,
  });
  if (kept === null) throw new Error("no body");
  assertEquals(kept.tryRead(), undefined);
  await Promise.all([
    kept.readable(),
    settled().then(() => {
      answer(new TextEncoder().encode("data: ha"));
      clock.pass(1_000);
    }),
  ]);
  await settled();
  assertEquals(new TextDecoder().decode(kept.tryRead() ?? undefined), "data: ha");
  assertEquals([kept.tryRead(), clock.pending], [undefined, 0]);
});
