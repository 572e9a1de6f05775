/** The strict reader of forms against the runtime's own. */

import { type FormPart, readForm } from "../../../src/payload/multipart.ts";
import { FormSyntaxError } from "../../../src/payload/part_head.ts";
import { type FuzzTarget, holds, latin1Text, same, utf8 } from "../target.ts";

const BOUNDARY_LINE = /^--([^\r\n]{1,70})\r\n/;

function boundaryOf(input: Uint8Array): string {
  return BOUNDARY_LINE.exec(latin1Text(input.subarray(0, 80)))?.[1] ?? "b";
}

async function found(input: Uint8Array): Promise<readonly FormPart[] | FormSyntaxError> {
  try {
    return await readForm(input, { boundary: boundaryOf(input), pause: () => Promise.resolve() });
  } catch (error) {
    if (error instanceof FormSyntaxError) return error;
    throw error;
  }
}

async function platform(
  input: Uint8Array,
): Promise<readonly (readonly [name: string, isFile: boolean, content: string])[] | undefined> {
  const headers = { "content-type": `multipart/form-data; boundary="${boundaryOf(input)}"` };
  try {
    const form = await new Response(input.slice(), { headers }).formData();
    return await Promise.all(
      [...form].map(async ([name, value]) =>
        typeof value === "string"
          ? [name, false, value] as const
          : [name, true, latin1Text(await value.bytes())] as const
      ),
    );
  } catch {
    return undefined;
  }
}

async function check(input: Uint8Array): Promise<string> {
  const parts = await found(input);
  if (parts instanceof FormSyntaxError) return parts.message.replaceAll(/\d+/g, "N");
  let before = 0;
  const heads: string[] = [];
  const delimiter = `\r\n--${boundaryOf(input)}`;
  for (const { start, end, lengthAt } of parts) {
    holds(before < start && start <= end && end < input.length, "parts follow each other");
    holds(!latin1Text(input.subarray(start - 2, end)).includes(delimiter), "content without a boundary");
    if (lengthAt !== undefined) {
      holds(before < lengthAt.start && lengthAt.end < start, "a length stands in its head");
      holds(/^\d+$/.test(latin1Text(input.subarray(lengthAt.start, lengthAt.end))), "a length is a number");
    }
    heads.push(latin1Text(input.subarray(before, start)));
    before = end;
  }
  const others = await platform(input);
  // The runtime drops some parts whose name is empty.
  const isAlone = others === undefined || parts.some(({ name }) => name === "");
  if (isAlone) return `${Math.min(parts.length, 5)} parts, alone`;
  same(parts.length, others.length, "as many parts");
  for (const [index, { name }] of parts.entries()) {
    // The runtime cuts a name at an equals sign.
    if (!name.includes("=")) same(name, others[index]?.[0], "a name");
  }
  for (const [index, { start, end, isFile }] of parts.entries()) {
    const [, isOther, content] = others[index] ?? [];
    // The runtime does not know the encoded name of a file.
    holds(isFile === isOther || isFile && heads[index]?.includes("filename*=") === true, "a file");
    const bytes = input.subarray(start, end);
    same(isOther ? latin1Text(bytes) : new TextDecoder().decode(bytes), content, "content");
  }
  return `${Math.min(parts.length, 5)} parts`;
}

const PART = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n';

/** Forms. */
export const target: FuzzTarget = {
  name: "multipart",
  seeds: [
    `${PART}--b--\r\n`,
    `${PART}${PART}--b--`,
    "--b--\r\n",
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\nContent-Type: text/plain\r\n\r\n{}\n\r\n--b--\r\n',
    "--b\r\ncontent-disposition: form-data; name=model; filename=x\r\ncontent-length: 1\r\n\r\nx\r\n--b--\r\n",
    '--b\r\nContent-Disposition: form-data; name="a"; filename="\xe9"; filename*=utf-8\'\'%C3%A9\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\r\n--b--\r\n',
    `--a'b c\r\nContent-Disposition: form-data; name="a\\"b"\r\n\r\nx\r\n--a'b c--\r\n`,
  ].map(utf8),
  words: [
    "\r\n",
    "\r\n\r\n",
    "--b",
    "\r\n--b\r\n",
    "\r\n--b--",
    "--",
    '"',
    ";",
    "; ",
    "=",
    "\\",
    '\\"',
    "%22",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "name=",
    ' name="b"',
    '; filename="f"',
    "; filename*=utf-8''x",
    "Content-Disposition: form-data",
    "Content-Type: a/b\r\n",
    "Content-Length: 5\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "\xc3\xa9",
    "\xef\xbb\xbf",
    PART,
  ],
  check,
  read: found,
};
