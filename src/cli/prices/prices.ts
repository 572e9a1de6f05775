/** `llm-proxy prices` */

import { tryPrices } from "../../accounting/load_prices.ts";
import { listedModels, type ShownPrice } from "../../accounting/price_changes.ts";
import { BUILT_IN_PRICES, type PriceList } from "../../accounting/price_list.ts";
import { BUILT_IN_VERSION, builtInProviders } from "../../accounting/published_prices.ts";
import { systemClock } from "../../time/clock.ts";
import { processSources } from "../../config/sources/env.ts";
import { loadManagement } from "../../config/load.ts";
import type { PricesFile } from "../../config/config.ts";
import { closestName } from "../../config/values/suggest.ts";
import { matchesAny } from "../../text/glob.ts";
import { CommandError } from "../command_error.ts";
import { type Options, textOf } from "../manage/options.ts";
import { warningLine, writeAnswer, writeNote } from "../output.ts";
import { tableText } from "../table.ts";

/** A list that is in use, and the file that it comes from. */
export interface UsedPrices extends PriceList {
  /** Undefined: it is built in. */
  readonly file: string | undefined;
}

/** Shows every model, or those of a pattern. */
export async function listPrices(pattern: string | undefined, options: Options): Promise<void> {
  const path = textOf(options, "config");
  const flags = path === undefined ? {} : { CONFIG_PATH: { value: path, origin: "--config" } };
  const { version, date, file, providers } = await usedPrices(
    (await loadManagement(processSources, flags))?.pricesFile,
  );
  const all = listedModels(providers, new Date(systemClock.epochMs()));
  const data = pattern === undefined ? all : all.filter(testOf(pattern.toLowerCase(), providers));
  if (data.length === 0) {
    const hint = closestName(pattern ?? "", ["update"]) === undefined
      ? ""
      : " Did you mean llm-proxy prices update?";
    throw new CommandError(
      `No model has a published price by the pattern ${JSON.stringify(pattern)}.${hint}`,
    );
  }
  writeAnswer(
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

/** Names of models hold providers too, such as `openai/gpt-oss-120b` at others: a provider before `/` means itself. */
function testOf(
  pattern: string,
  providers: PriceList["providers"],
): (listed: { readonly provider: string; readonly model: string }) => boolean {
  const [first] = pattern.split("/");
  const isOfProvider = pattern.includes("/") && providers.some(({ id }) => id === first);
  return ({ provider, model }) =>
    matchesAny([pattern], `${provider}/${model}`.toLowerCase()) ||
    !isOfProvider && matchesAny([pattern], model.toLowerCase());
}

/** The list that the proxy uses. A file that cannot be used is said on standard error. */
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

/** For programs. */
export function priceJson({ input, output, cached, varies }: ShownPrice) {
  return { input: input ?? null, output: output ?? null, cached: cached ?? null, varies };
}

/** Input, output and cached input, for people. */
export function priceCells({ input, output, cached }: ShownPrice): string[] {
  return [input, output, cached].map((price) => price === undefined ? "-" : String(price));
}
