/** Describes which values a `JsonScanner` selects. */

/**
 * The selected members of an object, by key. The key `*` selects the elements of an array. `true` selects the
 * whole value. `"length"` only measures it. The empty key describes what to select if the value is a string
 * instead of an object.
 */
export interface Selection {
  readonly [key: string]: Selection | true | "length";
}

/** A compiled selection, which {@link compileSelection} makes once for many texts. */
export interface SelectionNode {
  readonly path: string;
  /** The selected members. Undefined if the value itself is selected or measured. */
  readonly children: readonly SelectedKey[] | undefined;
  /** Whether the value is measured. With `children`, only a string is measured. */
  readonly isMeasured: boolean;
  /** The selection of the elements of an array. Undefined if no element is selected. */
  readonly elements: SelectionNode | undefined;
}

interface SelectedKey {
  readonly bytes: Uint8Array;
  readonly node: SelectionNode;
}

/** Compiles a selection for a `JsonScanner`. */
export function compileSelection(selection: Selection): SelectionNode {
  return nodeOf(selection, "");
}

/**
 * Both selections in one. Of a key in both, the second selection applies, unless both select members of it.
 */
export function mergedSelection(one: Selection, other: Selection): Selection {
  const merged: Record<string, Selection | true | "length"> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const present = merged[key];
    merged[key] = typeof present === "object" && typeof value === "object"
      ? mergedSelection(present, value)
      : value;
  }
  return merged;
}

function nodeOf(selection: Selection | true | "length", path: string): SelectionNode {
  if (selection === true || selection === "length") {
    return { path, children: undefined, isMeasured: selection === "length", elements: undefined };
  }
  const encoder = new TextEncoder();
  const inner = Object.entries(selection).map(([key, value]) => ({
    key,
    bytes: encoder.encode(key),
    node: nodeOf(value, path === "" ? key : `${path}.${key}`),
  }));
  return {
    path,
    children: inner.filter(({ key }) => key !== "*" && key !== ""),
    isMeasured: selection[""] !== undefined,
    elements: inner.find(({ key }) => key === "*")?.node,
  };
}

/** Every selected key is shorter, even if each of its letters is an escape of six bytes. */
export const MAX_KEY_BYTES = 128;
const BACKSLASH = 0x5c;

/**
 * The selection of the value of a key, which is `bytes` from `from` up to `to`. Undefined if the value is not
 * selected. Compares bytes, because decoding every key would cost more than all other work.
 */
export function selectedChild(
  node: SelectionNode | undefined,
  bytes: Uint8Array,
  from: number,
  to: number,
): SelectionNode | undefined {
  const keys = node?.children ?? [];
  if (keys.length === 0 || to - from >= MAX_KEY_BYTES) return undefined;
  for (const { bytes: selected, node: inner } of keys) {
    if (selected.length !== to - from || selected[0] !== bytes[from]) continue;
    let at = 1;
    while (at < selected.length && selected[at] === bytes[from + at]) at++;
    if (at === selected.length) return inner;
  }
  let at = from;
  while (at < to && bytes[at] !== BACKSLASH) at++;
  return at === to ? undefined : selectedByText(keys, bytes.subarray(from, to));
}

/** Finds the selection of a key that has escapes. */
function selectedByText(keys: readonly SelectedKey[], key: Uint8Array): SelectionNode | undefined {
  try {
    const text: unknown = JSON.parse(`"${new TextDecoder().decode(key)}"`);
    const plain = new TextEncoder().encode(String(text));
    return keys.find(({ bytes }) =>
      bytes.length === plain.length && bytes.every((byte, at) => byte === plain[at])
    )
      ?.node;
  } catch {
    return undefined;
  }
}
