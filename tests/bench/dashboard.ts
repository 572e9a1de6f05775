/**
 * What the admin page's dashboard takes where much has been used: each of its queries, and its first paint.
 */

import { systemClock } from "../../src/time/clock.ts";
import { openManagement } from "../../src/management/open.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { launchBrowser } from "../support/clients/admin_browser.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";
import { addHistory, usageQueries } from "./growth/history.ts";
import { SECRETS } from "../support/data/secrets.ts";

const EXCHANGES = 100_000;
const ROUNDS = 7;

/** With 100,000 exchanges of the last 30 days, by ten tokens of three projects with five models. */
export async function benchDashboard(): Promise<void> {
  const folder = await Deno.makeTempDir();
  const databaseUrl = `sqlite:${folder}/bench.db`;
  const store = openSqlite(`${folder}/bench.db`);
  const now = Date.now();
  await addHistory(store, { from: 0, to: EXCHANGES, now });
  await store.close();
  await using upstream = new FakeUpstream();
  const management = {
    token: SECRETS.managementToken,
    databaseUrl,
    retentionDays: 90,
    adminIdleMs: 3_600_000,
    metricsPublic: false,
  };
  const opened = await openManagement(management, { log() {}, clock: systemClock, onSecrets() {} });
  const proxy = new LocalProxy(upstream, { management, opened });
  console.log(`${EXCHANGES} exchanges; the median of ${ROUNDS}, through HTTP:`);
  for (const query of usageQueries(now)) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      const response = await fetch(`${proxy.url}/manage/usage?${query}`, {
        headers: { authorization: `Bearer ${SECRETS.managementToken}` },
      });
      await response.text();
      times.push(performance.now() - begin);
    }
    const median = times.sort((one, other) => one - other)[ROUNDS >> 1] ?? NaN;
    console.log(`  ${median.toFixed(0).padStart(4)} ms  ${query.replace(/from=.*/, "…")}`);
  }
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${proxy.url}/admin`);
  await page.getByLabel("Management token").fill(SECRETS.managementToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".tile").first().waitFor();
  await page.reload();
  await page.locator(".tile").first().waitFor();
  const painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime");
  const complete = await page.evaluate("performance.now()");
  console.log(
    `first paint after ${Number(painted).toFixed(0)} ms, numbers after ${Number(complete).toFixed(0)} ms`,
  );
  await browser.close();
  await proxy[Symbol.asyncDispose]();
  await opened.close();
  await Deno.remove(folder, { recursive: true });
}
