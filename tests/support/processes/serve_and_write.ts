/** The program, which tries to write a file at every SIGUSR2 and logs what came of it. */

import { run } from "../../../src/cli/run.ts";

Deno.addSignalListener("SIGUSR2", () => {
  let outcome = "done";
  try {
    Deno.removeSync(Deno.makeTempFileSync());
  } catch (error) {
    outcome = error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
  console.log(JSON.stringify({ event: "write_tried", outcome }));
});
Deno.exit(await run(Deno.args));
