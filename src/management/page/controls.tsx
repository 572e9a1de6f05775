/** What forms are made of. */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/** What an input may be told besides its words and its value. */
interface InputSettings {
  readonly type?: "text" | "password" | "number";
  readonly name?: string;
  readonly autocomplete?: "current-password";
  readonly autofocus?: boolean;
  readonly required?: boolean;
  readonly disabled?: boolean;
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly min?: number;
  readonly step?: number | "any";
}

interface Labelled {
  readonly label: string;
  readonly help?: string | undefined;
  readonly value: string;
  readonly set: (value: string) => void;
}

/** A line of text, a number or a secret. */
export function Input(
  { label, help, value, set, type = "text", autofocus = false, ...rest }: Labelled & InputSettings,
) {
  const ref = useRef<HTMLInputElement>(null);
  // The attribute counts where a page is loaded, not where a form comes later. At once: who is quick would lose what was
  // typed elsewhere.
  useLayoutEffect(() => void (autofocus && ref.current?.focus()), []);
  return (
    <Field label={label} help={help}>
      {(names) => (
        <input
          autocomplete="off"
          {...rest}
          {...names}
          ref={ref}
          // The types of elements are told apart by literals.
          type={type as "text"}
          value={value}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** One of several. */
export function Select({ label, help, value, set, options }: Labelled & {
  readonly options: readonly (readonly [value: string, text: string])[];
}) {
  return (
    <Field label={label} help={help}>
      {(names) => (
        <select {...names} value={value} onChange={(event) => set(event.currentTarget.value)}>
          {options.map(([option, text]) => <option key={option} value={option}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

/** A control with its label, and words of help that are read after it. */
function Field({ label, help, children }: {
  readonly label: string;
  readonly help: string | undefined;
  readonly children: (names: { id: string; "aria-describedby"?: string }) => ComponentChildren;
}) {
  const id = useId();
  const helpId = `${id}-help`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(help && { "aria-describedby": helpId }) })}
      {help && <span class="help" id={helpId}>{help}</span>}
    </div>
  );
}

/** On or off. */
export function Check({ label, value, set }: {
  readonly label: string;
  readonly value: boolean;
  readonly set: (value: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} /> {label}
    </label>
  );
}

/** A button in a row of a list; read aloud it says of what. */
export function Act(
  { label, of, run }: { readonly label: string; readonly of: string; readonly run: () => void },
) {
  return (
    <button type="button" onClick={run}>
      {label}
      <span class="unseen">{of}</span>
    </button>
  );
}
