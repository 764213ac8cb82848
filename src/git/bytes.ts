/**
 * File names are bytes on Linux, not text. Inside swarm such a name is a `RawPath`: a string with one character per
 * byte (latin1), lossless, usable as a Map key and in JSON. `printable` is for people.
 */
export type RawPath = string;

export function splitNul(output: Buffer): RawPath[] {
  const text = output.toString('latin1');
  if (text === '') return [];
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

export function joinNul(paths: Iterable<RawPath>): Buffer {
  const list = [...paths];
  return Buffer.from(list.length === 0 ? '' : `${list.join('\0')}\0`, 'latin1');
}

export function printable(raw: RawPath): string {
  return Buffer.from(raw, 'latin1').toString('utf8');
}

/** Absolute path of `raw` below `root`, for node:fs. */
export function bytesBelow(root: string, raw: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`, 'utf8'), Buffer.from(raw, 'latin1')]);
}
