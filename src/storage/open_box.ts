/** Finds the key that encrypts provider keys: the configured key, or the key file beside the database. */

import { COPY_NOTE } from "./copy/tables.ts";
import { randomKey, SecretBox } from "./secret_box.ts";
import { type Store, StoreError } from "./store.ts";

/** The name of the note with a text that the key encrypted. A wrong key cannot decrypt the text. */
export const KEY_CHECK = "encryption_key_check";

const UNFINISHED = "a copy into this database is not finished: run llm-proxy store copy again";
/** Every program that uses a PostgreSQL database needs the same key, so none of them makes one. */
export const NO_KEY =
  "ENCRYPTION_KEY is missing: with PostgreSQL, set the same key for every program that uses the " +
  "database; `openssl rand -base64 32` makes one";

/** The opened {@link SecretBox}, and the key file if it was created. */
export interface OpenedBox {
  readonly box: SecretBox;
  /** The path of the new key file; `undefined` if the key existed already. */
  readonly createdKeyFile: string | undefined;
}

/**
 * Opens the box with the configured key or the key file, and creates a key file for a new database. Without a
 * key file, the key must be configured. Throws a {@link StoreError} if another key encrypted the keys in the
 * store, or if the key file is missing.
 */
export async function openBox(
  store: Store,
  { encryptionKey, keyFile }: {
    encryptionKey: Uint8Array<ArrayBuffer> | undefined;
    keyFile: string | undefined;
  },
): Promise<OpenedBox> {
  if (await store.readNote(COPY_NOTE) !== undefined) throw new StoreError("failed", UNFINISHED);
  const check = await store.readNote(KEY_CHECK);
  const found = encryptionKey ?? (keyFile === undefined ? undefined : readKeyFile(keyFile));
  if (found === undefined && keyFile === undefined) throw new StoreError("failed", NO_KEY);
  if (found === undefined && check !== undefined) {
    throw new StoreError(
      "failed",
      `the key file ${keyFile} is missing. Its key encrypts the provider keys of projects: put the file ` +
        "back, or set ENCRYPTION_KEY",
    );
  }
  const key = found ?? randomKey();
  const box = await SecretBox.of(key);
  const opens = check !== undefined && await isKeyOfStore(key, check);
  if (check !== undefined && !opens) {
    const which = encryptionKey === undefined ? `the key in ${keyFile}` : "ENCRYPTION_KEY";
    throw new StoreError(
      "failed",
      `${which} is not the key that encrypted the provider keys of projects in this database`,
    );
  }
  if (found === undefined && keyFile !== undefined) writeKeyFile(keyFile, key);
  if (!opens) await store.writeNote(KEY_CHECK, (await box.seal(KEY_CHECK, KEY_CHECK)).toBase64());
  return { box, createdKeyFile: found === undefined ? keyFile : undefined };
}

/** Whether a key decrypts the provider keys of a store. `note` is the store's note {@link KEY_CHECK}. */
export async function isKeyOfStore(key: Uint8Array<ArrayBuffer>, note: string): Promise<boolean> {
  const box = await SecretBox.of(key);
  return await box.open(Uint8Array.fromBase64(note), KEY_CHECK) !== undefined;
}

/**
 * Reads a key file. Returns `undefined` if the file does not exist. Throws a {@link StoreError} if it holds
 * no key.
 */
export function readKeyFile(path: string): Uint8Array<ArrayBuffer> | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new StoreError("failed", `the key file ${path} cannot be read`, { cause: error });
  }
  try {
    const key = Uint8Array.fromBase64(text.trim());
    if (key.length === 32) return key;
  } catch {
    // Not base64.
  }
  throw new StoreError("failed", `the key file ${path} does not hold 32 bytes in base64`);
}

function writeKeyFile(path: string, key: Uint8Array): void {
  try {
    Deno.writeTextFileSync(path, `${key.toBase64()}\n`, { mode: 0o600, createNew: true });
  } catch (error) {
    throw new StoreError("failed", `the key file ${path} cannot be created`, { cause: error });
  }
}
