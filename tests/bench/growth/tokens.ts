/** What more tokens cost: a database with 10 to 50,000 of them, one more token, and requests with a token. */

import { createTokenValue } from "../../../src/auth/token_value.ts";
import { openStore } from "../../../src/storage/open.ts";
import { auditRow, projectRow, tokenRow } from "../../support/data/rows.ts";
import { MANAGEMENT_TOKEN, managementEnv, ownCandidate, RULES } from "../candidates/own.ts";
import { cpuOfRequest } from "../load.ts";
import { memoryMb } from "../process.ts";
import type { Stage, Subject } from "../stage.ts";
import { median } from "../statistics.ts";

const SIZES = [10, 100, 1_000, 10_000, 50_000];
const CREATIONS = 20;

/** Gives the lines of a table. */
export async function growTokens(stage: Stage, upstream: string): Promise<string[][]> {
  const folder = `${stage.folder}/tokens`;
  const database = `sqlite:${folder}/bench.db`;
  const token = createTokenValue();
  const lines = [["tokens", "start ms", "MB idle", "one more, ms", "longest", "CPU µs/request"]];
  let made = 0;
  for (const size of SIZES) {
    const store = await openStore(database);
    if (made === 0) {
      await store.addProject(projectRow("prj_1", { rules: RULES }), auditRow("project.create", "prj_1"));
    }
    for (; made < size; made++) {
      const id = `tok_${made}`;
      const value = made === 0 ? token : createTokenValue();
      await store.addToken(tokenRow(id, "prj_1", { value, rules: RULES }), auditRow("token.create", id));
    }
    await store.close();
    const candidate = ownCandidate(`${size} tokens`, await managementEnv(folder));
    const withToken = {
      ...candidate,
      command: async (place: Parameters<typeof candidate.command>[0]) => ({
        ...await candidate.command(place),
        token,
      }),
    };
    const subject = await stage.start(withToken, { upstream });
    const idleMb = memoryMb(subject.pid);
    const creations = await timedCreations(subject, size);
    made += CREATIONS;
    await cpuOfRequest(subject, 2);
    lines.push([
      size.toLocaleString("en"),
      subject.startMs.toFixed(0),
      idleMb.toFixed(0),
      median(creations).toFixed(1),
      Math.max(...creations).toFixed(1),
      (await cpuOfRequest(subject, 2)).toFixed(1),
    ]);
    await subject.stop();
  }
  return lines;
}

/** Milliseconds of each creation of a token through the management API. */
async function timedCreations({ url }: Subject, size: number): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < CREATIONS; count++) {
    const begin = performance.now();
    const response = await fetch(new URL("/manage/tokens", url), {
      method: "POST",
      headers: { "authorization": `Bearer ${MANAGEMENT_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ project_id: "prj_1", name: `${size} and ${count}` }),
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`a token was not made: ${text}`);
    times.push(performance.now() - begin);
  }
  return times;
}
