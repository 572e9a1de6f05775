/** Restores: the database has the right content, or it does not open. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openBox } from "../../src/storage/open_box.ts";
import { keyFileOf, openStore } from "../../src/storage/open.ts";
import { restoreStore } from "../../src/storage/restore.ts";
import { StoreError } from "../../src/storage/store.ts";
import { count, inFolder, Machine, restoring, ROWS } from "../support/proxies/restored_machine.ts";
import { hashOf } from "../../src/auth/token_value.ts";
import { AT, auditRow, projectRow } from "../support/data/rows.ts";
import { deviceLoginRow } from "./device_contract.ts";
import { managementTokenRow, personRow, sessionRow } from "./people_contract.ts";

Deno.test("restore: keeps the old database with its log, and the old database opens", () =>
  inFolder(async (folder) => {
    const machine = new Machine(folder);
    await machine.write();
    await machine.backup();
    await machine.write();
    await machine.crash();
    const { kept, lastChangeAt } = await restoring(machine.path, machine.backups[0]?.file ?? "");
    assertEquals(kept.length, 2);
    assert(lastChangeAt !== undefined);
    const before = await openStore(`sqlite:${kept[0]}`);
    assertEquals(await count(before), 2 * ROWS);
    before.close();
    const store = await openStore(`sqlite:${machine.path}`);
    assertEquals(await count(store), ROWS);
    store.close();
  }));

Deno.test("restore: rejected while this or another program has the database open", () =>
  inFolder(async (folder) => {
    const machine = new Machine(folder);
    await machine.write();
    await machine.backup();
    const file = machine.backups[0]?.file ?? "";
    await assertRejects(() => restoring(machine.path, file), StoreError, "stop the proxy");
    machine.stop();
    const second = await openStore(`sqlite:${machine.path}`);
    const third = await openStore(`sqlite:${machine.path}`);
    second.close();
    await assertRejects(() => restoring(machine.path, file), StoreError, "stop the proxy");
    third.close();
    await restoring(machine.path, file);
  }));

Deno.test("restore: an unusable file changes nothing, and the error names the file", () =>
  inFolder(async (folder) => {
    const machine = new Machine(folder);
    await machine.write();
    await machine.backup();
    await machine.write();
    machine.stop();
    const good = await Deno.readFile(machine.backups[0]?.file ?? "");
    const damaged = good.slice();
    // All pages except the first one, which holds the start of the schema.
    for (let at = 4096; at < damaged.length; at += 4096) damaged.fill(0xee, at, at + 100);
    const newer = `${folder}/newer.db`;
    await Deno.writeFile(newer, good);
    const database = new DatabaseSync(newer);
    database.exec("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 0)");
    database.close();
    const other = `${folder}/other.db`;
    const foreign = new DatabaseSync(other);
    foreign.exec("CREATE TABLE songs (name)");
    foreign.close();
    const wrong: Record<string, [string, Uint8Array | undefined]> = {
      "damaged.db": ["damaged", damaged],
      "text.db": [
        "not a database",
        new TextEncoder().encode("Hello, this is no database at all.".repeat(99)),
      ],
      "empty.db": ["not a database of llm-proxy", new Uint8Array()],
      "newer.db": ["newer llm-proxy", undefined],
      "other.db": ["not a database of llm-proxy", undefined],
      "absent.db": ["there is no file", undefined],
      "0": ["is not a file", undefined],
      "0/x.db": ["the database itself", undefined],
    };
    const before = await Deno.readFile(machine.path);
    for (const [name, [words, bytes]] of Object.entries(wrong)) {
      const file = `${folder}/${name}`;
      if (bytes !== undefined) await Deno.writeFile(file, bytes);
      const { message } = await assertRejects(() => restoring(machine.path, file), StoreError, words);
      assert(message.includes(file), message);
    }
    await Deno.writeFile(`${folder}/damaged.db-wal`, new Uint8Array(99));
    await assertRejects(
      () => restoring(machine.path, `${folder}/damaged.db`),
      StoreError,
      "is an incomplete copy",
    );
    assertEquals(await Deno.readFile(machine.path), before);
    const names = [...Deno.readDirSync(`${folder}/0`)].map(({ name }) => name).sort();
    assertEquals(names, ["x.db", "x.db-lock"]);
  }));

Deno.test("restore: rejects a key that does not decrypt the provider keys of the backup", () =>
  inFolder(async (folder) => {
    const sealed = async (path: string): Promise<void> => {
      const store = await openStore(`sqlite:${path}`);
      await openBox(store, { encryptionKey: undefined, keyFile: keyFileOf(`sqlite:${path}`) });
      await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
      await store.copies?.backup(`${path}.backup`);
      store.close();
    };
    const [here, there] = [`${folder}/here.db`, `${folder}/there.db`];
    await sealed(here);
    await sealed(there);
    await restoring(here, `${here}.backup`);
    await assertRejects(
      () => restoring(here, `${there}.backup`),
      StoreError,
      "name the key file with --key-file",
    );
    await assertRejects(
      () => restoring(here, `${there}.backup`, `${folder}/here.key`),
      StoreError,
      "is not the key file of",
    );
    await assertRejects(
      () => restoring(here, `${there}.backup`, `${folder}/no.key`),
      StoreError,
      "no key file",
    );
    const { kept } = await restoring(here, `${there}.backup`, `${folder}/there.key`);
    assertEquals(kept.map((file) => file.replace(/.*[/]|\.before-restore-.*/g, "")), ["here.db", "here.key"]);
    const store = await openStore(`sqlite:${here}`);
    await openBox(store, { encryptionKey: undefined, keyFile: `${folder}/here.key` });
    store.close();
    assertEquals(
      await Deno.readTextFile(`${folder}/here.key`),
      await Deno.readTextFile(`${folder}/there.key`),
    );
    assertEquals((await Deno.stat(`${folder}/here.key`)).mode! & 0o777, 0o600);
    const encryptionKey = new Uint8Array(32).fill(1);
    await assertRejects(
      () =>
        restoreStore(`sqlite:${here}`, {
          file: `${there}.backup`,
          keyFile: undefined,
          encryptionKey,
          now: new Date(),
        }),
      StoreError,
      "ENCRYPTION_KEY is not the key",
    );
  }));

