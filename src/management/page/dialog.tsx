/** Modal dialogs. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./controls.tsx";
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
        {onClose && <Button class="quiet" aria-label="Close" onClick={onClose}>✕</Button>}
      </header>
      {children}
    </dialog>
  );
}

/** What the user has to confirm. */
export interface Confirmation {
  readonly title: string;
  /** The text of the button, and the action behind it. */
  readonly action: readonly [label: string, run: () => Promise<unknown>];
  /** What the action does, as a sentence for the person. */
  readonly text: ComponentChildren;
  /** The message after the action. */
  readonly done: string;
}

/** Asks for confirmation of an action, runs it, and reports its message. */
export function ConfirmDialog({ title, action: [label, run], text, done, onDone, onClose }: Confirmation & {
  onDone: (message: string) => void;
  onClose: () => void;
}) {
  const { busy, error, submit } = useSubmit(run, () => onDone(done));
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      {error && <ErrorMessage error={error} />}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button class="danger" disabled={busy} onClick={submit}>{label}</Button>
      </footer>
    </Dialog>
  );
}

/** The end of a form in a dialog: why the last attempt failed, and the buttons that close and submit it. */
export function FormEnd({ action, busy, error, onClose }: {
  /** The text of the button that submits the form. */
  action: string;
  busy: boolean;
  error: Error | undefined;
  onClose: () => void;
}) {
  return (
    <>
      {error && <ErrorMessage error={error} />}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <button type="submit" class="primary" disabled={busy}>{action}</button>
      </footer>
    </>
  );
}
