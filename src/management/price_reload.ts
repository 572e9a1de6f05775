import type { Pricer } from "../accounting/prices/cost.ts";
import { loadPrices } from "../accounting/prices/load_prices.ts";
import { BUILT_IN_VERSION, openPrices } from "../accounting/prices/published_prices.ts";
import type { Config, ManagementConfig } from "../config/config.ts";
import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";

/** Loads the price list again when the configuration changes. Loads follow one another. */
export class PriceReload {
  readonly #pricer: Pricer;
  readonly #log: Log;
  #reading: Promise<void> = Promise.resolve();

  constructor(pricer: Pricer, log: Log) {
    this.#pricer = pricer;
    this.#log = log;
  }

  /** Loads the price file, and uses it if its version has changed. */
  read({ pricesFile }: Pick<ManagementConfig, "pricesFile">): void {
    this.#next(async () => {
      const list = await loadPrices(pricesFile, this.#log);
      if ((list?.version ?? BUILT_IN_VERSION) === this.#pricer.library.version) return;
      this.#pricer.use(await openPrices(list));
    });
  }

  /** Logs each endpoint whose `price_provider` is not in the price list, once the running load has ended. */
  warnOfUnknownProviders(config: Pick<Config, "endpoints">): void {
    this.#next(() => this.#warn(config));
  }

  /** Runs a task after the tasks before it. An error is logged, so that later tasks run. */
  #next(task: () => void | Promise<void>): void {
    this.#reading = this.#reading.then(task)
      .catch((error) => this.#log("error", "unexpected", { detail: traceOf(error) }));
  }

  #warn({ endpoints }: Pick<Config, "endpoints">): void {
    for (const { name, priceProvider } of endpoints) {
      if (priceProvider === undefined || priceProvider === LOCAL_PRICES) continue;
      if (this.#pricer.library.knows(priceProvider)) continue;
      const provider = JSON.stringify(priceProvider);
      this.#log("warn", "configuration", {
        detail:
          `endpoints.${name}.price_provider ${provider} is unknown, so no model of the endpoint has a price`,
      });
    }
  }

  /** Resolves when no task is running. Never rejects. */
  settled(): Promise<void> {
    return this.#reading;
  }
}
