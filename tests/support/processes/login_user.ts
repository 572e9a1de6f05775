/** A user of `llm-proxy login`, whose commands are processes. */

import { assertNoSecrets } from "../data/secrets.ts";
import { within } from "../time/deadline.ts";
import { proxyCommand } from "./proxy_process.ts";

/** How a command ended, and what it printed. */
export interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where the packages of the program are, which would otherwise be in the home of the user. */
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
/** Whether modes of files mean nothing. */
export const IS_WINDOWS: boolean = Deno.build.os === "windows";

/** A user without variables, with a home and a working folder without a configuration. */
export class User implements AsyncDisposable {
  /** What the commands printed. */
  printed = "";

  private constructor(readonly folder: string) {}

  static async make(): Promise<User> {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    await Deno.mkdir(`${folder}/work`);
    return new User(folder);
  }

  get saved(): string {
    return `${this.folder}/llm-proxy/logins.json`;
  }

  command(
    args: readonly string[],
    env: Record<string, string> = {},
    around: readonly string[] = [],
  ): Deno.Command {
    const home = {
      HOME: this.folder,
      XDG_CONFIG_HOME: this.folder,
      APPDATA: this.folder,
      ...(IS_WINDOWS ? {} : { DENO_DIR }),
    };
    return proxyCommand(args, { ...home, ...env }, `${this.folder}/work`, { around });
  }

  /** Runs a command, and gives what it printed. */
  async run(args: readonly string[], env: Record<string, string> = {}): Promise<Printed> {
    const { code, stdout, stderr } = await this.command(args, env).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    this.printed += `${out}${err}`;
    return { code, out: out ?? "", err: err ?? "" };
  }

  /** Runs `login`, and calls `decide` with the code that it prints. */
  async login(
    url: string,
    decide: (code: string) => Promise<void>,
    args: readonly string[] = [],
  ): Promise<Printed> {
    const child = this.command(["login", "--url", url, "--no-browser", ...args]).spawn();
    const output = new Response(child.stdout).text();
    let err = "";
    let isDecided = false;
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      err += text;
      const [code] = /^ {2}[A-Z]{4}-[A-Z]{4}$/m.exec(err) ?? [];
      if (code === undefined || isDecided) continue;
      isDecided = true;
      await decide(code.trim());
    }
    const { code } = await within(child.status, "the end of the command");
    const out = await output;
    this.printed += `${out}${err}`;
    return { code, out, err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assertNoSecrets(this.printed, "the output of the commands");
    await Deno.remove(this.folder, { recursive: true });
  }
}
