import { run } from "./cli/run.ts";
import { limitRights } from "./cli/run_right.ts";

if (import.meta.main) {
  limitRights(Deno.args);
  Deno.exit(await run(Deno.args));
}
