/** The places of a JSON body at which the proxy looks for models, content and tools. */

import { CONVERSATION } from "./body_keys.ts";
import type { SeenItem } from "./content_elsewhere.ts";
import { foldKey } from "./fold_key.ts";
import type { HostedTool } from "./hosted_tools.ts";
import { WATCHED_MEMBERS, type WatchedMember } from "./watched_members.ts";

/** The role of a value, which decides the roles of its members. */
export type Role =
  | "root"
  | "prompt"
  | "element of a prompt"
  | "inner"
  | "model"
  | "member of a model"
  | "content unless object"
  | "content"
  | "text"
  | "type of an item"
  | "reference"
  | "tools"
  | "tool"
  | "type of a tool"
  | "cache mark"
  | "lifetime in a cache"
  | "hosted tool"
  | "member of a hosted tool";

/** How the reader watches a value: its role, and the facts that are known about it so far. */
export interface Place {
  /** The role of the value, which decides how its members are watched. */
  readonly role: Role;
  /**
   * The name of the value, if it is a watched member of the outermost object. `undefined` for other values.
   */
  readonly member: WatchedMember | undefined;
  /** The members of an object in content that were read so far. `undefined` for other values. */
  readonly item?: SeenItem;
  /**
   * The types and keys of a tool that were read so far. `undefined` if the value is neither a tool nor the
   * type of one.
   */
  readonly tool?: { readonly types: string[]; readonly keys: Set<string> };
  /** The tool that a member of the outermost object switches on. */
  readonly hosted?: HostedTool;
}

/** The outermost value of a body. */
export const ROOT: Place = { role: "root", member: undefined };
/** A value without a meaning for the proxy. Its members may have a meaning. */
export const INNER: Place = { role: "inner", member: undefined };
/** A value that names a model. Values in a list have the same place. */
export const MODEL: Place = { role: "model", member: undefined };
/** The member `model` of the outermost object. */
export const OUTERMOST_MODEL: Place = { role: "model", member: "model" };
/** A member of an object that names a model. Each string in it counts as a name. */
export const MEMBER_OF_MODEL: Place = { role: "member of a model", member: undefined };
/**
 * The outermost `prompt`. A list of strings, or of lists of tokens, has several prompts. A list of numbers is
 * one prompt.
 */
export const PROMPT: Place = { role: "prompt", member: undefined };
/** An element of the outermost `prompt`. */
export const PROMPT_ELEMENT: Place = { role: "element of a prompt", member: undefined };
/** A member that is content if it is not an object. */
export const UNLESS_OBJECT: Place = { role: "content unless object", member: undefined };
/** The type of an item of content. It can say that the item is a reference. */
export const TYPE_OF_ITEM: Place = { role: "type of an item", member: undefined };
/** A member that refers to content, such as an address or the id of a file. */
export const REFERENCE: Place = { role: "reference", member: undefined };
/** A mark that keeps content in the cache of the provider. */
export const CACHE_MARK: Place = { role: "cache mark", member: undefined };
/** The time for which a mark keeps content in the cache. */
export const LIFETIME: Place = { role: "lifetime in a cache", member: undefined };
/** A list of tools, which the client or the provider runs. */
export const TOOLS: Place = { role: "tools", member: undefined };

/** A member of a tool that the outermost object switches on, such as an element of `plugins`. */
export const MEMBER_OF_HOSTED_TOOL: Place = { role: "member of a hosted tool", member: undefined };

/** The places of watched members that name no model. */
const PLACES_OF_MEMBERS: ReadonlyMap<WatchedMember, Place> = new Map(
  WATCHED_MEMBERS.map((member) => [member, { role: "inner", member }]),
);

/** Returns the place of a watched member that names no model. */
export function placeOfMember(member: WatchedMember): Place {
  return PLACES_OF_MEMBERS.get(member) ?? { role: "inner", member };
}

/**
 * Returns the place of a value in content. If the value may be an object, the place has a record of its
 * members.
 */
export function contentPlace(role: "content" | "text", key = ""): Place {
  return {
    role,
    member: undefined,
    item: { hasId: false, hasContent: false, isAudio: foldKey(key) === "audio" },
  };
}

/**
 * Returns the place of a free-form member. `undefined` for schemas and data of the client, which are not
 * content for the model.
 */
export function freeFormPlace(key: string): Place | undefined {
  return CONVERSATION.has(foldKey(key)) ? contentPlace("text") : undefined;
}
