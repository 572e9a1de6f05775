import { nextPiece } from "../../src/streams/byte_source.ts";
import { assert } from "@std/assert";
import { ChunkedBody } from "../../src/http/body.ts";
import { ConnectionReader } from "../../src/http/reader.ts";
import { readPayload } from "../../src/payload/read_payload.ts";
import { inputOf } from "../support/clients/byte_input.ts";
import { fieldsOf } from "../support/data/fields.ts";

const STEP_BYTES = 128 * 1024;
const STEPS = 20;
const LONG = STEPS * STEP_BYTES;
const encode = (text: string) => new TextEncoder().encode(text);

/** How often a piece of work lets everything else that waits go first. */
async function turnsGiven(work: () => Promise<unknown>): Promise<number> {
  const { setTimeout: original } = globalThis;
  const { now } = performance;
  let turns = 0;
  // Each look at the clock finds that the work has lasted for long.
  let time = 0;
  performance.now = () => time += 10;
  globalThis.setTimeout = ((...parts: Parameters<typeof original>) => {
    turns++;
    return original(...parts);
  }) as typeof original; // it is called as the original is
  try {
    await work();
  } finally {
    globalThis.setTimeout = original;
    performance.now = now;
  }
  return turns;
}

function read(body: string, type: string): Promise<unknown> {
  return readPayload(encode(body), {
    fields: fieldsOf(`content-type: ${type}`),
    operation: "files",
    maxBytes: 1e9,
    mustBeKnown: true,
    readsFiles: true,
    hold() {},
  });
}

const FORM = "multipart/form-data; boundary=b";
const inForm = (head: string, content: string) =>
  `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n--b--\r\n`;
const BODIES: Readonly<Record<string, () => Promise<unknown>>> = {
  "a JSON body": () => read(`{"model":"a","x":"${"a".repeat(LONG)}"}`, "application/json"),
  "a form": () => read(inForm('name="x"', "a".repeat(LONG)), FORM),
  "a form of what is almost a boundary": () => read(inForm('name="x"', "\r\n--a".repeat(LONG / 5)), FORM),
  "chunks of one byte": async () => {
    const bytes = encode(`${"1\r\nx\r\n".repeat(8_192 * STEPS)}0\r\n\r\n`);
    const body = new ChunkedBody(new ConnectionReader(inputOf(bytes, bytes.length, "end")));
    while (await nextPiece(body) !== null) { /* the next piece */ }
  },
};
for (const [name, work] of Object.entries(BODIES)) {
  Deno.test(`steps: ${name} gives others their turn again and again`, async () => {
    const turns = await turnsGiven(work);
    assert(turns >= STEPS - 2, `${turns} turns in ${STEPS} steps`);
  });
}

Deno.test("steps: the requests of a batch give others their turn, beside the form that they are in", async () => {
  const line = `{"body":{"model":"a","x":"${"x".repeat(1_000)}"}}\n`;
  const lines = line.repeat(LONG / line.length);
  const file = inForm('name="file"; filename="a.jsonl"', lines);
  const turns = await turnsGiven(() => read(file, FORM));
  assert(turns >= 2 * (STEPS - 2), `${turns} turns in ${2 * STEPS} steps`);
});
