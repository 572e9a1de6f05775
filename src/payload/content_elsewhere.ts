/**
 * Recognises references to content that is not in the body: addresses, files, earlier responses and stored
 * items. The lists of this file have the members whose content is in the body. A string in any other member
 * is a reference if it looks like an address or an id.
 */

import { ARGUMENTS, CONVERSATION, isFreeForm, REFERENCES } from "./body_keys.ts";
import { foldKey } from "./fold_key.ts";
import { rememberedByKey } from "./remembered_by_key.ts";

/** The kind of a member of content. */
export type ContentKind =
  /** Text, or media in Base64. A string is content in the body, and an object has members. */
  | "text"
  /** The type of an item, such as `item_reference`. */
  | "type"
  /** The id of an item. It refers to a stored item if the item has nothing else. */
  | "id"
  /** Data that no model reads as content, or data that belongs to a tool of the client. */
  | "data"
  /** A word of the API, or an id that connects items of the same body. */
  | "word"
  /** A string that refers to content that is not in the body. */
  | "reference"
  /**
   * Any other member. A string refers to content that is not in the body if it looks like an address or an
   * id.
   */
  | "unknown";

/** The members of an object in content that were read so far. */
export interface SeenItem {
  hasId: boolean;
  hasContent: boolean;
  /**
   * Whether the key of the object is `audio`. Its id is then that of an earlier response, even if it has
   * other members.
   */
  readonly isAudio: boolean;
}

/**
 * Members whose strings are in the body itself, by the API references of the providers. The names are in
 * folded form.
 */
const TEXTS: ReadonlySet<string> = new Set([
  "text",
  "content",
  "contents",
  "messages",
  "parts",
  "system",
  "instructions",
  "thinking",
  "reasoning",
  "reasoning_content",
  "refusal",
  "signature",
  "thoughtsignature",
  "thought_signature",
  "encrypted_content",
  "summary",
  "transcript",
  "output",
  "result",
  "results",
  "code",
  "logs",
  "queries",
  "name",
  "title",
  "context",
  "description",
  "display_name",
  "displayname",
  "filename",
  "data",
  "bytes",
  "b64_json",
]);
/** Words of an API. They are neither content nor a reference. */
const WORDS: ReadonlySet<string> = new Set([
  "status",
  "role",
  "index",
  "object",
  "phase",
  "format",
  "detail",
  "language",
  "media_type",
  "mediatype",
  "mime_type",
  "mimetype",
  "cache_control",
  "server_label",
]);
/** Ids that connect items of the same body, and ids of the client. */
const OWN_IDS: ReadonlySet<string> = new Set([
  "call_id",
  "callid",
  "tool_call_id",
  "toolcallid",
  "tool_use_id",
  "tooluseid",
  "parent_tool_use_id",
  "approval_request_id",
  "custom_id",
  "client_id",
  "user_id",
  "end_user_id",
  "session_id",
  "trace_id",
  "request_id",
  "group_id",
  "organization_id",
  "project_id",
]);
/** Data of the client's tools, and sources that an earlier response named. */
const DATA: ReadonlySet<string> = new Set([
  "json",
  "response",
  "action",
  "annotations",
  "citations",
  "logprobs",
]);
/** The end of a key whose value is an id or an address, in the spellings of all APIs. */
const REFERENCE_KEY = /(?:^|[_-])(?:ids?|ur[il]s?)$|[a-z](?:Ids?|IDs?|Ur[il]s?|UR[IL]s?)$/;

/** Whether the string of a member refers to content that is not in the body, by its key. */
export const isReferenceKey: (key: string) => boolean = rememberedByKey((key) => {
  const folded = foldKey(key);
  return REFERENCES.has(folded) || folded !== "id" && REFERENCE_KEY.test(key) && !OWN_IDS.has(folded);
});

/** The kinds of the keys in the lists above. Most keys of a body are in one of them. */
const KINDS: ReadonlyMap<string, ContentKind> = new Map<string, ContentKind>([
  ...[...ARGUMENTS, ...DATA].map((key) => [key, "data"] as const),
  ...[...WORDS, ...OWN_IDS].map((key) => [key, "word"] as const),
  ...[...REFERENCES].map((key) => [key, "reference"] as const),
  ...[...CONVERSATION, ...TEXTS].map((key) => [key, "text"] as const),
  ["type", "type"],
  ["id", "id"],
]);

