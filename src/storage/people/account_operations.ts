/** The operations on people and their ways in, by the names of the methods of the store. */

import type { AccountStore } from "../people_store.ts";
import * as accounts from "./account_work.ts";
import * as devices from "./device_work.ts";
import * as directoryGroups from "./directory_group_work.ts";
import * as directories from "./directory_reads.ts";
import * as directoryUsers from "./directory_user_work.ts";
import * as passkeys from "./passkey_work.ts";
import * as people from "./people_work.ts";
import type { Work } from "./work.ts";

/** The work of each method: its arguments and its result. */
type AccountWorks = {
  readonly [Name in keyof AccountStore]: (
    ...args: Parameters<AccountStore[Name]>
  ) => Work<Awaited<ReturnType<AccountStore[Name]>>>;
};

const WORKS: AccountWorks = {
  addPerson: people.addPerson,
  findPerson: people.findPerson,
  findSignIn: people.findSignIn,
  findPersonOf: people.findPersonOf,
  findProviderPerson: people.findProviderPerson,
  touchAccount: people.touchAccount,
  listPeople: people.listPeople,
  changePerson: people.changePerson,
  removePerson: people.removePerson,
  setPassphrase: people.setPassphrase,
  addInvitation: people.addInvitation,
  findInvited: people.findInvited,
  useInvitation: people.useInvitation,
  addSession: accounts.addSession,
  findSession: accounts.findSession,
  listSessions: accounts.listSessions,
  touchSession: accounts.touchSession,
  proveSession: accounts.proveSession,
  endSession: accounts.endSession,
  addManagementToken: accounts.addManagementToken,
  findManagementToken: accounts.findManagementToken,
  listManagementTokens: accounts.listManagementTokens,
  revokeManagementToken: accounts.revokeManagementToken,
  touchManagementToken: accounts.touchManagementToken,
  findDirectoryUser: directories.findDirectoryUser,
  listDirectoryUsers: directories.listDirectoryUsers,
  findDirectoryGroup: directories.findDirectoryGroup,
  listDirectoryGroups: directories.listDirectoryGroups,
  listDirectoryMembers: directories.listDirectoryMembers,
  saveDirectoryUser: directoryUsers.saveDirectoryUser,
  removeDirectoryUser: directoryUsers.removeDirectoryUser,
  joinDirectoryUser: directoryUsers.joinDirectoryUser,
  saveDirectoryGroup: directoryGroups.saveDirectoryGroup,
  removeDirectoryGroup: directoryGroups.removeDirectoryGroup,
  addPasskey: passkeys.addPasskey,
  findPasskey: passkeys.findPasskey,
  listPasskeys: passkeys.listPasskeys,
  touchPasskey: passkeys.touchPasskey,
  renamePasskey: passkeys.renamePasskey,
  removePasskey: passkeys.removePasskey,
  addDeviceLogin: devices.addDeviceLogin,
  findDeviceLogin: devices.findDeviceLogin,
  confirmDeviceLogin: devices.confirmDeviceLogin,
  refuseDeviceLogin: devices.refuseDeviceLogin,
  pollDeviceLogin: devices.pollDeviceLogin,
  useDeviceLogin: devices.useDeviceLogin,
  pruneAccounts: accounts.pruneAccounts,
};

/** The name of an operation. */
export type AccountOperation = keyof AccountStore;

/** How an operation runs: `read` changes nothing, `use` changes rows that no other change depends on. */
export function kindOf(name: AccountOperation): "read" | "use" | "change" {
  if (/^(?:find|list)/.test(name)) return "read";
  return /^(?:touch|prove|addSession|endSession|prune|\w+DeviceLogin$)/.test(name) ? "use" : "change";
}

/** The work of an operation with its arguments. */
export function accountWork(name: AccountOperation, args: readonly unknown[]): Work<unknown> {
  // {@link accountStoreOf} has the types of each method.
  const work = WORKS[name] as unknown as (...args: readonly unknown[]) => Work<unknown>;
  return work(...args);
}

/** Makes the methods of a store of a function that runs operations. */
export function accountStoreOf(
  call: (name: AccountOperation, args: readonly unknown[]) => Promise<unknown>,
): AccountStore {
  const methods = Object.keys(WORKS).map((name) => [
    name,
    (...args: readonly unknown[]) => call(name as AccountOperation, args),
  ]);
  // WORKS has each method, and its type relates the arguments and the result of both.
  return Object.fromEntries(methods) as AccountStore;
}
