/** What a page shows while data loads, when loading fails, and when a list is empty. */

import type { ComponentChildren } from "preact";
import { Button } from "./controls.tsx";
import { Unreachable } from "./http.ts";
import { limitNotice } from "./list_limit.ts";
import type { Loaded } from "./use_load.ts";

/** Shows loaded data, or the reason why it is missing. Earlier data stays visible next to an error. */
export function LoadView<Value>({ loaded, children }: {
  loaded: Loaded<Value>;
  children: (value: Value) => ComponentChildren;
}) {
  const { value, isStale, error, reload } = loaded;
  return (
    <>
      {error && <ErrorMessage error={error} retry={reload} retriesItself />}
      {value === undefined
        ? !error && <p class="loading" role="status">Loading…</p>
        : <div class={isStale ? "stale" : undefined} aria-busy={isStale}>{children(value)}</div>}
    </>
  );
}

/** Shows an error and, with `retry`, a button that tries again. */
export function ErrorMessage({ error, retry, retriesItself = false }: {
  error: Error;
  retry?: () => void;
  /** The page repeats the request without the button. */
  retriesItself?: boolean;
}) {
  return (
    <div class="failure" role="alert">
      <p>
        {error.message}
        {error instanceof Unreachable &&
          " Check that the proxy is running, and that this device is on its network."}
        {error instanceof Unreachable && retriesItself && " The page keeps trying."}
      </p>
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

/** Says that a list may have more items than the page has read. Shows nothing for a shorter list. */
export function LimitNotice(
  { items, what }: { items: readonly unknown[]; what: "tokens" | "projects" | "people" },
) {
  const notice = limitNotice(items, what);
  return notice === undefined ? null : <p class="help" role="status">{notice}</p>;
}

/** The text of an empty list, and how to fill the list. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
