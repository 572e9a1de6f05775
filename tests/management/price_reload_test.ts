import { assertEquals } from "@std/assert";
import { Pricer } from "../../src/accounting/prices/cost.ts";
import { PriceReload } from "../../src/management/price_reload.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

Deno.test("PriceReload: an error of a load or of a warning is logged, and stops no later one", async () => {
  const logged: string[] = [];
  let breaks = true;
  const pricer = new Pricer({
    version: "none",
    priceOf: () => undefined,
    knows: () => {
      if (breaks) throw new TypeError("cannot read x");
      return false;
    },
    providerAt: () => undefined,
    providerOf: () => undefined,
  });
  const reload = new PriceReload(pricer, (_level, event) => void logged.push(event));
  const endpoint = testEndpoint("desk", [testBackend("http://127.0.0.1:1")], { priceProvider: "unheard" });
  reload.warnOfUnknownProviders({ endpoints: [endpoint] });
  await reload.settled();
  breaks = false;
  reload.warnOfUnknownProviders({ endpoints: [endpoint] });
  await reload.settled();
  assertEquals(logged, ["unexpected", "configuration"]);
});
