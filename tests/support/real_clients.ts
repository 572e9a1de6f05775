/** Programs of other people that speak to the proxy, installed by `tests/clients/install.ts`. */

const ROOT = `${import.meta.dirname}/../..`;

/** Where they are installed, each in a folder with its name in `connect`. */
export const CLIENTS_FOLDER: string = Deno.env.get("LLM_PROXY_CLIENTS") ?? `${ROOT}/dist/clients`;

/** The path of a client's program; undefined where it is not installed. */
export function clientProgram(client: string, program: string): string | undefined {
  const path = `${CLIENTS_FOLDER}/${client}/node_modules/.bin/${program}`;
  try {
    Deno.statSync(path);
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What a test's name says where it is ignored for want of a client. */
export function orMissing(client: string, program: string | undefined): string {
  return program === undefined
    ? ` (left out: ${client} is not installed; deno task test:clients does it)`
    : "";
}

/** A `PATH` with the Node that clients ask for before the machine's own. */
export function clientPath(): string {
  const own = `${CLIENTS_FOLDER}/node/node_modules/node/bin`;
  return [own, Deno.env.get("PATH") ?? "/usr/bin:/bin"].join(":");
}
