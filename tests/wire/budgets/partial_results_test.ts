/** A part of the results of a batch (206) does not settle the batch. */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const LINE = (at: number) =>
  JSON.stringify({
    custom_id: `${at}`,
    response: {
      status_code: 200,
      body: {
        model: "gpt-4o",
        usage: { prompt_tokens: 10_000, completion_tokens: 10_000, total_tokens: 20_000 },
      },
    },
  });
const LINES = Array.from({ length: 10 }, (_, at) => LINE(at)).join("\n");

/** What a client fetches of the results in its turn, and how much output is counted then. */
const CASES: readonly (readonly [ranges: readonly (string | undefined)[], counted: number])[] = [
  [["bytes=0-0", undefined], 100_000],
  [[`bytes=0-${LINE(0).length}`, undefined], 100_000],
  [[`bytes=0-${LINE(0).length}`], 0],
  [[`bytes=${LINE(0).length + 1}-`], 0],
  // A client that resumes downloads asks for a range of all bytes.
  [["bytes=0-"], 100_000],
  [[undefined, "bytes=0-"], 100_000],
];
for (const [ranges, counted] of CASES) {
  const what = ranges.map((range) => range ?? "whole").join(", then ");
  Deno.test(`objects: the results of a batch count when they were fetched whole: ${what}`, async () => {
    await withBench({
      answer: (request) => {
        if (request.method === "POST") {
          return { body: JSON.stringify({ id: "batch_1", object: "batch", status: "in_progress" }) };
        }
        if (request.target.endsWith("/content")) {
          const asked = request.header("range");
          const [, from = "0", to = ""] = /bytes=(\d+)-(\d*)/.exec(asked ?? "") ?? [];
          const end = to === "" ? LINES.length : Number(to) + 1;
          return {
            type: "application/octet-stream",
            status: asked === undefined ? "200 OK" : "206 Partial Content",
            ...(asked !== undefined && {
              headers: { "content-range": `bytes ${from}-${end - 1}/${LINES.length}` },
            }),
            body: LINES.slice(Number(from), end),
          };
        }
        return {
          body: JSON.stringify({
            id: "batch_1",
            object: "batch",
            status: "completed",
            output_file_id: "file-out",
          }),
        };
      },
      rules: {},
    }, async ({ send, rows }) => {
      await send("/api/v1/batches", JSON.stringify({ input_file_id: "file-in" }));
      await send("/api/v1/batches/batch_1", undefined, { method: "GET" });
      for (const range of ranges) {
        const headers = range === undefined ? {} : { range };
        await send("/api/v1/files/file-out/content", undefined, { method: "GET", headers });
      }
      const output = (await rows()).filter((row) => row.settlement === "settled").reduce(
        (sum, row) => sum + Number(row.output_tokens),
        0,
      );
      assertEquals(output, counted);
    });
  });
}
