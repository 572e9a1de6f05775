/** Reads the length that a container of sound states, without decoding the sound. */

/** The length of sound in seconds. `unknown` means that a known container does not state the length. */
export type StatedLength = number | "unknown";

/** The most pages that are read. Ten hours have 36,000 pages of the usual size. */
const MAX_PAGES = 50_000;
/** The most boxes, elements and possible clusters that are read. */
const MAX_PLACES = 50_000;
const MAX_BOXES = 10_000;
const NO_GRANULE = 0xffff_ffff;

/**
 * Returns the length that Ogg, MP4, WebM, FLAC and WAV state. `undefined` for all other bytes. MP3 is one of
 * these: it has at least 1,000 bytes in a second.
 */
export function statedLength(bytes: Uint8Array): StatedLength | undefined {
  const file = new Container(bytes);
  if (file.isText(0, "OggS")) return oggSeconds(file);
  if (file.isText(4, "ftyp") || file.isText(4, "moov") || file.isText(4, "styp")) return mp4Seconds(file);
  if (file.number(0, 4) === 0x1a45dfa3) return webmSeconds(file);
  if (file.isText(0, "fLaC")) return flacSeconds(file, 8);
  if (file.isText(0, "RIFF") && file.isText(8, "WAVE")) return wavSeconds(file);
  return undefined;
}

/** Reads numbers and texts from the bytes of a file. Bytes after the end are read as 0. */
class Container {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Reads a number of up to six bytes. The first byte is the highest. */
  number(at: number, count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value = value * 256 + (this.bytes[at + index] ?? 0);
    return value;
  }

  /** Reads a number whose first byte is the lowest. */
  little(at: number, count: number): number {
    let value = 0;
    for (let index = count - 1; index >= 0; index--) value = value * 256 + (this.bytes[at + index] ?? 0);
    return value;
  }

