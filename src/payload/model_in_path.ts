/** The model in a path of Google's API: `/v1beta/models/NAME:generateContent`. */

/** Where a path names its model. */
export interface ModelInPath {
  /** The decoded name. */
  readonly name: string;
  /** The path with another model. */
  readonly withModel: (name: string) => string;
}

const PATH = /^(.*?\/models\/)(.+)(:[A-Za-z]+)$/;

/** Finds the model in a path. Undefined: the path has none, or an invalid percent-encoding. */
export function modelInPath(path: string): ModelInPath | undefined {
  const [, before, raw, action] = PATH.exec(path) ?? [];
  if (before === undefined || raw === undefined || action === undefined) return undefined;
  try {
    const name = decodeURIComponent(raw);
    return { name, withModel: (other) => `${before}${encodeURIComponent(other)}${action}` };
  } catch {
    return undefined;
  }
}
