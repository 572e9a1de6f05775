/** The prices that a configuration is served with: those of its file, or the built-in ones with a word on why. */

import type { PricesFile } from "../config/config.ts";
import { PriceDataError } from "./price_data.ts";
import { BUILT_IN_PRICES, type PriceList, readPriceFile } from "./price_list.ts";

const MOST_SHOWN = 3;

/** Where it is said which prices are used. */
export type PricesLog = (
  level: "info" | "warn",
  event: "prices_loaded" | "prices_refused",
  fields: { readonly file: string; readonly detail: string },
) => void;

/** Reads the file. Undefined: the built-in prices are used. */
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

/** Reads the file; `problem` says why it is not used. */
export async function tryPrices(
  { path, isNamed }: PricesFile,
): Promise<{ readonly list?: PriceList; readonly problem?: string }> {
  const instead = `the built-in prices of ${BUILT_IN_PRICES.date} are used`;
  try {
    const list = await readPriceFile(path);
    if (list !== undefined) return { list };
    return isNamed ? { problem: `is not there: ${instead}; llm-proxy prices update writes it` } : {};
  } catch (error) {
    if (!(error instanceof PriceDataError)) throw error;
    const { problems } = error;
    const more = problems.length > MOST_SHOWN ? ` and ${problems.length - MOST_SHOWN} more problems` : "";
    return { problem: `${problems.slice(0, MOST_SHOWN).join("; ")}${more}: ${instead}` };
  }
}
