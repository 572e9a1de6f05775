import { assertEquals } from "@std/assert";
// @ts-types="prom-client"
import { Histogram, Registry } from "../../src/observability/prom_client.js";
import { TimeHistogram } from "../../src/observability/time_histogram.ts";

Deno.test("TimeHistogram: it is written as the histogram of prom-client is", async () => {
  const [name, help, bounds] = ["x_seconds", "Times.", [0.05, 0.1, 2.5]];
  const [expected, actual] = [new Registry(), new Registry()];
  const theirs = new Histogram({
    name,
    help,
    labelNames: ["endpoint", "provider"],
    buckets: bounds,
    registers: [expected],
  });
  const ours = new TimeHistogram(name, { help, bounds, registry: actual });
  assertEquals(await actual.metrics(), await expected.metrics());
  for (
    const [labels, times] of [
      [{ endpoint: "one", provider: "openai" }, [0, 50, 50.001, 99, 100, 2_500, 2_501, 1e9]],
      [{ endpoint: 'a"\\\n', provider: "none" }, [12.5]],
    ] as const
  ) {
    const series = ours.labels(labels);
    for (const time of times) {
      series.observe(time);
      theirs.observe(labels, time / 1000);
    }
  }
  assertEquals(await actual.metrics(), await expected.metrics());
});
