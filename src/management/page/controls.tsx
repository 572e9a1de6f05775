/** Form controls: inputs, selects, checkboxes and groups of buttons. */

import type { ComponentChildren, ComponentProps } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/** Attributes that an input can have besides its label, help text and value. */
interface InputAttributes {
  readonly type?: "text" | "password" | "number";
  readonly name?: string;
  readonly autocomplete?: "current-password" | "new-password" | "username";
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

/** A single-line input for text, a number or a secret, with its label. */
export function Input(
  { label, help, value, set, type = "text", autofocus = false, ...rest }: Labelled & InputAttributes,
) {
  const ref = useRef<HTMLInputElement>(null);
  // Browsers ignore the attribute in forms that scripts add. A layout effect runs before the user can type:
  // with a later effect, the first keys would be lost.
  useLayoutEffect(() => void (autofocus && ref.current?.focus()), []);
  return (
    <Field label={label} help={help}>
      {(attributes) => (
        <input
          autocomplete="off"
          {...rest}
          {...attributes}
          ref={ref}
          // The types of JSX tell inputs apart by literal types; the attributes that are used here exist on
          // all.
          type={type as "text"}
          value={value}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A drop-down list with its label. */
export function Select({ label, help, value, set, options }: Labelled & {
  readonly options: readonly (readonly [value: string, text: string])[];
}) {
  return (
    <Field label={label} help={help}>
      {(attributes) => (
        <select
          {...attributes}
          value={value}
          onChange={(event) => set(event.currentTarget.value)}
        >
          {options.map(([option, text]) => <option key={option} value={option}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

/** A control with its label, and a help text that screen readers read after the label. */
function Field({ label, help, children }: {
  readonly label: string;
  readonly help: string | undefined;
  readonly children: (attributes: { id: string; "aria-describedby"?: string }) => ComponentChildren;
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

/** A checkbox with its label. */
export function Checkbox({ label, value, set }: {
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

/** A button that does not submit a form. */
export function Button(props: ComponentProps<"button">) {
  return <button type="button" {...props} />;
}

/** A row of buttons, of which one is pressed, with its label. */
export function ButtonGroup<Value extends string>({ label, options, value, onChange }: {
  label: string;
  options: readonly (readonly [value: Value, text: string])[];
  value: Value;
  onChange: (value: Value) => void;
}) {
  const id = useId();
  return (
    <div class="choice" role="group" aria-labelledby={id}>
      <span id={id} class="help">{label}</span>
      {options.map(([option, text]) => (
        <Button
          key={option}
          aria-pressed={option === value}
          onClick={() => onChange(option)}
        >
          {text}
        </Button>
      ))}
    </div>
  );
}

/** A button in a row of a table. Screen readers read the name of the row after the label. */
export function RowButton(
  { label, row, run }: { readonly label: string; readonly row: string; readonly run: () => void },
) {
  return (
    <Button onClick={run}>
      {label}
      <span class="unseen">{row}</span>
    </Button>
  );
}
