/** A real nginx with the servers of a test. */

import { command } from "./command.ts";
import { listening } from "./port.ts";

/** The servers of an nginx, and what it needs to start. */
export interface NginxOptions {
  /** A port of the servers. nginx is ready when it accepts connections there. */
  readonly port: number;
  /** The blocks `server` of the configuration. `folder` has the files of this nginx. */
  readonly servers: (folder: string) => string;
  /** Files for the folder, by their names. Names may have folders in them. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Starts nginx. Its folder is removed when it ends. */
export async function startNginx({ port, servers, files = {} }: NginxOptions): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    const nameAt = name.lastIndexOf("/") + 1;
    if (nameAt > 0) await Deno.mkdir(`${folder}/${name.slice(0, nameAt)}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  await Deno.writeTextFile(`${folder}/nginx.conf`, nginxConfiguration(folder, servers(folder)));
  // The workers of a master that runs as root must get at the folder.
  await Deno.chmod(folder, 0o755);
  const child = command("nginx", {
    args: ["-c", `${folder}/nginx.conf`, "-p", folder],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await listening(port, "nginx");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The text of a configuration whose files are all in one folder. `servers` are its blocks `server`. */
export function nginxConfiguration(folder: string, servers: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  return `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${temporary}
  ${servers}
}
`;
}