/** Returns the kind of a member of content, by its key. */
export function contentKind(key: string): ContentKind {
  const known = KINDS.get(key) ?? KINDS.get(foldKey(key));
  if (known !== undefined) return known;
  if (isReferenceKey(key)) return "reference";
  return isFreeForm(key) ? "data" : "unknown";
}

/** Records a member of an object in content. */
export function sawMember(item: SeenItem, kind: ContentKind): void {
  if (kind === "id") item.hasId = true;
  else if (kind !== "type" && kind !== "word") item.hasContent = true;
}

/** The types of items that only refer to another item, such as `item_reference`. */
const REFERENCE_TYPE = /reference"$/;
/** The scheme at the beginning of an address. The content of a `data:` address is in the body itself. */
const ADDRESS = /^"\s*[a-z][a-z\d+.-]{1,14}:\/\//i;
/** Ids of stored files, items and responses, by the prefixes of OpenAI, Anthropic, Gemini and Mistral. */
const STORED_ID =
  /^"(?:files?|msg|resp|conv|item|audio|vs|img|cntr|container|skill|pmpt|prompt|thread|run|cachedContents)[-_/][\w-]{4,100}"$/;
const DATA_URL = /^"\s*data:/i;
/**
 * The beginning of media in a body: a `data:` address, or the Base64 of PNG, JPEG, GIF, RIFF (WebP, WAV),
 * PDF, Ogg, MP3, FLAC, Matroska, MP4 and ZIP.
 */
const MEDIA =
  /^"\s*(?:[Dd][Aa][Tt][Aa]:|iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|JVBERi|T2dnUw|SUQz|ZkxhQ|GkXfo|AAAA[\w+/]{4}ZnR5c|UEsDB)/;
/** The number of bytes at the beginning of a string that show whether it is an address. */
const HEAD_BYTES = 256;
/** The shortest string that may be media, in bytes. No image and no file is shorter. */
const MIN_MEDIA_BYTES = 32;
/** The number of bytes at the beginning of a string that show whether it is media, including escapes. */
const MEDIA_HEAD_BYTES = 80;

/** Whether the type of an item says that the item refers to another one. */
export function isReferenceType(bytes: Uint8Array, start: number, end: number): boolean {
  return REFERENCE_TYPE.test(headOf(bytes, start, end));
}

/** Whether the string of a reference refers to content. An empty string and a `data:` address do not. */
export function isOutside(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > 2 && !DATA_URL.test(headOf(bytes, start, end));
}

/** Whether a string looks like an address or the id of something stored. */
export function looksOutside(bytes: Uint8Array, start: number, end: number): boolean {
  const head = headOf(bytes, start, end);
  return ADDRESS.test(head) || STORED_ID.test(head);
}

/** The first two characters of all beginnings in `MEDIA`. */
const MEDIA_PAIRS: ReadonlySet<number> = new Set(
  ["da", "dA", "Da", "DA", "iV", "/9", "R0", "Uk", "JV", "T2", "SU", "Zk", "Gk", "AA", "UE"].map((pair) =>
    pair.charCodeAt(0) << 8 | pair.charCodeAt(1)
  ),
);
const SPACE = 0x20;
const BACKSLASH = 0x5c;

/**
 * Whether a string may be media, by its first characters. It is a fast test for every string of a body.
 * Blanks and escapes may hide any character.
 */
function mayBeMedia(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start + 1] ?? 0;
  const second = bytes[start + 2] ?? 0;
  return first <= SPACE || first === BACKSLASH || second === BACKSLASH ||
    MEDIA_PAIRS.has(first << 8 | second);
}

/** Whether a string looks like an image or another file in Base64. */
export function looksLikeMedia(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > MIN_MEDIA_BYTES && mayBeMedia(bytes, start) &&
    MEDIA.test(headOf(bytes, start, Math.min(end, start + MEDIA_HEAD_BYTES)));
}

/** Returns the beginning of a JSON string, with decoded escapes. */
function headOf(bytes: Uint8Array, start: number, end: number): string {
  const head = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + HEAD_BYTES)));
  return head.includes("\\") ? withoutEscapes(head) : head;
}

function withoutEscapes(text: string): string {
  return text.replaceAll(
    /\\(?:u([\da-f]{4})|(.))/gi,
    (_, digits: string | undefined, letter: string) =>
      digits === undefined ? letter : String.fromCharCode(parseInt(digits, 16)),
  );
}
