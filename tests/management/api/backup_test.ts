import { assertEquals, assertRejects } from "@std/assert";
import type { ManageParts, RouteParts } from "../../../src/management/api/parts.ts";
import { Problem } from "../../../src/management/api/problem.ts";
import { scopedParts } from "../../../src/management/api/scoped_parts.ts";
import { SYSTEM_ROUTES } from "../../../src/management/api/system.ts";
import { COMMAND_LINE } from "../../../src/people/actor.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const backup = SYSTEM_ROUTES.find(({ path }) => path === "/backup");
const asked = { source: "192.0.2.1" } as unknown as Parameters<NonNullable<typeof backup>["handle"]>[0];

/** The parts of an administrator. The route uses nothing else of them. */
function partsOf(parts: object): RouteParts {
  return scopedParts(parts as unknown as ManageParts, { actor: COMMAND_LINE, scope: { kind: "all" } });
}

Deno.test("/manage/backup: says how to back up a database that is no file", async () => {
  const parts = partsOf({ store: { copies: undefined } });
  await assertRejects(async () => await backup?.handle(asked, parts), Problem, "pg_dump");
});

Deno.test("/manage/backup: makes no copy if it cannot write the audit log entry", async () => {
  let copies = 0;
  const store = {
    addAudit: () => Promise.reject(new StoreError("failed", "the disk is full")),
    copies: { backup: () => Promise.resolve(void copies++) },
  };
  const parts = partsOf({ store, clock: new FakeClock(), ending: new AbortController().signal });
  await assertRejects(async () => await backup?.handle(asked, parts), StoreError);
  assertEquals(copies, 0);
});
