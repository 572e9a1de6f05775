import { assertEquals } from "@std/assert";
import type { BackendReport } from "../../../src/forwarding/balancer.ts";
import { mergedReports } from "../../../src/management/threads/merged_reports.ts";
import { testBackend } from "../../support/proxies/config.ts";

Deno.test("mergedReports: a backend has the worst state and the sum of the running attempts of all threads", () => {
  const up = { inFlight: 0, failures: 0, state: "up", forMs: 0, isDownByCheck: false } as const;
  const backend = testBackend("http://127.0.0.1:1");
  const own: BackendReport[] = [{ ...up, backend }];
  const { name } = backend;
  const merged = mergedReports(own, [
    [{ ...up, backend: name, inFlight: 2 }],
    [{ ...up, backend: name, inFlight: 3, failures: 4, state: "cooldown", forMs: 500 }],
    [{ ...up, backend: name, state: "rate_limited", forMs: 900, isDownByCheck: true }, {
      ...up,
      backend: "b",
    }],
    [],
  ]);
  assertEquals(merged, [
    { backend, inFlight: 5, failures: 4, state: "cooldown", forMs: 900, isDownByCheck: true },
  ]);
});
