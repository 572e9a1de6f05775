/**
 * What happens within the bare machine, by Node alone: `node bare_machine.mjs SOCKET FOLDER (demo|run) COMMAND`.
 * A proxy on loopback leads to the registry's socket; then the command runs in the folder.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import net from "node:net";

/** What the program imports, with what that needs. */
const MAX_PACKAGES = 21;

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

/** Runs the command as it is; gives its exit code. */
function run() {
  const child = spawn(command, { cwd, shell: true, stdio: "inherit" });
  return new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
}

/** Starts the demo, opens its page, and presses Ctrl-C; gives 0 where all of it was as the README says. */
async function demo() {
  const before = new Set(readdirSync("/tmp"));
  // What the demo fetches is counted.
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
  if (!text.startsWith("llm-proxy demo: ")) problems.push("something stands before the demo's own words");
  const url = /http:\S+\/admin/.exec(text)?.[0];
  const page = url && await fetch(url).then((response) => response.text(), String);
  const script = /\/admin\/assets\/[\w-]+\.js/.exec(page ?? "")?.[0];
  const answer = script && await fetch(new URL(script, url));
  if (answer?.status !== 200) problems.push(`the admin page is not there: ${page}`);
  if (child.exitCode === null) process.kill(-child.pid, "SIGINT");
  const code = await ended;
  // The shell ends by the signal; the demo's own output has then ended as well.
  if (code !== 0 && code !== "SIGINT") problems.push(`it ended with ${code}`);
  const left = readdirSync("/tmp").filter((name) => name.startsWith("llm-proxy") && !before.has(name));
  if (left.length > 0) problems.push(`it left ${left.join(", ")} in /tmp`);
  const packages = packagesIn(`${cache}/npm`);
  console.log(`${packages} packages were fetched`);
  if (packages > MAX_PACKAGES) problems.push(`it fetched ${packages} packages, more than ${MAX_PACKAGES}`);
  for (const problem of problems) console.error(`problem: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

/** Packages lie in folders by registry, name (with a scope or without) and version. */
function packagesIn(folder) {
  const folders = (path) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) =>
      `${path}/${name}`
    );
  return folders(folder).flatMap(folders)
    .flatMap((path) => /\/@[^/]+$/.test(path) ? folders(path) : [path]).flatMap(folders).length;
}
