import manifest from "../deno.json" with { type: "json" };

/** The program's version; `deno.json` is its one place. */
export const VERSION: string = manifest.version;
