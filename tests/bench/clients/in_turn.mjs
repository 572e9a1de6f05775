// Sends requests as SDKs do: node:http with an Agent that keeps connections, each request after the answer of the one
// before. The argument is JSON: { url, headers, body, seconds, connections }. Prints JSON, with microseconds.
import { Agent, request } from "node:http";

const { url, headers, body, seconds, connections } = JSON.parse(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const { hostname, port, pathname } = new URL(url);
const options = {
  agent,
  hostname,
  port,
  path: pathname,
  method: "POST",
  headers: { ...headers, "content-length": Buffer.byteLength(body) },
};

function ask() {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      response.on("data", () => {});
      response.on("end", resolve);
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const micros = [];
const end = performance.now() + seconds * 1000;
await Promise.all(Array.from({ length: connections }, async () => {
  while (performance.now() < end) {
    const begin = performance.now();
    await ask();
    micros.push((performance.now() - begin) * 1000);
  }
}));
agent.destroy();
micros.sort((one, other) => one - other);
const at = (part) => Math.round(micros[Math.floor((micros.length - 1) * part)]);
console.log(JSON.stringify({ requests: micros.length, p50: at(0.5), p99: at(0.99) }));
