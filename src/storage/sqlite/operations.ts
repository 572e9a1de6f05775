/**
 * The operations that can run on a thread of the database, by name. Arguments and results are plain values,
 * which can be sent to another thread.
 */

import type { Project, ProjectChange, Token, TokenChange } from "../access_store.ts";
import type { NewAuditEntry } from "../audit_store.ts";
import type { AwaitedObject, MadeObject, ObjectKey } from "../object_store.ts";
import { type ExchangeMessage, exchangesOf } from "../packed_exchanges.ts";
import type { ClosedSpan } from "../rows/usage_parts.ts";
import type { ExchangeRow, Note, PruneLimits } from "../store.ts";
import { type AccountOperation, accountWork } from "../people/account_operations.ts";
import { pruneAccessChanges } from "./access_changes.ts";
import * as projects from "./project_tables.ts";
import * as tokens from "./token_tables.ts";
import { audited, insertAudit, listAudit } from "./audit_table.ts";
import type { Connection } from "./connection.ts";
import { listExchanges } from "./exchange_queries.ts";
import { closePeriod, deleteExchanges, rollUpSums } from "./exchange_sums.ts";
import { insertExchanges } from "./exchange_tables.ts";
import * as madeObjects from "./made_object_tables.ts";
import * as objects from "./object_tables.ts";
import * as replicas from "./replica_notes.ts";
import { dateSpending } from "./spending.ts";
import { runWork } from "./run_work.ts";
import { readUsage } from "./usage_queries.ts";

/** A version of a record, which a change names. */
interface Version {
  readonly id: string;
  readonly version: number;
}

function writeNote(database: Connection, name: string, value: string): void {
  database.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value);
}

/** The operations that write. Each of them is one transaction. */
export const WRITES = {
  addProject: (database: Connection, project: Project, audit: NewAuditEntry) =>
    audited(database, audit, () => projects.insertProject(database, project)),
  changeProject: (database: Connection, of: Version, change: ProjectChange, audit: NewAuditEntry) =>
    audited(database, audit, () => projects.updateProject(database, { ...of, at: audit.at }, change)),
  deleteProject: (database: Connection, of: Version, audit: NewAuditEntry) =>
    database.transaction(() => {
      const result = projects.deleteProject(database, of);
      if (result === "deleted") insertAudit(database, audit);
      return result;
    }),
  addToken: (database: Connection, token: Token, audit: NewAuditEntry) =>
    audited(database, audit, () => tokens.insertToken(database, token, audit.at)),
  changeToken: (database: Connection, of: Version, change: TokenChange, audit: NewAuditEntry) =>
    audited(database, audit, () => tokens.updateToken(database, { ...of, at: audit.at }, change)),
  deleteToken: (database: Connection, of: Version, audit: NewAuditEntry) =>
    audited(database, audit, () => tokens.deleteToken(database, of)),
  revokeTokens: (database: Connection, projectId: string, audit: NewAuditEntry) =>
    audited(database, audit, () => tokens.revokeTokens(database, projectId, audit.at)),
  addAudit: (database: Connection, entry: NewAuditEntry) => insertAudit(database, entry),

  addExchanges: (database: Connection, rows: readonly ExchangeRow[], note?: Note) =>
    database.transaction(() => {
      insertExchanges(database, rows);
      if (note !== undefined) writeNote(database, note.name, note.value);
    }),
  addPackedExchanges: (database: Connection, message: ExchangeMessage, note?: Note) =>
    database.transaction(() => {
      insertExchanges(database, exchangesOf(message));
      if (note !== undefined) writeNote(database, note.name, note.value);
    }),
  dateSpending: (database: Connection, hour: number) =>
    database.transaction(() => dateSpending(database, hour)),
  deleteExchanges: (database: Connection, limits: { before: number; count: number }) =>
    database.transaction(() => deleteExchanges(database, limits)),
  rollUp: (database: Connection, limits: PruneLimits) =>
    database.transaction(() => {
      pruneAccessChanges(database);
      rollUpSums(database, limits);
    }),
  closePeriod: (database: Connection, span: ClosedSpan) =>
    database.transaction(() => closePeriod(database, span)),

  addObject: (database: Connection, object: AwaitedObject) =>
    database.transaction(() => objects.insertObject(database, object)),
  setResultsId: (database: Connection, key: ObjectKey, resultsId: string) =>
    database.transaction(() => objects.setResultsId(database, key, resultsId)),
  raiseReceivedBytes: (database: Connection, key: ObjectKey, bytes: number) =>
    database.transaction(() => objects.raiseReceivedBytes(database, key, bytes)),
  pruneObjects: (database: Connection, limits: { madeBefore: number; maxSettled: number }) =>
    database.transaction(() => objects.pruneObjects(database, limits)),
  settleObject: (
    database: Connection,
    object: AwaitedObject,
    settled: { at: number; micros: number; rows: readonly ExchangeRow[] },
  ) => database.transaction(() => objects.settleObject(database, object, settled)),

  addMadeObjects: (database: Connection, rows: readonly MadeObject[]) =>
    database.transaction(() => madeObjects.insertMadeObjects(database, rows)),
  removeMadeObjects: (database: Connection, rows: readonly Pick<MadeObject, "account" | "id">[]) =>
    database.transaction(() => madeObjects.deleteMadeObjects(database, rows)),
  pruneMadeObjects: (database: Connection, limits: { now: number; maxOfMaker: number; max: number }) =>
    database.transaction(() => madeObjects.pruneMadeObjects(database, limits)),

  account: (database: Connection, name: AccountOperation, args: readonly unknown[]) =>
    database.transaction(() => runWork(database, accountWork(name, args))),

  writeNote,

  claimTask: (database: Connection, name: string, everyMs: number, now: number) =>
    database.transaction(() => replicas.claimTask(database, name, everyMs, now)),
  announceReplica: (database: Connection, of: { id: string; text: string; keptMs: number; now: number }) =>
    database.transaction(() => replicas.announceReplica(database, of)),
  removeReplica: (database: Connection, id: string) =>
    database.transaction(() => replicas.removeReplica(database, id)),
} as const;

/** The operations that read for long. */
export const READS = {
  usage: readUsage,
  listExchanges,
  listAudit,
  listProjects: projects.listProjects,
  listTokens: tokens.listTokens,
} as const;

/** The operations that write and those that read, by name. */
export const OPERATIONS = { ...WRITES, ...READS } as const;
/** The operations, with the types of their arguments and results. */
export type Operations = typeof OPERATIONS;
/** The arguments of an operation, without the connection. */
export type ArgumentsOf<Name extends keyof Operations> = Parameters<Operations[Name]> extends
  [Connection, ...infer Rest] ? Rest : never;
/** The result of an operation. */
export type ResultOf<Name extends keyof Operations> = ReturnType<Operations[Name]>;

/** Runs an operation. Throws a `StoreError`. */
export function runOperation<Name extends keyof Operations>(
  database: Connection,
  name: Name,
  args: ArgumentsOf<Name>,
): ResultOf<Name> {
  // The compiler does not relate the arguments to the operation of the same name; the types of this function
  // do.
  const operation = OPERATIONS[name] as unknown as (
    database: Connection,
    ...args: ArgumentsOf<Name>
  ) => ResultOf<Name>;
  return operation(database, ...args);
}
