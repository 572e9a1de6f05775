/** Copies from SQLite to PostgreSQL and back. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { hashOf } from "../../src/auth/token_value.ts";
import { copyStore } from "../../src/storage/copy/copy_store.ts";
import { openBox } from "../../src/storage/open_box.ts";
import { openStore } from "../../src/storage/open.ts";
import { type ExchangeRow, type Store, StoreError } from "../../src/storage/store.ts";
import { random } from "../support/data/random.ts";
import {
  ALL_TOGETHER,
  AT,
  auditRow,
  awaitedObject,
  exchangeRow,
  madeObject,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";
import { deviceLoginRow } from "./device_contract.ts";
import { groupRow, saveGroup, saveUser, userRow } from "./directory_contract.ts";
import { managementTokenRow, passkeyRow, personRow, sessionRow } from "./people_contract.ts";
import { withoutPostgres } from "../support/processes/postgres_server.ts";
import { inDatabase } from "../support/processes/shared_postgres.ts";
import { unless } from "../support/runner/left_out.ts";

const DAY = 24 * 3_600_000;
const KEY = new Uint8Array(32).fill(9);

function test(what: string, work: (of: { folder: string; url: string }) => Promise<void>): void {
  Deno.test({
    ...unless(withoutPostgres(), `store copy: ${what}`),
    fn: () =>
      inDatabase(async (url) => {
        const folder = await Deno.makeTempDir();
        try {
          await work({ folder, url });
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      }),
  });
}

async function using<Result>(url: string, work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openStore(url);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** People, one with a token, and what they sign in with. */
async function fillPeople(store: Store): Promise<void> {
  const audit = auditRow("person.create", "anna");
  const anna = personRow("anna", { projects: ["p1"], name: "Änna" });
  await store.addPerson(anna, audit);
  await store.setPassphrase("anna", { hash: "its hash", keptSession: undefined }, audit);
  await store.addInvitation({ hash: hashOf("invitation"), personId: "anna", expiresAt: AT + DAY }, audit);
  await store.addSession(sessionRow("s1", "anna"));
  await store.addSession(sessionRow("s2", undefined));
  await store.addManagementToken(managementTokenRow("m1"), audit);
  await store.addManagementToken(managementTokenRow("m2", { personId: "anna" }), audit);
  await store.addDeviceLogin(deviceLoginRow("d1"), { ofAddressGroup: 1, ofAll: 1 });
  await store.touchAccount({ tokenId: "jwt_1", name: "anna", ownerId: "anna" });
  const passkey = passkeyRow("k1", "anna", { isSynced: true });
  await store.addPasskey(passkey, { challenge: "a challenge", expiresAt: AT + DAY }, audit);
  await store.addToken(tokenRow("t4", "p1", { ownerId: "anna" }), auditRow("token.create", "t4"));
  await saveUser(store, userRow("dru_1", { emails: [{ value: "änna@example.com", type: "work" }] }));
  await saveGroup(store, groupRow("drg_1"), { added: ["dru_1"] });
}

/** Writes something into every table. */
function fill(url: string, exchanges: number): Promise<void> {
  return using(url, async (store) => {
    const { below } = random(3);
    await openBox(store, { encryptionKey: KEY, keyFile: undefined });
    const keys = [{ endpoint: "openai", sealed: Uint8Array.of(0, 255, 7), suffix: "abcd" }];
    await store.addProject(projectRow("p1", { name: "Müller 😀", keys }), auditRow("project.create", "p1"));
    for (const id of ["t1", "t2", "t3"]) {
      const previous = id === "t2" ? { hash: Uint8Array.of(1, 2), expiresAt: AT } : undefined;
      await store.addToken(
        tokenRow(id, "p1", { previous, active: id !== "t3" }),
        auditRow("token.create", id),
      );
    }
    await fillPeople(store);
    await store.deleteToken({ id: "t3", version: 1 }, auditRow("token.delete", "t3"));
    const rows = Array.from({ length: exchanges }, (_, index): ExchangeRow =>
      exchangeRow({
        requestId: `req_${index}`,
        startedAt: AT - below(90) * DAY,
        durationMs: below(1_000) / 7,
        tokenId: `t${1 + index % 2}`,
        projectId: "p1",
        modelAnswered: `m${below(5)}`,
        costMicros: below(1_000),
        stream: index % 3 === 0 ? undefined : index % 3 === 1,
        attemptLog: index % 50 === 0 ? [{ backend: "a", afterMs: 1.5, detail: "x" }] : undefined,
      }));
    await store.addExchanges(rows);
    await store.addObject(awaitedObject());
    const settled = exchangeRow({
      requestId: "req_1",
      settlement: "settled",
      tokenId: "t1",
      projectId: "p1",
    });
    await store.settleObject(awaitedObject({ id: "resp_2" }), { at: AT, micros: 7, rows: [settled] });
    await store.addMadeObjects([madeObject(), madeObject({ id: "Ü", projectId: undefined })]);
    await store.writeNote("a note", "its text");
    await store.prune({ exchangesBefore: AT - 80 * DAY, hoursBefore: AT - 60 * DAY });
  });
}

