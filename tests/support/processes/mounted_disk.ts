/** A small disk that a test can fill or make unwritable; only root of a Linux machine can have one. */

import { command } from "./command.ts";
import type { Reason } from "../runner/left_out.ts";

/** Why there can be none here. */
export async function withoutMounts(): Promise<Reason> {
  if (Deno.build.os !== "linux") return `${Deno.build.os} has no tmpfs`;
  if (Deno.uid() !== 0) return "only root can mount a disk";
  try {
    await (await MountedDisk.mount())[Symbol.asyncDispose]();
    return undefined;
  } catch {
    return "this machine lets nobody mount a disk";
  }
}

/** A file system in memory, mounted for as long as it is in use. */
export class MountedDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(size = "2m"): Promise<MountedDisk> {
    const path = await Deno.makeTempDir();
    const refused = await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
    if (refused === undefined) return new MountedDisk(path);
    await Deno.remove(path);
    throw new Error(refused);
  }

  /** Leaves not a page free; gives what makes room again. */
  async fill(): Promise<() => Promise<void>> {
    const filler = `${this.path}/filler`;
    using file = await Deno.open(filler, { write: true, create: true });
    const page = new Uint8Array(4096);
    try {
      while (true) await file.write(page);
    } catch (error) {
      if (!(error instanceof Error) || !/No space left/.test(error.message)) throw error;
    }
    return () => Deno.remove(filler);
  }

  /** Only while no file of it is open. */
  async setWritable(writable: boolean): Promise<void> {
    const refused = await run("mount", "-o", `remount,${writable ? "rw" : "ro"}`, this.path);
    if (refused !== undefined) throw new Error(refused);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const refused = await run("umount", this.path);
    if (refused !== undefined) throw new Error(refused);
    await Deno.remove(this.path);
  }
}

/** What a command said where it failed. */
async function run(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await command(program, { args, stdout: "null", stderr: "piped" }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${program}`;
    throw error;
  }
}
