/** Which release of the program this is. */

import manifest from "../deno.json" with { type: "json" };

/** The program's version, from `deno.json`. */
export const VERSION: string = manifest.version;

/** The day on which this version was made, like `2026-11-29`. A correct clock shows no earlier day. */
export const RELEASED: string = manifest.released;

/**
 * `src/build/compile.ts --repository` writes the name between the quotes of the bundled program. The release
 * workflow passes the repository that it runs in, so no other file names an owner.
 */
const FILLED_IN: string = "";

/** `OWNER/NAME` of the repository whose release this program is. `undefined` in a local build. */
export const REPOSITORY: string | undefined = FILLED_IN === "" ? undefined : FILLED_IN;
