import { assertEquals, assertRejects } from "@std/assert";
import { COMMAND_LINE } from "../../../src/people/actor.ts";
import { Problem } from "../../../src/management/api/problem.ts";
import { resource } from "../../../src/management/api/resource.ts";
import { systemClock } from "../../../src/time/clock.ts";

interface Shelf {
  readonly id: string;
  readonly version: number;
}

function shelves() {
  const stored = new Map<string, Shelf>([["shf_1", { id: "shf_1", version: 3 }]]);
  let announced = 0;
  const shelves = resource<Shelf>({
    clock: systemClock,
    actor: { ...COMMAND_LINE, name: "test" },
    changed() {
      announced++;
      return Promise.resolve();
    },
  }, { name: "shelf", read: (id) => Promise.resolve(stored.get(id)), shown: ({ id }) => ({ shelf: id }) });
  return { shelves, stored, announced: () => announced };
}
const request = (ifMatch?: number) => ({ id: "shf_1", ifMatch, source: "192.0.2.1" });

async function problemOf(work: Promise<unknown>): Promise<[status: number, etag: string | undefined]> {
  const { status, headers } = await assertRejects(() => work, Problem, "");
  return [status, headers["etag"]];
}

Deno.test("resource: an update writes the version that was read, announces it and responds with the new state", async () => {
  const { shelves: resource, stored, announced } = shelves();
  const actions: string[] = [];
  const response = await resource.update(request(3), (before, audit) => {
    actions.push(audit("update", {}).action);
    stored.set(before.id, { ...before, version: before.version + 1 });
    return Promise.resolve(true);
  }, { note: "new" });
  assertEquals(actions, ["shelf.update"]);
  assertEquals([response.status, response.version], [200, 4]);
  assertEquals(response.body, { shelf: "shf_1", note: "new" });
  assertEquals(announced(), 1);
});

Deno.test("resource: if-match with another version is a 412 before anything is written", async () => {
  const { shelves: resource, announced } = shelves();
  let written = 0;
  const write = () => {
    written++;
    return Promise.resolve(true);
  };
  assertEquals(await problemOf(resource.update(request(2), write)), [412, '"3"']);
  assertEquals(await problemOf(resource.remove(request(2), write)), [412, '"3"']);
  assertEquals([written, announced()], [0, 0]);
});

Deno.test("resource: a record that another request changed at the same moment is a 409, and no change is announced", async () => {
  const { shelves: resource, announced } = shelves();
  const lost = () => Promise.resolve(false);
  assertEquals(await problemOf(resource.update(request(), lost)), [409, undefined]);
  assertEquals(await problemOf(resource.remove(request(), lost)), [409, undefined]);
  assertEquals(announced(), 0);
});

Deno.test("resource: a removal with nothing to write is a 204, and no change is announced", async () => {
  const { shelves: resource, announced } = shelves();
  const response = await resource.remove(request(), () => undefined);
  assertEquals([response.status, announced()], [204, 0]);
});

Deno.test("resource: an id without a record is a 404", async () => {
  const { shelves: resource } = shelves();
  assertEquals(await problemOf(resource.respond("shf_2")), [404, undefined]);
});
