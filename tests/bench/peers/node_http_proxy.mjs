// http-proxy, with an Agent that keeps connections.
import { createServer } from "node:http";
import http from "node:http";
import https from "node:https";
import httpProxy from "http-proxy";

const [listen = "", upstream = ""] = process.argv.slice(2);
const [host, port] = listen.split(":");
const { Agent } = upstream.startsWith("https:") ? https : http;
const proxy = httpProxy.createProxyServer({
  target: upstream,
  changeOrigin: true,
  secure: false,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 4096 }),
  headers: { authorization: "Bearer upstream-key" },
});
proxy.on("error", (_, __, response) => response?.destroy());
createServer((request, response) => proxy.web(request, response)).listen(Number(port), host);
