/** When the serving threads report what runs in them. A report takes time of every thread. */

import { assertEquals } from "@std/assert";
import { openManagement } from "../../../src/management/open.ts";
import type { ManagedThreads } from "../../../src/management/threads/managed_threads.ts";
import type { ManagedThreadMethods, SentRequest } from "../../../src/management/threads/methods.ts";
import { systemClock } from "../../../src/time/clock.ts";
import type { ThreadPort } from "../../../src/workers/thread_port.ts";
import { fieldsOf } from "../../support/data/fields.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TOKEN = `Authorization: Bearer ${SECRETS.managementToken}`;

interface Bench {
  readonly threads: ManagedThreads;
  /** The number of reports that the thread has made. */
  readonly reports: () => number;
  /** Asks the management plane by way of the thread. Returns the status. */
  readonly ask: (path: string, ...fields: string[]) => Promise<number | undefined>;
}

async function withThread(
  { metricsPublic }: { metricsPublic: boolean },
  test: (bench: Bench) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const management = await openManagement({
    token: SECRETS.managementToken,
    databaseUrl: `sqlite:${folder}/x.db`,
    retentionDays: 90,
    adminIdleMs: 3_600_000,
    metricsPublic,
  }, { log() {}, clock: systemClock, onSecrets() {} });
  let reports = 0;
  const port = {
    call(method: string) {
      if (method === "report") reports++;
      return Promise.resolve({ running: [], backends: new Map() });
    },
    send() {},
  };
  try {
    const threads = management.serveThreads();
    const { offered } = threads.add(port as unknown as ThreadPort<ManagedThreadMethods>);
    let id = 0;
    await test({
      threads,
      reports: () => reports,
      async ask(path, ...fields) {
        const request: SentRequest = {
          method: "GET",
          target: path,
          fields: fieldsOf("Host: localhost", ...fields),
          bodyLength: null,
          peer: "192.0.2.1",
          entry: "all",
          path,
          address: "192.0.2.1",
          guessPlace: "header",
          scheme: undefined,
        };
        return (await offered.answer(++id, request))?.status;
      },
    });
  } finally {
    await management.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("managed threads: a request without the management token costs the threads nothing", async () => {
  await withThread({ metricsPublic: false }, async ({ ask, reports }) => {
    for (const path of ["/manage/health", "/manage/endpoints", "/manage/nothing", "/metrics"]) {
      assertEquals(await ask(path), 401, path);
      assertEquals(await ask(path, "Authorization: Bearer wrong"), 401, path);
    }
    assertEquals(await ask("/admin/api/health"), 401);
    assertEquals(reports(), 0);
  });
});

Deno.test("managed threads: with the token, the routes that show what runs ask the threads", async () => {
  await withThread({ metricsPublic: false }, async ({ ask, reports }) => {
    for (
      const [path, expected] of [["/manage/health", 1], ["/manage/projects", 1], ["/metrics", 2]] as const
    ) {
      assertEquals(await ask(path, TOKEN), 200, path);
      assertEquals(reports(), expected, path);
    }
  });
});

Deno.test("managed threads: public metrics ask the threads at most once a second", async () => {
  await withThread({ metricsPublic: true }, async ({ ask, reports }) => {
    const statuses = await Promise.all(Array.from({ length: 50 }, () => ask("/metrics")));
    assertEquals(new Set(statuses), new Set([200]));
    assertEquals(reports(), 1);
  });
});

Deno.test("managed threads: callers at the same time share a report that began after they asked", async () => {
  await withThread({ metricsPublic: false }, async ({ threads, reports }) => {
    await Promise.all(Array.from({ length: 50 }, () => threads.refresh()));
    assertEquals(reports(), 1);
    const first = threads.refresh();
    await Promise.resolve();
    await Promise.all([first, threads.refresh(), threads.refresh()]);
    assertEquals(reports(), 3);
  });
});
