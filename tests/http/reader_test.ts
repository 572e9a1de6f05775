import { assertEquals } from "@std/assert";
import { ConnectionReader } from "../../src/http/reader.ts";

const QUIET_BYTES = 512;

/** An input whose reads end when the test sends bytes. */
class ManualInput {
  /** The sizes of the buffers of all reads. */
  readonly sizes: number[] = [];
  #pending: { into: Uint8Array; resolve: (count: number | null) => void } | undefined;

  read(into: Uint8Array): Promise<number | null> {
    this.sizes.push(into.length);
    return new Promise((resolve) => this.#pending = { into, resolve });
  }

  /** Ends the pending read with bytes. */
  send(text: string): void {
    if (this.#pending === undefined) throw new Error("no read is pending");
    this.#pending.into.set(new TextEncoder().encode(text));
    this.#pending.resolve(text.length);
    this.#pending = undefined;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("ConnectionReader: a quiet read keeps the buffered bytes, and adds later bytes after them", async () => {
  const input = new ManualInput();
  const reader = new ConnectionReader(input);
  const first = reader.readable();
  input.send("one two");
  await first;
  const taken = reader.take(3);
  const quiet = reader.readableQuietly();
  input.send(" three");
  await quiet;
  assertEquals(textOf(taken), "one");
  assertEquals(textOf(reader.buffered), " two three");
});

Deno.test("ConnectionReader: a quiet read holds no large buffer after the buffered bytes were taken", async () => {
  const input = new ManualInput();
  const reader = new ConnectionReader(input);
  const first = reader.readable();
  input.send("body");
  await first;
  const quiet = reader.readableQuietly();
  const taken = reader.take(4);
  assertEquals(reader.readableQuietly(), quiet);
  assertEquals(reader.capacity, 0);
  input.send("next");
  await quiet;
  assertEquals(textOf(taken), "body");
  assertEquals(textOf(reader.buffered), "next");
  assertEquals(reader.capacity, QUIET_BYTES);
  assertEquals(input.sizes.at(-1), QUIET_BYTES);
});

Deno.test("ConnectionReader: a quiet read may bring more bytes than the last buffer has room for", async () => {
  const input = new ManualInput();
  const reader = new ConnectionReader(input);
  const first = reader.readable();
  input.send("a".repeat(4_000));
  await first;
  const quiet = reader.readableQuietly();
  input.send("b".repeat(QUIET_BYTES));
  await quiet;
  assertEquals(textOf(reader.buffered), "a".repeat(4_000) + "b".repeat(QUIET_BYTES));
});

Deno.test("ConnectionReader: the buffer is small while events are short, and grows when one fills it", async () => {
  const input = new ManualInput();
  const reader = new ConnectionReader(input);
  const receive = async (length: number) => {
    const next = reader.readable();
    input.send("x".repeat(length));
    await next;
    reader.consume(length);
  };
  await receive(600);
  reader.expectEvents();
  for (const length of [100, QUIET_BYTES, 88, 100]) await receive(length);
  assertEquals(input.sizes, [4096, QUIET_BYTES, QUIET_BYTES, 4096, 4096]);
  for (let event = 0; event < 8; event++) await receive(100);
  assertEquals(input.sizes.at(-1), QUIET_BYTES);
});
