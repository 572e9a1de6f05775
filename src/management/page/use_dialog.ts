import { useState } from "preact/hooks";

/** What a dialog does, and the row of the page that it is about: none for a new one. */
export interface OpenDialog<Kind, Item> {
  readonly kind: Kind;
  readonly item: Item | undefined;
}

/**
 * The open dialog of a page, and the message of the last one that was completed. `reload` loads the rows of
 * the page again.
 */
export function useDialog<Kind extends string, Item>(reload: () => void) {
  const [dialog, setDialog] = useState<OpenDialog<Kind, Item>>();
  const [message, setMessage] = useState("");
  const close = () => setDialog(undefined);
  return {
    dialog,
    message,
    open: (kind: Kind, item?: Item) => setDialog({ kind, item }),
    close,
    done: (text: string) => {
      setMessage(text);
      close();
      reload();
    },
  };
}
