/** What `check --permissions` prints, run as a person runs it: pasted into a shell. */

import { assertEquals } from "@std/assert";
import { firstOf, type Reason, withoutUnix } from "../runner/left_out.ts";
import { pipedCommand, proxyCommand, withBinary } from "./proxy_process.ts";

/** Why its flags cannot be tried here. */
export function withoutNarrowFlags(): Reason {
  return firstOf(withoutUnix(), withBinary());
}

/** Where a proxy is to run. */
export interface Place {
  readonly env: Record<string, string>;
  readonly cwd?: string;
}

/** What the command says, whether or not it succeeds. */
export async function askForFlags(
  { env, cwd }: Place,
  args: readonly string[] = [],
): Promise<{ code: number; out: string; err: string }> {
  const words = ["check", "--permissions", ...args];
  const { code, stdout, stderr } = await proxyCommand(words, env, cwd).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The command line for an environment and a folder, and what was said beside it. */
export async function narrowLine(
  place: Place,
  args: readonly string[] = [],
): Promise<{ line: string; notes: string }> {
  const { code, out, err } = await askForFlags(place, args);
  assertEquals(code, 0, err);
  return { line: out.trim(), notes: err };
}

/** A command line in a shell, which finds `deno` in its path. */
export function shellCommand(line: string, { env, cwd }: Place): Deno.Command {
  const PATH = Deno.execPath().replace(/\/[^/]*$/, "");
  return pipedCommand(["/bin/sh", "-c", `exec ${line}`], { PATH, ...env }, cwd);
}

/** The values of a flag in a command line without quotes. */
export function flagIn(line: string, name: string): string[] | undefined {
  return new RegExp(` --${name}=(\\S+)`).exec(line)?.[1]?.split(",");
}
