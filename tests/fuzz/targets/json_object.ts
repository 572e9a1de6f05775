/** What a JSON body says of a request against `JSON.parse`, and the model that is put in. */

import { JsonSyntaxError } from "../../../src/payload/json_reader.ts";
import { jsonMembers, textValue } from "../../../src/payload/json_members.ts";
import { type JsonFindings, readJsonObject } from "../../../src/payload/models_in_json.ts";
import { modelChanges } from "../../../src/forwarding/replace_model.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { HeldBody } from "../../../src/streams/held_body.ts";
import { usageOptionEdit, withEdit } from "../../../src/payload/usage_option.ts";
import { jsonFacts, type RequestFacts } from "../../../src/payload/request_facts.ts";
import { type FuzzTarget, holds, latin1Text, same } from "../target.ts";
import { JSON_SEEDS, JSON_WORDS } from "./json_seeds.ts";

const OWN_RULES = /nested deeper than|number that is too long|twice|is meant/;
const OTHER_MODEL = 'another "model"';
const MAX_NAME = 200;
type Members = Record<string, unknown>;

function parsedObject(bytes: Uint8Array): Members | undefined {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function found(bytes: Uint8Array): Promise<JsonFindings | JsonSyntaxError> {
  try {
    return await readJsonObject(bytes, { operation: "unknown", pause: () => Promise.resolve() });
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
}

async function check(input: Uint8Array): Promise<string> {
  const expected = parsedObject(input);
  checkMembers(input, expected);
  const findings = await found(input);
  if (findings instanceof JsonSyntaxError) {
    holds(expected === undefined || OWN_RULES.test(findings.message), `refuses: ${findings.message}`);
    return findings.message.replaceAll(/\d+|"(?:[^"\\]|\\.)*"/g, "N");
  }
  holds(expected !== undefined, "takes what is no object");
  for (const [name, { start, end }] of findings.members) {
    same(
      JSON.parse(new TextDecoder().decode(input.subarray(start, end))),
      expected[name],
      "a watched member",
    );
  }
  const watched = ["model", "stream", "n", "stream_options"].filter((name) => Object.hasOwn(expected, name));
  for (const name of watched) {
    holds([...findings.members.keys()].some((key) => key === name), `misses ${name}`);
  }
  if (typeof expected.model === "string") checkModel(input, expected, findings);
  checkPrompts(expected, findings);
  const asked = checkUsage(input, expected, findings);
  const { models, members, prompts } = findings;
  return `${Math.min(models.length, 5)} ${members.size} ${Math.min(prompts, 3)} ${asked}`;
}

function checkMembers(input: Uint8Array, expected: Members | undefined): void {
  const members = jsonMembers(input);
  if (members === undefined) return;
  holds(expected !== undefined, "members of what is no object");
  const object = {};
  for (const { key, start, end } of members) {
    const value: unknown = JSON.parse(new TextDecoder().decode(input.subarray(start, end)));
    same(textValue(input, { start, end }), typeof value === "string" ? value : undefined, "a text");
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  // The runtime gives some keys with escapes the name of another one that it has seen (Deno 2.9.6).
  const hasEscapedKey = /\\[^"]*"\s*:/.test(latin1Text(input));
  if (!hasEscapedKey) same(object, expected, "other members");
}

function checkModel(input: Uint8Array, expected: Members, findings: JsonFindings): void {
  const name = String(expected.model).slice(0, MAX_NAME);
  same(findings.places.map((place) => place.name), [name], "the model's name");
  holds(findings.models.includes(name), "the model is among all models");
  const changes = modelChanges({ places: findings.places }, { byName: new Map(), otherwise: OTHER_MODEL });
  const body = new HeldBody(input, { release() {}, droppedBy() {} }).body(changes);
  const pieces: Uint8Array[] = [];
  for (let piece = body.tryRead(); piece; piece = body.tryRead()) pieces.push(piece);
  const replaced = concat(pieces);
  same(parsedObject(replaced), { ...expected, model: OTHER_MODEL }, "another model alone is put in");
}

function checkPrompts({ prompt }: Members, { prompts }: JsonFindings): void {
  const expected = Array.isArray(prompt)
    ? prompt.filter((one) => typeof one === "string" || Array.isArray(one)).length
    : 0;
  // A repeated key counts them all.
  holds(prompts >= expected, `prompts: ${prompts} instead of ${expected}`);
}

function checkUsage(input: Uint8Array, expected: Members, json: JsonFindings): string {
  const facts = factsOf(input, json);
  if (facts instanceof JsonSyntaxError) {
    holds(![true, false, null].some((value) => value === expected.stream), `refuses: ${facts.message}`);
    return "refused";
  }
  const edit = usageOptionEdit({ bytes: input, json, facts });
  const options = isObject(expected.stream_options) ? expected.stream_options : {};
  if (edit === undefined) {
    holds(expected.stream !== true || options.include_usage === true, "usage is not asked for");
    return "not asked";
  }
  holds(expected.stream === true, "usage is asked for without a stream");
  const after = parsedObject(withEdit(input, edit));
  same(sorted(after), sorted({ ...expected, stream_options: { ...options, include_usage: true } }), "asked");
  return "asked";
}

function factsOf(input: Uint8Array, json: JsonFindings): RequestFacts | JsonSyntaxError {
  try {
    return jsonFacts(input, json, "unknown");
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
}

/** Members by their names, since another place makes no difference. */
function sorted(object: Members | undefined): unknown {
  if (object === undefined) return undefined;
  const options = isObject(object.stream_options) ? Object.entries(object.stream_options).sort(byName) : [];
  return [Object.entries(object).filter(([name]) => name !== "stream_options").sort(byName), options];
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** JSON bodies of requests. */
export const target: FuzzTarget = {
  name: "json_object",
  seeds: JSON_SEEDS,
  words: [
    ...JSON_WORDS,
    '"stream_options":{"include_usage":false},',
    '"Model":"x"',
    '"messages":[{"model":"a"}]',
  ],
  check,
  read: found,
};
