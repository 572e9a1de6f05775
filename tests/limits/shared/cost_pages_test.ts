import { assertEquals } from "@std/assert";
import { CostPages } from "../../../src/limits/shared/cost_pages.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

/** Pages on which a test puts costs with their rows. */
class Bench {
  readonly clock = new FakeClock();
  readonly pages = new CostPages(this.clock);

  /** Puts a cost on a page, with its row in the queue. */
  add(): number {
    const page = this.pages.give();
    this.pages.queued(page);
    return page;
  }
}

Deno.test("CostPages: a page ends when its rows are written, and is written when all of them are", () => {
  const bench = new Bench();
  const { pages } = bench;
  const add = () => bench.add();
  assertEquals([add(), add(), add()], [1, 1, 1]);
  assertEquals(pages.turn(new Map([[1, 2]])), 0);
  pages.ended(new Map([[1, 2]]));
  assertEquals(add(), 2);
  assertEquals(pages.turn(new Map([[1, 1], [2, 1]])), 2);
  // The write failed. Another row is on the next page.
  assertEquals(add(), 3);
  assertEquals(pages.turn(new Map([[1, 1]])), 1);
  pages.ended(new Map([[1, 1]]));
  assertEquals(pages.turn(new Map([[2, 1], [3, 1]])), 3);
});

Deno.test("CostPages: a page waits for the rows of its costs, but not for ever", () => {
  const { pages, clock } = new Bench();
  const page = pages.give();
  pages.queued(pages.give());
  assertEquals(pages.turn(new Map([[page, 1]])), 0);
  pages.ended(new Map([[page, 1]]));
  const next = pages.give();
  pages.queued(next);
  assertEquals(pages.turn(new Map([[next, 1]])), 0);
  clock.pass(60_000);
  assertEquals(pages.turn(new Map([[next, 1]])), next);
});

Deno.test("CostPages: there are few pages while the database fails", () => {
  const bench = new Bench();
  const { pages } = bench;
  const rows = new Map<number, number>();
  for (let turn = 0; turn < 1_000; turn++) {
    const page = bench.add();
    rows.set(page, (rows.get(page) ?? 0) + 1);
    pages.turn(rows);
  }
  assertEquals(rows.size, 50);
  pages.turn(rows);
  pages.ended(rows);
  const page = bench.add();
  assertEquals(pages.turn(new Map([[page, 1]])), page);
});