Deno.test("open: keeps a log whose database is missing", () =>
  inFolder(async (folder) => {
    const machine = new Machine(folder);
    await machine.write();
    await machine.crash();
    await Deno.remove(machine.path);
    await assertRejects(() => openStore(`sqlite:${machine.path}`), StoreError, "missing or empty");
    assert((await Deno.stat(`${machine.path}-wal`)).size > 0);
  }));

Deno.test("restore: keeps people, and ends their sessions, invitations and logins of commands", () =>
  inFolder(async (folder) => {
    const machine = new Machine(folder);
    await machine.write();
    const before = await openStore(`sqlite:${machine.path}`);
    const audit = auditRow("person.create", "anna");
    await before.addPerson(personRow("anna", { projects: "all" }), audit);
    await before.setPassphrase("anna", { hash: "its hash", keptSession: undefined }, audit);
    await before.addSession(sessionRow("s1", "anna"));
    await before.addInvitation({ hash: hashOf("i1"), personId: "anna", expiresAt: AT + 1 }, audit);
    await before.addManagementToken(managementTokenRow("m1"), audit);
    await before.addManagementToken(managementTokenRow("m2", { personId: "anna" }), audit);
    await before.addDeviceLogin(deviceLoginRow("d1"), { ofAddressGroup: 1, ofAll: 1 });
    await before.close();
    await machine.backup();
    machine.stop();
    await restoring(machine.path, machine.backups[0]?.file ?? "");
    const store = await openStore(`sqlite:${machine.path}`);
    assertEquals((await store.findSignIn("anna"))?.passphrase, "its hash");
    assertEquals(await store.findSession(hashOf("s1")), undefined);
    assertEquals(await store.findInvited(hashOf("i1"), AT), undefined);
    assertEquals((await store.findManagementToken({ hash: hashOf("m1") }))?.token.id, "m1");
    assertEquals(await store.findManagementToken({ id: "m2" }), undefined);
    assertEquals(await store.findDeviceLogin({ id: "d1" }, AT), undefined);
    await store.close();
  }));
