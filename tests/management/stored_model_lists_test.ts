import { assertEquals } from "@std/assert";
import { storedModelLists } from "../../src/management/stored_model_lists.ts";
import { until } from "../support/time/deadline.ts";

Deno.test("storedModelLists: keeps one list for each endpoint, and a failed write is only reported", async () => {
  const notes = new Map<string, string>();
  const failed: string[] = [];
  const lists = storedModelLists({
    readNote: (name) => Promise.resolve(notes.get(name)),
    writeNote: (name, text) =>
      name.endsWith("broken")
        ? Promise.reject(new Error("disk full"))
        : Promise.resolve(void notes.set(name, text)),
  }, (reason) => void failed.push(reason));
  lists.save("openai", "[1]");
  lists.save("desk", "[2]");
  lists.save("broken", "[3]");
  assertEquals(await Promise.all(["openai", "desk", "broken"].map(lists.load)), ["[1]", "[2]", undefined]);
  await until(() => failed.length > 0, "the report");
  assertEquals(failed, ["the list of models of broken is not kept: disk full"]);
});
