import type { ModelListStore } from "../catalogue/catalogue.ts";
import type { Store } from "../storage/store.ts";
import { messageOf } from "../text/error_text.ts";

/**
 * Keeps the lists of models of endpoints in the database, so that they survive a restart. `onFailed` gets a
 * text for the log if a list could not be written.
 */
export function storedModelLists(
  store: Pick<Store, "readNote" | "writeNote">,
  onFailed: (reason: string) => void,
): ModelListStore {
  const nameOf = (endpoint: string) => `models of ${endpoint}`;
  return {
    load: (endpoint) => store.readNote(nameOf(endpoint)),
    save: (endpoint, text) => {
      store.writeNote(nameOf(endpoint), text).catch((error) =>
        onFailed(`the list of models of ${endpoint} is not kept: ${messageOf(error)}`)
      );
    },
  };
}
