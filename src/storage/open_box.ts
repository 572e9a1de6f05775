/** Finds the key that seals provider keys: the one that was configured, or one in a file beside the database. */

import { randomKey, SecretBox } from "./secret_box.ts";
import { type Store, StoreError } from "./store.ts";

/** Under this name the store keeps something sealed, by which another key is told. */
export const KEY_CHECK = "encryption_key_check";

/** A box, and the file that was made for its key, where one was. */
export interface OpenedBox {
  readonly box: SecretBox;
  readonly madeKeyFile: string | undefined;
}

/** Throws a {@link StoreError} where the store's keys were sealed by another key, or the key's file is gone. */
export async function openBox(
  store: Store,
  { encryptionKey, keyFile }: { encryptionKey: Uint8Array<ArrayBuffer> | undefined; keyFile: string },
): Promise<OpenedBox> {
  const check = await store.readNote(KEY_CHECK);
  const found = encryptionKey ?? readKeyFile(keyFile);
  if (found === undefined && check !== undefined) {
    throw new StoreError(
      "failed",
      `the key file ${keyFile} is missing, which seals the provider keys of projects: put it back, or set ENCRYPTION_KEY`,
    );
  }
  const key = found ?? randomKey();
  const box = await SecretBox.of(key);
  const opens = check !== undefined && await sealsKeys(key, check);
  if (check !== undefined && !opens) {
    const which = encryptionKey === undefined ? `the key in ${keyFile}` : "ENCRYPTION_KEY";
    throw new StoreError(
      "failed",
      `${which} is not the one that seals the provider keys of projects in this database`,
    );
  }
  if (found === undefined) writeKeyFile(keyFile, key);
  if (!opens) await store.writeNote(KEY_CHECK, (await box.seal(KEY_CHECK, KEY_CHECK)).toBase64());
  return { box, madeKeyFile: found === undefined ? keyFile : undefined };
}

/** Whether a key seals the provider keys of a store; `note` is what the store keeps under {@link KEY_CHECK}. */
export async function sealsKeys(key: Uint8Array<ArrayBuffer>, note: string): Promise<boolean> {
  const box = await SecretBox.of(key);
  return await box.open(Uint8Array.fromBase64(note), KEY_CHECK) !== undefined;
}

/** The key in a file; undefined: there is no file. Throws a {@link StoreError} where it holds none. */
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
    // No base64.
  }
  throw new StoreError("failed", `the key file ${path} does not hold 32 bytes in base64`);
}

function writeKeyFile(path: string, key: Uint8Array): void {
  try {
    Deno.writeTextFileSync(path, `${key.toBase64()}\n`, { mode: 0o600, createNew: true });
  } catch (error) {
    throw new StoreError("failed", `the key file ${path} cannot be made`, { cause: error });
  }
}
