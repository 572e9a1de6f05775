/** A small disk of its own that a test can fill or make unwritable; only root of a Linux machine can have one. */

/** A file system in memory, mounted for as long as it is in use. */
export class MountedDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Why there is none, said on the console; undefined where the test can go on. */
  static async mount(test: string, size = "2m"): Promise<MountedDisk | undefined> {
    const path = await Deno.makeTempDir();
    const refused = Deno.build.os !== "linux"
      ? `${Deno.build.os} has no tmpfs`
      : Deno.uid() !== 0
      ? "only root can mount"
      : await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
    if (refused === undefined) return new MountedDisk(path);
    await Deno.remove(path);
    console.log(`left out, no disk can be mounted here (${refused}): ${test}`);
    return undefined;
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
async function run(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" })
      .output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${command}`;
    throw error;
  }
}
