import manifest from "../deno.json" with { type: "json" };

/** The program's version; `deno.json` is its one place. */
export const VERSION: string = manifest.version;

/** When this version was made, like `2026-11-29`: no clock that is right shows an earlier day. */
export const RELEASED: string = manifest.released;
