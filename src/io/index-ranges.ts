/** Ascending indices as text that people can read: "0-11,13,20-31". */

export function encodeRanges(indices: readonly number[]): string {
  const parts: string[] = [];
  for (let start = 0; start < indices.length; ) {
    let end = start;
    while (indices[end + 1] === indices[end] + 1) end++;
    parts.push(end > start ? `${indices[start]}-${indices[end]}` : `${indices[start]}`);
    start = end + 1;
  }
  return parts.join(",");
}

/** Undefined for a text that is not ascending ranges below `limit`. */
export function decodeRanges(text: string, limit: number): number[] | undefined {
  const indices: number[] = [];
  for (const part of text.split(",")) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || to < from || to >= limit || from <= (indices.at(-1) ?? -1)) return undefined;
    for (let index = from; index <= to; index++) indices.push(index);
  }
  return indices;
}
