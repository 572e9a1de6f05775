/** Wakes a machine that sleeps, by a magic packet of Wake-on-LAN. */

import type { WakeSettings } from "../config/config.ts";

/** How often the address is repeated in the packet. */
const REPEATS = 16;

/** The magic packet for a machine: six bytes of ones, and sixteen times its address. 102 bytes. */
export function magicPacket(mac: string): Uint8Array {
  const address = mac.split(":").map((byte) => parseInt(byte, 16));
  const packet = new Uint8Array(6 + REPEATS * 6).fill(0xff, 0, 6);
  for (let repeat = 0; repeat < REPEATS; repeat++) packet.set(address, 6 + repeat * 6);
  return packet;
}

/** Sends the magic packet by UDP. Throws if the system does not allow it. */
export async function sendMagicPacket({ mac, hostname, port }: WakeSettings): Promise<void> {
  // Few installations wake a machine, so the module is loaded only here.
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind(0, () => {
    socket.setBroadcast(true);
    socket.send(magicPacket(mac), port, hostname, (error) => error === null ? resolve() : reject(error));
  });
  try {
    await promise;
  } finally {
    socket.close();
  }
}
