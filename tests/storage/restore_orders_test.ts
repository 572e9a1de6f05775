/** Crashes, backups and restores in random orders: the database has the right content, or does not open. */

import { inFolder, Machine } from "../support/proxies/restored_machine.ts";
import { random } from "../support/data/random.ts";

const EVENTS = ["write", "crash", "backup", "restore", "killed restore", "copy by hand", "restart"] as const;

async function play(machine: Machine, event: typeof EVENTS[number], step: number): Promise<void> {
  switch (event) {
    case "write":
      return await machine.write();
    case "crash":
      return await machine.crash();
    case "backup":
      return await machine.backup();
    case "restore":
      return await machine.restore();
    case "killed restore":
      return await machine.restoreTwice(step);
    case "copy by hand":
      return await machine.putByHand();
    case "restart":
      machine.stop();
      return void await machine.start();
    default:
      return event satisfies never;
  }
}

Deno.test("restore: 30 random orders of crash, backup, restore and copies by hand", async () => {
  const { below } = random(15);
  for (let round = 0; round < 30; round++) {
    await inFolder(async (folder) => {
      const machine = new Machine(folder);
      const events: string[] = [];
      // Without a first backup, most steps do nothing.
      await machine.write();
      await machine.backup();
      await machine.write();
      try {
        for (let index = 0; index < 6; index++) {
          const event = EVENTS[below(EVENTS.length)] ?? "crash";
          const step = below(4);
          events.push(`${event} ${step}`);
          await play(machine, event, step);
        }
        await machine.start();
      } catch (error) {
        throw new Error(`round ${round}: ${events.join(", ")}`, { cause: error });
      } finally {
        machine.stop();
      }
    });
  }
});
