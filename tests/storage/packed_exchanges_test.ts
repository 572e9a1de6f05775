import { assertEquals } from "@std/assert";
import { EXCHANGE_COLUMN_LIST } from "../../src/storage/exchange_columns.ts";
import { type ExchangeMessage, exchangesOf, PackedExchanges } from "../../src/storage/packed_exchanges.ts";
import type { ExchangeRow } from "../../src/storage/store.ts";
import { exchangeRow } from "../support/data/rows.ts";

Deno.test("packed exchanges are the same exchanges on the other side of a message", () => {
  const rows: ExchangeRow[] = [
    exchangeRow({}),
    exchangeRow({
      durationMs: 1.25,
      firstByteMs: undefined,
      stream: false,
      modelAsked: "",
      usageSource: undefined,
      settlement: "awaited",
      booking: { hour: 3_600_000, isDated: false, modelRules: ["token:tok_1 gpt-5*"] },
      attempts: 2,
      attemptLog: [
        { backend: "one", afterMs: 0, detail: "refused" },
        { backend: "two", afterMs: 2.5, detail: "late" },
      ],
    }),
    exchangeRow({ booking: { hour: 0, isDated: true, modelRules: [] }, costMicros: 0, costIsPartial: true }),
    exchangeRow({ booking: undefined, tokenId: undefined, projectId: undefined }),
  ];
  const expected = rows.map((row) => ({ booking: undefined, ...row }));
  const packed = PackedExchanges.of(rows);
  assertEquals<unknown>(received(structuredClone(packed.message())), expected);
  assertEquals<unknown>(packed.rows().map(copyOf), expected, "on this side too");
  packed.clear();
  assertEquals([packed.count, packed.bytes, received(packed.message())], [0, 0, []]);
  packed.add(rows[1] ?? exchangeRow());
  assertEquals<unknown>(received(packed.message()), [expected[1]], "after earlier rows");
});

Deno.test("packed exchanges keep any text, beside others and in any number", () => {
  const texts = [
    "\ufeffmark",
    "ä",
    "",
    "日本",
    "a".repeat(100),
    "😀".repeat(40),
    "é".repeat(48),
    "plain",
    "\u007f\u0080",
  ];
  const rows = Array.from({ length: 1_000 }, (_, index) =>
    exchangeRow({
      requestId: `\ufeffr${index}`,
      path: texts[index % texts.length] ?? "",
      principal: texts[Math.floor(index / 3) % texts.length] ?? "",
      modelAsked: index % 2 === 0 ? undefined : texts[Math.floor(index / 7) % texts.length],
    }));
  const packed = PackedExchanges.of(rows);
  const read = received(structuredClone(packed.message()));
  for (const [index, { requestId, path, principal, modelAsked }] of rows.entries()) {
    const { requestId: id, path: text, principal: name, modelAsked: model } = read[index] ?? {};
    assertEquals([id, text, name, model], [requestId, path, principal, modelAsked]);
  }
  assertEquals(read.length, 1_000);
});

/** Copies of the rows, because each row is valid until the next one. */
function received(message: ExchangeMessage): Record<string, unknown>[] {
  return Array.from(exchangesOf(message), copyOf);
}

const MEMBERS = [...EXCHANGE_COLUMN_LIST.map(({ member }) => member), "booking"] as const;

function copyOf(row: ExchangeRow): Record<string, unknown> {
  return Object.fromEntries(MEMBERS.map((member) => [member, row[member]]));
}
