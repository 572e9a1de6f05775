import { assertEquals, assertRejects } from "@std/assert";
import type { ManageParts } from "../../../src/management/api/parts.ts";
import { systemRoutes } from "../../../src/management/api/system.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

Deno.test("/manage/backup: makes no copy if it cannot write the audit log entry", async () => {
  let copies = 0;
  const store = {
    addAudit: () => Promise.reject(new StoreError("failed", "the disk is full")),
    copies: { backup: () => Promise.resolve(void copies++) },
  };
  const parts = { store, clock: new FakeClock(), actor: "test", ending: new AbortController().signal };
  const routes = systemRoutes(parts as unknown as ManageParts); // the route uses nothing else of them
  const route = routes.find(({ path }) => path === "/backup");
  const asked = { source: "192.0.2.1" } as unknown as Parameters<NonNullable<typeof route>["handle"]>[0];
  await assertRejects(async () => await route?.handle(asked), StoreError);
  assertEquals(copies, 0);
});
