/** Modal dialogs. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ErrorMessage } from "./load_view.tsx";
import { useSubmit } from "./use_submit.ts";

/**
 * A modal dialog. Without `onClose`, the user cannot close it: it has no close button, and Escape does
 * nothing.
 */
export function Dialog({ title, onClose, children }: {
  title: string;
  onClose?: (() => void) | undefined;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const dialog = ref.current;
    dialog?.showModal();
    // The browser would focus the close button, which comes first.
    dialog?.querySelector<HTMLElement>("input, select, footer button")?.focus();
    return () => {
      // While the dialog is open, nothing outside of it can have the focus.
      dialog?.close();
      const restoreFocus = () => before instanceof HTMLElement && before.focus();
      restoreFocus();
      setTimeout(() => document.activeElement === document.body && restoreFocus());
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onKeyDown={(event) => {
        // Browsers close a dialog at the second Escape, even if the cancel event of the first was prevented.
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        onClose?.();
      }}
      onCancel={(event) => {
        // Phones cancel a dialog by a gesture, without a key.
        if (event.target !== ref.current) return;
        event.preventDefault();
        onClose?.();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        {onClose && <button type="button" class="quiet" aria-label="Close" onClick={onClose}>✕</button>}
      </header>
      {children}
    </dialog>
  );
}

/** Asks for confirmation of an action, and runs it. */
export function ConfirmDialog({ title, action, onDone, onClose, children }: {
  title: string;
  /** The text of the button, and the action behind it. */
  action: readonly [label: string, run: () => Promise<unknown>];
  onDone: () => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [label, run] = action;
  const { busy, error, submit } = useSubmit(run, onDone);
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {error && <ErrorMessage error={error} />}
      <footer>
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="button" class="danger" disabled={busy} onClick={submit}>{label}</button>
      </footer>
    </Dialog>
  );
}
