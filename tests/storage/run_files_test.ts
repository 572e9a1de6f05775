import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readRunFiles, writeRunFile } from "../../src/storage/run_files.ts";
import { StoreError } from "../../src/storage/store.ts";
import { type Reason, unless, withoutUnix } from "../support/runner/left_out.ts";

function inFolder(work: (folder: string, url: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${folder}/x.db`, "");
      work(folder, `sqlite:${folder}/x.db`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const textsOf = (url: string) => readRunFiles(url).map(({ text }) => text);
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test(
  "run files: each proxy has one, also through a symbolic link, until it removes it",
  inFolder((folder, url) => {
    assertEquals(textsOf(url), []);
    const one = writeRunFile(url, "one");
    Deno.symlinkSync(`${folder}/x.db`, `${folder}/link.db`);
    const other = writeRunFile(`sqlite:${folder}/link.db`, "other");
    assertEquals(textsOf(url).sort(), ["one", "other"]);
    assertEquals(textsOf(`sqlite:${folder}/link.db`).sort(), ["one", "other"]);
    one.remove();
    one.remove();
    assertEquals(textsOf(url), ["other"]);
    other.remove();
    assertEquals(namesIn(folder), ["link.db", "x.db"]);
  }),
);

Deno.test(
  "run files: a file without a lock is stale; the next start removes it, and no other file",
  inFolder((folder, url) => {
    const kept = ["x.db-run-zz", "x.db-runs", "y.db-run-00", "x.db-run-01.new"];
    for (const name of [...kept, "x.db-run-01"]) Deno.writeTextFileSync(`${folder}/${name}`, "stale");
    assertEquals(textsOf(url), []);
    const own = writeRunFile(url, "own");
    assertEquals(textsOf(url), ["own"]);
    own.remove();
    assertEquals(namesIn(folder), ["x.db", ...kept].sort());
  }),
);

Deno.test(
  "run files: no database, and no folder",
  inFolder((folder, url) => {
    Deno.removeSync(`${folder}/x.db`);
    assertEquals(textsOf(url), []);
    assertEquals(textsOf(`sqlite:${folder}/nowhere/x.db`), []);
    const error = assertThrows(() => writeRunFile(`sqlite:${folder}/nowhere/x.db`, "text"), StoreError);
    assertStringIncludes(error.message, "cannot be created");
  }),
);

Deno.test({
  ...unless(withoutUnix(), "run files: private; a link and a folder are refused"),
  fn: inFolder((folder, url) => {
    const own = writeRunFile(url, "own");
    const [name = ""] = namesIn(folder).filter((name) => name.includes("-run-"));
    assertEquals((Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o777, 0o600);
    const path = `${folder}/x.db-run-00`;
    Deno.symlinkSync(`${folder}/${name}`, path);
    assertStringIncludes(assertThrows(() => readRunFiles(url), StoreError).message, "-run-00 is not a file");
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assertStringIncludes(assertThrows(() => readRunFiles(url), StoreError).message, "-run-00 is not a file");
    own.remove();
  }),
});

/** Only root can give a file to another account. */
function withoutRoot(): Reason {
  return Deno.build.os !== "windows" && Deno.uid() === 0 ? undefined : "the tests do not run as root";
}

Deno.test({
  ...unless(
    withoutRoot(),
    "run files: a file of another account is refused; those of the owner and of root are read",
  ),
  fn: inFolder((folder, url) => {
    const own = writeRunFile(url, "own");
    const [name = ""] = namesIn(folder).filter((name) => name.includes("-run-"));
    Deno.chownSync(`${folder}/${name}`, 1234, null);
    const error = assertThrows(() => readRunFiles(url), StoreError);
    assertStringIncludes(error.message, "does not belong to the owner of the database");
    Deno.chownSync(`${folder}/x.db`, 1234, null);
    assertEquals(textsOf(url), ["own"]);
    Deno.chownSync(`${folder}/${name}`, 0, null);
    assertEquals(textsOf(url), ["own"]);
    own.remove();
  }),
});
