import type { Pricer } from "../accounting/cost.ts";
import { loadPrices } from "../accounting/load_prices.ts";
import { BUILT_IN_VERSION, openPrices } from "../accounting/published_prices.ts";
import type { Config, ManagementConfig } from "../config/config.ts";
import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Log } from "../observability/log.ts";

/** Reads the list of prices again when the configuration changes. Readings follow one another. */
export class PriceReload {
  readonly #pricer: Pricer;
  readonly #log: Log;
  #reading: Promise<void> = Promise.resolve();

  constructor(pricer: Pricer, log: Log) {
    this.#pricer = pricer;
    this.#log = log;
  }

  /** Reads the file of prices, and uses it where its version is another one. */
  read({ pricesFile }: Pick<ManagementConfig, "pricesFile">): void {
    this.#reading = this.#reading.then(async () => {
      const list = await loadPrices(pricesFile, this.#log);
      if ((list?.version ?? BUILT_IN_VERSION) === this.#pricer.library.version) return;
      this.#pricer.use(await openPrices(list));
    }).catch((error) => this.#log("error", "unexpected", { detail: String(error) }));
  }

  /** Logs each endpoint whose `price_provider` the list does not have. */
  warnOfUnknownProviders({ endpoints }: Pick<Config, "endpoints">): void {
    for (const { name, priceProvider } of endpoints) {
      if (priceProvider === undefined || priceProvider === LOCAL_PRICES) continue;
      if (this.#pricer.library.knows(priceProvider)) continue;
      const provider = JSON.stringify(priceProvider);
      this.#log("warn", "configuration", {
        detail: `endpoints.${name}.price_provider ${provider} is not known: nothing has a price`,
      });
    }
  }

  /** Resolves when no reading is running. Never rejects. */
  settled(): Promise<void> {
    return this.#reading;
  }
}