  isText(at: number, text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      if (this.bytes[at + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }
}

function lengthOf(units: number, unitsPerSecond: number): StatedLength {
  const seconds = units / unitsPerSecond;
  return seconds > 0 && Number.isFinite(seconds) ? seconds : "unknown";
}

/**
 * Returns the length by the position of the last page of each stream (RFC 3533). Streams may follow each
 * other, so their lengths are added.
 */
function oggSeconds(file: Container): StatedLength {
  const streams = new Map<number, { rate: number; last: number }>();
  let at = 0;
  for (let page = 0; page < MAX_PAGES && file.isText(at, "OggS"); page++) {
    const segments = file.number(at + 26, 1);
    const start = at + 27 + segments;
    let size = 0;
    for (let segment = 0; segment < segments; segment++) size += file.number(at + 27 + segment, 1);
    const serial = file.little(at + 14, 4);
    const stream = streams.get(serial);
    if (stream === undefined) streams.set(serial, { rate: oggRate(file, start), last: 0 });
    else if (file.little(at + 10, 4) !== NO_GRANULE) {
      stream.last = Math.max(stream.last, file.little(at + 10, 4) * 2 ** 32 + file.little(at + 6, 4));
    }
    at = start + size;
  }
  // A decoder continues after bytes that are not a page, so the length is unknown.
  if (at < file.length) return "unknown";
  const lengths = [...streams.values()].map(({ rate, last }) => lengthOf(last, rate));
  const known = lengths.filter((length) => length !== "unknown");
  return known.length < lengths.length ? "unknown" : known.reduce((sum, length) => sum + length, 0);
}

/** Returns the positions per second of a stream, by its first packet. 0 if they are unknown. */
function oggRate(file: Container, at: number): number {
  if (file.isText(at, "OpusHead")) return 48_000;
  if (file.isText(at, "\x01vorbis")) return file.little(at + 12, 4);
  if (file.isText(at, "Speex   ")) return file.little(at + 36, 4);
  return file.isText(at, "\x7fFLAC") ? flacRate(file, at + 17) : 0;
}

/** Returns the length by the movie's header (ISO 14496-12, 8.2.2), or by the header of its fragments. */
function mp4Seconds(file: Container): StatedLength {
  const moov = boxIn(file, "moov", { from: 0, to: file.length });
  const header = moov && boxIn(file, "mvhd", moov);
  if (moov === undefined || header === undefined) return "unknown";
  const isLong = file.number(header.from, 1) === 1;
  const timescale = file.number(header.from + (isLong ? 20 : 12), 4);
  const duration = isLong ? longNumber(file, header.from + 24) : file.number(header.from + 16, 4);
  const fragments = boxIn(file, "mvex", moov);
  const more = fragments && boxIn(file, "mehd", fragments);
  const ofFragments = more === undefined
    ? 0
    : file.number(more.from, 1) === 1
    ? longNumber(file, more.from + 4)
    : file.number(more.from + 4, 4);
  // The fragments follow the part whose length the header states, so the total is unknown.
  if (fragments !== undefined && more === undefined) return "unknown";
  return lengthOf(Math.max(duration, ofFragments), timescale);
}

function longNumber(file: Container, at: number): number {
  return file.number(at, 4) * 2 ** 32 + file.number(at + 4, 4);
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Returns the content of the first box of a type. `undefined` if there is no such box. */
function boxIn(file: Container, type: string, { from, to }: Span): Span | undefined {
  let at = from;
  for (let box = 0; box < MAX_BOXES && at + 8 <= to; box++) {
    const short = file.number(at, 4);
    const head = short === 1 ? 16 : 8;
    const size = short === 1 ? longNumber(file, at + 8) : short === 0 ? to - at : short;
    if (size < head) return undefined;
    if (file.isText(at + 4, type)) return { from: at + head, to: Math.min(to, at + size) };
    at += size;
  }
  return undefined;
}

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const CLUSTER = 0x1f43b675;
const DURATION = 0x4489;
const TIMESTAMP_SCALE = 0x2ad7b1;
const TIMESTAMP = 0xe7;
const USUAL_SCALE_NS = 1_000_000;

/**
 * Returns the length by the segment's duration (RFC 9559, 5.1.2) and by the time of the last cluster.
 * Recorders may state only the latter.
 */
function webmSeconds(file: Container): StatedLength {
  const segment = elementIn(file, SEGMENT, { from: 0, to: file.length });
  if (segment === undefined) return "unknown";
  const info = elementIn(file, INFO, segment);
  const scale = info && elementIn(file, TIMESTAMP_SCALE, info);
  const duration = info && elementIn(file, DURATION, info);
  const scaleNs = scale === undefined ? USUAL_SCALE_NS : file.number(scale.from, scale.to - scale.from);
  const stated = duration === undefined ? 0 : floatOf(file, duration);
  const last = lastCluster(file);
  const time = last && elementIn(file, TIMESTAMP, last);
  const ofLast = time === undefined ? 0 : file.number(time.from, Math.min(8, time.to - time.from));
  const units = Math.max(Number.isFinite(stated) ? stated : 0, ofLast);
  // If there is only one cluster, and it begins at 0, its bytes show that it is short.
  return units === 0 && time !== undefined ? 0 : lengthOf(units * scaleNs, 1e9);
}

function floatOf(file: Container, { from, to }: Span): number {
  const view = new DataView(file.bytes.buffer, file.bytes.byteOffset, file.length);
  if (to - from === 4 && to <= file.length) return view.getFloat32(from);
  return to - from === 8 && to <= file.length ? view.getFloat64(from) : 0;
}

/** Returns the content of the first element with an id. An element of unknown length ends with the file. */
function elementIn(file: Container, id: number, { from, to }: Span): Span | undefined {
  let at = from;
  for (let element = 0; element < MAX_BOXES && at < to; element++) {
    const idBytes = widthOf(file.number(at, 1));
    const sizeBytes = widthOf(file.number(at + idBytes, 1));
    if (idBytes > 4 || sizeBytes > 8) return undefined;
    const start = at + idBytes + sizeBytes;
    const first = file.number(at + idBytes, 1) & (1 << 8 - sizeBytes) - 1;
    const size = first * 2 ** (8 * (sizeBytes - 1)) + file.number(at + idBytes + 1, sizeBytes - 1);
    const isOpen = size === 2 ** (7 * sizeBytes) - 1;
    if (file.number(at, idBytes) === id) return { from: start, to: isOpen ? to : Math.min(to, start + size) };
    if (isOpen) return undefined;
    at = start + size;
  }
  return undefined;
}

/**
 * Returns the length of a number of variable length, by its first byte: the number of its leading zeros, plus
 * one.
 */
function widthOf(first: number): number {
  return Math.clz32(first) - 23;
}

/** Returns the content of the last cluster. It is searched by its id, from the end. */
function lastCluster(file: Container): Span | undefined {
  const first = CLUSTER >>> 24;
  let at = file.bytes.lastIndexOf(first);
  for (let place = 0; place < MAX_PLACES && at > 0; place++) {
    if (file.number(at, 4) === CLUSTER) return elementIn(file, CLUSTER, { from: at, to: file.length });
    at = file.bytes.lastIndexOf(first, at - 1);
  }
  return undefined;
}

/** Returns the length by the number of samples in the first block (RFC 9639, 8.2). */
function flacSeconds(file: Container, at: number): StatedLength {
  const samples = (file.number(at + 13, 1) & 15) * 2 ** 32 + file.number(at + 14, 4);
  return lengthOf(samples, flacRate(file, at));
}

function flacRate(file: Container, at: number): number {
  return file.number(at + 10, 3) >> 4;
}

/**
 * Returns the length by the rate in bytes that the format states. Uncompressed sound may be longer, by its
 * samples.
 */
function wavSeconds(file: Container): StatedLength {
  let at = 12;
  for (let chunk = 0; chunk < MAX_BOXES && at + 8 <= file.length; chunk++) {
    const size = file.little(at + 4, 4);
    if (file.isText(at, "fmt ")) return lengthOf(file.length, file.little(at + 16, 4));
    // Chunks have an even length.
    at += 8 + size + size % 2;
  }
  return "unknown";
}
