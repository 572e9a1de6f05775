import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ExchangeRecord } from "../../src/exchange_record.ts";
import { exchangeLogger } from "../../src/observability/exchange_log.ts";
import { createLog, type LogFields } from "../../src/observability/log.ts";
import { exchangeRecord, exchangeUsage } from "../support/data/records.ts";

function logged(
  config: { level?: "debug" | "info" | "warn" | "error"; format?: "json" | "pretty"; secrets?: string[] },
  write: (log: ReturnType<typeof createLog>) => void,
): string {
  let text = "";
  const log = createLog(
    { level: config.level ?? "info", format: config.format ?? "json", access: false },
    { write: (line) => text += line, secrets: config.secrets ?? [], now: () => 1_800_000_000_123 },
  );
  write(log);
  return text;
}

Deno.test("createLog: json is one object per line with event, level and fields", () => {
  const lines = logged({}, (log) => {
    log("info", "exchange", { status: 200, path: "/v1" });
    log("warn", "fault", { detail: "line\nbreak" });
  }).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    lines.map(({ time, level, event, status, path, detail }) => [time, level, event, status, path, detail]),
    [
      ["2027-01-15T08:00:00.123Z", "info", "exchange", 200, "/v1", undefined],
      ["2027-01-15T08:00:00.123Z", "warn", "fault", undefined, undefined, "line\nbreak"],
    ],
  );
});

Deno.test("createLog: pretty is one line for any values", () => {
  const text = logged(
    { format: "pretty" },
    (log) => log("warn", "fault", { detail: 'a "b"\n\x1b[31mc', status: 502 }),
  );
  assertMatch(text, /^\d\d:\d\d:\d\d WARN {2}fault status=502 detail="a \\"b\\"\\n\\u001b\[31mc"\n$/);
});

Deno.test("createLog: events below the level are not written", () => {
  const text = logged({ level: "warn", format: "pretty" }, (log) => {
    for (const level of ["debug", "info", "warn", "error"] as const) log(level, `at_${level}`);
  });
  assertEquals(text.match(/at_\w+/g), ["at_warn", "at_error"]);
});

for (const format of ["json", "pretty"] as const) {
  Deno.test(`createLog: ${format}: no secret is written, in any field and encoding`, () => {
    const secrets = ["s3cret/with+signs", 's3cret"quoted', "s3cret"];
    const text = logged({ format, secrets }, (log) =>
      log("info", "exchange", {
        path: `/v1/${encodeURIComponent("s3cret/with+signs")}`,
        detail: 'it was s3cret/with+signs, s3cret"quoted and s3cret',
      }));
    assert(!text.includes("s3cret"), text);
    assertEquals(text.match(/\[redacted\]/g)?.length, 4);
  });
}

Deno.test("createLog: a field that is not on the list is not written", () => {
  const smuggled: LogFields = Object.assign({ status: 200 }, { authorization: "Bearer x" });
  assertEquals(JSON.parse(logged({}, (log) => log("info", "exchange", smuggled))).authorization, undefined);
});

const RECORD = exchangeRecord({ path: "/openai/v1/x", firstByteMs: 1.23456, durationMs: 2.34567 });

Deno.test("exchangeLogger: faults always, exchanges with the access log on; a client that leaves is not a fault", () => {
  const events = (record: Partial<ExchangeRecord>, access: boolean) => {
    const seen: string[] = [];
    exchangeLogger((level, event) => seen.push(`${level} ${event}`), { access })({ ...RECORD, ...record });
    return seen;
  };
  assertEquals(events({}, false), []);
  assertEquals(events({}, true), ["info exchange"]);
  assertEquals(events({ ending: "client_gone", status: 499 }, false), []);
  assertEquals(events({ ending: "bad_gateway", status: 502 }, false), ["warn fault"]);
  assertEquals(events({ ending: "bad_gateway", status: 502 }, true), ["warn fault", "info exchange"]);
});

Deno.test("exchangeLogger: model, tokens and cost; lines for people have only the short ones", () => {
  const usage = exchangeUsage({
    inputTokens: 17,
    cachedTokens: 0,
    costMicros: 1,
    usageSource: "estimated",
  });
  const text = (format: "json" | "pretty") =>
    logged({ format }, (log) => exchangeLogger(log, { access: true })({ ...RECORD, usage }));
  const { model, input_tokens, output_tokens, cached_tokens, cost_usd, usage_source } = JSON.parse(
    text("json"),
  );
  assertEquals([model, input_tokens, output_tokens, cached_tokens], ["m-1", 17, 3, 0]);
  assertEquals([cost_usd, usage_source], [0.000001, "estimated"]);
  assertMatch(text("pretty"), / model=m-1 input_tokens=17 output_tokens=3 cost_usd=0\.000001 bytes=10 /);
});
