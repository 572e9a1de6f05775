import { assertEquals } from "@std/assert";
import { type Listed, LiveList } from "../src/live_list.ts";

class Item implements Listed {
  listIndex: number | undefined;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function names(list: LiveList<Item>): number[] {
  return list.all().map(({ name }) => name);
}

Deno.test("LiveList: entries stay in the order in which they were added, while others come and go", () => {
  const list = new LiveList<Item>();
  const expected = new Set<Item>();
  let seed = 7;
  for (let name = 0; name < 5_000; name++) {
    const added = new Item(name);
    list.add(added);
    expected.add(added);
    seed = seed * 48_271 % 2_147_483_647;
    const removed = [...expected][seed % (expected.size + 20)];
    if (removed === undefined) continue;
    list.delete(removed);
    expected.delete(removed);
    assertEquals(list.size, expected.size);
    if (name % 50 === 0) assertEquals(names(list), [...expected].map((item) => item.name));
  }
  for (const item of [...expected]) list.delete(item);
  assertEquals([list.size, names(list)], [0, []]);
});

Deno.test("LiveList: an entry that is not in the list is not removed", () => {
  const [list, other] = [new LiveList<Item>(), new LiveList<Item>()];
  const [one, two] = [new Item(1), new Item(2)];
  list.add(one);
  other.add(two);
  list.delete(two);
  list.delete(new Item(3));
  other.delete(one);
  assertEquals([names(list), names(other)], [[1], [2]]);
  list.delete(one);
  list.delete(one);
  assertEquals([list.size, other.size], [0, 1]);
});

Deno.test("LiveList: an entry that is removed while all entries are visited hides no other entry", () => {
  const list = new LiveList<Item>();
  const items = Array.from({ length: 300 }, (_, name) => new Item(name));
  for (const item of items) list.add(item);
  let visited = 0;
  for (const item of list.all()) {
    list.delete(item);
    visited++;
  }
  assertEquals([visited, list.size], [300, 0]);
});
