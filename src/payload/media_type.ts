import { withoutBlanks } from "../http/blanks.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { TOKEN } from "../http/token.ts";

/** A media type (RFC 9110, 8.3.1). Its names are in lower case. */
export interface MediaType {
  /** The type and the subtype, such as `application/json`. */
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*)"';
const WHOLE = new RegExp(
  `^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED}))*)[ \\t]*;?$`,
);
const PARAMETER = new RegExp(`;[ \\t]*(${TOKEN})=(${TOKEN}|${QUOTED})`, "g");
/** The longest value that is parsed, in characters. */
const MAX_LENGTH = 1_000;
/** The type of most bodies. */
const JSON_TYPE: MediaType = { essence: "application/json", parameters: new Map() };

/**
 * Parses a `content-type` strictly: it has one type, each parameter once, and quoted values without escapes.
 * `undefined` for a value that two readers could understand differently.
 */
export function parseMediaType(value: string): MediaType | undefined {
  if (value === JSON_TYPE.essence) return JSON_TYPE;
  if (value.length > MAX_LENGTH) return undefined;
  const [, essence, rest = ""] = WHOLE.exec(value) ?? [];
  if (essence === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = "", text = ""] of rest.matchAll(PARAMETER)) {
    const lower = name.toLowerCase();
    if (parameters.has(lower)) return undefined;
    parameters.set(lower, text.startsWith('"') ? text.slice(1, -1) : text);
  }
  return { essence: essence.toLowerCase(), parameters };
}

/**
 * Returns the type and subtype of `content-type` in lower case, without parameters, such as
 * `text/event-stream`. It does not check the value. An empty text if the message has no such field.
 */
export function essenceOf(fields: readonly Field[]): string {
  const value = fieldValue(fields, "content-type") ?? "";
  if (value === "application/json" || value === "text/event-stream") return value;
  const [essence = ""] = value.split(";", 1);
  return withoutBlanks(essence).toLowerCase();
}

/** Whether a body is a stream of server-sent events (WHATWG HTML, 9.2), by its `content-type`. */
export function isEventStream(fields: readonly Field[]): boolean {
  return essenceOf(fields) === "text/event-stream";
}

/** Whether a media type is JSON, by its name (RFC 6839, 3.1). */
export function isJson({ essence }: Pick<MediaType, "essence">): boolean {
  return essence === JSON_TYPE.essence || /^application\/(?:[\w.-]+\+)?json$/.test(essence);
}
