/** JSON to begin with: recorded answers of providers, and what requests look like. */

import { utf8 } from "../target.ts";

/** Files of the recorded bodies with an ending, but for long ones. */
export function golden(ending: string, maxBytes = 600): Uint8Array[] {
  const folder = new URL("../../golden/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => Deno.readFileSync(new URL(name, folder))).filter(({ length }) =>
    length <= maxBytes
  );
}

/** Whole texts. */
export const JSON_SEEDS: readonly Uint8Array[] = [
  ...golden(".json"),
  ...[
    '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}],"max_tokens":5}',
    '{"model":"a","stream_options":{"include_usage":false},"stream":true,"n":2}',
    '{"prompt":["a",[1,2]],"model":"m","fallbacks":["x",{"model":"y"}]}',
    '{"usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[{"finish_reason":"stop"}]}',
    '[{"usageMetadata":{"promptTokenCount":1}},{"modelVersion":"g"}]',
    '{"a":"\\"\\\\\\u00e9","b":[],"c":{},"d":[true,false,null],"e":-1.5e+3}',
    ' [ 1 , { "a" : [ ] } ]\n',
  ].map(utf8),
];

/** What JSON is made of. */
export const JSON_WORDS: readonly string[] = [
  ...'{}[]:,"\\ \n-+.0e',
  "{}",
  "[]",
  "[1,2]",
  "true",
  "false",
  "null",
  "1e400",
  "-0",
  '"a":',
  '"a"',
  ',"a":1',
  "\\u0061",
  "\\ud83d",
  "\\n",
  '\\"',
  '"model":',
  '"model":"m"',
  '"usage":{"prompt_tokens":1}',
  '"choices":[]',
  '"us\\u0061ge":{"total_tokens":3}',
  '"stream":true',
  '"stream_options":{}',
  '"include_usage":true',
  '"prompt":["a"]',
  '"fallbacks":[',
];
