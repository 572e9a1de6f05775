/** Installs the clients that `tests/clients` runs, from npm: each in a folder under `dist/clients`. */

import { command } from "../support/processes/command.ts";
import { CLIENT_PACKAGES, clientPath, CLIENTS_FOLDER } from "../support/clients/real_clients.ts";

if (import.meta.main) {
  for (const [client, packages] of Object.entries(CLIENT_PACKAGES)) await install(client, packages);
}

/** Several bring their program by a script of their package, which npm runs only where it is allowed. */
async function install(client: string, packages: readonly string[]): Promise<void> {
  const folder = `${CLIENTS_FOLDER}/${client}`;
  const wanted = JSON.stringify({ private: true, clients: packages });
  if (await textOf(`${folder}/package.json`) === wanted) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  console.log(`installing ${packages.join(" ")}`);
  const { code } = await command("npm", {
    args: ["install", "--no-save", "--no-audit", "--no-fund", "--dangerously-allow-all-scripts", ...packages],
    cwd: folder,
    env: { PATH: clientPath() },
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`npm ended with ${code} on ${packages.join(" ")}`);
  // Last, so that a folder that is not whole is installed again.
  await Deno.writeTextFile(`${folder}/package.json`, wanted);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
