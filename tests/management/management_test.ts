import { assertEquals } from "@std/assert";
import { openManagement } from "../../src/management/open.ts";
import { ANONYMOUS } from "../../src/principal.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { exchangeRecord } from "../support/data/records.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("Management: an exchange without usage counts as dropped, and close() writes the others although a step fails", async () => {
  const folder = await Deno.makeTempDir();
  const logged: string[] = [];
  try {
    const management = await openManagement({
      token: "a-management-token",
      databaseUrl: `sqlite:${folder}/x.db`,
      retentionDays: 90,
      adminIdleMs: 3_600_000,
      metricsPublic: false,
    }, {
      log: (level, event) => void (level === "error" && logged.push(event)),
      clock: new FakeClock(),
      onSecrets() {},
    });
    const account = management.accounts.open({
      id: "req_1",
      loggedPath: "/openai/v1/models",
      endpoint: undefined,
      request: { fields: [] },
      redact: (text) => text,
    }, ANONYMOUS);
    const record = exchangeRecord({
      method: "GET",
      path: "/openai/v1/models",
      principal: undefined,
      endpoint: undefined,
      backend: undefined,
      status: 404,
      ending: "not_found",
    });
    management.record({ ...record, usage: await account.settle(record) }, { fields: [] });
    management.record({ ...record, id: "req_2", principal: "anna" }, { fields: [] });
    management.accounts.settled = () => Promise.reject(new TypeError("cannot read x"));
    await management.close();
    const store = openSqlite(`${folder}/x.db`);
    const { items } = await store.listExchanges({
      limit: 10,
      before: undefined,
      from: undefined,
      to: undefined,
      projectId: undefined,
      tokenId: undefined,
      endpoint: undefined,
      model: undefined,
      client: undefined,
      status: undefined,
      ending: undefined,
      requestId: undefined,
    });
    store.close();
    assertEquals([items.map(({ requestId }) => requestId), logged], [["req_1"], [
      "usage_dropped",
      "unexpected",
    ]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
