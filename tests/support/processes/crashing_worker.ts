/** A serving thread that ends with an uncaught error when a test says so. */

import { serveAsThread } from "../../../src/cli/workers/serve_as_thread.ts";
import type { Channel } from "../../../src/workers/thread_port.ts";

/** The message that ends the thread. */
export const CRASH = "crash";

globalThis.addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent) || event.data !== CRASH) return;
  event.stopImmediatePropagation();
  setTimeout(() => {
    throw new Error("a test ended this thread");
  });
});

// The global scope of a worker has both members, which the types of the tests do not know.
if ("postMessage" in globalThis) serveAsThread(globalThis as unknown as Channel);
