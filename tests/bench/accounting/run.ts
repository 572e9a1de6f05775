/** One reconciliation from its start to its verdict. */

import { SECRETS } from "../../support/data/secrets.ts";
import { compareBooks, type Compared, type Outage } from "./books.ts";
import { type Asked, runLoad } from "./load.ts";
import { BillingProvider } from "./provider.ts";
import { ReconciledProxy } from "./reconciled_proxy.ts";
import type { WorkOptions } from "./work.ts";
import { dollars, estimateTable, reconciliationTable } from "./report.ts";

export interface ReconciliationOptions {
  readonly exchanges: number;
  readonly clients: number;
  /** After so many exchanges another configuration is read. */
  readonly reloadEvery: number;
  /** After so many exchanges the proxy is killed; `Infinity`: never. */
  readonly killEvery: number;
  /** What is not left to chance of the provider's work. */
  readonly work?: WorkOptions;
  readonly say: (line: string) => void;
}

/** More than can be spent. */
const BUDGET_DOLLARS = 1_000_000;
const MOST_SAID = 40;

/** What came of it. */
export interface Reconciliation {
  readonly compared: readonly Compared[];
  readonly problems: readonly string[];
}

/** Runs one, and says its tables. */
export async function reconcile(options: ReconciliationOptions): Promise<Reconciliation> {
  const { exchanges, clients, say } = options;
  const folder = await Deno.makeTempDir();
  await using provider = new BillingProvider(() => options.work ?? {});
  const asked: Asked[] = [];
  const outages: Outage[] = [];
  let database: string;
  let spentMicros: number;
  let reloads: number;
  {
    await using proxy = await ReconciledProxy.start(folder, provider);
    ({ database } = proxy);
    const management = await proxy.management();
    const project = await management.ask("POST", "/projects", { name: "reconciled" });
    const token = await management.ask("POST", "/tokens", {
      project_id: project["id"],
      name: "budget",
      budget: { total_usd: BUDGET_DOLLARS },
    });
    let disturbing = Promise.resolve();
    const kill = async (): Promise<void> => {
      const from = Date.now();
      await proxy.kill();
      outages.push({ from, to: Date.now() });
    };
    await runLoad({
      count: exchanges,
      clients,
      onAsked: (one) => {
        asked.push(one);
        if (asked.length % 1_000 === 0) say(`${asked.length} exchanges`);
        if (asked.length % options.killEvery === 0) disturbing = disturbing.then(kill);
        else if (asked.length % options.reloadEvery === 0) disturbing = disturbing.then(() => proxy.reload());
      },
    }, {
      provider,
      url: () => proxy.url(),
      tokens: { plain: SECRETS.proxyToken, budget: String(token["token"]) },
      async restart() {
        await disturbing;
        // Reading usage writes what waits: nothing is lost by this kill.
        await (await proxy.management()).ask("GET", "/usage");
        await proxy.kill();
      },
    });
    await disturbing;
    const after = await (await proxy.management()).ask("GET", `/tokens/${token["id"]}`);
    spentMicros = microsIn(after);
    ({ reloads } = proxy);
  }
  const { compared, problems } = await compareBooks({
    asked,
    bills: provider.bills,
    seen: provider.seen,
    database,
    outages,
    spentMicros,
  });
  await Deno.remove(folder, { recursive: true });
  for (const line of reconciliationTable(compared)) say(line);
  say("");
  for (const line of estimateTable(compared)) say(line);
  const givenUp = compared.reduce((sum, { givenUpMicros }) => sum + givenUpMicros, 0);
  say("");
  say(`of that, attempts that were given up: ${dollars(givenUp)}`);
  say(
    `${reloads} reloads, ${outages.length} kills; the token with a budget has spent ${dollars(spentMicros)}`,
  );
  for (const problem of problems.slice(0, MOST_SAID)) say(`differs: ${problem}`);
  if (problems.length > MOST_SAID) say(`… and ${problems.length - MOST_SAID} more`);
  return { compared, problems };
}

function microsIn({ spent }: Record<string, unknown>): number {
  const isSpent = typeof spent === "object" && spent !== null && "total_micros" in spent;
  return isSpent ? Number(spent.total_micros) : NaN;
}
