/**
 * The proxy for `deno serve src/fetch.ts`. It is a module beside main.ts, because the runtime sets
 * `import.meta.main` under `deno serve` too, and because `deno run` warns of a main module with such an
 * export (tests/runtime has a test).
 */

import { dropRunRight } from "./cli/run_right.ts";
import { fetchServer } from "./cli/serve_fetch.ts";

dropRunRight();

/** What `deno serve` calls. Nothing is opened before the platform listens. */
export default fetchServer() satisfies Deno.ServeDefaultExport;
