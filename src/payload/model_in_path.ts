/** The model in a path of Google's API: `/v1beta/models/NAME:generateContent`. */

/** The model that a path names, as in Gemini's `/models/NAME:generateContent`. */
export interface ModelInPath {
  /** The name of the model, without percent-encoding. */
  readonly name: string;
  /** Returns the path with another model, percent-encoded. */
  readonly withModel: (name: string) => string;
}

const PATH = /^(.*?\/models\/)(.+)(:[A-Za-z]+)$/;

/** Finds the model in a path. Returns `undefined` if the path has none, or an invalid percent-encoding. */
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
