/** The contract's offsets count Unicode code points, JavaScript's strings count UTF-16 units. */

/**
 * Return where in `text`, in UTF-16 units, each offset of `points` lies.
 *
 * `points` are code points in rising order. A unit of a surrogate pair is never pointed into.
 * Throws `RangeError` where an offset is negative, out of order or past the end.
 */
export function unitsOf(text: string, points: readonly number[]): number[] {
  const units: number[] = [];
  let unit = 0;
  let point = 0;
  for (const wanted of points) {
    if (!Number.isInteger(wanted) || wanted < point) {
      throw new RangeError(`offset ${wanted} is no whole number or comes after ${point}`);
    }
    while (point < wanted) {
      const code = text.codePointAt(unit);
      if (code === undefined) {
        throw new RangeError(`offset ${wanted} lies past the text's ${point} code points`);
      }
      unit += code > 0xffff ? 2 : 1;
      point += 1;
    }
    units.push(unit);
  }
  return units;
}

/** Return the slice of `text` between two code points, the end exclusive; throws like `unitsOf`. */
export function sliceByPoints(text: string, start: number, end: number): string {
  const [from, to] = unitsOf(text, [start, end]);
  return text.slice(from, to);
}

/** Return how many code points `text` has. */
export function lengthInPoints(text: string): number {
  let count = 0;
  for (const _ of text) {
    count += 1;
  }
  return count;
}
