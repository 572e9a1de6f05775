/** The cost of a new token does not grow with the number of tokens. */

import { assert } from "@std/assert";
import { ManagedTokens } from "../../src/auth/managed_tokens.ts";
import { createTokenValue } from "../../src/auth/token_value.ts";
import { freeName } from "../../src/management/api/free_name.ts";
import { SecretBox } from "../../src/storage/secret_box.ts";
import { Database } from "../../src/storage/sqlite/database.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { systemClock } from "../../src/time/clock.ts";
import { auditRow, projectRow, tokenRow } from "../support/data/rows.ts";

const MANY = 20_000;
const ROUNDS = 60;

/** Adds `count` tokens quickly, then gives the median time of a new one, in milliseconds. */
async function costWith(count: number): Promise<number> {
  const folder = await Deno.makeTempDir();
  const store = openSqlite(`${folder}/x.db`);
  try {
    await store.addProject(projectRow("p1", { name: "home" }), auditRow("project.create", "p1"));
    const database = new Database(`${folder}/x.db`);
    database.run(
      `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO tokens (id, project_id, name, hash, suffix, active, rules, request_count, created_at, updated_at,
         version)
       SELECT 'old' || i, 'p1', CASE i WHEN 1 THEN 'home' ELSE 'home ' || i END, randomblob(32), 'abcd', 1,
         '{}', 0, 0, 0, 1 FROM n`,
      count,
    );
    database.close();
    const tokens = new ManagedTokens(store, {
      box: await SecretBox.of(new Uint8Array(32)),
      clock: systemClock,
      onUnreadable() {},
    });
    await tokens.refresh();
    const newest = { limit: 1, before: undefined, projectId: "p1", activeAt: undefined };
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const value = createTokenValue();
      const began = performance.now();
      const [latest] = (await store.listTokens(newest)).items;
      const name = await freeName("home", {
        latest: latest?.name,
        isUsed: (name) => store.isTokenNameUsed("p1", name),
      });
      await store.addToken(tokenRow(`t${round}`, "p1", { value, name }), auditRow("token.create", "p1"));
      await tokens.refresh();
      times.push(performance.now() - began);
      const result = tokens.check(value);
      assert(result !== undefined && "principal" in result, "it is valid at once");
    }
    times.sort((one, other) => one - other);
    return times[ROUNDS / 2] ?? 0;
  } finally {
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(`ManagedTokens: a new token costs with ${MANY} others about what the first one costs`, async () => {
  await costWith(1);
  const [few, many] = [await costWith(1), await costWith(MANY)];
  // Reading all tokens for each new one takes more than 100 times as long.
  assert(many < 4 * few, `${many.toFixed(2)} ms with ${MANY} tokens, ${few.toFixed(2)} ms with one`);
});
