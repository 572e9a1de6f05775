/**
 * `node bare_machine.mjs SOCKET FOLDER (demo|run) COMMAND`: runs a command in a folder of the bare machine,
 * with Node as the only tool. A proxy on loopback forwards connections to the socket, and so to the npm
 * registry.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import net from "node:net";

/** The number of packages that the program imports, dependencies included. */
const MAX_PACKAGES = 65;

const [socket, cwd, action, command] = process.argv.slice(2);
const way = net.createServer((client) => {
  const registry = net.connect(socket);
  client.pipe(registry).pipe(client);
  for (const one of [client, registry]) {
    one.on("error", () => [client, registry].forEach((end) => end.destroy()));
  }
}).listen(3128, "127.0.0.1");

process.exitCode = action === "demo" ? await demo() : await run();
way.close();
way.unref();
process.exit();

/** Runs the command and resolves to its exit code. */
function run() {
  const child = spawn(command, { cwd, shell: true, stdio: "inherit" });
  return new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
}

/**
 * Starts the demo, opens its page, and presses Ctrl-C. Resolves to 0 if everything was as the README says.
 */
async function demo() {
  const before = new Set(readdirSync("/tmp"));
  // An empty cache, to count the packages that the demo downloads.
  const cache = mkdtempSync("/tmp/cache-");
  const env = { ...process.env, DENO_DIR: cache };
  const child = spawn(command, { cwd, env, shell: true, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code)));
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (piece) => /Ctrl-C/.test(text += piece) && resolve(true));
    }
  });
  await Promise.race([ready, ended]);
  console.log(text);
  const problems = [];
  if (!text.startsWith("llm-proxy demo: ")) problems.push("there is output before that of the demo");
  const url = /http:\S+\/admin/.exec(text)?.[0];
  const page = url && await fetch(url).then((response) => response.text(), String);
  const script = /\/admin\/assets\/[\w-]+\.js/.exec(page ?? "")?.[0];
  const answer = script && await fetch(new URL(script, url));
  if (answer?.status !== 200) problems.push(`the admin page cannot be loaded: ${page}`);
  if (child.exitCode === null) process.kill(-child.pid, "SIGINT");
  const code = await ended;
  // The signal ends the shell. By then the output of the demo has ended too.
  if (code !== 0 && code !== "SIGINT") problems.push(`it ended with ${code}`);
  const left = readdirSync("/tmp").filter((name) => name.startsWith("llm-proxy") && !before.has(name));
  if (left.length > 0) problems.push(`it left ${left.join(", ")} in /tmp`);
  const packages = packagesIn(`${cache}/npm`);
  console.log(`${packages} packages were downloaded`);
  if (packages > MAX_PACKAGES) problems.push(`it downloaded ${packages} packages, more than ${MAX_PACKAGES}`);
  for (const problem of problems) console.error(`problem: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

/** Counts the packages in a cache. Its folders are REGISTRY/NAME/VERSION, and a name can have a scope. */
function packagesIn(folder) {
  const folders = (path) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) =>
      `${path}/${name}`
    );
  return folders(folder).flatMap(folders)
    .flatMap((path) => /\/@[^/]+$/.test(path) ? folders(path) : [path]).flatMap(folders).length;
}
