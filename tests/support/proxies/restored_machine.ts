/** A machine whose database crashes, is backed up and is restored, in any order. */

import { assertEquals, assertRejects } from "@std/assert";
import { openStore } from "../../../src/storage/open.ts";
import { restoreStore } from "../../../src/storage/restore.ts";
import { type Store, StoreError } from "../../../src/storage/store.ts";
import { ALL_TOGETHER, exchangeRow, NO_FILTER } from "../data/rows.ts";

/** How many exchanges each write adds. */
export const ROWS = 7;

/** How many exchanges a database holds. */
export async function count(store: Store): Promise<number> {
  const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
  return sum?.requests ?? 0;
}

/** Works in a new folder, and removes it. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Restores a copy, as the command does. */
export function restoring(path: string, file: string, keyFile?: string) {
  return restoreStore(`sqlite:${path}`, { file, keyFile, encryptionKey: undefined, now: new Date() });
}

/** A database as a sequence of events leaves it, and how many exchanges it has to hold. */
export class Machine {
  path: string;
  readonly #folder: string;
  #store: Store | undefined;
  #rows = 0;
  #crashes = 0;
  readonly backups: { file: string; rows: number }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.path = `${folder}/0/x.db`;
  }

  /** Opens it as a start of the proxy does, and looks at what it holds. */
  async start(): Promise<Store> {
    if (this.#store === undefined) {
      this.#store = await openStore(`sqlite:${this.path}`);
      assertEquals(await count(this.#store), this.#rows);
    }
    return this.#store;
  }

  stop(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  async write(): Promise<void> {
    await (await this.start()).addExchanges(Array.from({ length: ROWS }, () => exchangeRow()));
    this.#rows += ROWS;
  }

  /** What a killed program leaves: the files as they are at this moment. */
  async crash(): Promise<void> {
    await this.start();
    const next = `${this.#folder}/${++this.#crashes}`;
    await Deno.mkdir(next);
    const before = this.path.replace(/[^/]*$/, "");
    for await (const { name } of Deno.readDir(before)) await Deno.copyFile(before + name, `${next}/${name}`);
    this.stop();
    this.path = `${next}/x.db`;
  }

  async backup(): Promise<void> {
    const file = `${this.#folder}/backup-${this.backups.length}.db`;
    await (await this.start()).copies?.backup(file);
    this.backups.push({ file, rows: this.#rows });
  }

  async restore(): Promise<void> {
    const backup = this.backups.at(-1);
    if (backup === undefined) return;
    this.stop();
    await restoring(this.path, backup.file);
    this.#rows = backup.rows;
  }

  /** A restore that ends at its n-th step, and then once more. */
  async restoreTwice(step: number): Promise<void> {
    const backup = this.backups.at(-1);
    if (backup === undefined) return;
    this.stop();
    const ended = await endedAtStep(step, () => restoring(this.path, backup.file));
    if (!ended) {
      await assertRejects(() => openStore(`sqlite:${this.path}`), StoreError, "interrupted");
      await restoring(this.path, backup.file);
    }
    this.#rows = backup.rows;
  }

  /** As recipes for other programs have it: the copy is put over the file, whatever lies beside it. */
  async putByHand(): Promise<void> {
    const backup = this.backups.at(-1);
    if (backup === undefined) return;
    this.stop();
    const hasLog = (await Deno.stat(`${this.path}-wal`).catch(() => undefined))?.size ?? 0;
    await Deno.copyFile(backup.file, this.path);
    this.#rows = backup.rows;
    if (hasLog === 0) return;
    await assertRejects(() => openStore(`sqlite:${this.path}`), StoreError, "was replaced");
    await restoring(this.path, backup.file);
  }
}

/** Runs work in which the n-th change of a file's name fails, as if the program had been killed there. */
async function endedAtStep(step: number, work: () => Promise<unknown>): Promise<boolean> {
  const { renameSync } = Deno;
  let left = step;
  Deno.renameSync = (from, to) => {
    if (left-- === 0) throw new Error("killed here");
    renameSync(from, to);
  };
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Error && error.message === "killed here") return false;
    throw error;
  } finally {
    Deno.renameSync = renameSync;
  }
}
