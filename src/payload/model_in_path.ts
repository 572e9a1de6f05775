/**
 * Finds the model in a path, and puts another one in its place: `/v1beta/models/NAME:generateContent` of
 * Google, `/openai/deployments/NAME/…` of Azure, `/model/NAME/converse` of Bedrock.
 */

import { modelsInPath } from "./models_in_head.ts";

/** The model that a path names, and how to replace it. */
export interface ModelInPath {
  /** The name, with its percent-encoding decoded. */
  readonly name: string;
  /**
   * Whether rules and budgets find this name in the path, and no other name. A model override replaces the
   * name only then.
   */
  readonly isOnly: boolean;
  /** Returns the path with another model. */
  readonly withModel: (name: string) => string;
}

const PATHS = [
  /^(.*?\/models\/)(.+)((?::|%3[Aa])[A-Za-z]+)$/,
  /^(.*?\/deployments\/)([^/]+)(\/.+)$/,
  /^(.*?\/model\/)(arn:[^/]+(?:\/[^/]+){1,3}|[^/]+)(\/(?:converse|invoke)[a-z-]*)$/,
];
/** A fast test, because most paths name no model. */
const MAY_NAME_MODEL = /\/(?:models?|deployments)\//;

/** Finds the model in a path. `undefined` if the path has none, or an invalid percent-encoding. */
export function modelInPath(path: string): ModelInPath | undefined {
  if (!MAY_NAME_MODEL.test(path)) return undefined;
  for (const pattern of PATHS) {
    const [, before, raw, action] = pattern.exec(path) ?? [];
    if (before === undefined || raw === undefined || action === undefined) continue;
    try {
      const name = decodeURIComponent(raw);
      const isOnly = modelsInPath(path).every((found) => found === name);
      return { name, isOnly, withModel: (other) => `${before}${encodeURIComponent(other)}${action}` };
    } catch {
      return undefined;
    }
  }
  return undefined;
}
