/** How a management plane lets commands find it. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { openManagement } from "../../src/management/open.ts";
import type { LogFields } from "../../src/observability/log.ts";
import { readRunFiles } from "../../src/storage/run_files.ts";
import { systemClock } from "../../src/time/clock.ts";
import { SECRETS } from "../support/data/secrets.ts";

const URL = "http://127.0.0.1:1";

async function withManagement(
  test: (
    parts: {
      folder: string;
      databaseUrl: string;
      management: Awaited<ReturnType<typeof openManagement>>;
      logged: { event: string; fields: LogFields | undefined }[];
    },
  ) => Promise<void> | void,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const logged: { event: string; fields: LogFields | undefined }[] = [];
  const databaseUrl = `sqlite:${folder}/data/x.db`;
  const management = await openManagement({
    token: SECRETS.managementToken,
    databaseUrl,
    retentionDays: 90,
    adminIdleMs: 3_600_000,
    metricsPublic: false,
  }, { log: (_, event, fields) => logged.push({ event, fields }), clock: systemClock, onSecrets() {} });
  try {
    await test({ folder, databaseUrl, management, logged });
  } finally {
    await management.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Management.publish: commands find the proxy until it drains", () =>
  withManagement(({ databaseUrl, management }) => {
    management.publish({ url: URL, certificates: undefined });
    const texts = readRunFiles(databaseUrl).map(({ text }) => text);
    assertEquals(texts.map((text) => JSON.parse(text).url), [URL]);
    assertEquals(texts.some((text) => text.includes(SECRETS.managementToken)), false);
    management.drain();
    assertEquals(readRunFiles(databaseUrl), []);
  }));

Deno.test("Management.publish: the proxy runs, and warns, if the file cannot be created", () =>
  withManagement(async ({ folder, management, logged }) => {
    await Deno.rename(`${folder}/data`, `${folder}/moved`);
    management.publish({ url: URL, certificates: undefined });
    const warning = logged.find(({ event }) => event === "run_file_failed");
    assertStringIncludes(String(warning?.fields?.detail), "cannot be created");
    assertStringIncludes(String(warning?.fields?.detail), "reload, stop and check --changed need --url");
    await Deno.rename(`${folder}/moved`, `${folder}/data`);
  }));
