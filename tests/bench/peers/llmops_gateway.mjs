// The gateway of LLMOps, a fork of Portkey's, served as its own examples do.
import { serve } from "@hono/node-server";
import gateway from "@llmops/gateway";

const [hostname, port] = (process.argv[2] ?? "").split(":");
serve({ fetch: gateway.fetch, hostname, port: Number(port) });
