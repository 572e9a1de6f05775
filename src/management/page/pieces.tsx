/** What pages are made of. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { moment, relative } from "./format.ts";
import { Unreachable } from "./http.ts";
import type { Loaded } from "./use_load.ts";

/** What was loaded, or why it is not there. */
export function Shown<Value>({ of, children }: {
  of: Loaded<Value>;
  children: (value: Value) => ComponentChildren;
}) {
  const { value, isStale, error, reload } = of;
  return (
    <>
      {error && <Failure error={error} retry={reload} isRetried />}
      {value === undefined
        ? !error && <p class="loading" role="status">Loading…</p>
        : <div class={isStale ? "stale" : undefined} aria-busy={isStale}>{children(value)}</div>}
    </>
  );
}

/** What went wrong, and what can be done. */
export function Failure({ error, retry, isRetried = false }: {
  error: Error;
  retry?: () => void;
  /** It is tried again without anybody. */
  isRetried?: boolean;
}) {
  return (
    <div class="failure" role="alert">
      <p>
        {error.message}
        {error instanceof Unreachable && " Is it running, and is this device on its network?"}
        {error instanceof Unreachable && isRetried && " The page tries again by itself."}
      </p>
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** Nothing is there yet, and what would bring something. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A dialog over the page. Without `onClose` it cannot be left by Escape. */
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
    // Where one begins, rather than at the way out.
    dialog?.querySelector<HTMLElement>("input, select, footer button")?.focus();
    return () => {
      // While it is open nothing else can have the focus.
      dialog?.close();
      const goBack = () => before instanceof HTMLElement && before.focus();
      goBack();
      setTimeout(() => document.activeElement === document.body && goBack());
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onKeyDown={(event) => {
        // Browsers let a dialog refuse to be cancelled once, not twice.
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        onClose?.();
      }}
      onCancel={(event) => {
        // Phones have a gesture for it.
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

/** Asks before something is done that cannot be undone, and does it. */
export function Confirm({ title, action, onDone, onClose, children }: {
  title: string;
  /** The button's text, and what it does. */
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
      {error && <Failure error={error} />}
      <footer>
        <button type="button" onClick={onClose}>Keep it as it is</button>
        <button type="button" class="danger" disabled={busy} onClick={submit}>{label}</button>
      </footer>
    </Dialog>
  );
}

/** Does something once at a time, and tells how it went. */
export function useSubmit<Result>(run: () => Promise<Result>, onDone: (result: Result) => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const submit = async (event?: Event) => {
    event?.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      onDone(await run());
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, submit };
}

/** A button that copies, and says so. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    setSaid(await copied(text) ? "Copied" : "Copying failed: select the text");
    setTimeout(() => setSaid(""), 2_000);
  };
  return (
    <button type="button" class="copy" onClick={copy}>
      <span aria-live="polite">{said || label}</span>
    </button>
  );
}

/** Browsers have a clipboard on HTTPS and localhost only; elsewhere the old command does it. */
async function copied(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    return await navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const area = document.createElement("textarea");
  area.value = text;
  // Within a dialog nothing outside of it can be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** One of a few, side by side. */
export function Choice<Value extends string>({ label, options, value, onChange }: {
  label: string;
  options: readonly (readonly [value: Value, text: string])[];
  value: Value;
  onChange: (value: Value) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([option, text]) => (
        <button
          type="button"
          key={option}
          aria-pressed={option === value}
          onClick={() => onChange(option)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

/** A time as it is from now, and as itself where one points at it. */
export function When({ at }: { at: string | null }) {
  return at === null ? "never" : <span title={moment(at)}>{relative(at)}</span>;
}

/** A state in a word and a colour. */
export function State({ of }: { of: string }) {
  const kind = GOOD.includes(of) ? "good" : BAD.includes(of) ? "bad" : "middling";
  return <span class={`state ${kind}`}>{of.replaceAll("_", " ")}</span>;
}

const GOOD = ["active", "up", "ok", "complete", "yes"];
const BAD = ["revoked", "set_aside", "failing", "down", "no"];
