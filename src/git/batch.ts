export interface GitObject {
  oid: string;
  bytes: Buffer;
}

/**
 * Parses the output of `cat-file --batch`: `<oid> <type> <size>`, the bytes, a line break; or a line that ends in `
 * missing`, which gives null. Shorter than `count` when git ended early: an object that was cut off is left out.
 */
export function parseBatch(output: Buffer, count: number): (GitObject | null)[] {
  const list: (GitObject | null)[] = [];
  let at = 0;
  while (list.length < count && at < output.length) {
    const end = output.indexOf(10, at);
    if (end === -1) break;
    const [, oid = '', size] = /^([0-9a-f]+) \w+ (\d+)$/.exec(output.toString('latin1', at, end)) ?? [];
    at = end + 1;
    if (size === undefined) {
      list.push(null);
      continue;
    }
    if (at + Number(size) >= output.length) break;
    list.push({ oid, bytes: output.subarray(at, at + Number(size)) });
    at += Number(size) + 1;
  }
  return list;
}
