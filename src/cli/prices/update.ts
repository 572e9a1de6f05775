/** `llm-proxy prices update`: installs a newer list of prices. */

import { isNamedBy, type PriceChanges, priceChanges } from "../../accounting/prices/price_changes.ts";
import {
  BUILT_IN_PRICES,
  olderText,
  parsePriceFile,
  priceFileText,
} from "../../accounting/prices/price_list.ts";
import { systemClock } from "../../time/clock.ts";
import * as responses from "../../management/api/responses.ts";
import { databaseExists } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { managementConfig } from "../manage/management_config.ts";
import { onApi } from "../manage/calls.ts";
import { type Options, textOf } from "../manage/options.ts";
import { writeResult, writeText } from "../output.ts";
import { priceJson, type UsedPrices, usedPrices } from "./prices.ts";
import { changesText, type UsedChange } from "./changes_text.ts";
import { type OfferedPrices, pricesOfFile, pricesOnline } from "./source.ts";
import { replaceFile } from "../files.ts";
import { askYes, terminalPrompt } from "../prompt.ts";
import { messageOf } from "../../text/error_text.ts";

const DAY_MS = 24 * 3_600_000;
/** The number of days in which clients used the models that are listed first. */
const RECENT_DAYS = 30;
/** The most models that are marked as used. */
const MOST_USED = 50;

/**
 * Reads a new list, prints the changes, asks the user, and writes the list. Throws a {@link CommandError} if
 * nothing is written.
 */
export async function updatePrices(file: string | undefined, options: Options): Promise<void> {
  const url = urlOf(file, options);
  const config = textOf(options, "config");
  const management = await managementConfig(config);
  const path = management.pricesFile?.path;
  if (path === undefined) throw new TypeError("A configuration without a file of prices");
  const canAsk = Deno.stdin.isTerminal() && options["json"] !== true;
  if (options["yes"] !== true && !canAsk) {
    throw new CommandError("there is no terminal for the question: --yes writes the prices without it", 2);
  }
  const offered = file === undefined ? await pricesOnline(url) : await pricesOfFile(file);
  const used = await usedPrices(management.pricesFile);
  checkAge(offered, { file, used });
  const changes = priceChanges(used.providers, offered.providers, { at: new Date(systemClock.epochMs()) });
  if (isEmpty(changes)) {
    writeResult(
      updateJson(changes, [], { offered, path, version: used.version, written: false }),
      () => `Nothing was written: ${used.file ?? "the built-in list"} has the same prices.\n`,
    );
    return;
  }
  const names = databaseExists(management.databaseUrl) ? await recentModels(config) : [];
  const changed = changes.changed.map((change): UsedChange => ({
    ...change,
    isUsed: isNamedBy(change, names, offered.providers),
  })).toSorted((one, other) => Number(other.isUsed) - Number(one.isUsed));
  writeText(changesText({ changes, changed, leftOut: offered.leftOut, unknownKinds: offered.unknownKinds }));
  if (options["yes"] !== true && !await askYes(terminalPrompt(), `\nWrite these prices to ${path}?`, false)) {
    throw new CommandError("Nothing was written.");
  }
  const text = priceFileText(offered);
  const { version } = await parsePriceFile(text);
  write(path, text);
  writeResult(
    updateJson(changes, changed, { offered, path, version, written: true }),
    () => `\nWritten: ${path} (${version}). To make the running proxy use it: llm-proxy reload\n`,
  );
}

/**
 * Returns the URL of `--url`. `undefined` for the usual URL. Throws a {@link CommandError} unless the options
 * name exactly one source of prices.
 */
function urlOf(file: string | undefined, options: Options): string | undefined {
  const isOnline = options["online"] === true;
  if (isOnline === (file !== undefined)) {
    throw new CommandError(
      isOnline
        ? "use either a file or --online, not both"
        : "name a file with prices, or download the newest with --online",
      2,
    );
  }
  const url = textOf(options, "url");
  if (url !== undefined && !isOnline) throw new CommandError("--url needs --online", 2);
  return url;
}

/** Throws a {@link CommandError} if the new list is older than the present list or than the built-in list. */
function checkAge(
  offered: Pick<OfferedPrices, "date">,
  { file, used }: { file: string | undefined; used: Pick<UsedPrices, "date" | "file"> },
): void {
  if (offered.date < BUILT_IN_PRICES.date) {
    throw new CommandError(
      file === undefined
        ? `Cannot use these prices: the clock of this machine shows ${offered.date}, which is before the built-in prices.`
        : `Cannot use ${file}: it ${olderText(offered.date)}.`,
    );
  }
  if (offered.date < used.date) {
    throw new CommandError(
      `Cannot use ${
        file ?? "the downloaded list"
      }: it is of ${offered.date}, and ${used.file} is of ${used.date}.`,
    );
  }
}

function isEmpty({ added, removed, changed, providers, renamed }: PriceChanges): boolean {
  return added.length + removed.length + changed.length + providers.length + renamed === 0;
}

/**
 * Returns the models of the last days. The most used model is first. Empty if the database is unusable,
 * because only the order of the output depends on the models.
 */
async function recentModels(config: string | undefined): Promise<string[]> {
  const from = new Date(systemClock.epochMs() - RECENT_DAYS * DAY_MS).toISOString();
  const query = new URLSearchParams({ group: "model", from });
  const names: string[] = [];
  try {
    await onApi(config === undefined ? {} : { config }, async (client) => {
      const usage = await client.call("GET", `/usage?${query}`, {
        schema: responses.listOf(responses.usageRow),
      });
      const rows = usage.data.toSorted((one, other) => other.requests - one.requests).slice(0, MOST_USED);
      names.push(...rows.map((row) => String(row["model"] ?? "")).filter((name) => name !== ""));
    });
  } catch (error) {
    // The database is unusable, which is no problem here.
    if (!(error instanceof CommandError)) throw error;
  }
  return names;
}

function write(path: string, text: string): void {
  try {
    replaceFile(path, text);
  } catch (error) {
    throw new CommandError(`Cannot write ${path}: ${messageOf(error)}.`);
  }
}

function updateJson(
  { added, removed, providers }: PriceChanges,
  changed: readonly UsedChange[],
  { offered, path, version, written }: {
    offered: OfferedPrices;
    path: string;
    version: string;
    written: boolean;
  },
) {
  const listed = ({ provider, model, price }: PriceChanges["added"][number]) => ({
    provider,
    model,
    ...priceJson(price),
  });
  return {
    file: path,
    written,
    date: offered.date,
    version,
    added: added.map(listed),
    removed: removed.map(listed),
    changed: changed.map(({ provider, model, isUsed, before, after }) => ({
      provider,
      model,
      used: isUsed,
      before: priceJson(before),
      after: priceJson(after),
    })),
    providers,
    left_out: offered.leftOut,
  };
}
