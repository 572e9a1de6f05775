/** A thread that serves requests. The proxy starts several with `workers`. */

import { dropRunRight } from "../run_right.ts";
import { serveAsThread } from "./serve_as_thread.ts";
import type { Channel } from "../../workers/thread_port.ts";

dropRunRight();
// Only the management plane writes files, and it is on the main thread.
Deno.permissions.revokeSync({ name: "write" });

// The global scope of a worker has both members, which the types of this program do not know.
serveAsThread(globalThis as unknown as Channel);
