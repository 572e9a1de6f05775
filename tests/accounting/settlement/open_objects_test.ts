import { assertEquals } from "@std/assert";
import { objectKey, OpenObjects } from "../../../src/accounting/settlement/open_objects.ts";
import { awaitedObject } from "../../support/data/rows.ts";

Deno.test("OpenObjects: a few tokens cannot use up the room of the others", () => {
  const open = new OpenObjects(() => {});
  let count = 0;
  const fill = (tokenId: string, most: number): number => {
    let added = 0;
    while (added < most && open.hasRoom({ tokenId, principal: tokenId })) {
      const object = awaitedObject({
        id: `resp_${count++}`,
        tokenId,
        projectId: undefined,
        principal: tokenId,
      });
      const held = { keys: [], micros: 0 };
      open.add(objectKey(object), { object, held, isStored: true, receivedBytes: 0 });
      added++;
    }
    return added;
  };
  for (let token = 0; token < 5; token++) assertEquals(fill(`greedy-${token}`, 20_000), 10_000);
  assertEquals(fill("greedy-5", 20_000), 100);
  assertEquals(fill("anna", 20_000), 100);
});
