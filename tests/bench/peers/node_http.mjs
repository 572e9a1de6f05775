// A bare proxy on Node's own modules: http.request, an Agent that keeps connections, and pipe.
import { createServer } from "node:http";
import http from "node:http";
import https from "node:https";

const [listen = "", upstream = ""] = process.argv.slice(2);
const [host, port] = listen.split(":");
const target = new URL(upstream);
const { request, Agent } = target.protocol === "https:" ? https : http;
const agent = new Agent({ keepAlive: true, maxFreeSockets: 4096, rejectUnauthorized: false });
const to = { agent, hostname: target.hostname, port: target.port };

createServer((incoming, answer) => {
  const { connection: _, host: __, ...headers } = incoming.headers;
  headers.authorization = "Bearer upstream-key";
  const outgoing = request({ ...to, method: incoming.method, path: incoming.url, headers }, (response) => {
    const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...answered } = response.headers;
    answer.writeHead(response.statusCode, answered);
    response.pipe(answer);
    response.on("error", () => answer.destroy());
  });
  outgoing.on("error", () => answer.destroy());
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}).listen(Number(port), host);
