/**
 * What more exchanges cost: a database with 10,000 to 10 million of them, and the queries of the admin page.
 */

import { createTokenValue } from "../../../src/auth/token_value.ts";
import { openStore } from "../../../src/storage/open.ts";
import { auditRow, projectRow, tokenRow } from "../../support/data/rows.ts";
import { MANAGEMENT_TOKEN, managementEnv, ownCandidate, RULES } from "../candidates/own.ts";
import { cpuOfRequest } from "../load.ts";
import { memoryMb } from "../process.ts";
import { QUESTION } from "../question.ts";
import type { Stage, Subject } from "../stage.ts";
import { median } from "../statistics.ts";
import { addHistory, usageQueries } from "./history.ts";

const SIZES = [10_000, 100_000, 1_000_000];
const HUGE = 10_000_000;
const REPEATS = 3;

/**
 * Gives the lines of a table. `isHuge`: with 10 million exchanges, which need 3 GB of disk and a quarter of
 * an hour.
 */
export async function growExchanges(
  stage: Stage,
  { upstream, isHuge }: { readonly upstream: string; readonly isHuge: boolean },
): Promise<string[][]> {
  const folder = `${stage.folder}/exchanges`;
  const now = Date.now();
  const token = createTokenValue();
  const lines = [[
    "exchanges",
    "database MB",
    "start ms",
    "MB idle",
    "query ms",
    "slowest query",
    "newest 100, ms",
    "a request waits, ms",
    "CPU µs/request",
  ]];
  let made = 0;
  for (const size of isHuge ? [...SIZES, HUGE] : SIZES) {
    console.log(`writing ${(size - made).toLocaleString("en")} exchanges`);
    const store = await openStore(`sqlite:${folder}/bench.db`);
    if (made === 0) {
      await store.addProject(projectRow("prj_1", { rules: RULES }), auditRow("project.create", "prj_1"));
      await store.addToken(
        tokenRow("tok_1", "prj_1", { value: token, rules: RULES }),
        auditRow("token.create", "tok_1"),
      );
    }
    await addHistory(store, { from: made, to: size, now });
    await store.close();
    made = size;
    const databaseMb = Deno.statSync(`${folder}/bench.db`).size / 1e6;
    const { command, ...candidate } = ownCandidate(`${size} exchanges`, await managementEnv(folder));
    const subject = await stage.start(
      { ...candidate, command: async (place) => ({ ...await command(place), token }) },
      { upstream },
    );
    const idleMb = memoryMb(subject.pid);
    const { queries, newest, longestWait } = await timedQueries(subject, now);
    lines.push([
      size.toLocaleString("en"),
      databaseMb.toFixed(0),
      subject.startMs.toFixed(0),
      idleMb.toFixed(0),
      median(queries).toFixed(0),
      Math.max(...queries).toFixed(0),
      newest.toFixed(0),
      longestWait.toFixed(0),
      (await cpuOfRequest(subject, 2)).toFixed(1),
    ]);
    await subject.stop();
  }
  return lines;
}

/**
 * Milliseconds of each query and of the newest page, and the longest wait of a chat that runs at the same
 * time.
 */
async function timedQueries(subject: Subject, now: number): Promise<{
  readonly queries: readonly number[];
  readonly newest: number;
  readonly longestWait: number;
}> {
  const timed = async (path: string) => {
    const times: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const begin = performance.now();
      const response = await fetch(new URL(path, subject.url), {
        headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}` },
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${text}`);
      times.push(performance.now() - begin);
    }
    return median(times);
  };
  let isOver = false;
  const chats = longestChat(subject, () => isOver);
  const queries: number[] = [];
  try {
    for (const query of usageQueries(now)) queries.push(await timed(`/manage/usage?${query}`));
    return { queries, newest: await timed("/manage/exchanges?limit=100"), longestWait: await over() };
  } finally {
    isOver = true;
    await chats;
  }

  function over(): Promise<number> {
    isOver = true;
    return chats;
  }
}

async function longestChat({ url, headers }: Subject, isOver: () => boolean): Promise<number> {
  let longest = 0;
  while (!isOver()) {
    const begin = performance.now();
    await (await fetch(url, { method: "POST", headers, body: QUESTION })).body?.cancel();
    longest = Math.max(longest, performance.now() - begin);
  }
  return longest;
}