/** All that a store can tell. */
function contentOf(url: string): Promise<Record<string, unknown>> {
  return using(url, async (store) => {
    const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
    const all = { limit: 100_000, before: undefined };
    const { position: _, ...access } = await store.readAccess();
    const sums = (await store.usage({ ...ALL_TOGETHER, group: "day", split: "model" }, NO_FILTER))
      .map((sum) => ({ ...sum, durationMs: Math.round(sum.durationMs) }));
    const spending = await store.readSpending({ until: AT, lastMs: 100 * DAY });
    return {
      access,
      sums,
      whole: (await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.firstByteMs,
      exchanges: (await store.listExchanges({ ...all, ...filter })).items,
      audit: (await store.listAudit(all)).items,
      spending: spending.map((one) => ({ ...one, hours: one.hours.toSorted((a, b) => a.start - b.start) }))
        .sort((one, other) => one.key < other.key ? -1 : 1),
      objects: [...(await store.listChangedObjects()).objects].sort((one, other) =>
        one.id < other.id ? -1 : 1
      ),
      made: (await store.findMadeObjects(["file-1", "Ü"])).sort((one, other) => one.id < other.id ? -1 : 1),
      makers: await store.listObjectMakers(),
      note: await store.readNote("a note"),
      people: (await store.listPeople(all)).items,
      signIn: await store.findSignIn("anna"),
      invited: await store.findInvited(hashOf("invitation"), AT),
      passkeys: (await store.listPasskeys({ ...all, personId: undefined })).items,
      sessions: (await store.listSessions({ ...all, personId: undefined, usedSince: 0 })).items,
      managementTokens: (await store.listManagementTokens({ ...all, personId: undefined })).items,
      deviceLogin: await store.findDeviceLogin({ id: "d1" }, AT),
    };
  });
}

test("PostgreSQL gets everything of SQLite, and SQLite everything back", async ({ folder, url }) => {
  const [from, back] = [`sqlite:${folder}/from.db`, `sqlite:${folder}/back.db`];
  await fill(from, 500);
  const progress: number[] = [];
  const counts = await copyStore({
    from,
    to: url,
    onProgress: ({ rows, total }) => progress.push(rows / total),
  });
  assert((counts.find(({ table }) => table === "exchanges")?.rows ?? 0) > 300);
  assert(counts.every(({ rows }) => rows > 0), "every table has rows");
  assertEquals([progress.at(-1), progress.toSorted((a, b) => a - b)], [1, progress]);
  assertEquals(await contentOf(url), await contentOf(from));
  await copyStore({ from: url, to: back, onProgress() {} });
  assertEquals(await contentOf(back), await contentOf(from));
  // The key decrypts in the copy, and what comes later has higher numbers.
  await using(url, async (store) => {
    await openBox(store, { encryptionKey: KEY, keyFile: undefined });
    await store.addProject(projectRow("p9"), auditRow("project.create", "p9"));
    await store.addExchanges([exchangeRow({ requestId: "later" })]);
    const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
    const { items } = await store.listExchanges({ limit: 1, before: undefined, ...filter });
    assertEquals(items[0]?.requestId, "later");
    assertEquals(
      (await store.listProjects({ limit: 1, before: undefined, activeOnly: false })).items[0]?.id,
      "p9",
    );
  });
});

test("an interrupted copy goes on where it ended, and the database is not used before", async ({ folder, url }) => {
  const from = `sqlite:${folder}/from.db`;
  await fill(from, 5_000);
  for (const stop of ["tokens", "exchanges", "usage"]) {
    await assertRejects(
      () =>
        copyStore({
          from,
          to: url,
          onProgress({ table }) {
            if (table === stop) throw new Error(`the power fails in ${stop}`);
          },
        }),
      Error,
      "the power fails",
    );
    await assertRejects(
      () => using(url, (store) => openBox(store, { encryptionKey: KEY, keyFile: undefined })),
      StoreError,
      "is not finished",
    );
    await assertRejects(
      () => copyStore({ from: url, to: `sqlite:${folder}/x.db`, onProgress() {} }),
      StoreError,
      "unfinished copy",
    );
    await fill(`sqlite:${folder}/${stop}.db`, 1);
    await assertRejects(
      () => copyStore({ from: `sqlite:${folder}/${stop}.db`, to: url, onProgress() {} }),
      StoreError,
      "unfinished copy of another database",
    );
  }
  await copyStore({ from, to: url, onProgress() {} });
  assertEquals(await contentOf(url), await contentOf(from));
});

test("rejects databases that are in use, that are not empty, and that are missing", async ({ folder, url }) => {
  const from = `sqlite:${folder}/from.db`;
  const copy = (of: string, to: string) => copyStore({ from: of, to, onProgress() {} });
  await assertRejects(() => copy(from, url), StoreError, "there is no database");
  await fill(from, 10);
  await using(from, () => assertRejects(() => copy(from, url), StoreError, "is in use").then(() => {}));
  await using(url, async (store) => {
    await store.readAccess();
    await assertRejects(() => copy(from, url), StoreError, "is in use");
  });
  await assertRejects(() => copy(from, from), StoreError, "the same database");
  await using(url, (store) => store.writeNote("a", "b"));
  await assertRejects(() => copy(from, url), StoreError, "is not empty: it has 1 rows in notes");
});
