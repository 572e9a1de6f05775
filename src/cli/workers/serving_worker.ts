/** A thread that serves requests. The proxy starts several with `workers`. */

import { serveAsThread } from "./serve_as_thread.ts";
import type { Channel } from "../../workers/thread_port.ts";

// The global scope of a worker has both members, but the types of this program do not include them.
serveAsThread(globalThis as unknown as Channel);
