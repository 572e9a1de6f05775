/** Reads the requests of an SDK from its source, so that the list of an API's paths is that of its maker. */

/**
 * Calls of an SDK's client with a path: `client.post("/files", …)`, `client.get(path\`/files/${id}\`, …)`.
 */
const CALL = /\.(get|post|put|patch|delete|getAPIList)\(\s*(?:path)?\s*['`](\/[^'`]+)['`]/g;

/** The requests in the modules of a folder, like `GET /files/{id}`, each once and sorted. */
export async function requestsIn(folder: URL): Promise<string[]> {
  const found = new Set<string>();
  for (const module of modulesIn(folder)) {
    const text = await Deno.readTextFile(module);
    for (const [, call = "", path = ""] of text.matchAll(CALL)) {
      const method = call === "getAPIList" ? "GET" : call.toUpperCase();
      found.add(`${method} ${path.replace(/\?.*$/, "").replaceAll(/\$\{[^}]+\}/g, "{id}")}`);
    }
  }
  return [...found].sort();
}

function* modulesIn(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* modulesIn(new URL(`${name}/`, folder));
    else if (name.endsWith(".mjs")) yield new URL(name, folder);
  }
}
