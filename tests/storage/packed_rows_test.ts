import { assertEquals } from "@std/assert";
import { EXCHANGE_COLUMN_LIST } from "../../src/storage/exchange_columns.ts";
import { type PackedRows, packRows, unpackedRows } from "../../src/storage/sqlite/packed_rows.ts";
import type { ExchangeRow } from "../../src/storage/store.ts";
import { exchangeRow } from "../support/data/rows.ts";

Deno.test("packed rows are the same rows on the other side of a message", () => {
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
  assertEquals<unknown>(
    received(structuredClone(packRows(rows))),
    rows.map((row) => ({ booking: undefined, ...row })),
  );
  assertEquals(received(packRows([])), []);
});

/** Copies of the rows, because each row is valid until the next one. */
function received(packed: PackedRows): Record<string, unknown>[] {
  const members = [...EXCHANGE_COLUMN_LIST.map(({ member }) => member), "booking"] as const;
  return Array.from(
    unpackedRows(packed),
    (row) => Object.fromEntries(members.map((member) => [member, row[member]])),
  );
}
