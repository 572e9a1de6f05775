import { jsonMembers, parseText } from "./json_members.ts";
import type { ModelPlace } from "./model_place.ts";

/** The texts that stand under `model` in the outermost object, every one where there are several. */
export function jsonModels(bytes: Uint8Array): ModelPlace[] {
  return (jsonMembers(bytes) ?? []).flatMap(({ key, start, end }) => {
    const name = key === "model" ? parseText(bytes.subarray(start, end)) : undefined;
    return name === undefined ? [] : [{ start, end, name, write: (text: string) => JSON.stringify(text) }];
  });
}
