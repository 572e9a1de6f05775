/** The members of the outermost object of a JSON body that change what the proxy does. */

import { foldKey } from "./fold_key.ts";
import { type JsonSpan, JsonSyntaxError } from "./json_reader.ts";
import type { ModelPlace } from "./model_place.ts";
import { type WatchedMember, watchedMember } from "./watched_members.ts";

/** Keys by which Ollama's native API names models (its docs/api.md). */
const OLLAMA_KEYS: ReadonlySet<string> = new Set(["name", "from", "source", "destination"]);

/** The watched members of the outermost object of a text. */
export class RootMembers {
  readonly members = new Map<WatchedMember, JsonSpan>();
  /** The place of the outermost `model`. Empty if the body has no such member. */
  readonly places: ModelPlace[] = [];
  /** The index of the first key. `undefined` if the object is empty. */
  firstKey: number | undefined;
  readonly #entered: WatchedMember[] = [];
  readonly #isOllama: boolean;

  constructor(isOllama: boolean) {
    this.#isOllama = isOllama;
  }

  /** Whether a key names a model at the path of the request. */
  namesModel(key: string): boolean {
    return this.#isOllama && OLLAMA_KEYS.has(foldKey(key));
  }

  /**
   * Handles the beginning of a member. Throws a {@link JsonSyntaxError} if the member is watched, and is
   * repeated or has other capitals.
   */
  memberOf(key: string, keyStart: number): WatchedMember | undefined {
    this.firstKey ??= keyStart;
    const watched = watchedMember(key);
    if (watched === undefined) return undefined;
    if (watched !== key) {
      throw new JsonSyntaxError(`the key ${JSON.stringify(key)}, where "${watched}" is meant`);
    }
    if (this.#entered.includes(watched)) throw new JsonSyntaxError(`the key "${watched}" twice`);
    this.#entered.push(watched);
    return watched;
  }

  /** Handles the end of a watched member. `name` is its value if it is a string that names a model. */
  onMember(member: WatchedMember, span: JsonSpan, name: string | undefined): void {
    this.members.set(member, span);
    if (member !== "model" || name === undefined) return;
    this.places.push({ ...span, name, write: asJson });
  }
}

function asJson(text: string): string {
  return JSON.stringify(text);
}
