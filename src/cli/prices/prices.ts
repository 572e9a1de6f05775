/** `llm-proxy prices`: prints published prices. */

import { tryPrices } from "../../accounting/prices/load_prices.ts";
import { listedModels, type ShownPrice } from "../../accounting/prices/price_changes.ts";
import { BUILT_IN_PRICES, type PriceList } from "../../accounting/prices/price_list.ts";
import { BUILT_IN_VERSION, builtInProviders } from "../../accounting/prices/published_prices.ts";
import { systemClock } from "../../time/clock.ts";
import { processSources } from "../../config/sources/env.ts";
import { loadManagement } from "../../config/load.ts";
import type { PricesFile } from "../../config/config.ts";
import { closestName } from "../../config/values/suggest.ts";
import { matchesAny } from "../../text/glob.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";
import { type Options, textOf } from "../manage/options.ts";
import { warningLine, writeNote, writeResult } from "../output.ts";
import { tableText } from "../table.ts";

/** The list of prices that the proxy uses. */
export interface UsedPrices extends PriceList {
  /** The path of the file with the list. `undefined` for the built-in list. */
  readonly file: string | undefined;
}

/**
 * Prints the prices of all models, or of the models that match a pattern. Throws a {@link CommandError} if no
 * model matches.
 */
export async function listPrices(pattern: string | undefined, options: Options): Promise<void> {
  const management = await loadManagement(processSources, configFlags(textOf(options, "config")));
  const { version, date, file, providers } = await usedPrices(management?.pricesFile);
  const all = listedModels(providers, new Date(systemClock.epochMs()));
  const data = pattern === undefined ? all : all.filter(matcherOf(pattern.toLowerCase(), providers));
  if (data.length === 0) {
    const hint = closestName(pattern ?? "", ["update"]) === undefined
      ? ""
      : " Did you mean llm-proxy prices update?";
    throw new CommandError(
      `No model with a published price matches ${JSON.stringify(pattern)}.${hint}`,
    );
  }
  writeResult(
    {
      version,
      date,
      file: file ?? null,
      data: data.map(({ provider, model, price }) => ({ provider, model, ...priceJson(price) })),
    },
    () =>
      tableText(
        ["provider", "model", "input", "output", "cached", ""],
        data.map(({ provider, model, price }) => [
          provider,
          model,
          ...priceCells(price),
          price.varies ? "varies" : "",
        ]),
      ) +
      `\n${data.length} models, in US dollars per million tokens. ` +
      `The list is ${file === undefined ? "built in" : file}, of ${date} (${version}).\n`,
  );
}

/**
 * Returns a test for a pattern. A pattern that begins with a provider and `/` does not match names of models
 * such as `openai/gpt-oss-120b`.
 */
function matcherOf(
  pattern: string,
  providers: PriceList["providers"],
): (listed: { readonly provider: string; readonly model: string }) => boolean {
  const [first] = pattern.split("/");
  const isOfProvider = pattern.includes("/") && providers.some(({ id }) => id === first);
  return ({ provider, model }) =>
    matchesAny([pattern], `${provider}/${model}`.toLowerCase()) ||
    !isOfProvider && matchesAny([pattern], model.toLowerCase());
}

/**
 * Returns the list that the proxy uses. If the file is unusable, prints a warning and returns the built-in
 * list.
 */
export async function usedPrices(pricesFile: PricesFile | undefined): Promise<UsedPrices> {
  const { list, problem } = pricesFile === undefined ? {} : await tryPrices(pricesFile);
  if (problem !== undefined) writeNote(warningLine(`${pricesFile?.path} ${problem}`, "err"));
  if (list !== undefined) return { ...list, file: pricesFile?.path };
  return {
    version: BUILT_IN_VERSION,
    date: BUILT_IN_PRICES.date,
    providers: [...await builtInProviders()],
    file: undefined,
  };
}

/** Returns a price for `--json`, with null for a missing kind. */
export function priceJson({ input, output, cached, varies }: ShownPrice) {
  return { input: input ?? null, output: output ?? null, cached: cached ?? null, varies };
}

/** Returns the prices of input, output and cached input as cells of a table. */
export function priceCells({ input, output, cached }: ShownPrice): string[] {
  return [input, output, cached].map((price) => price === undefined ? "-" : String(price));
}
