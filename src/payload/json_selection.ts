/** Describes which values a `JsonScanner` selects. */

/**
 * The selected members of an object, by key. The key `*` selects the elements of an array. `true` selects the
 * whole value. `"length"` only measures the value as text, and `"media"` as an image or another file in
 * Base64. The empty key says what to select if the value is a string or a number instead of an object.
 */
export interface Selection {
  readonly [key: string]: Selection | Leaf;
}

type Leaf = true | "length" | "media";

/** A compiled selection, which {@link compileSelection} makes once for many texts. */
export interface SelectionNode {
  readonly path: string;
  /**
   * The selected members if the value is an object. `undefined` if the value itself is selected or measured.
   */
  readonly object: SelectedObject | undefined;
  /**
   * The selected elements if the value is an array. `undefined` if the value itself is selected or measured.
   */
  readonly array: SelectedArray | undefined;
  /**
   * Whether the value is measured. A value with selected members is measured only if it is a string or a
   * number.
   */
  readonly isMeasured: boolean;
  /** Whether the value is measured as media, and not as text. */
  readonly isMedia: boolean;
}

/** The selected members of an object. */
export interface SelectedObject {
  readonly isArray: false;
  /** The selected members in groups by {@link groupOf}. The number of groups is a power of two. */
  readonly groups: readonly (readonly SelectedKey[])[];
}

/** The selected elements of an array. */
export interface SelectedArray {
  readonly isArray: true;
  /** The selection of each element. `undefined` if no element is selected. */
  readonly elements: SelectionNode | undefined;
}

interface SelectedKey {
  readonly bytes: Uint8Array;
  readonly node: SelectionNode;
}

/**
 * Compiles a selection for a `JsonScanner`. If the outermost value is an array, its elements are read like
 * the whole text.
 */
export function compileSelection(selection: Selection): SelectionNode {
  return nodeOf(selection, "", true);
}

/**
 * Combines two selections. For a key in both, the second selection applies. If both select members of the
 * key, these are combined.
 */
export function mergedSelection(one: Selection, other: Selection): Selection {
  const merged: Record<string, Selection | Leaf> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const present = merged[key];
    merged[key] = typeof present === "object" && typeof value === "object"
      ? mergedSelection(present, value)
      : value;
  }
  return merged;
}

const encoder = new TextEncoder();

function nodeOf(selection: Selection | Leaf, path: string, isRoot = false): SelectionNode {
  if (typeof selection !== "object") {
    const isMedia = selection === "media";
    return {
      path,
      object: undefined,
      array: undefined,
      isMeasured: isMedia || selection === "length",
      isMedia,
    };
  }
  const members = Object.entries(selection).map(([key, value]) => ({
    key,
    bytes: encoder.encode(key),
    node: nodeOf(value, internalized(path === "" ? key : `${path}.${key}`)),
  }));
  const keys = members.filter(({ key }) => key !== "*" && key !== "");
  const count = 2 ** Math.ceil(Math.log2(2 * keys.length + 1));
  const groups: SelectedKey[][] = Array.from({ length: count }, () => []);
  for (const key of keys) groups[groupOf(key.bytes[0] ?? 0, key.bytes.length, count)]?.push(key);
  const array: { isArray: true; elements: SelectionNode | undefined } = {
    isArray: true,
    elements: members.find(({ key }) => key === "*")?.node,
  };
  const node: SelectionNode = {
    path,
    object: { isArray: false, groups },
    array,
    isMeasured: selection[""] !== undefined,
    isMedia: selection[""] === "media",
  };
  // Gemini streams an array of responses if the client did not request an event stream.
  if (isRoot) array.elements ??= node;
  return node;
}

/** Returns the same text in the form that the runtime compares with a constant by its address. */
function internalized(text: string): string {
  return Object.keys({ [text]: true })[0] ?? text;
}

/**
 * Returns the group of a key by its first byte and its length. So most keys are compared with no other key.
 */
function groupOf(first: number, length: number, count: number): number {
  return (first ^ length) & (count - 1);
}

/**
 * The length of the longest key that can be selected, in bytes. Every selected key is shorter, even if each
 * of its letters is an escape of six bytes.
 */
export const MAX_KEY_BYTES = 128;

/**
 * Returns the selection for the value of a key. The key is `bytes` from `from` up to `to`, without escapes.
 * `undefined` if the value is not selected. It compares bytes, because decoding every key would cost more
 * than all other work.
 */
export function selectedMember(
  { groups }: SelectedObject,
  bytes: Uint8Array,
  from: number,
  to: number,
): SelectionNode | undefined {
  const length = to - from;
  const group = groups[groupOf(bytes[from] ?? 0, length, groups.length)];
  if (group === undefined) return undefined;
  for (let index = 0; index < group.length; index++) {
    const key = group[index];
    if (key === undefined || key.bytes.length !== length) continue;
    let at = 0;
    while (at < length && key.bytes[at] === bytes[from + at]) at++;
    if (at === length) return key.node;
  }
  return undefined;
}

/** Returns the selection for the value of a key that has escapes. */
export function selectedByEscaped(object: SelectedObject, key: Uint8Array): SelectionNode | undefined {
  if (key.length >= MAX_KEY_BYTES) return undefined;
  try {
    const text: unknown = JSON.parse(`"${new TextDecoder().decode(key)}"`);
    const plain = new TextEncoder().encode(String(text));
    return selectedMember(object, plain, 0, plain.length);
  } catch {
    return undefined;
  }
}
