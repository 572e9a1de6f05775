/** Loads the file of prices, or falls back to the built-in prices and logs the reason. */

import type { PricesFile } from "../../config/config.ts";
import { PriceDataError } from "./price_data.ts";
import { BUILT_IN_PRICES, type PriceList, readPriceFile } from "./price_list.ts";

/** The number of problems of a file that a log line shows. */
const MOST_SHOWN = 3;

/** Writes to the log which prices are used, and why. */
export type PricesLog = (
  level: "info" | "warn",
  event: "prices_loaded" | "prices_refused",
  fields: { readonly file: string; readonly detail: string },
) => void;

/** Loads the file of prices. Resolves to `undefined` if the built-in prices are used instead. */
export async function loadPrices(
  file: PricesFile | undefined,
  log: PricesLog,
): Promise<PriceList | undefined> {
  if (file === undefined) return undefined;
  const result = await tryPrices(file);
  if (result.problem !== undefined) {
    log("warn", "prices_refused", { file: file.path, detail: result.problem });
  } else if (result.list !== undefined) {
    log("info", "prices_loaded", { file: file.path, detail: result.list.version });
  }
  return result.list;
}

/** Loads the file of prices, without logging. `problem` says why the file is not used. */
export async function tryPrices(
  { path, isNamed }: PricesFile,
): Promise<{ readonly list?: PriceList; readonly problem?: string }> {
  const instead = `the built-in prices of ${BUILT_IN_PRICES.date} are used`;
  try {
    const list = await readPriceFile(path);
    if (list !== undefined) return { list };
    return isNamed ? { problem: `does not exist: ${instead}. llm-proxy prices update creates it` } : {};
  } catch (error) {
    if (!(error instanceof PriceDataError)) throw error;
    const { problems } = error;
    const more = problems.length > MOST_SHOWN ? ` and ${problems.length - MOST_SHOWN} more problems` : "";
    return { problem: `${problems.slice(0, MOST_SHOWN).join("; ")}${more}: ${instead}` };
  }
}
