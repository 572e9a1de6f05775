// Node's http server in front of undici's dispatcher, piped by stream().
import { createServer } from "node:http";
import { Agent } from "undici";

const [listen = "", upstream = ""] = process.argv.slice(2);
const [host, port] = listen.split(":");
const agent = new Agent({
  connections: 2048,
  pipelining: 1,
  bodyTimeout: 0,
  connect: { rejectUnauthorized: false },
});
const HOP = new Set(["connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"]);

createServer((request, response) => {
  const headers = {};
  for (const [name, value] of Object.entries(request.headers)) if (!HOP.has(name)) headers[name] = value;
  headers.authorization = "Bearer upstream-key";
  const hasBody = request.headers["content-length"] !== undefined ||
    request.headers["transfer-encoding"] !== undefined;
  agent.stream(
    { origin: upstream, path: request.url, method: request.method, headers, body: hasBody ? request : null },
    ({ statusCode, headers: answered }) => {
      for (const name of HOP) delete answered[name];
      response.writeHead(statusCode, answered);
      response.flushHeaders();
      return response;
    },
  ).catch(() => response.destroy());
}).listen(Number(port), host);
